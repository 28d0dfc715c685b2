"""Correlation along some axes of an image, one after the other, in all of its gradients.

Along one axis ``sum(g[i] * weights[j] * beyond(values)[i + j - radius])`` is linear in each of three tensors. An
operator for each gives its gradient, and all their derivatives are these operators again. Those in the image take all
axes at once, so that the passes write over one result.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator

from . import lines

Array = NDArray[Any]


@operator("(n),(k)->(n)", real=("values", "weights"))
def correlate_axes(
    values: Array,
    weights: Array,
    *,
    shape: tuple[int, ...],
    axes: tuple[int, ...],
    sizes: tuple[int, ...],
    modes: tuple[str, ...],
    cval: float,
) -> Array:
    """Correlation with weights of odd length, along one axis after the other.

    Parameters
    ----------
    values : Tensor of shape (..., n)
        An image of that `shape`, flattened.
    weights : Tensor of shape (..., k)
        Those of each axis, one after the other.
    shape : tuple of int
    axes : tuple of int
        Counted from 0 on.
    sizes : tuple of int
        How many weights each axis has, an odd number.
    modes : tuple of str
        What lies beyond the border of each, as in `scipy.ndimage.correlate1d`.
    cval : float
        What lies there for the mode "constant".

    Returns
    -------
    Tensor of shape (..., n)

    Notes
    -----
    With ``g`` the incoming gradient, ``values`` gets `correlation_of_values`; the ``weights`` of an axis get
    `correlation_of_weights`, of the values as they come to that axis and of the gradient as it comes back to it, both
    computed again.

    References
    ----------
    `scipy.ndimage.correlate1d`.

    Examples
    --------
    >>> import torch
    >>> line, weights = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([0.0, 1.0, 1.0])
    >>> correlate_axes(line, weights, shape=(3,), axes=(0,), sizes=(3,), modes=("nearest",), cval=0.0)
    tensor([3., 6., 8.])
    """
    source, result = values, np.empty(values.shape, values.dtype)
    for axis, taps, mode in _passes(weights, axes, sizes, modes):
        lines.correlate(*_lines(source, result, shape, axis), taps, mode, cval)
        source = result
    return result


@operator("(n),(k)->(n)", real=("outgoing", "weights"))
def correlation_of_values(
    outgoing: Array,
    weights: Array,
    *,
    shape: tuple[int, ...],
    axes: tuple[int, ...],
    sizes: tuple[int, ...],
    modes: tuple[str, ...],
) -> Array:
    """Transpose of `correlate_axes` in its values.

    Parameters
    ----------
    outgoing : Tensor of shape (..., n)
    weights : Tensor of shape (..., k)
    shape, axes, sizes : tuple of int
    modes : tuple of str
        All as in `correlate_axes`.

    Returns
    -------
    Tensor of shape (..., n)

    Notes
    -----
    Along each axis a correlation with the reversed weights that reaches beyond the border by the radius; what
    lies there is added to the pixels that stand there. Its gradients are `correlate_axes` of the incoming gradient, and
    those of the weights.

    References
    ----------
    As for `correlate_axes`.

    Examples
    --------
    >>> import torch
    >>> line, weights = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([0.0, 1.0, 1.0])
    >>> correlation_of_values(line, weights, shape=(3,), axes=(0,), sizes=(3,), modes=("nearest",))
    tensor([ 1.,  3., 10.])
    """
    source, result = outgoing, np.empty(outgoing.shape, outgoing.dtype)
    for axis, taps, mode in reversed(list(_passes(weights, axes, sizes, modes))):
        lines.transposed(*_lines(source, result, shape, axis), taps, mode)
        source = result
    return result


@operator("(n),(n)->(k)", real=("outgoing", "values"))
def correlation_of_weights(
    outgoing: Array, values: Array, *, k: int, shape: tuple[int, ...], axis: int, mode: str, cval: float
) -> Array:
    """Gradient of `correlate_axes` along one axis in its weights.

    Parameters
    ----------
    outgoing : Tensor of shape (..., n)
    values : Tensor of shape (..., n)
    k : int
        How many weights, an odd number.
    shape : tuple of int
        Of the two images.
    axis : int
    mode : str
    cval : float

    Returns
    -------
    Tensor of shape (..., k)

    Notes
    -----
    The inner product of ``outgoing`` with the values shifted by each place of the weights.

    References
    ----------
    As for `correlate_axes`.

    Examples
    --------
    >>> import torch
    >>> line = torch.tensor([1.0, 2.0, 4.0])
    >>> correlation_of_weights(line, line, k=3, shape=(3,), axis=0, mode="constant", cval=0.0)
    tensor([10., 21., 10.])
    """
    return lines.products(*_lines(outgoing, values, shape, axis), k, mode, cval)


def _lines(first: Array, second: Array, shape: tuple[int, ...], axis: int) -> tuple[Array, Array]:
    """Two flattened images of that shape as (m, n, p), with n pixels along the axis."""
    sides = math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])
    first, second = (np.require(image, requirements=("C", "A")) for image in (first, second))
    return first.reshape(sides), second.reshape(sides)


def _passes(weights: Any, axes: Any, sizes: Any, modes: Any) -> Iterator[tuple[int, Any, str]]:
    """The axis, its weights and its mode, for each axis."""
    end = 0
    for axis, size, mode in zip(axes, sizes, modes, strict=True):
        end += size
        yield axis, weights[..., end - size : end], mode


def _weights_gradient(
    g: Tensor, values: Tensor, weights: Tensor, shape: Any, axes: Any, sizes: Any, modes: Any, cval: float
) -> Tensor:
    """For each axis, of the values that the axes before it have made and the gradient that those after it leave."""
    passes = list(_passes(weights, axes, sizes, modes))
    before, after = [values], [g]
    for axis, taps, mode in passes[:-1]:
        options = {"shape": shape, "axes": (axis,), "sizes": taps.shape[-1:], "modes": (mode,)}
        before.append(correlate_axes(before[-1], taps, **options, cval=cval))
    for axis, taps, mode in passes[:0:-1]:
        options = {"shape": shape, "axes": (axis,), "sizes": taps.shape[-1:], "modes": (mode,)}
        after.append(correlation_of_values(after[-1], taps, **options))
    gradients = [
        correlation_of_weights(outgoing, image, k=taps.shape[-1], shape=shape, axis=axis, mode=mode, cval=cval)
        for outgoing, image, (axis, taps, mode) in zip(reversed(after), before, passes, strict=True)
    ]
    return torch.cat(gradients, -1)


correlate_axes.vjp(
    values=lambda g, weights, shape, axes, sizes, modes: correlation_of_values(
        g, weights, shape=shape, axes=axes, sizes=sizes, modes=modes
    ),
    weights=_weights_gradient,
)
correlation_of_values.vjp(
    outgoing=lambda g, weights, shape, axes, sizes, modes: correlate_axes(
        g, weights, shape=shape, axes=axes, sizes=sizes, modes=modes, cval=0.0
    ),
    weights=lambda g, outgoing, weights, shape, axes, sizes, modes: _weights_gradient(
        outgoing, g, weights, shape, axes, sizes, modes, 0.0
    ),
)
correlation_of_weights.vjp(
    outgoing=lambda g, values, k, shape, axis, mode, cval: correlate_axes(
        values, g, shape=shape, axes=(axis,), sizes=(k,), modes=(mode,), cval=cval
    ),
    values=lambda g, outgoing, k, shape, axis, mode: correlation_of_values(
        outgoing, g, shape=shape, axes=(axis,), sizes=(k,), modes=(mode,)
    ),
)


def _images_and_weights(rng: np.random.Generator, **more: Any) -> list[Sample]:
    def sample(batch: tuple[int, ...], taps: tuple[int, ...], **options: Any) -> Sample:
        n, k = math.prod(options["shape"]), sum(options["sizes"])
        return Sample(rng.normal(size=(*batch, n)), rng.normal(size=(*taps, k)), **options, **more)

    return [
        sample((), (), shape=(4,), axes=(0,), sizes=(3,), modes=("reflect",)),
        sample((2, 1), (), shape=(2, 2), axes=(1, 0), sizes=(5, 1), modes=("mirror", "constant")),
        sample((2,), (2,), shape=(2, 2, 1), axes=(0, 1), sizes=(1, 3), modes=("nearest", "wrap")),
    ]


correlation_of_values.samples(_images_and_weights)
correlate_axes.samples(lambda rng: _images_and_weights(rng, cval=0.5))
correlation_of_weights.samples(
    lambda rng: [
        Sample(rng.normal(size=6), rng.normal(size=6), k=3, shape=(3, 2), axis=0, mode="constant", cval=0.5),
        Sample(rng.normal(size=(2, 2)), rng.normal(size=(1, 2)), k=5, shape=(1, 2), axis=1, mode="grid-wrap", cval=0.0),
    ]
)
