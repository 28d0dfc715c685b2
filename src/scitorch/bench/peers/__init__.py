"""What a user would write instead: with PyTorch alone, with JAX, by hand around NumPy and SciPy."""
