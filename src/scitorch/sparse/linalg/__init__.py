"""Sparse linear algebra, under the names of `scipy.sparse.linalg`."""

from .direct import SparseLU, factorized, splu, spsolve
from .iterative import bicgstab, cg, gmres, minres

__all__ = ["SparseLU", "bicgstab", "cg", "factorized", "gmres", "minres", "splu", "spsolve"]
