"""Interpolation and splines, under SciPy's names."""

from scitorch.interpolate.bsplines import BSpline
from scitorch.interpolate.cubic import Akima1DInterpolator, CubicHermiteSpline, CubicSpline, PchipInterpolator
from scitorch.interpolate.grid import RegularGridInterpolator
from scitorch.interpolate.linear import interp
from scitorch.interpolate.piecewise import PPoly
from scitorch.interpolate.radial import RBFInterpolator
from scitorch.interpolate.spline_fitting import make_interp_spline

__all__ = [
    "Akima1DInterpolator",
    "BSpline",
    "CubicHermiteSpline",
    "CubicSpline",
    "PPoly",
    "PchipInterpolator",
    "RBFInterpolator",
    "RegularGridInterpolator",
    "interp",
    "make_interp_spline",
]
