"""Grey-scale morphology: erosion and dilation."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.ndimage
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator
from scitorch.core.errors import ArgumentError, ShapeError

from .arguments import cast, check_mode, check_real, for_each_axis, read_axes, read_image
from .windows import Window, neighbours, read_footprint, scatter_to_selected, with_constant

Array = NDArray[Any]


@operator("(n),(k)->(n)", real=("x", "structure"))
def erode(
    x: Array,
    structure: Array | None = None,
    *,
    shape: tuple[int, ...],
    window: tuple[int, ...],
    footprint: tuple[bool, ...],
    origin: tuple[int, ...],
    mode: str,
    cval: float,
) -> Array:
    """Least value of the window about each pixel, less a structuring element.

    Parameters
    ----------
    x : Tensor of shape (..., n)
        An image of that `shape`, flattened.
    structure : Tensor of shape (..., k), optional
        Of the shape `window`, flattened; by default zero.
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
        ``min(x[i + j] - structure[j] for j)``.

    Notes
    -----
    The incoming gradient goes to the pixel that was selected, and its negative to the place of
    the structuring element; if several are equal, to the first of them in the window.

    References
    ----------
    `scipy.ndimage.grey_erosion`.

    Examples
    --------
    >>> import torch
    >>> options = {"footprint": (), "origin": (0,), "mode": "nearest", "cval": 0.0}
    >>> erode(torch.tensor([1.0, 9.0, 2.0]), shape=(3,), window=(3,), **options)
    tensor([1., 1., 2.])
    """
    counts = np.array(footprint, bool).reshape(window) if footprint else np.ones(window, bool)
    image = x.reshape(shape)
    options: dict[str, Any] = {"footprint": counts, "mode": mode, "cval": cval, "origin": origin}
    if structure is None:
        return scipy.ndimage.minimum_filter(image, **options).ravel()
    return scipy.ndimage.grey_erosion(image, structure=structure.reshape(window), **options).ravel()


def _selected(
    x: Tensor, structure: Tensor | None, cval: float, shape: Any, window: Any, footprint: Any, mode: str, origin: Any
) -> tuple[Tensor, Tensor]:
    """Which pixel each window selects, and at which place of the window; the first of equals."""
    extended = with_constant(x, cval)
    least = pixel = place = torch.empty(0)
    for first, (number, places) in enumerate(neighbours(shape, window, footprint, mode, origin, x.device)):
        value = extended[..., places]
        value = value if structure is None else value - structure[..., number, None]
        if first == 0:
            least, pixel, place = value, places, torch.full_like(places, number)
        else:
            less = value < least
            least, pixel, place = (
                torch.where(less, value, least),
                torch.where(less, places, pixel),
                torch.where(less, number, place),
            )
    return pixel.expand(least.shape), place.expand(least.shape)


@erode.vjp
def _(
    g: Tensor,
    x: Tensor,
    structure: Tensor | None,
    shape: Any,
    window: Any,
    footprint: Any,
    origin: Any,
    mode: str,
    cval: float,
) -> dict[str, Tensor | None]:
    pixel, place = _selected(x, structure, cval, shape, window, footprint, mode, origin)
    # What goes to the constant beyond the border, after the last pixel, is dropped.
    gradients: dict[str, Tensor | None] = {"x": scatter_to_selected(g, pixel, math.prod(shape) + 1)[..., :-1]}
    if structure is not None:
        gradients["structure"] = -scatter_to_selected(g, place, structure.shape[-1])
    return gradients


erode.samples(
    lambda rng: [
        Sample(
            1.0 * rng.permutation(6), shape=(3, 2), window=(3, 2), footprint=(), origin=(0, -1), mode="mirror", cval=0.0
        ),
        Sample(
            1.0 * rng.permutation(8).reshape(2, 4),
            rng.uniform(-0.4, 0.4, size=4),
            shape=(2, 2),
            window=(2, 2),
            footprint=(True, True, False, True),
            origin=(0, 0),
            mode="constant",
            cval=3.5,
        ),
    ]
)
erode.special_points(
    lambda rng: [Sample(np.zeros(4), shape=(4,), window=(3,), footprint=(), origin=(0,), mode="wrap", cval=0.0)]
)


def grey_erosion(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    footprint: Tensor | Sequence[Any] | None = None,
    structure: Tensor | None = None,
    output: torch.dtype | None = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    origin: int | Sequence[int] = 0,
    *,
    axes: int | Sequence[int] | None = None,
) -> Tensor:
    """Least value of the window about each pixel, less a structuring element.

    Parameters
    ----------
    input : Tensor of any shape
        Real.
    size : int or sequence of int, optional
        Of a full and flat window, in pixels.
    footprint : array of bool, optional
        Which places of a window count.
    structure : Tensor, optional
        Heights of the structuring element, one a place of the window.
    output : torch.dtype, optional
        Dtype of the result; by default that of the input.
    mode : str or sequence of str, default: "reflect"
        What lies beyond the border, as in `gaussian_filter1d`; several only for a full and flat
        window.
    cval : number, default: 0
        What lies there for the mode "constant".
    origin : int or sequence of int, default: 0
        How far the window is moved towards lower indices.
    axes : int or sequence of int, optional
        Those of the window, in ascending order; by default all.

    Returns
    -------
    Tensor of the same shape
        ``out[i] = min(input[i + j] - structure[j])`` over the places ``j`` that count.

    Raises
    ------
    ArgumentError, ShapeError
        For an option that SciPy hasn't, no window or two of different shape, a complex image.

    Notes
    -----
    The incoming gradient goes to the pixel that was selected, and its negative to the place of
    ``structure``; if several are equal, to the first of them in the window (along one axis after
    the other if it is full and flat), which is one of the subgradients. Derivatives of higher
    order are zero.

    References
    ----------
    `scipy.ndimage.grey_erosion`.

    Examples
    --------
    >>> import torch
    >>> grey_erosion(torch.tensor([1.0, 9.0, 8.0, 7.0]), size=3)
    tensor([1., 1., 7., 7.])
    """
    image = read_image("grey_erosion", input)
    eroded = _eroded("grey_erosion", image, size, footprint, structure, mode, cval, origin, axes)
    return cast("grey_erosion", eroded, output)


def grey_dilation(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    footprint: Tensor | Sequence[Any] | None = None,
    structure: Tensor | None = None,
    output: torch.dtype | None = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    origin: int | Sequence[int] = 0,
    *,
    axes: int | Sequence[int] | None = None,
) -> Tensor:
    """Greatest value of the reflected window about each pixel, plus a structuring element.

    Parameters
    ----------
    input : Tensor of any shape
        Real.
    size : int or sequence of int, optional
        Of a full and flat window, in pixels.
    footprint : array of bool, optional
        Which places of a window count.
    structure : Tensor, optional
        Heights of the structuring element, one a place of the window.
    output : torch.dtype, optional
        Dtype of the result; by default that of the input.
    mode : str or sequence of str, default: "reflect"
        What lies beyond the border, as in `gaussian_filter1d`; several only for a full and flat
        window.
    cval : number, default: 0
        What lies there for the mode "constant".
    origin : int or sequence of int, default: 0
        How far the window is moved towards higher indices.
    axes : int or sequence of int, optional
        Those of the window, in ascending order; by default all.

    Returns
    -------
    Tensor of the same shape
        ``out[i] = max(input[i - j] + structure[j])`` over the places ``j`` that count.

    Raises
    ------
    ArgumentError, ShapeError
        For an option that SciPy hasn't, no window or two of different shape, a complex image.

    Notes
    -----
    ``-grey_erosion(-input)`` by the reflected structuring element, derivatives included: the
    gradient goes to the pixel, and to the place of ``structure``, that was selected.

    References
    ----------
    `scipy.ndimage.grey_dilation`.

    Examples
    --------
    >>> import torch
    >>> grey_dilation(torch.tensor([1.0, 2.0, 9.0, 2.0]), size=3)
    tensor([2., 9., 9., 9.])
    """
    name = "grey_dilation"
    image = read_image(name, input)
    used = read_axes(name, axes, image.dim())
    counts = read_footprint(name, size, footprint)
    heights = None if structure is None else torch.as_tensor(structure)
    like = counts if counts is not None else heights
    if like is not None and like.dim() != len(used):
        raise ShapeError(name, "footprint", f"{len(used)} dimensions", f"{like.dim()}", "axes=…")
    sides = for_each_axis(name, "size", size, len(used)) if like is None else list(like.shape)
    origins = for_each_axis(name, "origin", origin, len(used))
    if None not in sides:
        # The centre of a window of even size is beside its middle, on the other side in the reflected one.
        origins = [-start - (k % 2 == 0) for start, k in zip(origins, sides, strict=True)]
    counts, heights = (None if part is None else part.flip(tuple(range(part.dim()))) for part in (counts, heights))
    eroded = _eroded(name, -image, size, counts, heights, mode, -cval, origins, axes)
    return cast(name, -eroded, output)


def _eroded(
    function: str,
    image: Tensor,
    size: Any,
    footprint: Any,
    structure: Any,
    mode: Any,
    cval: float,
    origin: Any,
    axes: Any,
) -> Tensor:
    """The erosion; along one axis after the other by a full and flat window, as SciPy does."""
    check_real(function, image)
    counts, used = read_footprint(function, size, footprint), read_axes(function, axes, image.dim())
    if size is None and counts is None and structure is None:
        raise ArgumentError(function, "size", "a size, footprint or structure", "none", "size=3")
    if structure is None and (counts is None or bool(counts.all())):
        sides = for_each_axis(function, "size", size, len(used)) if counts is None else list(counts.shape)
        modes = for_each_axis(function, "mode", mode, len(used))
        origins = for_each_axis(function, "origin", origin, len(used))
        for axis, side, border, start in zip(used, sides, modes, origins, strict=True):
            window = Window.read(function, image.dim(), [axis], [side], start)
            image = _windowed(image, None, window, border, cval, function) if side > 1 else image.clone()
        return image
    heights = None if structure is None else torch.as_tensor(structure, device=image.device)
    sides = [() if part is None else tuple(part.shape) for part in (counts, heights)]
    if all(part is not None for part in (counts, heights)) and sides[0] != sides[1]:
        got = f"{sides[0]} and {sides[1]}"
        raise ShapeError(function, "structure", "the footprint's shape", got, "one of the two")
    window = Window.read(function, image.dim(), used, sides[0] or sides[1], origin, counts)
    return _windowed(image, heights, window, mode, cval, function)


def _windowed(image: Tensor, structure: Tensor | None, window: Window, mode: str, cval: float, function: str) -> Tensor:
    check_mode(function, mode)
    if not image.numel() or not image.dim():
        return image.clone()
    shape = tuple(image.shape)
    heights = None if structure is None else structure.to(image.dtype).flatten()
    eroded = erode(image.flatten(), heights, shape=shape, **window.options(), mode=mode, cval=cval)
    return eroded.reshape(shape)
