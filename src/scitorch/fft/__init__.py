"""Discrete cosine and sine transforms, under SciPy's names."""

from .cosine import dct, dctn, idct, idctn
from .sine import dst, dstn, idst, idstn

__all__ = ["dct", "dctn", "dst", "dstn", "idct", "idctn", "idst", "idstn"]
