"""Matrix functions, matrix equations and structured solves, under SciPy's names."""

from scitorch.linalg.banded import solve_banded, solveh_banded
from scitorch.linalg.decompositions import polar
from scitorch.linalg.eigenvalues import eigh_tridiagonal
from scitorch.linalg.matrix_equations import solve_continuous_lyapunov, solve_discrete_lyapunov, solve_sylvester
from scitorch.linalg.matrix_functions import expm, fractional_matrix_power, logm, sqrtm
from scitorch.linalg.riccati import solve_continuous_are, solve_discrete_are
from scitorch.linalg.special_matrices import circulant, solve_toeplitz, toeplitz

__all__ = [
    "circulant",
    "eigh_tridiagonal",
    "expm",
    "fractional_matrix_power",
    "logm",
    "polar",
    "solve_banded",
    "solve_continuous_are",
    "solve_continuous_lyapunov",
    "solve_discrete_are",
    "solve_discrete_lyapunov",
    "solve_sylvester",
    "solve_toeplitz",
    "solveh_banded",
    "sqrtm",
    "toeplitz",
]
