"""Ordinary differential equations and integrals, under SciPy's names."""

from scitorch.integrate.ivp import OdeResult, OdeSolution, solve_ivp

__all__ = ["OdeResult", "OdeSolution", "solve_ivp"]
