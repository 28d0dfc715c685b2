"""Matrix functions, matrix equations and structured solves, under SciPy's names."""

__all__: list[str] = []
