"""Long tests beside the default suite: thousands of inputs, and faults at random moments."""
