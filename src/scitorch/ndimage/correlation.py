"""Correlation along one axis of what a border mode makes of an image, in all three of its gradients.

``sum(g[i] * weights[j] * beyond(values)[i + j - radius])`` is linear in each of three tensors. An operator for each
gives its gradient, and all their derivatives are these operators again.
"""

from typing import Any, Literal, cast

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from scitorch.core import Sample, operator

Array = NDArray[Any]

# The same borders have other names in NumPy.
_PADDING = {
    "reflect": "symmetric",
    "grid-mirror": "symmetric",
    "mirror": "reflect",
    "nearest": "edge",
    "wrap": "wrap",
    "grid-wrap": "wrap",
}
_Padding = Literal["symmetric", "reflect", "edge", "wrap"]


def border_places(n: int, before: int, after: int, mode: str) -> Array:
    """Which pixel of n stands at each place from -before to n + after; -1 for a constant one."""
    if mode in _PADDING:
        return np.pad(np.arange(n), (before, after), mode=cast("_Padding", _PADDING[mode]))
    return np.pad(np.arange(n), (before, after), constant_values=-1)


@operator("(m,n,p),(k)->(m,n,p)", real=("values", "weights"))
def correlate_lines(values: Array, weights: Array, *, mode: str, cval: float) -> Array:
    """Correlation of lines with weights of odd length, along the axis before the last.

    Parameters
    ----------
    values : Tensor of shape (..., m, n, p)
    weights : Tensor of shape (..., k)
        With odd k.
    mode : str
        What lies beyond the border, as in `scipy.ndimage.correlate1d`.
    cval : float
        What lies there for the mode "constant".

    Returns
    -------
    Tensor of shape (..., m, n, p)

    Notes
    -----
    With ``g`` the incoming gradient, ``values`` gets `correlation_of_values`, ``weights`` gets
    `correlation_of_weights`.

    References
    ----------
    `scipy.ndimage.correlate1d`.

    Examples
    --------
    >>> import torch
    >>> line, weights = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([0.0, 1.0, 1.0])
    >>> correlate_lines(line[None, :, None], weights, mode="nearest", cval=0.0).flatten()
    tensor([3., 6., 8.])
    """
    return scipy.ndimage.correlate1d(values, weights, axis=-2, mode=mode, cval=cval)


@operator("(m,n,p),(k)->(m,n,p)", real=("outgoing", "weights"))
def correlation_of_values(outgoing: Array, weights: Array, *, mode: str) -> Array:
    """Transpose of `correlate_lines` in its values.

    Parameters
    ----------
    outgoing : Tensor of shape (..., m, n, p)
    weights : Tensor of shape (..., k)
        With odd k.
    mode : str

    Returns
    -------
    Tensor of shape (..., m, n, p)

    Notes
    -----
    A correlation with the reversed weights that reaches beyond the border by the radius; what
    lies there is added to the pixels that stand there.

    References
    ----------
    As for `correlate_lines`.

    Examples
    --------
    >>> import torch
    >>> line, weights = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([0.0, 1.0, 1.0])
    >>> correlation_of_values(line[None, :, None], weights, mode="nearest").flatten()
    tensor([ 1.,  3., 10.])
    """
    n, radius = outgoing.shape[-2], len(weights) // 2
    wide = np.pad(outgoing, ((0, 0), (radius, radius), (0, 0)))
    wide = scipy.ndimage.correlate1d(wide, weights[::-1], axis=-2, mode="constant")
    total = wide[:, radius : radius + n].copy()
    for k, place in enumerate(border_places(n, radius, radius, mode)):
        if place >= 0 and not radius <= k < radius + n:
            total[:, place] += wide[:, k]
    return total


@operator("(m,n,p),(m,n,p)->(k)", real=("outgoing", "values"))
def correlation_of_weights(outgoing: Array, values: Array, *, k: int, mode: str, cval: float) -> Array:
    """Gradient of `correlate_lines` in its weights.

    Parameters
    ----------
    outgoing : Tensor of shape (..., m, n, p)
    values : Tensor of shape (..., m, n, p)
    k : int
        How many weights, an odd number.
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
    As for `correlate_lines`.

    Examples
    --------
    >>> import torch
    >>> line = torch.tensor([1.0, 2.0, 4.0])[None, :, None]
    >>> correlation_of_weights(line, line, k=3, mode="constant", cval=0.0)
    tensor([10., 21., 10.])
    """
    n, radius = outgoing.shape[-2], k // 2
    places = border_places(n, radius, radius, mode)
    wide = np.where((places < 0)[:, None], cval, values[:, places])
    return np.array([np.vdot(outgoing, wide[:, lag : lag + n]) for lag in range(k)], outgoing.dtype)


correlate_lines.vjp(
    values=lambda g, weights, mode: correlation_of_values(g, weights, mode=mode),
    weights=lambda g, values, weights, mode, cval: correlation_of_weights(
        g, values, k=weights.shape[-1], mode=mode, cval=cval
    ),
)
correlation_of_values.vjp(
    outgoing=lambda g, weights, mode: correlate_lines(g, weights, mode=mode, cval=0.0),
    weights=lambda g, outgoing, weights, mode: correlation_of_weights(
        outgoing, g, k=weights.shape[-1], mode=mode, cval=0.0
    ),
)
correlation_of_weights.vjp(
    outgoing=lambda g, values, mode, cval: correlate_lines(values, g, mode=mode, cval=cval),
    values=lambda g, outgoing, mode: correlation_of_values(outgoing, g, mode=mode),
)


def _lines_and_weights(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample(rng.normal(size=(1, 4, 1)), rng.normal(size=3), mode="reflect"),
        Sample(rng.normal(size=(2, 1, 2, 2)), rng.normal(size=5), mode="mirror"),
        Sample(rng.normal(size=(2, 2, 1)), rng.normal(size=(2, 3)), mode="constant"),
    ]


def _with_cval(sample: Sample) -> Sample:
    return Sample(*sample.arguments, **sample.static, cval=0.5)


correlation_of_values.samples(_lines_and_weights)
correlate_lines.samples(lambda rng: [_with_cval(sample) for sample in _lines_and_weights(rng)])
correlation_of_weights.samples(
    lambda rng: [
        Sample(rng.normal(size=(1, 3, 2)), rng.normal(size=(1, 3, 2)), k=3, mode="constant", cval=0.5),
        Sample(rng.normal(size=(2, 1, 2, 1)), rng.normal(size=(1, 2, 1)), k=5, mode="grid-wrap", cval=0.0),
    ]
)
