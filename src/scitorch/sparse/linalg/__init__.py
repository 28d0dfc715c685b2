"""Sparse linear algebra, under the names of `scipy.sparse.linalg`."""

from .direct import SparseLU, factorized, splu, spsolve

__all__ = ["SparseLU", "factorized", "splu", "spsolve"]
