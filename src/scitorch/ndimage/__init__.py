"""Filters, interpolation and morphology of n-dimensional images, under SciPy's names."""

from .affine import affine_transform, shift, zoom
from .gaussian import gaussian_filter, gaussian_filter1d
from .interpolation import map_coordinates, spline_filter, spline_filter1d
from .morphology import grey_dilation, grey_erosion
from .rank import median_filter
from .rotation import rotate

__all__ = [
    "affine_transform",
    "gaussian_filter",
    "gaussian_filter1d",
    "grey_dilation",
    "grey_erosion",
    "map_coordinates",
    "median_filter",
    "rotate",
    "shift",
    "spline_filter",
    "spline_filter1d",
    "zoom",
]
