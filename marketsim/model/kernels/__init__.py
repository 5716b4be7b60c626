"""The processes of a day, one a file. Kernels know state and random numbers, not each other."""
