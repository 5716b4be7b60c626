"""Numerics on numpy and numba alone: compilation, exp and log, random numbers, distributions."""
