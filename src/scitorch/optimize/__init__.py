"""Roots, minima and fits: SciPy's `optimize`, with derivatives of the solution."""

from .assignment import linear_sum_assignment
from .constraints import Bounds, LinearConstraint, NonlinearConstraint
from .curve_fit import curve_fit
from .least_squares import least_squares
from .linear_least_squares import lsq_linear, nnls
from .linear_program import linprog
from .minimum import minimize
from .results import LeastSquaresResult, LinearProgramResult, OptimizeResult, RootResults, Sensitivity
from .roots import fixed_point, root
from .scalar_roots import root_scalar

__all__ = [
    "Bounds",
    "LeastSquaresResult",
    "LinearConstraint",
    "LinearProgramResult",
    "NonlinearConstraint",
    "OptimizeResult",
    "RootResults",
    "Sensitivity",
    "curve_fit",
    "fixed_point",
    "least_squares",
    "linear_sum_assignment",
    "linprog",
    "lsq_linear",
    "minimize",
    "nnls",
    "root",
    "root_scalar",
]
