"""Filters, interpolation and morphology of n-dimensional images, under SciPy's names."""

from .gaussian import gaussian_filter

__all__ = ["gaussian_filter"]
