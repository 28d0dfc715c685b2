"""Convolution and correlation of real matrices by Fourier transforms: operators that are each other's derivatives.

A product of transforms in PyTorch calls has spectra of whole padded arrays, and gradients that transform them again
as complex ones. In one call a result takes what `strips` and `overlaps` take; nothing of it is kept for the gradients,
whose transforms of the arguments are a third of their work.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator

from . import overlaps, strips

Array = NDArray[Any]


@operator("(m,n),(k,l)->(m+k-1,n+l-1)", batch="native", real=("in1", "in2"))
def convolve_spectra(in1: Array, in2: Array, *, block: int = 0) -> Array:
    """Convolution in two dimensions by Fourier transforms, wherever the two overlap.

    Parameters
    ----------
    in1 : Tensor of shape (..., m, n)
    in2 : Tensor of shape (..., k, l)
        Both real.
    block : int
        Size of the transforms of overlapping blocks, for a long row with a short one; 0 for transforms of the whole.

    Returns
    -------
    Tensor of shape (..., m+k-1, n+l-1)
        ``out[i, j] = Σ in1[i-p, j-q] in2[p, q]``.

    Notes
    -----
    With ``g`` the incoming gradient ``in1`` gets ``correlate_spectra(g, in2)`` and ``in2`` gets
    ``correlate_spectra(g, in1)``. Differentiable to any order.

    References
    ----------
    `scipy.signal.fftconvolve`, `scipy.signal.oaconvolve`.

    Examples
    --------
    >>> import torch
    >>> convolve_spectra(torch.ones(1, 3), torch.ones(1, 2)).round(decimals=4)
    tensor([[1., 2., 2., 1.]])
    """
    if not block:
        return strips.convolve(in1, in2)
    long, short = (in1, in2) if in1.shape[-1] >= in2.shape[-1] else (in2, in1)
    lengths = [long.shape[-1] + short.shape[-1] - 1]
    return _each_row(overlaps.convolve, max(block, short.shape[-1]), lengths, long, short)[0]


@operator("(m,n),(k,l)->(m-k+1,n-l+1)", batch="native", real=("in1", "in2"))
def correlate_spectra(in1: Array, in2: Array, *, block: int = 0) -> Array:
    """Cross-correlation in two dimensions by Fourier transforms, where the second lies within the first.

    Parameters
    ----------
    in1 : Tensor of shape (..., m, n)
    in2 : Tensor of shape (..., k, l)
        Both real, with ``k <= m`` and ``l <= n``.
    block : int
        Size of the transforms of overlapping blocks, for rows; 0 for transforms of the whole.

    Returns
    -------
    Tensor of shape (..., m-k+1, n-l+1)
        ``out[i, j] = Σ in1[i+p, j+q] in2[p, q]``.

    Notes
    -----
    With ``g`` the incoming gradient ``in1`` gets ``convolve_spectra(g, in2)`` and ``in2`` gets
    ``correlate_spectra(in1, g)``. Differentiable to any order.

    References
    ----------
    `scipy.signal.correlate`.

    Examples
    --------
    >>> import torch
    >>> correlate_spectra(torch.arange(4.0)[None], torch.ones(1, 2)).round(decimals=4)
    tensor([[1., 3., 5.]])
    """
    if not block:
        return strips.correlate(in1, in2)
    lags = in1.shape[-1] - in2.shape[-1] + 1
    return _each_row(overlaps.correlate, max(block, min(in2.shape[-1], lags)), [lags], in1, in2)[0]


@operator("(r,c),(m,n),(k,l)->(m,n),(k,l)", batch="native", real=("gout", "in1", "in2"))
def spectra_gradients(gout: Array, in1: Array, in2: Array, *, block: int = 0) -> tuple[Array, Array]:
    """Both gradients of `convolve_spectra`, from one transform of the incoming one.

    Parameters
    ----------
    gout : Tensor of shape (..., m+k-1, n+l-1)
        The incoming gradient.
    in1 : Tensor of shape (..., m, n)
    in2 : Tensor of shape (..., k, l)
        All real.
    block : int
        As in `convolve_spectra`.

    Returns
    -------
    gin1 : Tensor of shape (..., m, n)
        ``correlate_spectra(gout, in2)``.
    gin2 : Tensor of shape (..., k, l)
        ``correlate_spectra(gout, in1)``.

    Notes
    -----
    Differentiable to any order.

    References
    ----------
    `scipy.signal.correlate`.

    Examples
    --------
    >>> import torch
    >>> g = torch.tensor([[1.0, 2.0, 3.0]])
    >>> gin1, gin2 = spectra_gradients(g, torch.ones(1, 2), torch.tensor([[1.0, 0.0]]))
    >>> gin1.round(decimals=4), gin2.round(decimals=4)
    (tensor([[1., 2.]]), tensor([[3., 5.]]))
    """
    if not block:
        return strips.gradients(gout, in1, in2)
    if in1.shape[-1] < in2.shape[-1]:
        gin2, gin1 = spectra_gradients.kernel(gout, in2, in1, block=block)
        return gin1, gin2
    lengths = in1.shape[-1], in2.shape[-1]
    gin1, gin2 = _each_row(overlaps.gradients, max(block, lengths[1]), lengths, gout, in1, in2)
    return gin1, gin2


def _each_row(function: Callable[..., None], size: int, lengths: Sequence[int], *arrays: Array) -> list[Array]:
    """The results of a function of signals, of these lengths, for each item of a batch of single rows."""
    batch = np.broadcast_shapes(*(x.shape[:-2] for x in arrays))
    rows = [np.broadcast_to(x[..., 0, :], (*batch, x.shape[-1])) for x in arrays]
    results = [np.empty((*batch, 1, length), arrays[0].dtype) for length in lengths]
    for index in np.ndindex(*batch):
        function(*(x[index] for x in rows), size, *(result[index][0] for result in results))
    return results


convolve_spectra.vjp(
    in1=lambda g, in2, block: correlate_spectra(g, in2, block=block),
    in2=lambda g, in1, block: correlate_spectra(g, in1, block=block),
)
correlate_spectra.vjp(
    in1=lambda g, in2, block: convolve_spectra(g, in2, block=block),
    in2=lambda g, in1, block: correlate_spectra(in1, g, block=block),
)
spectra_gradients.vjp(
    gout=lambda g, in1, in2, block: convolve_spectra(g[0], in2, block=block) + convolve_spectra(in1, g[1], block=block),
    in1=lambda g, gout, block: correlate_spectra(gout, g[1], block=block),
    in2=lambda g, gout, block: correlate_spectra(gout, g[0], block=block),
)


@convolve_spectra.joint_vjp("in1", "in2")
def _convolution_vjp(g: Tensor, in1: Tensor, in2: Tensor, block: int) -> dict[str, Tensor]:
    gin1, gin2 = spectra_gradients(g, in1, in2, block=block)
    return {"in1": gin1, "in2": gin2}


@spectra_gradients.joint_vjp("in1", "in2")
def _gradients_vjp(g: tuple[Tensor, ...], gout: Tensor, block: int) -> dict[str, Tensor]:
    gin1, gin2 = spectra_gradients(gout, *g, block=block)
    return {"in1": gin1, "in2": gin2}


def _samples(*shapes: tuple[int, int]) -> Callable[[np.random.Generator], list[Sample]]:
    """Matrices, batches that broadcast, and rows in blocks."""

    def normal(rng: np.random.Generator, *batches: tuple[int, ...]) -> list[Array]:
        return [rng.normal(size=(*batch, *shape)) for batch, shape in zip(batches, shapes, strict=False)]

    return lambda rng: [
        Sample(*normal(rng, (), (2,), ())),
        Sample(*normal(rng, (2, 1), (), (3,))),
        Sample(*(x[:1] for x in normal(rng, (), (), ())), block=4),
    ]


convolve_spectra.samples(_samples((2, 5), (2, 2)))
correlate_spectra.samples(_samples((3, 6), (2, 2)))
spectra_gradients.samples(_samples((3, 6), (2, 5), (2, 2)))
