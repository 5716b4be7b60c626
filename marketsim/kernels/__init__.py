"""One process of the day a file; each knows only numpy, numba and the draws."""
