"""Special functions, elementwise, under SciPy's names."""

__all__: list[str] = []
