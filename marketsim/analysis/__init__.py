"""Numbers from many runs: comparison of scenarios, inference, sensitivity."""
