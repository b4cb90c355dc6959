"""Arithmetic on arrays, written once for CPU and CUDA. Knows nothing of Mesa or of cells as objects."""
