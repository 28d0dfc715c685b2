"""Ordinary differential equations and integrals, under SciPy's names."""

from scitorch.integrate.ivp import OdeResult, OdeSolution, solve_ivp
from scitorch.integrate.odeint import odeint
from scitorch.integrate.quadrature import fixed_quad, quad, quad_vec
from scitorch.integrate.sampled import cumulative_simpson, cumulative_trapezoid, simpson, trapezoid

__all__ = [
    "OdeResult",
    "OdeSolution",
    "cumulative_simpson",
    "cumulative_trapezoid",
    "fixed_quad",
    "odeint",
    "quad",
    "quad_vec",
    "simpson",
    "solve_ivp",
    "trapezoid",
]
