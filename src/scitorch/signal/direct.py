"""Convolution and correlation by direct sums: two operators, each of which is the other's derivative."""

from typing import Any

import numpy as np
import scipy.signal
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator

from . import blocks

Array = NDArray[Any]


@operator("(m,n),(k,l)->(m+k-1,n+l-1)", batch="native")
def convolve_full(in1: Array, in2: Array) -> Array:
    """Direct convolution in two dimensions, wherever the two overlap.

    Parameters
    ----------
    in1 : Tensor of shape (..., m, n)
    in2 : Tensor of shape (..., k, l)

    Returns
    -------
    Tensor of shape (..., m+k-1, n+l-1)
        ``out[i, j] = Σ in1[i-p, j-q] in2[p, q]``.

    Notes
    -----
    With ``g`` the incoming gradient ``in1`` gets ``correlate_valid(g, in2)`` and ``in2`` gets
    ``correlate_valid(g, in1)``. Differentiable to any order.

    References
    ----------
    `scipy.signal.convolve2d`, `numpy.convolve`.

    Examples
    --------
    >>> import torch
    >>> convolve_full(torch.ones(1, 3), torch.ones(1, 2))
    tensor([[1., 2., 2., 1.]])
    """
    if 0 in in1.shape or 0 in in2.shape:
        shape = (in1.shape[-2] + in2.shape[-2] - 1, in1.shape[-1] + in2.shape[-1] - 1)
        return np.zeros((*_batch(in1, in2), *shape), in1.dtype)
    if in1.shape[-2] == 1 or in2.shape[-2] == 1:
        return _convolve_rows(in1, in2)
    if in1.shape[-1] == 1 or in2.shape[-1] == 1:
        return _convolve_rows(in1.swapaxes(-1, -2), in2.swapaxes(-1, -2)).swapaxes(-1, -2)
    return _each(_convolve_matrices, in1, in2)


@operator("(m,n),(k,l)->(m-k+1,n-l+1)", batch="native")
def correlate_valid(in1: Array, in2: Array) -> Array:
    """Direct cross-correlation in two dimensions, where the second lies within the first.

    Parameters
    ----------
    in1 : Tensor of shape (..., m, n)
    in2 : Tensor of shape (..., k, l)
        With ``k <= m`` and ``l <= n``. It is conjugated if it is complex.

    Returns
    -------
    Tensor of shape (..., m-k+1, n-l+1)
        ``out[i, j] = Σ in1[i+p, j+q] conj(in2[p, q])``.

    Notes
    -----
    With ``g`` the incoming gradient ``in1`` gets ``convolve_full(g, in2)`` and ``in2`` gets
    ``correlate_valid(in1, g)``. Differentiable to any order.

    References
    ----------
    `scipy.signal.correlate2d`, `numpy.correlate`.

    Examples
    --------
    >>> import torch
    >>> correlate_valid(torch.arange(4.0)[None], torch.ones(1, 2))
    tensor([[1., 3., 5.]])
    """
    if 0 in in1.shape or 0 in in2.shape:
        shape = (in1.shape[-2] - in2.shape[-2] + 1, in1.shape[-1] - in2.shape[-1] + 1)
        return np.zeros((*_batch(in1, in2), *shape), in1.dtype)
    if in1.shape[-2] == 1:
        return _correlate_rows(in1, in2)
    if in1.shape[-1] == 1:
        return _correlate_rows(in1.swapaxes(-1, -2), in2.swapaxes(-1, -2)).swapaxes(-1, -2)
    return _each(_correlate_matrices, in1, in2)


def _batch(in1: Array, in2: Array) -> tuple[int, ...]:
    return np.broadcast_shapes(in1.shape[:-2], in2.shape[:-2])


def _each(function: Any, in1: Array, in2: Array) -> Array:
    """A function of two arrays, for each pair of the batch."""
    batch = _batch(in1, in2)
    if not batch:
        return function(in1, in2)
    pairs = [np.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (in1, in2)]
    results = [function(*(x[index] for x in pairs)) for index in np.ndindex(*batch)]
    return np.reshape(results, (*batch, *results[0].shape))


def _convolve_matrices(in1: Array, in2: Array) -> Array:
    large, small = (in1, in2) if in1.shape[-1] >= in2.shape[-1] else (in2, in1)
    if blocks.pay(large.shape, small.shape, large, small):
        return blocks.convolve(large, small)
    return scipy.signal.convolve2d(in1, in2)


def _correlate_matrices(in1: Array, in2: Array) -> Array:
    shape = tuple(np.subtract(in1.shape, in2.shape) + 1)
    if in2.shape[-1] <= shape[-1] and blocks.pay(shape, in2.shape, in1, in2):
        result = np.empty(shape, in1.dtype)
        blocks.correlate(in1, in2.conj(), result)
        return result
    if blocks.pay(in2.shape, shape, in1, in2):
        return blocks.correlate_lags(in1, in2.conj())
    return scipy.signal.correlate2d(in1, in2, mode="valid")


