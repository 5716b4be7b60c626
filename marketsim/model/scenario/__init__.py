"""Scenarios: kinds of interventions, their compiled timeline, and kinds of the user's own."""
