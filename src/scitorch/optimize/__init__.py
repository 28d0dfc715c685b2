"""Roots, minima and fits: SciPy's `optimize`, with derivatives of the solution."""

from .constraints import Bounds, LinearConstraint, NonlinearConstraint
from .minimum import minimize
from .results import LeastSquaresResult, LinearProgramResult, OptimizeResult, RootResults
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
    "fixed_point",
    "minimize",
    "root",
    "root_scalar",
]
