"""Interpolation on rectilinear grids of any dimension."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from scitorch.core.errors import ArgumentError
from scitorch.interpolate.bsplines import basis
from scitorch.interpolate.checks import as_data, as_knots, count_at_most, in_precision, real_of, within
from scitorch.interpolate.spline_fitting import make_interp_spline

OWNER = "RegularGridInterpolator"
DEGREES = {"slinear": 1, "cubic": 3, "quintic": 5}
METHODS = ("linear", "nearest", *DEGREES)
Weights = list[tuple[Tensor, Tensor]]
"""For each dimension the indices of the neighbours of every point, and what they count."""


class RegularGridInterpolator:
    """Interpolation of values on the points of a rectilinear grid.

    Parameters
    ----------
    points : tuple of Tensors of shapes (m1,), ..., (md,)
        The coordinates of the grid in each dimension, strictly increasing or decreasing.
    values : Tensor of shape (m1, ..., md, ...)
        Real or complex.
    method : {"linear", "nearest", "slinear", "cubic", "quintic"}, optional
        Multilinear, nearest neighbour, or products of splines of degree 1, 3, 5 with not-a-knot conditions. SciPy's
        "pchip" and the methods called legacy raise.
    bounds_error : bool, optional
        Whether points outside raise.
    fill_value : number or None, optional
        The value outside, if that doesn't raise; with None the interpolant goes on.
    solver : None, keyword-only
        Splines are solved for directly, so that there is nothing to choose: anything else raises.
    solver_args : None, keyword-only
        As `solver`.

    Attributes
    ----------
    grid : tuple of Tensors
        The coordinates, increasing.
    values : Tensor
        The values in that order.

    Raises
    ------
    ArgumentError
        For shapes that don't fit, an unknown method, a grid that isn't monotonic, points outside.

    Notes
    -----
    Differentiable to any order in the values, the grid and the points. For "nearest", and outside with a fill value,
    the derivative in the points is zero. The coefficients of splines are exact to rounding, while SciPy's default
    solver stops at a relative residual of 1e-5.

    References
    ----------
    `scipy.interpolate.RegularGridInterpolator`.

    Examples
    --------
    >>> import torch
    >>> x, y = torch.arange(3.0), torch.arange(2.0)
    >>> interpolator = RegularGridInterpolator((x, y), x[:, None] * y)
    >>> interpolator(torch.tensor([[1.5, 0.5]]))
    tensor([0.7500])
    """

    def __init__(
        self,
        points: Sequence[Tensor],
        values: Tensor,
        method: str = "linear",
        bounds_error: bool = True,
        fill_value: complex | None = math.nan,
        *,
        solver: None = None,
        solver_args: None = None,
    ) -> None:
        if solver is not None or solver_args:
            raise ArgumentError(OWNER, "solver", "None: splines are solved for directly", repr(solver))
        self.method, self.bounds_error, self.fill_value = _known(method), bounds_error, fill_value
        (values,) = as_data(values)
        if isinstance(fill_value, complex) and not values.is_complex():
            raise ArgumentError(OWNER, "fill_value", "a real number, as the values are", repr(fill_value))
        grid = as_data(*points)
        sizes = tuple(len(p) for p in grid)
        if any(p.ndim != 1 for p in grid) or tuple(values.shape[: len(grid)]) != sizes:
            got = f"{[tuple(p.shape) for p in grid]} and {tuple(values.shape)}"
            raise ArgumentError(OWNER, "points, values", "shapes (m1,), ..., (md,) and (m1, ..., md, ...)", got)
        precision = torch.promote_types(real_of(grid[0].dtype), real_of(values.dtype))
        values = in_precision(precision, values)
        ascending: list[Tensor] = []
        for dimension, p in enumerate(grid):
            knots = as_knots(OWNER, f"points[{dimension}]", p if p.is_complex() else p.to(precision), "monotonic")
            order = _ascending(knots)
            ascending.append(knots[order])
            values = values.index_select(dimension, order)
        self.grid, self.values = tuple(ascending), values
        self._coefficients: dict[str, tuple[list[Tensor], Tensor]] = {}
        if method in DEGREES:
            self._spline(method)

    def __call__(
        self, xi: Tensor | tuple[Tensor, ...], method: str | None = None, *, nu: Sequence[int] | None = None
    ) -> Tensor:
        """The values (for splines, derivatives of orders `nu`) at points ``(..., d)``, or at a tuple of d tensors."""
        method = self.method if method is None else _known(method)
        x = self._points(xi)
        shape, flat = x.shape[:-1], x.reshape(-1, x.shape[-1])
        if nu is not None and (method not in DEGREES or len(nu) != len(self.grid) or min(nu) < 0):
            got = f"{nu!r} for {method!r}"
            raise ArgumentError(OWNER, "nu", "an order for each dimension, for splines alone", got)
        least, greatest = (torch.stack([p[end] for p in self.grid]).to(flat) for end in (0, -1))
        if self.bounds_error:
            flat = within(flat, least, greatest, owner=OWNER)
        values = self.values
        if method in DEGREES:
            knots, values = self._spline(method)
            orders = [0] * len(knots) if nu is None else nu
            pairs = [basis(t, DEGREES[method], c, n) for t, c, n in zip(knots, flat.unbind(-1), orders, strict=True)]
            near = torch.arange(DEGREES[method] + 1, device=flat.device)
            weights = [(first[:, None] + near, w) for w, first in pairs]
        else:
            weights = [_linear(p, c) for p, c in zip(self.grid, flat.unbind(-1), strict=True)]
        result = _nearest(values, weights) if method == "nearest" else _combined(values, weights)
        rest = (slice(None),) + (None,) * (result.ndim - 1)
        if not self.bounds_error and self.fill_value is not None:
            outside = ((flat < least) | (flat > greatest)).any(-1)
            result = torch.where(outside[rest], self.fill_value, result)
        result = torch.where(flat.isnan().any(-1)[rest], math.nan, result)
        return result.reshape((*shape, *result.shape[1:]))

    def _points(self, xi: Tensor | tuple[Tensor, ...]) -> Tensor:
        count = len(self.grid)
        if isinstance(xi, tuple):
            x = torch.stack(torch.broadcast_tensors(*as_data(*xi)), -1)
        else:
            (x,) = as_data(xi)
            x = x.reshape(-1, count) if x.ndim == 1 else x
        if x.is_complex() or x.ndim == 0 or x.shape[-1] != count:
            raise ArgumentError(OWNER, "xi", f"real points of shape (..., {count})", f"shape {tuple(x.shape)}")
        return x.to(torch.promote_types(x.dtype, self.grid[0].dtype))

    def _spline(self, method: str) -> tuple[list[Tensor], Tensor]:
        """Knots, and the coefficients of the product of splines: those of one dimension after the other."""
        if method not in self._coefficients:
            k = DEGREES[method]
            if any(len(p) <= k for p in self.grid):
                sizes = [len(p) for p in self.grid]
                raise ArgumentError(OWNER, "points", f"at least {k + 1} in each dimension for {method!r}", f"{sizes}")
            values = self.values
            knots: list[Tensor] = []
            for dimension, p in enumerate(self.grid):
                spline = make_interp_spline(p, values, k=k, axis=dimension, check_finite=False)
                values = spline.c.movedim(0, dimension)
                knots.append(spline.t)
            self._coefficients[method] = knots, values
        return self._coefficients[method]


def _known(method: str) -> str:
    if method not in METHODS:
        raise ArgumentError(OWNER, "method", " or ".join(map(repr, METHODS)), repr(method))
    return method


def _ascending(p: Tensor) -> Tensor:
    """The order in which they increase."""
    places = torch.arange(len(p), device=p.device)
    return torch.where(p[0] > p[-1], places.flip(0), places)


def _linear(p: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """The points on both sides of each x, and their weights, which go on outside."""
    if len(p) == 1:
        zero = torch.zeros_like(x)
        return torch.zeros((len(x), 2), dtype=torch.long, device=x.device), torch.stack((zero + 1, zero), -1)
    place = (count_at_most(p, x) - 1).clamp(0, len(p) - 2)
    part = (x - p[place]) / (p[place + 1] - p[place])
    return torch.stack((place, place + 1), -1), torch.stack((1 - part, part), -1)


def _combined(values: Tensor, weights: Weights) -> Tensor:
    """The sum over all neighbours of the products of their weights in each dimension."""
    count = len(weights)
    at = [
        i[(slice(None),) + (None,) * d + (slice(None),) + (None,) * (count - d - 1)] for d, (i, _) in enumerate(weights)
    ]
    result = values[tuple(at)]
    for _, w in reversed(weights):
        # The last dimension of neighbours goes first: its place is right before those of one value.
        place = result.ndim - (values.ndim - count) - 1
        spread = w[(slice(None),) + (None,) * (place - 1) + (slice(None),) + (None,) * (values.ndim - count)]
        result = (result * spread).sum(place)
    return result


def _nearest(values: Tensor, weights: Weights) -> Tensor:
    """The value of the neighbour that counts most, of two the first; with the derivative zero in the points."""
    rounded = [torch.round(w[:, 1].clamp(0, 1)) for _, w in weights]
    result = values[
        tuple(i.gather(-1, (r > 0.5).long()[:, None])[:, 0] for (i, _), r in zip(weights, rounded, strict=True))
    ]
    nothing = 0 * torch.stack(rounded).sum(0)
    return result + nothing[(slice(None),) + (None,) * (result.ndim - 1)]
