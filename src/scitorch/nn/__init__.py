"""Layers: parameters around an operator, for use wherever a `torch.nn.Module` is."""

from .fft import DCT
from .implicit import FixedPoint, LeastSquares, Solve
from .interpolate import CubicSplineActivation
from .linalg import MatrixSquareRoot
from .ndimage import AffineWarp, GaussianBlur
from .ode import ODE
from .signal import IIRFilter
from .sparse import SparseSolve
from .tutorial import Linear, ScipyConv2d

__all__ = [
    "DCT",
    "ODE",
    "AffineWarp",
    "CubicSplineActivation",
    "FixedPoint",
    "GaussianBlur",
    "IIRFilter",
    "LeastSquares",
    "Linear",
    "MatrixSquareRoot",
    "ScipyConv2d",
    "Solve",
    "SparseSolve",
]
