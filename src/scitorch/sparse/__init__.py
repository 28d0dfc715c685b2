"""Sparse matrices, under the names of `scipy.sparse`: gradients on the stored values alone."""

from . import linalg

__all__ = ["linalg"]
