"""Sparse linear algebra, under the names of `scipy.sparse.linalg`."""

from .direct import SparseLU, factorized, splu, spsolve
from .eigen import eigsh
from .exponential import expm_multiply
from .iterative import bicgstab, cg, gmres, minres
from .singular import svds

__all__ = [
    "SparseLU",
    "bicgstab",
    "cg",
    "eigsh",
    "expm_multiply",
    "factorized",
    "gmres",
    "minres",
    "splu",
    "spsolve",
    "svds",
]
