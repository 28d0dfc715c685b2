"""Images turned in a plane: `rotate`."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.special
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator
from scitorch.core.errors import ArgumentError, LostGradientError

from .affine import transformed
from .arguments import cast, read_image

Array = NDArray[Any]


@operator("()->()", batch="native", real=("angle",))
def cosine_of_degrees(angle: Array) -> Array:
    """Cosine of an angle in degrees, exact at multiples of a right angle.

    Parameters
    ----------
    angle : Tensor of any shape
        In degrees.

    Returns
    -------
    Tensor of the same shape

    Notes
    -----
    The derivative is ``-π/180`` times the sine.

    References
    ----------
    `scipy.special.cosdg`.

    Examples
    --------
    >>> import torch
    >>> cosine_of_degrees(torch.tensor(90.0)) == 0
    tensor(True)
    """
    return scipy.special.cosdg(angle)


@operator("()->()", batch="native", real=("angle",))
def sine_of_degrees(angle: Array) -> Array:
    """Sine of an angle in degrees, exact at multiples of a right angle.

    Parameters
    ----------
    angle : Tensor of any shape
        In degrees.

    Returns
    -------
    Tensor of the same shape

    Notes
    -----
    The derivative is ``π/180`` times the cosine.

    References
    ----------
    `scipy.special.sindg`.

    Examples
    --------
    >>> import torch
    >>> sine_of_degrees(torch.tensor([30.0, 180.0]))
    tensor([0.5000, -0.0000])
    """
    return scipy.special.sindg(angle)


_DEGREE = math.pi / 180
cosine_of_degrees.partials(angle=lambda angle: -_DEGREE * sine_of_degrees(angle))
sine_of_degrees.partials(angle=lambda angle: _DEGREE * cosine_of_degrees(angle))
for _circular in (cosine_of_degrees, sine_of_degrees):
    _circular.samples(lambda rng: [Sample(rng.uniform(-500, 500, size=3))])
    _circular.special_points(lambda rng: [Sample(np.array([-90.0, 0.0, 180.0, 360.0]))])


def rotate(
    input: Tensor,
    angle: Tensor | float,
    axes: Sequence[int] = (1, 0),
    reshape: bool = True,
    output: torch.dtype | None = None,
    order: int = 3,
    mode: str = "constant",
    cval: complex = 0.0,
    prefilter: bool = True,
) -> Tensor:
    """An image turned in the plane of two axes.

    Parameters
    ----------
    input : Tensor with at least 2 dimensions
    angle : float, or Tensor without dimensions
        In degrees; a tensor only with ``reshape=False``.
    axes : sequence of 2 int, default: (1, 0)
        The plane.
    reshape : bool, default: True
        Whether the result is as large as the turned image needs.
    output : torch.dtype, optional
        Dtype of the result; by default that of the input.
    order : int, default: 3
        Of the spline, from 0 (nearest pixel) to 5.
    mode : str, default: "constant"
        What lies beyond the border, as in `map_coordinates`.
    cval : number, default: 0
        What lies there for the modes "constant" and "grid-constant".
    prefilter : bool, default: True
        False if `input` holds spline coefficients already.

    Returns
    -------
    Tensor
        Of the input's shape, but for the plane if ``reshape``.

    Raises
    ------
    LostGradientError
        For a tensor as angle with ``reshape=True``, since it decides on the shape.
    ArgumentError, ShapeError
        For an option that SciPy hasn't, or axes that span no plane.

    Notes
    -----
    `affine_transform` by the rotation about the centre, for each plane; ``angle`` gets the sum
    of ``g ∇f`` times the derivative of the coordinates. Differentiable to any order in input
    and angle.

    References
    ----------
    `scipy.ndimage.rotate`.

    Examples
    --------
    >>> import torch
    >>> rotate(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), 90, order=1)
    tensor([[2., 4.],
            [1., 3.]])
    """
    image = read_image("rotate", input, rank=2)
    plane = _read_plane(axes, image.dim())
    if isinstance(angle, Tensor) and reshape:
        got, advice = "a tensor", "reshape=False, or angle.item() for a fixed angle"
        raise LostGradientError("rotate", "angle", "a Python number, since it decides on a shape", got, advice)
    turn = torch.as_tensor(angle, dtype=torch.float64, device=image.device)
    if turn.dim():
        raise ArgumentError("rotate", "angle", "one number", f"shape {tuple(turn.shape)}", "torch.func.vmap for many")
    c, s = cosine_of_degrees(turn), sine_of_degrees(turn)
    matrix = torch.stack([torch.stack([c, s]), torch.stack([-s, c])])
    stacked = image.movedim(plane, (-2, -1))
    before = stacked.shape[-2], stacked.shape[-1]
    after = _turned_shape(float(angle), before) if reshape else before
    middles = [[(n - 1) / 2 for n in shape] for shape in (before, after)]
    centre_before, centre_after = torch.tensor(middles, dtype=torch.float64, device=image.device)
    offset = centre_before - (matrix * centre_after).sum(-1)
    options: dict[str, Any] = {"order": order, "mode": mode, "cval": cval, "prefilter": prefilter}
    turned = transformed("rotate", stacked, matrix, offset, after, **options)
    return cast("rotate", turned.movedim((-2, -1), plane), output)


def _read_plane(axes: Sequence[int], rank: int) -> tuple[int, int]:
    plane = sorted(axis + rank * (axis < 0) for axis in axes)
    if len(plane) != 2 or any(int(axis) != axis or not 0 <= axis < rank for axis in plane):
        raise ArgumentError("rotate", "axes", f"two axes of {rank} dimensions", repr(tuple(axes)), "axes=(1, 0)")
    return int(plane[0]), int(plane[1])


def _turned_shape(angle: float, shape: tuple[int, int]) -> tuple[int, int]:
    """The sides of the smallest upright rectangle about the turned one, rounded as SciPy does.

    In Python's numbers, which a compiler follows; the remainder of a right angle is exact.
    """
    turns, rest = divmod(angle, 90)
    c, s = math.cos(math.radians(rest)), math.sin(math.radians(rest))
    if turns % 2:
        c, s = s, c
    height, width = shape
    return int(c * height + s * width + 0.5), int(s * height + c * width + 0.5)
