"""Filters, interpolation and morphology of n-dimensional images, under SciPy's names."""

__all__: list[str] = []
