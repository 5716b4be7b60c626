"""Benchmarks: time, memory and the gain of common random numbers."""
