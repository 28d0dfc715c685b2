"""Integrals of samples: the trapezoidal rule and Simpson's, and their running forms."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from scitorch.core.errors import ArgumentError, ShapeError


def trapezoid(y: Tensor, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Tensor:
    """Integral of samples by the trapezoidal rule.

    Parameters
    ----------
    y : Tensor
        The samples.
    x : Tensor, optional
        Where they are: of one dimension, or of a shape that broadcasts to that of `y`.
    dx : float or Tensor, optional
        How far apart they are, if `x` isn't given.
    axis : int, optional
        Along which axis they follow one another.

    Returns
    -------
    Tensor
        In the shape of `y` without the axis.

    Notes
    -----
    Linear in `y`: sample k has the weight ``(x[k+1] - x[k-1]) / 2``. To any order in `y`, `x` and `dx`.

    References
    ----------
    `scipy.integrate.trapezoid`.

    Examples
    --------
    >>> import torch
    >>> trapezoid(torch.tensor([1.0, 2.0, 3.0]), dx=2)
    tensor(8.)
    """
    y = _samples("trapezoid", y, axis)
    d: Any = dx
    if x is not None:
        x = _numbers("trapezoid", "x", x, y)
        d = (x if x.dim() == 1 else x.movedim(axis, -1).expand(y.shape)).diff()
    elif isinstance(d, Tensor) and d.dim() == y.dim():
        d = d.movedim(axis, -1)
    total = (d * (y[..., 1:] + y[..., :-1]) / 2).sum(-1)
    return total.to(y.dtype)


def cumulative_trapezoid(y: Tensor, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None) -> Tensor:
    """Running integral of samples by the trapezoidal rule.

    Parameters
    ----------
    y : Tensor
        The samples, at least one along `axis`.
    x : Tensor, optional
        Where they are: of one dimension, or of the shape of `y`.
    dx : float or Tensor, optional
        How far apart they are, if `x` isn't given.
    axis : int, optional
        Along which axis they follow one another.
    initial : 0, optional
        If given, the result starts with it, and is as long as `y`.

    Returns
    -------
    Tensor
        One shorter than `y` along the axis, or as long.

    Raises
    ------
    ArgumentError
        If `initial` is neither None nor 0.
    ShapeError
        For shapes that don't fit.

    Notes
    -----
    A running sum of `trapezoid`'s terms: to any order in `y`, `x` and `dx`.

    References
    ----------
    `scipy.integrate.cumulative_trapezoid`.

    Examples
    --------
    >>> import torch
    >>> cumulative_trapezoid(torch.tensor([1.0, 2.0, 3.0]), initial=0)
    tensor([0.0000, 1.5000, 4.0000])
    """
    name = "cumulative_trapezoid"
    if initial is not None and (isinstance(initial, Tensor) or initial != 0):
        raise ArgumentError(name, "initial", "None or 0", repr(initial), "adding it to the result")
    y = _samples(name, y, axis)
    if y.shape[-1] == 0:
        raise ShapeError(name, "y", "at least one sample along the axis", "none")
    d = dx if x is None else _spacing(name, y, x, axis)
    if x is None and isinstance(d, Tensor) and d.dim() == y.dim():
        d = d.movedim(axis, -1)
    running = (d * (y[..., 1:] + y[..., :-1]) / 2).cumsum(-1)
    if initial is not None:
        running = torch.cat([torch.zeros_like(y[..., :1], dtype=running.dtype), running], -1)
    return running.movedim(-1, axis)


def simpson(y: Tensor, x: Any = None, *, dx: Any = 1.0, axis: int = -1) -> Tensor:
    """Integral of samples by Simpson's rule.

    Parameters
    ----------
    y : Tensor
        The samples.
    x : Tensor, optional
        Where they are: of one dimension, or of the shape of `y`.
    dx : float or Tensor, optional
        How far apart they are, if `x` isn't given.
    axis : int, optional
        Along which axis they follow one another.

    Returns
    -------
    Tensor
        In the shape of `y` without the axis.

    Raises
    ------
    ShapeError
        For shapes that don't fit.

    Notes
    -----
    Parabolas through three samples each; if their number is even, the last interval gets Cartwright's correction. Pairs
    with an interval of no length count as SciPy counts them, and give `x` no derivative there. To any order in `y`,
    `x` and `dx`.

    References
    ----------
    `scipy.integrate.simpson`; K. V. Cartwright, J. Math. Sciences and Math. Education 12 (2017), 1-9.

    Examples
    --------
    >>> import torch
    >>> simpson(torch.tensor([0.0, 1.0, 4.0, 9.0, 16.0]))
    tensor(21.3333)
    """
    y = _samples("simpson", y, axis)
    count = y.shape[-1]
    spacing = _numbers("simpson", "dx", dx, y).to(y.real.dtype)[..., None]
    h = spacing.expand(*spacing.shape[:-1], max(count - 1, 0)) if x is None else _spacing("simpson", y, x, axis)
    if count == 0:
        return y.sum(-1)
    if count == 2:
        return (h * (y[..., 1:] + y[..., :-1]) / 2).sum(-1)
    if count % 2:
        return _parabolas(y, h).sum(-1)
    return _parabolas(y[..., :-1], h[..., :-1]).sum(-1) + _last_interval(y, h)


def _parabolas(y: Tensor, h: Tensor) -> Tensor:
    """The integrals of the parabolas through three samples each."""
    first, second = h[..., 0:-1:2], h[..., 1::2]
    both = first + second
    left = 2 - _quotient(second, first)
    middle = both * _quotient(both, first * second)
    right = 2 - _quotient(first, second)
    return both / 6 * (left * y[..., 0:-2:2] + middle * y[..., 1:-1:2] + right * y[..., 2::2])


def _last_interval(y: Tensor, h: Tensor) -> Tensor:
    if y.shape[-1] < 4:
        return torch.zeros_like(y[..., 0])
    before, last = h[..., -2], h[..., -1]
    alpha = _quotient(2 * last**2 + 3 * before * last, 6 * (last + before))
    beta = _quotient(last**2 + 3 * before * last, 6 * before)
    eta = _quotient(last**3, 6 * before * (before + last))
    return alpha * y[..., -1] + beta * y[..., -2] - eta * y[..., -3]


def cumulative_simpson(y: Tensor, *, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None) -> Tensor:
    """Running integral of samples by Simpson's rule.

    Parameters
    ----------
    y : Tensor
        The samples.
    x : Tensor, optional
        Where they are: of one dimension, or of the shape of `y`; strictly increasing.
    dx : float or Tensor, optional
        How far apart they are, if `x` isn't given: a number, or of the shape of `y` with one entry along `axis`.
    axis : int, optional
        Along which axis they follow one another.
    initial : float or Tensor, optional
        If given, it is added, and the result starts with it and is as long as `y`. In the shapes that `dx` may have.

    Returns
    -------
    Tensor
        One shorter than `y` along the axis, or as long.

    Raises
    ------
    ArgumentError
        If `x` isn't strictly increasing.
    ShapeError
        For shapes that don't fit.

    Notes
    -----
    Each interval is integrated below the parabola through its ends and a neighbour; with fewer than three samples, by
    the trapezoidal rule. To any order in `y`, `x`, `dx` and `initial`.

    References
    ----------
    `scipy.integrate.cumulative_simpson`; K. V. Cartwright, J. Math. Sciences and Math. Education 12 (2017), 1-9.

    Examples
    --------
    >>> import torch
    >>> cumulative_simpson(torch.tensor([0.0, 1.0, 4.0]), initial=0)
    tensor([0.0000, 0.3333, 2.6667])
    """
    name = "cumulative_simpson"
    y = _samples(name, y, axis)
    one = (*y.shape[:-1], 1)
    h = _spacing(name, y, x, axis).expand(*y.shape[:-1], -1) if x is not None else _one_each(name, "dx", dx, y, axis)
    if x is None:
        h = h.expand(*one[:-1], max(y.shape[-1] - 1, 0))
    elif y.shape[-1] > 2 and bool((h.detach() <= 0).any()):
        raise ArgumentError(name, "x", "strictly increasing values", "others", "sorting the samples")
    if y.shape[-1] < 3:
        running = cumulative_trapezoid(y.movedim(-1, axis), x, dx, axis).movedim(axis, -1)
    else:
        forwards, backwards = _below_parabolas(y, h), _below_parabolas(y.flip(-1), h.flip(-1)).flip(-1)
        # Interval k lies to the left in the k-th three samples, and to the right in those before.
        padded = torch.cat([forwards, forwards[..., -1:]], -1), torch.cat([backwards[..., :1], backwards], -1)
        k = torch.arange(y.shape[-1] - 1, device=y.device)
        left = (k % 2 == 0) & (k < len(k) - 1)
        running = torch.where(left, *padded).cumsum(-1)
    if initial is not None:
        start = _one_each(name, "initial", initial, y, axis).expand(one)
        running = torch.cat([start, running + start], -1)
    return running.movedim(-1, axis)


def _below_parabolas(y: Tensor, h: Tensor) -> Tensor:
    """The integrals over the first two of three samples each, below the parabola through them."""
    first, both = h[..., :-1], h[..., :-1] + h[..., 1:]
    ratio = first / both
    curved = ratio * first / h[..., 1:]
    return first / 6 * ((3 - ratio) * y[..., :-2] + (3 + curved + ratio) * y[..., 1:-1] - curved * y[..., 2:])


def _samples(name: str, y: Any, axis: Any) -> Tensor:
    """Floating-point samples, along the last axis."""
    if not isinstance(y, Tensor) or y.dim() == 0:
        got = "a tensor of shape ()" if isinstance(y, Tensor) else type(y).__name__
        raise ArgumentError(name, "y", "a tensor of one dimension or more", got, "torch.as_tensor(y)")
    if isinstance(axis, (str, float)) or not -y.dim() <= axis < y.dim():
        raise ArgumentError(name, "axis", f"a whole number from {-y.dim()} to {y.dim() - 1}", repr(axis))
    return _floating(y).movedim(axis, -1)


def _numbers(name: str, argument: str, value: Any, y: Tensor) -> Tensor:
    """A tensor of them, beside y."""
    if isinstance(value, str):
        raise ArgumentError(name, argument, "numbers, or a tensor of them", type(value).__name__)
    return torch.as_tensor(value, device=y.device)


def _floating(y: Tensor) -> Tensor:
    return y if y.is_floating_point() or y.is_complex() else y.to(torch.get_default_dtype())


def _spacing(name: str, y: Tensor, x: Any, axis: int) -> Tensor:
    """The lengths of the intervals, along the last axis, as y is."""
    x = _numbers(name, "x", x, y)
    if x.dim() not in (1, y.dim()):
        raise ShapeError(name, "x", "one dimension, or those of y", f"the shape {tuple(x.shape)}")
    x = x if x.dim() == 1 else x.movedim(axis, -1)
    if x.shape[-1] != y.shape[-1]:
        raise ShapeError(name, "x", f"{y.shape[-1]} values along the axis, as y has", f"{x.shape[-1]}")
    return _floating(x).diff()


def _one_each(name: str, argument: str, value: Any, y: Tensor, axis: int) -> Tensor:
    """A number, or one for each sequence of samples."""
    value = _numbers(name, argument, value, y)
    value = value.to(
        torch.promote_types(value.dtype, y.dtype) if isinstance(value, Tensor) and value.dim() else y.dtype
    )
    if value.dim() == 0:
        return value[None]
    if value.dim() != y.dim() or value.movedim(axis, -1).shape != (*y.shape[:-1], 1):
        expected = "a number, or the shape of y with one entry along the axis"
        raise ShapeError(name, argument, expected, f"{tuple(value.shape)}")
    return value.movedim(axis, -1)


def _quotient(a: Tensor, b: Tensor) -> Tensor:
    """The quotient, or 0 where there is none."""
    return torch.where(b == 0, 0, a / torch.where(b == 0, 1, b))
