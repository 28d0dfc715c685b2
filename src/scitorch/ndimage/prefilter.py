"""B-spline coefficients of images: the filter before every interpolation."""

from typing import Any

import scipy.ndimage
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator

Array = NDArray[Any]


@operator("(m,n,p)->(m,n,p)", batch="native", real=("values",))
def spline_coefficients(values: Array, *, order: int, mode: str) -> Array:
    """B-spline coefficients of samples, along the axis before the last.

    Parameters
    ----------
    values : Tensor of shape (..., m, n, p)
    order : int
        From 2 to 5.
    mode : str
        How the samples go on beyond the border, as in `scipy.ndimage.spline_filter1d`.

    Returns
    -------
    Tensor of shape (..., m, n, p)

    Notes
    -----
    The filter inverts a matrix ``B`` whose columns are B-splines, folded at the border. For
    "reflect" and "wrap" ``B`` is symmetric, and so is the filter: its gradient is the filter of the incoming
    gradient. Where the signal is mirrored about the centre of its first and last sample, these
    two are counted twice: ``B = S D`` with ``S`` symmetric and ``D`` diagonal, 1/2 at both ends
    and 1 elsewhere, and the gradient is ``D`` times the filter of the incoming gradient over ``D``.

    References
    ----------
    M. Unser, A. Aldroubi and M. Eden, "Fast B-spline transforms for continuous image
    representation and interpolation", IEEE Transactions on Pattern Analysis and Machine
    Intelligence 13 (1991) 277-285; `scipy.ndimage.spline_filter1d`.

    Examples
    --------
    >>> import torch
    >>> spline_coefficients(torch.ones(1, 3, 1), order=3, mode="mirror").flatten()
    tensor([1., 1., 1.])
    """
    return scipy.ndimage.spline_filter1d(values, order, axis=-2, output=values.dtype.type, mode=mode)


# Those that scipy.ndimage filters as "reflect" or as periodic; it filters all others, "wrap" too, as "mirror".
_SYMMETRIC = ("reflect", "grid-mirror", "nearest", "grid-wrap")
# For "reflect" SciPy's first coefficient is off by a term of relative size z^(2n), where z is the filter's pole, at
# most 0.43: 1e-23 from this length on. Shorter lines take the transpose of what SciPy does, as a matrix.
_LONG = 32


def _transposed(g: Tensor, order: int, mode: str) -> Tensor:
    n = g.shape[-2]
    if n < _LONG:
        identity = torch.eye(n, dtype=g.dtype, device=g.device)
        return spline_coefficients(identity[None], order=order, mode=mode)[0].mT @ g
    if mode in _SYMMETRIC:
        return spline_coefficients(g, order=order, mode=mode)
    place = torch.arange(n, device=g.device)[:, None]
    ends = torch.where((place == 0) | (place == n - 1), 0.5, 1.0).to(g.dtype)
    return ends * spline_coefficients(g / ends, order=order, mode=mode)


spline_coefficients.vjp(values=_transposed)
spline_coefficients.samples(
    lambda rng: [
        Sample(rng.normal(size=(2, 3, 2)), order=3, mode="mirror"),
        Sample(rng.normal(size=(2, 1, 4, 1)), order=4, mode="grid-wrap"),
        Sample(rng.normal(size=(1, 33, 1)), order=5, mode="wrap"),
    ]
)


def filtered(image: Tensor, order: int, mode: str, axes: range | tuple[int, ...]) -> Tensor:
    """The coefficients of a real image along these axes, one axis after the other."""
    for axis in axes:
        lines = image.flatten(0, axis - 1) if axis else image[None]
        lines = lines.flatten(2) if axis < image.dim() - 1 else lines[..., None]
        image = spline_coefficients(lines, order=order, mode=mode).reshape(image.shape)
    return image


PADDING = 12
"""So many pixels SciPy adds before it filters where the border mode has no exact filter of its own."""


def prefiltered(image: Tensor, order: int, mode: str, cval: float, axes: tuple[int, ...]) -> tuple[Tensor, int]:
    """The coefficients that interpolation takes, and how many pixels they have been extended by at each border."""
    if order < 2:
        return image, 0
    if mode == "nearest":
        for axis in axes:
            places = torch.arange(-PADDING, image.shape[axis] + PADDING, device=image.device)
            image = image.index_select(axis, places.clamp(0, image.shape[axis] - 1))
    elif mode == "grid-constant":
        sides = [PADDING * (axis in axes) for axis in reversed(range(image.dim())) for _ in range(2)]
        image = torch.nn.functional.pad(image, sides, value=cval)
    padding = PADDING if mode in ("nearest", "grid-constant") else 0
    return filtered(image, order, mode, axes), padding
