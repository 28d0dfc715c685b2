"""Smooth a signal, and differentiate it, by local polynomials."""

from functools import cache
from typing import Any

import scipy.signal
import torch
from torch import Tensor

from scitorch.core import modes
from scitorch.core.errors import ArgumentError, ShapeError

from .direct import correlate_last
from .extension import extended

# SciPy's names of `ndimage`, beside those of `numpy.pad`.
_MODES = {"mirror": "reflect", "nearest": "edge", "wrap": "wrap", "constant": "constant"}


def savgol_filter(
    x: Tensor,
    window_length: int,
    polyorder: int,
    deriv: int = 0,
    delta: float = 1.0,
    axis: int = -1,
    mode: str = "interp",
    cval: float = 0.0,
) -> Tensor:
    """Savitzky-Golay filter: the value or a derivative of the polynomial fitted to each window.

    Parameters
    ----------
    x : Tensor of shape (..., n, ...)
    window_length : int
        Samples in a window; at most n where ``mode="interp"``.
    polyorder : int
        Order of the polynomials, below `window_length`.
    deriv : int, optional
        Order of the derivative to take.
    delta : float, optional
        Spacing of the samples, in the unit that derivatives are taken by.
    axis : int, optional
    mode : {"interp", "mirror", "nearest", "wrap", "constant"}, optional
        Near the ends, either the polynomial of the outermost window, or windows on the extended signal.
    cval : float, optional
        The constant of mode "constant".

    Returns
    -------
    Tensor of shape (..., n, ...)

    Raises
    ------
    ArgumentError
        An unknown mode, or a polynomial with as many coefficients as the window has samples or more.
    ShapeError
        A window longer than the signal where ``mode="interp"``.

    Notes
    -----
    Linear in x: a correlation with constant coefficients, and a matrix at each end. Derivatives to any order.

    References
    ----------
    `scipy.signal.savgol_filter`; A. Savitzky, M. J. E. Golay, Analytical Chemistry 36 (1964).

    Examples
    --------
    >>> import torch
    >>> savgol_filter(torch.tensor([0.0, 1.0, 4.0, 9.0, 16.0]), 3, 2, deriv=1).round(decimals=4)
    tensor([0., 2., 4., 6., 8.])
    """
    if mode != "interp" and mode not in _MODES:
        raise ArgumentError("savgol_filter", "mode", ", ".join(('"interp"', *_MODES)), repr(mode))
    if not 0 <= polyorder < window_length:
        raise ArgumentError("savgol_filter", "polyorder", f"less than window_length={window_length}", f"{polyorder}")
    signal = x.movedim(axis, -1)
    signal = signal if x.is_floating_point() or x.is_complex() else signal.to(torch.get_default_dtype())
    half = window_length // 2

    rows = torch.tensor(_fits(window_length, polyorder, deriv, delta), dtype=signal.real.dtype, device=x.device)
    fits = rows.to(signal.dtype)
    centre = fits[-1]
    before = (window_length - 1) // 2
    if mode != "interp":
        longer = extended("savgol_filter", signal, before, half, _MODES[mode], cval)
        return correlate_last(longer, centre).movedim(-1, axis)
    n = signal.shape[-1]
    if window_length > n:
        raise ShapeError("savgol_filter", "x", f"at least window_length={window_length} samples", f"{n}")
    if half == 0:
        return correlate_last(signal, centre).movedim(-1, axis)
    left = signal[..., :window_length] @ fits[:half].mT
    right = signal[..., n - window_length :] @ fits[half:-1].mT
    inner = correlate_last(signal, centre).narrow(-1, half - before, n - 2 * half)
    return torch.cat([left, inner, right], -1).movedim(-1, axis)


@modes.constant_to_dynamo
def _fits(window: int, order: int, deriv: int, delta: float) -> list[list[float]]:
    """What the samples of a window contribute to the polynomial at its left end, right end and middle."""
    return _fits_once(window, order, deriv, delta)


@cache
def _fits_once(window: int, order: int, deriv: int, delta: float) -> list[list[float]]:
    half = window // 2
    places = [*range(half), *range(window - half, window), None]
    rows: list[Any] = [
        scipy.signal.savgol_coeffs(window, order, deriv, delta, pos=place, use="dot") for place in places
    ]
    return [row.tolist() for row in rows]