# A batch of rows takes one of several loops in Python around NumPy's loop in C; the shortest is the fastest.


def _convolve_rows(in1: Array, in2: Array) -> Array:
    """Convolution of every row of one with every row of the other, one of the two having a single row."""
    batch = np.broadcast_shapes(in1.shape[:-1], in2.shape[:-1])
    if in1.shape[-1] < in2.shape[-1]:
        in1, in2 = in2, in1
    n, taps = in1.shape[-1], in2.shape[-1]
    rows = in1.size // n
    if in2.size == taps and blocks.pay((rows, n), (1, taps), in1, in2):
        return blocks.convolve(in1.reshape(rows, n), in2.reshape(1, taps)).reshape(*batch, -1)
    if taps < np.prod(batch):
        result = np.zeros((*batch, n + taps - 1), in1.dtype)
        for k in range(taps):
            result[..., k : k + n] += in1 * in2[..., k : k + 1]
        return result
    rows = [np.broadcast_to(x, (*batch, x.shape[-1])) for x in (in1, in2)]
    results = [np.convolve(rows[0][index], rows[1][index]) for index in np.ndindex(*batch)]
    return np.reshape(results, (*batch, n + taps - 1)) if len(results) > 1 else results[0].reshape(*batch, -1)


def _correlate_rows(in1: Array, in2: Array) -> Array:
    """Correlation of single rows."""
    batch = np.broadcast_shapes(in1.shape[:-1], in2.shape[:-1])
    taps, lags = in2.shape[-1], in1.shape[-1] - in2.shape[-1] + 1
    items = int(np.prod(batch))
    if in2.size == taps <= lags and blocks.pay((items, lags), (1, taps), in1, in2):
        result = np.empty((items, lags), in1.dtype)
        blocks.correlate(in1.reshape(items, -1), in2.reshape(1, taps).conj(), result)
        return result.reshape(*batch, lags)
    if items == 1 and lags >= 32 and blocks.pay((1, taps), (1, lags), in1, in2):
        return blocks.correlate_lags(in1.reshape(1, -1), in2.reshape(1, taps).conj()).reshape(*batch, lags)
    if lags <= min(taps, items - 1):
        parts = [np.vecdot(in2, in1[..., k : k + taps]) for k in range(lags)]
        return np.stack(parts, -1)
    if taps < items:
        result = np.zeros((*batch, lags), in1.dtype)
        for k in range(taps):
            result += in1[..., k : k + lags] * np.conj(in2[..., k : k + 1])
        return result
    rows = [np.broadcast_to(x, (*batch, x.shape[-1])) for x in (in1, in2)]
    results = [np.correlate(rows[0][index], rows[1][index], mode="valid") for index in np.ndindex(*batch)]
    return np.reshape(results, (*batch, lags)) if len(results) > 1 else results[0].reshape(*batch, -1)


convolve_full.vjp(
    in1=lambda g, in2: correlate_valid(g, in2),
    in2=lambda g, in1: correlate_valid(g, in1),
)
correlate_valid.vjp(
    in1=lambda g, in2: convolve_full(g, in2),
    in2=lambda g, in1: correlate_valid(in1, g),
)


def convolve_last(in1: Tensor, in2: Tensor) -> Tensor:
    """Full convolution along the last dimension."""
    return convolve_full(in1[..., None, :], in2[..., None, :])[..., 0, :]


def correlate_last(in1: Tensor, in2: Tensor) -> Tensor:
    """Valid correlation along the last dimension."""
    return correlate_valid(in1[..., None, :], in2[..., None, :])[..., 0, :]


def convolve_directly(in1: Tensor, in2: Tensor, count: int) -> Tensor:
    """Full convolution along the last `count` dimensions."""
    if count == 0:
        return in1 * in2
    if count == 1:
        return convolve_last(in1, in2)
    if count == 2:
        return convolve_full(in1, in2)
    axis = -count
    if in1.shape[axis] < in2.shape[axis]:
        in1, in2 = in2, in1
    # For each slice of `in2` one convolution of fewer dimensions, of all slices of `in1` at once.
    taps, total = in2.shape[axis], None
    for k in range(taps):
        part = convolve_directly(in1, in2.narrow(axis, k, 1), count - 1)
        part = F.pad(part, [0, 0] * (count - 1) + [k, taps - 1 - k])
        total = part if total is None else total + part
    assert total is not None
    return total


def _pairs(rng: np.random.Generator) -> list[Sample]:
    def normal(*shape: int) -> Array:
        return rng.normal(size=shape)

    return [
        Sample(normal(2, 1, 3, 4), normal(2, 2, 3)),
        Sample(normal(1, 4) + 1j * normal(1, 4), normal(1, 2) + 1j * normal(1, 2)),
        Sample(normal(3, 3, 1), normal(2, 1)),
    ]


convolve_full.samples(_pairs)
correlate_valid.samples(_pairs)
