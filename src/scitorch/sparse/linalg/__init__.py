"""Sparse linear algebra, under the names of `scipy.sparse.linalg`."""

from .direct import SparseLU, factorized, splu, spsolve
from .exponential import expm_multiply
from .iterative import bicgstab, cg, gmres, minres

__all__ = ["SparseLU", "bicgstab", "cg", "expm_multiply", "factorized", "gmres", "minres", "splu", "spsolve"]
