"""The same work timed side by side, in one run."""
