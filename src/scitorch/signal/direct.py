"""Convolution and correlation by direct sums: two operators, each of which is the other's derivative."""

from typing import Any

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator

from . import sums

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
    return sums.convolve_full(in1, in2)


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
    return sums.correlate_valid(in1, in2)


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
