"""Two operators: all gradients of a recursive filter, in one pass against its time.

Their own derivatives, by filters and correlations again, are in `recursive`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scitorch.core import Sample, operator

from . import sections

Array = NDArray[Any]


@operator("(n),(j),(k),(j),(n),(n)->(k),(j),(n),(j)", batch="native")
def section_gradients(
    gy: Array, gzf: Array, b: Array, a: Array, x: Array, y: Array, *, reverse: bool = False
) -> tuple[Array, Array, Array, Array]:
    """Gradients of `filter_section`.

    Parameters
    ----------
    gy : Tensor of shape (..., n)
    gzf : Tensor of shape (..., k-1)
        The incoming gradients of the result and of the last state.
    b : Tensor of shape (..., k)
    a : Tensor of shape (..., k-1)
        Without ``a[0]``, which is 1.
    x, y : Tensor of shape (..., n)
        The signal and the result.
    reverse : bool
        Whether the filter's time runs from the last sample to the first.

    Returns
    -------
    gb : Tensor of shape (..., k)
    ga : Tensor of shape (..., k-1)
        Those of each signal, though they share coefficients.
    gx : Tensor of shape (..., n)
    gzi : Tensor of shape (..., k-1)

    Notes
    -----
    Differentiable to any order.

    References
    ----------
    `scipy.signal.lfilter`.

    Examples
    --------
    >>> import torch
    >>> b, a, x = torch.tensor([1.0, 0.0]), torch.tensor([-0.5]), torch.tensor([1.0, 0.0])
    >>> section_gradients(torch.ones(2), torch.zeros(1), b, a, x, torch.tensor([1.0, 0.5]))[2]
    tensor([1.5000, 1.0000])
    """
    shape = np.broadcast_shapes(*(array.shape[:-1] for array in (gy, gzf, b, a, x, y)))
    gy, gzf, x, y = (sections.spread(array, shape) for array in (gy, gzf, x, y))
    gb, ga, out, gzi = (np.empty((*shape, array.shape[-1]), x.dtype) for array in (b, a, x, gzf))
    gy, x, y, gx = (array[..., ::-1] if reverse else array for array in (gy, x, y, out))
    if b.ndim == a.ndim == 1:
        gb[...], ga[...], gzi[...] = sections.section_gradients(b, a, (gy, gzf), x, y, gx)
    else:
        b, a = (sections.spread(array, shape) for array in (b, a))
        for k in np.ndindex(*shape):
            gb[k], ga[k], gzi[k] = sections.section_gradients(b[k], a[k], (gy[k], gzf[k]), x[k], y[k], gx[k])
    return gb, ga, out, gzi


@operator("(n),(s,2),(s,3),(s,2),(n),(s,2)->(s,3),(s,2),(n),(s,2)", batch="native")
def cascade_gradients(
    gy: Array, gzf: Array, b: Array, a: Array, x: Array, zi: Array, *, reverse: bool = False
) -> tuple[Array, Array, Array, Array]:
    """Gradients of `filter_cascade`.

    Parameters
    ----------
    gy : Tensor of shape (..., n)
    gzf : Tensor of shape (..., s, 2)
        The incoming gradients of the result and of the last states.
    b : Tensor of shape (..., s, 3)
    a : Tensor of shape (..., s, 2)
        Numerators of the sections, and denominators without ``a[..., 0]``, which is 1.
    x : Tensor of shape (..., n)
    zi : Tensor of shape (..., s, 2)
    reverse : bool
        Whether the filter's time runs from the last sample to the first.

    Returns
    -------
    gb : Tensor of shape (..., s, 3)
    ga : Tensor of shape (..., s, 2)
        Those of each signal, though they share sections.
    gx : Tensor of shape (..., n)
    gzi : Tensor of shape (..., s, 2)

    Notes
    -----
    The signals between the sections are computed again. Differentiable to any order.

    References
    ----------
    `scipy.signal.sosfilt`.

    Examples
    --------
    >>> import torch
    >>> b, a, x = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[-0.5, 0.0]]), torch.tensor([1.0, 0.0])
    >>> cascade_gradients(torch.ones(2), torch.zeros(1, 2), b, a, x, torch.zeros(1, 2))[2]
    tensor([1.5000, 1.0000])
    """
    states = gzf, b, a, zi
    shape = np.broadcast_shapes(gy.shape[:-1], x.shape[:-1], *(array.shape[:-2] for array in states))
    gy, x = (sections.spread(array, shape) for array in (gy, x))
    gzf, gb, ga, zi = (sections.spread(array, shape, 2) for array in states)
    out, gb, ga, gzi = (np.empty(array.shape, x.dtype) for array in (x, gb, ga, zi))
    gy, x, gx = (array[..., ::-1] if reverse else array for array in (gy, x, out))
    if b.ndim == a.ndim == 2:
        gb[...], ga[...], gzi[...] = sections.cascade_gradients(b, a, (gy, gzf), x, zi, gx)
    else:
        b, a = (sections.spread(array, shape, 2) for array in (b, a))
        for k in np.ndindex(*shape):
            gb[k], ga[k], gzi[k] = sections.cascade_gradients(b[k], a[k], (gy[k], gzf[k]), x[k], zi[k], gx[k])
    return gb, ga, out, gzi


def _section_samples(rng: np.random.Generator) -> list[Sample]:
    def normal(*shape: int) -> Array:
        return rng.normal(size=shape)

    return [
        Sample(normal(4), normal(2), normal(3), 0.3 * normal(2), normal(4), normal(4)),
        Sample(normal(2, 3), normal(1), normal(2, 1, 2), 0.3 * normal(1), normal(3), normal(2, 3), reverse=True),
        Sample(1j * normal(2), normal(2), normal(3), 0.1j + 0.3 * normal(2), 1j + normal(2), normal(2)),
    ]


def _cascade_samples(rng: np.random.Generator) -> list[Sample]:
    def normal(*shape: int) -> Array:
        return rng.normal(size=shape)

    one = 1, 2  # the shape of the states of one section
    return [
        Sample(normal(3), normal(2, 2), normal(2, 3), 0.3 * normal(2, 2), normal(3), normal(2, 2), reverse=True),
        Sample(normal(3, 1, 2), normal(*one), normal(2, 1, 3), 0.3 * normal(*one), normal(2), normal(*one)),
        Sample(
            1j * normal(2), normal(*one), normal(1, 3), 0.1j + 0.3 * normal(*one), 1j + normal(2), 1j * normal(*one)
        ),
    ]


section_gradients.samples(_section_samples)
cascade_gradients.samples(_cascade_samples)
