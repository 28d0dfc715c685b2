"""Filters, convolutions and resampling, under SciPy's names."""

__all__: list[str] = []
