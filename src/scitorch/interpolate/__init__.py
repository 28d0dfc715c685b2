"""Interpolation and splines, under SciPy's names."""

__all__: list[str] = []
