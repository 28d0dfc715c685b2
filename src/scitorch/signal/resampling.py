"""Change the sampling rate; the analytic signal."""

import math
import operator as arithmetic
from collections.abc import Callable, Sequence
from typing import Any

import scipy.signal
import torch
import torch.nn.functional as F
from torch import Tensor

from scitorch.core import modes
from scitorch.core.errors import ArgumentError, ShapeError

from .extension import MODES, extended
from .polyphase import filter_polyphase
from .spectra import fitted, irfft, resample_periodic, rfft

_BACKGROUNDS: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda x: x.mean(-1, keepdim=True),
    "median": lambda x: x.quantile(0.5, -1, keepdim=True),
    "minimum": lambda x: x.amin(-1, keepdim=True),
    "maximum": lambda x: x.amax(-1, keepdim=True),
}


def upfirdn(
    h: Tensor | Sequence[float],
    x: Tensor,
    up: int = 1,
    down: int = 1,
    axis: int = -1,
    mode: str = "constant",
    cval: float = 0,
) -> Tensor:
    """Upsample, filter by a finite response, and downsample.

    Parameters
    ----------
    h : Tensor of shape (k,), or sequence of numbers
        The response. Numbers are constants in the dtype of ``x``.
    x : Tensor of shape (..., n, ...)
    up, down : int, optional
        Zeros put in, plus one, after every sample of ``x``; every so many samples of the result are kept.
    axis : int, optional
    mode : str, optional
        How ``x`` goes on beyond its ends: "constant", "wrap", "edge", "symmetric" and "reflect" as in `numpy.pad`,
        "antisymmetric" and "antireflect" turned about zero and about the ends, "smooth" by the slope of the last two
        samples, "line" by that from the first to the last.
    cval : float, optional
        The constant beyond the ends.

    Returns
    -------
    Tensor of shape (..., ((n-1) up + k - 1) // down + 1, ...)

    Raises
    ------
    ArgumentError
        An unknown mode, or rates below 1.
    ShapeError
        A response that isn't of one dimension, or is empty.

    Notes
    -----
    ``out[m] = Σ h[m down - n up] x[n]``, bilinear and differentiable in h and x to any order, at the filter's own
    cost.

    References
    ----------
    `scipy.signal.upfirdn`.

    Examples
    --------
    >>> import torch
    >>> upfirdn([1.0, 1.0], torch.tensor([1.0, 2.0, 3.0]), up=2)
    tensor([1., 1., 2., 2., 3., 3.])
    """
    if not isinstance(h, Tensor):
        h = torch.as_tensor(h, dtype=x.dtype if x.is_floating_point() or x.is_complex() else None, device=x.device)
    if h.dim() != 1 or h.shape[0] == 0:
        raise ShapeError("upfirdn", "h", "one dimension, not empty", f"{tuple(h.shape)}", "torch.func.vmap")
    up, down = _rates("upfirdn", up, down)
    signal, size = x.movedim(axis, -1), ((x.shape[axis] - 1) * up + h.shape[0] - 1) // down + 1
    reach = (h.shape[0] - 1) // up
    if reach == 0 or (mode == "constant" and cval == 0):
        if mode not in MODES:
            extended("upfirdn", signal, 0, 0, mode)
        return filter_polyphase(h, signal, up=up, down=down).movedim(-1, axis)
    # So many samples in front that the first one kept stays one that is kept.
    whole = down // math.gcd(up, down)
    reach = -(-reach // whole) * whole
    longer = filter_polyphase(h, extended("upfirdn", signal, reach, reach, mode, cval), up=up, down=down)
    return longer.narrow(-1, reach * up // down, size).movedim(-1, axis)


def _rates(name: str, up: int, down: int) -> tuple[int, int]:
    if up != int(up) or down != int(down) or up < 1 or down < 1:
        raise ArgumentError(name, "up, down", "whole numbers from 1 on", f"{up} and {down}")
    return int(up), int(down)


def resample_poly(
    x: Tensor,
    up: int,
    down: int,
    axis: int = 0,
    window: str | tuple[Any, ...] | Sequence[float] | Tensor = ("kaiser", 5.0),
    padtype: str = "constant",
    cval: float | None = None,
) -> Tensor:
    """Resample by the ratio up / down, with a linear-phase filter.

    Parameters
    ----------
    x : Tensor of shape (..., n, ...)
    up, down : int
    axis : int, optional
    window : str, tuple, Tensor of shape (k,) or list, optional
        A window's name (with parameters) to design the low-pass filter by, or the filter's own taps.
    padtype : str, optional
        A mode of `upfirdn`, or "mean", "median", "minimum", "maximum", which is subtracted and added again.
    cval : float, optional
        The constant beyond the ends where `padtype` is "constant"; zero by default.

    Returns
    -------
    Tensor of shape (..., ceil(n up / down), ...)

    Raises
    ------
    ArgumentError
        An unknown `padtype`, rates below 1, or `cval` with another `padtype`.
    ShapeError
        Taps of more than one dimension.

    Notes
    -----
    Differentiable in x and in taps that are given as a tensor, to any order, see `upfirdn`; "minimum", "maximum" and
    "median" have the usual kinks at ties, where PyTorch's subgradients are taken.

    References
    ----------
    `scipy.signal.resample_poly`.

    Examples
    --------
    >>> import torch
    >>> resample_poly(torch.ones(4), 1, 2, padtype="edge").round(decimals=4)
    tensor([1., 1.])
    """
    up, down = _rates("resample_poly", up, down)
    if cval is not None and padtype != "constant":
        raise ArgumentError("resample_poly", "cval", 'None, unless padtype="constant"', repr(cval))
    if padtype not in (*_BACKGROUNDS, *MODES):
        raise ArgumentError("resample_poly", "padtype", ", ".join((*_BACKGROUNDS, *MODES)), repr(padtype))
    common = math.gcd(up, down)
    up, down = up // common, down // common
    if up == down == 1:
        return x.clone()
    signal = x.movedim(axis, -1)
    if not (x.is_floating_point() or x.is_complex()):
        signal = signal.to(torch.get_default_dtype())
    taps = _low_pass_taps(signal, max(up, down), window) * up
    middle, total = (taps.shape[0] - 1) // 2, -(-signal.shape[-1] * up // down)
    # The result begins where the filter's middle meets the first sample: put that on a sample that is kept.
    front = down - middle % down
    skipped = (middle + front) // down
    missing = (total + skipped - 1) * down + 1 - ((signal.shape[-1] - 1) * up + taps.shape[0] + front)
    taps = F.pad(taps, (front, max(0, missing)))
    background = _BACKGROUNDS[padtype](signal) if padtype in _BACKGROUNDS else None
    mode = padtype if background is None else "constant"
    centred = signal if background is None else signal - background
    y = upfirdn(taps, centred, up, down, mode=mode, cval=cval or 0).narrow(-1, skipped, total)
    return (y if background is None else y + background).movedim(-1, axis)


def _low_pass_taps(x: Tensor, rate: int, window: Any) -> Tensor:
    if isinstance(window, list):
        window = torch.tensor(window, dtype=x.dtype, device=x.device)
    if isinstance(window, Tensor):
        if window.dim() > 1:
            raise ShapeError("resample_poly", "window", "one dimension", f"{tuple(window.shape)}")
        return window
    return torch.tensor(_low_pass(20 * rate + 1, 1 / rate, window), dtype=x.dtype, device=x.device)


@modes.constant_to_dynamo
def _low_pass(count: int, cutoff: float, window: Any) -> list[float]:
    taps: Any = scipy.signal.firwin(count, cutoff, window=window)
    return taps.tolist()


@modes.constant_to_dynamo
def _window(window: Any, size: int) -> list[float]:
    weights: Any = scipy.signal.get_window(window, size)
    return weights.tolist()


def resample(
    x: Tensor,
    num: int,
    t: Tensor | Sequence[float] | None = None,
    axis: int = 0,
    window: Any = None,
    domain: str = "time",
) -> Tensor | tuple[Tensor, Tensor]:
    """Resample to a number of samples by the Fourier method, as if the signal were periodic.

    Parameters
    ----------
    x : Tensor of shape (..., n, ...)
        The signal, or its transform (with zero frequency first).
    num : int
        Samples of the result.
    t : Tensor of shape (n,) or sequence, optional
        Equally spaced times of the samples, in any unit.
    axis : int, optional
    window : str, float, tuple, Tensor of shape (n,) or callable, optional
        Weights of the frequencies: a window's name, a tensor (zero frequency first), or a function of the tensor of
        frequencies in cycles for each sample.
    domain : {"time", "freq"}, optional
        What ``x`` is.

    Returns
    -------
    y : Tensor of shape (..., num, ...)
    times : Tensor of shape (num,)
        Of the new samples; only where `t` is given.

    Raises
    ------
    ArgumentError
        Another domain.
    ShapeError
        A window of another shape, or no samples.

    Notes
    -----
    Linear in x and in the window; derivatives to any order.

    References
    ----------
    `scipy.signal.resample`.

    Examples
    --------
    >>> import torch
    >>> resample(torch.tensor([1.0, 0.0, -1.0, 0.0]), 8).round(decimals=4)
    tensor([ 1.0000,  0.7071,  0.0000, -0.7071, -1.0000, -0.7071,  0.0000,  0.7071])
    """
    if domain not in ("time", "freq"):
        raise ArgumentError("resample", "domain", '"time" or "freq"', repr(domain))
    num = arithmetic.index(num)
    signal = x.movedim(axis, -1)
    n = signal.shape[-1]
    if num < 1 or n < 1:
        raise ShapeError("resample", "x, num", "at least one sample", f"{n} and {num}")
    weights = None if window is None else _weights(signal, n, window)
    if domain == "time" and not x.is_complex() and weights is None and x.device.type == "cpu":
        y = resample_periodic(signal, num=num)
    elif domain == "time" and not x.is_complex():
        spectrum = rfft(signal, n)
        if weights is not None:
            weights = (weights + weights.flip(-1).roll(1, -1)) / 2  # W[l] and W[-l] meet in one bin
            spectrum = spectrum * weights[: spectrum.shape[-1]]
        y = irfft(_folded(spectrum, n, num) * (num / n), num)
        y = y.to(x.dtype) if x.is_floating_point() else y  # float32 of bfloat16
    else:
        spectrum = torch.fft.fft(signal) if domain == "time" else signal
        spectrum = spectrum if weights is None else spectrum * weights
        y = torch.fft.ifft(_unfolded(spectrum, n, num) * (num / n), num)
    y = y.movedim(-1, axis)
    if t is None:
        return y
    steps = torch.arange(num, device=x.device)
    return y, t[0] + (t[1] - t[0]) * (n / num) * (steps.to(t.dtype) if isinstance(t, Tensor) else steps)


def _weights(x: Tensor, n: int, window: Any) -> Any:
    real = x.real if x.is_complex() else x
    dtype = real.dtype if real.is_floating_point() else torch.get_default_dtype()
    if isinstance(window, Tensor):
        if window.shape != (n,):
            raise ShapeError("resample", "window", f"shape {(n,)}", f"{tuple(window.shape)}")
        return window
    if callable(window):
        return window(torch.fft.fftfreq(n, dtype=dtype, device=x.device))
    return torch.fft.fftshift(torch.tensor(_window(window, n), dtype=dtype, device=x.device))


def _folded(spectrum: Tensor, n: int, num: int) -> Tensor:
    """The bins that both lengths have; the middle one of an even length stands for two, or for half of one."""
    both = min(n, num)
    kept = spectrum[..., : both // 2 + 1]
    if both % 2 or n == num:
        return kept
    return torch.cat([kept[..., :-1], kept[..., -1:] * (2 if num < n else 0.5)], -1)


def _unfolded(spectrum: Tensor, n: int, num: int) -> Tensor:
    """The same for both signs of frequency."""
    both = min(n, num)
    positive = spectrum[..., : (both + 1) // 2]
    negative = spectrum[..., n - (both - 1) // 2 :]
    gap = num - positive.shape[-1] - negative.shape[-1]
    if both % 2:
        return torch.cat([F.pad(positive, (0, gap)), negative], -1)
    middle = spectrum[..., both // 2 : both // 2 + 1]
    if num < n:
        middle = middle + spectrum[..., n - both // 2 : n - both // 2 + 1]
    elif num > n:
        middle = torch.cat([F.pad(middle / 2, (0, gap - 2)), middle / 2], -1)
    return torch.cat([positive, middle, negative], -1)


def hilbert(x: Tensor, N: int | None = None, axis: int = -1) -> Tensor:
    """Analytic signal, by the Hilbert transform.

    Parameters
    ----------
    x : Tensor of shape (..., n, ...)
        Real.
    N : int, optional
        Length to crop to or to pad with zeros; n by default.
    axis : int, optional

    Returns
    -------
    Tensor of shape (..., N, ...)
        Complex: ``x`` plus ``1j`` times its Hilbert transform.

    Raises
    ------
    ArgumentError
        Complex input.
    ShapeError
        No samples.

    Notes
    -----
    Every frequency's transform is turned by a quarter; derivatives to any order.

    References
    ----------
    `scipy.signal.hilbert`; S. L. Marple, "Computing the discrete-time analytic signal via FFT", IEEE Transactions on
    Signal Processing 47 (1999).

    Examples
    --------
    >>> import torch
    >>> hilbert(torch.tensor([1.0, 0.0, -1.0, 0.0]))
    tensor([ 1.+0.j,  0.+1.j, -1.+0.j,  0.-1.j])
    """
    if x.is_complex():
        raise ArgumentError("hilbert", "x", "a real tensor", "a complex one", "x.real")
    size = x.shape[axis] if N is None else arithmetic.index(N)
    if size < 1:
        raise ShapeError("hilbert", "N", "at least one sample", f"{size}")
    signal = fitted((x if x.is_floating_point() else x.to(torch.get_default_dtype())).movedim(axis, -1), size)
    spectrum = rfft(signal, size)
    frequency = torch.arange(spectrum.shape[-1], device=x.device)
    # Zero frequency, and that of an even length's middle, have no sign.
    turn = torch.where((frequency > 0) & (frequency * 2 < size), -1j, 0).to(spectrum.dtype)
    return torch.complex(signal, irfft(spectrum * turn, size)).movedim(-1, axis)
