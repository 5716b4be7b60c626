"""Comparison of scenarios with common random numbers: arms, paired runs, effects, effort."""
