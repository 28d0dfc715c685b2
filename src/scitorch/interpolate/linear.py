"""Linear interpolation in one dimension."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from scitorch.core.errors import ArgumentError
from scitorch.interpolate.checks import as_data, as_points, complex_of, count_at_most, real_of


def interp(
    x: Tensor | float,
    xp: Tensor,
    fp: Tensor,
    left: Tensor | complex | None = None,
    right: Tensor | complex | None = None,
    period: float | None = None,
) -> Tensor:
    """Piecewise linear interpolation through points in one dimension.

    Parameters
    ----------
    x : Tensor of any shape
        Where to evaluate.
    xp : Tensor of shape (n,)
        Where the values are given; increasing, unless there is a period.
    fp : Tensor of shape (n,)
        The values, real or complex.
    left, right : Tensor without dimensions, or a number, optional
        The values for ``x < xp[0]`` and ``x > xp[-1]``; by default ``fp[0]`` and ``fp[-1]``.
    period : float, optional
        The period of `x`: then `xp` may be in any order, and `left` and `right` aren't used.

    Returns
    -------
    Tensor of the shape of `x`
        In the promoted dtype (NumPy's result is always double).

    Raises
    ------
    ArgumentError
        For shapes that don't fit, and a period of zero.

    Notes
    -----
    Differentiable to any order in `x`, `xp`, `fp`, `left` and `right`: in `x` the derivative is the slope of the
    interval on the right (at the last point, on the left), and zero outside. As in NumPy nothing checks the order of
    `xp`.

    References
    ----------
    `numpy.interp`.

    Examples
    --------
    >>> import torch
    >>> interp(torch.tensor([0.5, 3.0]), torch.tensor([0.0, 1.0, 2.0]), torch.tensor([0.0, 10.0, 30.0]))
    tensor([ 5., 30.])
    """
    points, xp, fp, left, right = _prepare(x, xp, fp, left, right)
    x = points.reshape(-1)
    if period is not None:
        if period == 0:
            raise ArgumentError("interp", "period", "a period other than 0", "0")
        length = abs(period)
        x, xp = torch.remainder(x, length), torch.remainder(xp, length)
        order = torch.argsort(xp.detach())
        xp, fp = xp[order], fp[order]
        xp = torch.cat((xp[-1:] - length, xp, xp[:1] + length))
        fp = torch.cat((fp[-1:], fp, fp[:1]))
    below, above = x < xp[0], x > xp[-1]
    if len(xp) == 1:
        value = fp[0] + torch.zeros_like(x)  # of NaN too
    else:
        place = (count_at_most(xp, x) - 1).clamp(0, len(xp) - 2)
        gap = xp[place + 1] - xp[place]
        # Equal points leave an empty interval, which is met only outside or at the very end.
        slope = (fp[place + 1] - fp[place]) / torch.where(gap == 0, 1, gap)
        # From the nearer end, so that the values at both points come out exactly.
        near_end = x == xp[place + 1]
        start = place + near_end
        value = fp[start] + slope * (x - xp[start])
    if period is None:
        value = torch.where(below, fp[0] if left is None else left, value)
        value = torch.where(above, fp[-1] if right is None else right, value)
    return value.reshape(points.shape)


def _prepare(x: Any, xp: Any, fp: Any, left: Any, right: Any) -> tuple[Tensor, Tensor, Tensor, Any, Any]:
    (xp,), (fp,) = as_data(xp), as_data(fp)
    if xp.is_complex() or xp.ndim != 1 or xp.shape != fp.shape or len(xp) == 0:
        got = f"shapes {tuple(xp.shape)} and {tuple(fp.shape)}"
        raise ArgumentError("interp", "xp, fp", "one dimension, as many of each, xp real", got)
    if isinstance(x, Tensor) and x.is_complex():
        raise ArgumentError("interp", "x", "a real tensor", "a complex one", "x.real")
    precision = torch.promote_types(xp.dtype, real_of(fp.dtype))
    points = as_points(x, xp)
    precision = torch.promote_types(precision, points.dtype)
    values = complex_of(precision) if fp.is_complex() else precision
    ends = [None if end is None else torch.as_tensor(end, dtype=values, device=fp.device) for end in (left, right)]
    return points.to(precision), xp.to(precision), fp.to(values), ends[0], ends[1]
