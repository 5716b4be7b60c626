"""How long marketsim takes, measured side by side in one run."""
