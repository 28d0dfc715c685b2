"""Filters by rank: the median."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.ndimage
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator
from scitorch.core.errors import ArgumentError

from .arguments import cast, check_mode, check_real, for_each_axis, read_axes, read_image
from .windows import Window, neighbours, read_footprint, scatter_to_selected, with_constant

Array = NDArray[Any]


@operator("(n)->(n)", real=("x",))
def median_of_windows(
    x: Array,
    *,
    shape: tuple[int, ...],
    window: tuple[int, ...],
    footprint: tuple[bool, ...],
    origin: tuple[int, ...],
    mode: str,
    cval: float,
) -> Array:
    """Median of the window about each pixel.

    Parameters
    ----------
    x : Tensor of shape (..., n)
        An image of that `shape`, flattened.
    shape : tuple of int
    window : tuple of int
        Its size along each axis.
    footprint : tuple of bool
        Which places of the window count, flattened; empty if all do.
    origin : tuple of int
    mode : str
    cval : float

    Returns
    -------
    Tensor of shape (..., n)

    Notes
    -----
    The incoming gradient goes to the pixel that is the median; if several are equal, to the
    first of them in the window.

    References
    ----------
    `scipy.ndimage.median_filter`.

    Examples
    --------
    >>> import torch
    >>> options = {"footprint": (), "origin": (0,), "mode": "nearest", "cval": 0.0}
    >>> median_of_windows(torch.tensor([1.0, 9.0, 2.0]), shape=(3,), window=(3,), **options)
    tensor([1., 2., 2.])
    """
    counts = np.array(footprint, bool).reshape(window) if footprint else np.ones(window, bool)
    image = x.reshape(shape)
    if image.ndim == 1 and (footprint or window[0] > len(image)):
        # SciPy's routine for one dimension takes all places for ones that count, and reads beyond its memory where the
        # window is larger than the image; that for several dimensions doesn't.
        image, counts, origin = image[None], counts[None], (0, *origin)
    options: dict[str, Any] = {"footprint": counts, "mode": mode, "cval": cval, "origin": origin}
    return scipy.ndimage.median_filter(image, **options).ravel()


@median_of_windows.vjp("x")
def _(
    g: Tensor, out: Tensor, x: Tensor, shape: Any, window: Any, footprint: Any, origin: Any, mode: str, cval: float
) -> dict[str, Tensor]:
    extended = with_constant(x, cval)
    size = math.prod(shape)
    selected = torch.full(out.shape, size, dtype=torch.int64, device=out.device)
    found = torch.zeros_like(out, dtype=torch.bool)
    for _number, places in neighbours(shape, window, footprint, mode, origin, x.device):
        new = (extended[..., places] == out) & ~found
        selected, found = torch.where(new, places, selected), found | new
    return {"x": scatter_to_selected(g, selected, size + 1)[..., :-1]}


median_of_windows.samples(
    lambda rng: [
        Sample(
            1.0 * rng.permutation(6),
            shape=(3, 2),
            window=(3, 2),
            footprint=(),
            origin=(0, -1),
            mode="reflect",
            cval=0.0,
        ),
        Sample(
            1.0 * rng.permutation(10).reshape(2, 5),
            shape=(5,),
            window=(4,),
            footprint=(True, False, True, True),
            origin=(0,),
            mode="constant",
            cval=2.5,
        ),
    ]
)
median_of_windows.special_points(
    lambda rng: [Sample(np.zeros(4), shape=(4,), window=(3,), footprint=(), origin=(0,), mode="wrap", cval=0.0)]
)


def median_filter(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    footprint: Tensor | Sequence[Any] | None = None,
    output: torch.dtype | None = None,
    mode: str = "reflect",
    cval: float = 0.0,
    origin: int | Sequence[int] = 0,
    *,
    axes: int | Sequence[int] | None = None,
) -> Tensor:
    """Median of the window about each pixel.

    Parameters
    ----------
    input : Tensor of any shape
        Real.
    size : int or sequence of int, optional
        Of the window, in pixels.
    footprint : array of bool, optional
        Which places of a window count, in place of `size`.
    output : torch.dtype, optional
        Dtype of the result; by default that of the input.
    mode : str, default: "reflect"
        What lies beyond the border, as in `gaussian_filter1d`.
    cval : number, default: 0
        What lies there for the mode "constant".
    origin : int or sequence of int, default: 0
        How far the window is moved towards lower indices.
    axes : int or sequence of int, optional
        Those of the window, in ascending order; by default all.

    Returns
    -------
    Tensor of the same shape

    Raises
    ------
    ArgumentError, ShapeError
        For an option that SciPy hasn't, both or none of `size` and `footprint`, a complex image.

    Notes
    -----
    The incoming gradient goes to the pixel that is the median; if several are equal, to the
    first of them in the window, which is one of the subgradients. Of an even number of pixels
    SciPy takes the higher middle one. Derivatives of higher order are zero.

    In one dimension SciPy 1.17 counts the gaps of a footprint in, and gives random values for
    some windows larger than the image; here the gaps don't count, and the values are right.

    References
    ----------
    `scipy.ndimage.median_filter`.

    Examples
    --------
    >>> import torch
    >>> median_filter(torch.tensor([1.0, 9.0, 2.0, 3.0]), size=3)
    tensor([1., 2., 3., 3.])
    """
    name = "median_filter"
    image = read_image(name, input)
    check_real(name, image)
    check_mode(name, mode)
    counts, used = read_footprint(name, size, footprint), read_axes(name, axes, image.dim())
    if counts is None and size is None:
        raise ArgumentError(name, "size", "a size or a footprint", "neither", "size=3")
    sides = for_each_axis(name, "size", size, len(used)) if counts is None else list(counts.shape)
    window = Window.read(name, image.dim(), used, sides, origin, counts)
    if not image.numel() or not image.dim():
        return cast(name, image.clone(), output)
    shape = tuple(image.shape)
    filtered = median_of_windows(image.flatten(), shape=shape, **window.options(), mode=mode, cval=cval)
    return cast(name, filtered.reshape(shape), output)
