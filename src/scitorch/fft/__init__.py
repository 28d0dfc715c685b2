"""Discrete cosine and sine transforms, under SciPy's names."""

__all__: list[str] = []
