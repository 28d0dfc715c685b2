"""Images and their spline coefficients, sampled at any points."""

from typing import Any

import torch
from torch import Tensor

from scitorch.core.errors import ArgumentError, ShapeError

from .arguments import cast, check_mode, check_order, in_parts, read_image
from .prefilter import filtered, prefiltered
from .sampling import spline_sample


def spline_filter1d(
    input: Tensor, order: int = 3, axis: int = -1, output: torch.dtype | None = torch.float64, mode: str = "mirror"
) -> Tensor:
    """B-spline coefficients of an image along one axis.

    Parameters
    ----------
    input : Tensor of any shape
    order : int, default: 3
        Of the spline, from 0 to 5; those of order 0 and 1 are the samples themselves.
    axis : int, default: -1
    output : torch.dtype, default: torch.float64
        Dtype of the result; None for that of the input.
    mode : str, default: "mirror"
        How the image goes on beyond its border.

    Returns
    -------
    Tensor of the same shape

    Raises
    ------
    ArgumentError
        For an order or mode that SciPy hasn't, or a tensor as `output`.

    Notes
    -----
    Linear in ``input``; its gradient is the transposed filter of the incoming gradient, exact
    at the border. Differentiable to any order.

    References
    ----------
    `scipy.ndimage.spline_filter1d`; M. Unser, A. Aldroubi and M. Eden, IEEE Transactions on
    Pattern Analysis and Machine Intelligence 13 (1991) 277-285.

    Examples
    --------
    >>> import torch
    >>> spline_filter1d(torch.tensor([0.0, 1.0, 0.0]), output=None)
    tensor([-1.,  2., -1.])
    """
    image = read_image("spline_filter1d", input)
    check_order("spline_filter1d", order)
    check_mode("spline_filter1d", mode)
    if image.dim() == 0:
        return cast("spline_filter1d", image, output)
    if not -image.dim() <= axis < image.dim():
        raise ArgumentError("spline_filter1d", "axis", f"an axis of {image.dim()} dimensions", repr(axis), "axis=-1")
    return _filter("spline_filter1d", image, order, (axis % image.dim(),), output, mode)


def spline_filter(
    input: Tensor, order: int = 3, output: torch.dtype | None = torch.float64, mode: str = "mirror"
) -> Tensor:
    """B-spline coefficients of an image, along all axes.

    Parameters
    ----------
    input : Tensor of any shape
    order : int, default: 3
        Of the spline, from 2 to 5.
    output : torch.dtype, default: torch.float64
        Dtype of the result; None for that of the input.
    mode : str, default: "mirror"
        How the image goes on beyond its border.

    Returns
    -------
    Tensor of the same shape

    Raises
    ------
    ArgumentError
        For an order or mode that SciPy hasn't, or a tensor as `output`.

    Notes
    -----
    As `spline_filter1d`, along one axis after the other.

    References
    ----------
    `scipy.ndimage.spline_filter`.

    Examples
    --------
    >>> import torch
    >>> spline_filter(torch.tensor([[0.0, 1.0, 0.0]]), output=None)
    tensor([[-1.,  2., -1.]])
    """
    image = read_image("spline_filter", input)
    check_order("spline_filter", order, lowest=2)
    check_mode("spline_filter", mode)
    return _filter("spline_filter", image, order, tuple(range(image.dim())), output, mode)


def _filter(function: str, image: Tensor, order: int, axes: tuple[int, ...], output: Any, mode: str) -> Tensor:
    """The coefficients in the dtype asked for, in which they are computed too."""
    image = cast(function, image, output)
    if order < 2:
        return image
    return in_parts(lambda part, _: filtered(part, order, mode, axes), image, 0)


def map_coordinates(
    input: Tensor,
    coordinates: Tensor,
    output: torch.dtype | None = None,
    order: int = 3,
    mode: str = "constant",
    cval: complex = 0.0,
    prefilter: bool = True,
) -> Tensor:
    """An image at any points between its pixels, by spline interpolation.

    Parameters
    ----------
    input : Tensor with d dimensions
    coordinates : Tensor of shape (d, ...)
        In pixels; its first axis counts the axes of the image.
    output : torch.dtype, optional
        Dtype of the result; by default that of the input.
    order : int, default: 3
        Of the spline, from 0 (nearest pixel) to 5.
    mode : str, default: "constant"
        What lies beyond the border: "reflect" (or "grid-mirror"), "mirror", "nearest", "wrap",
        "grid-wrap", "constant", "grid-constant".
    cval : number, default: 0
        What lies there for the modes "constant" and "grid-constant".
    prefilter : bool, default: True
        False if `input` holds spline coefficients already.

    Returns
    -------
    Tensor of shape coordinates.shape[1:]

    Raises
    ------
    ArgumentError, ShapeError
        For an option that SciPy hasn't, or coordinates of another number of axes.

    Notes
    -----
    With ``c`` the coefficients and ``B`` the B-spline: ``f(x) = sum(c[k] * B(x - k))``, a product
    of ``B`` over the axes. The gradient of ``input`` is the transpose of this sum and of the
    prefilter; that of ``coordinates`` is ``sum(c[k] * B'(x - k))``, the derivative of the
    interpolant. ``B`` has ``order - 1`` continuous derivatives; at a knot the one that jumps is
    that of the piece to the right, and those beyond are zero. The jump of mode "constant" at
    the border isn't differentiated. Differentiable to any order in both.

    Computed in double precision, as SciPy does; complex images by parts.

    References
    ----------
    `scipy.ndimage.map_coordinates`; M. Unser, "Splines: a perfect fit for signal and image
    processing", IEEE Signal Processing Magazine 16 (1999) 22-38.

    Examples
    --------
    >>> import torch
    >>> image = torch.arange(12.0).reshape(3, 4)
    >>> points = torch.tensor([[0.5, 1.5], [1.0, 2.0]], requires_grad=True)
    >>> values = map_coordinates(image, points, order=1)
    >>> values.detach()
    tensor([3., 8.])
    >>> torch.autograd.grad(values.sum(), points)[0]
    tensor([[4., 4.],
            [1., 1.]])
    """
    name = "map_coordinates"
    image, points = read_image(name, input, rank=1), torch.as_tensor(coordinates, dtype=torch.float64)
    check_order(name, order)
    check_mode(name, mode)
    if points.dim() < 2 or points.shape[0] != image.dim():
        expected = f"shape ({image.dim()}, …), one coordinate for each axis of the image"
        raise ShapeError(name, "coordinates", expected, f"shape {tuple(points.shape)}", "coordinates stacked first")

    def sample(part: Tensor, beyond: float) -> Tensor:
        coefficients, padding = prepare(part, order, mode, beyond, prefilter)
        values = spline_sample(
            coefficients.flatten(),
            points.flatten(1) + padding if padding else points.flatten(1),
            shape=coefficients.shape,
            order=order,
            mode=mode,
            cval=beyond,
            derivative=(0,) * image.dim(),
        )
        return values.reshape(points.shape[1:])

    return cast(name, in_parts(sample, image, cval).to(image.dtype), output)


def prepare(
    image: Tensor, order: int, mode: str, cval: float, prefilter: bool, axes: tuple[int, ...] | None = None
) -> tuple[Tensor, int]:
    """Coefficients in double precision, and by how many pixels they go beyond the image at each border."""
    image = image.double()
    axes = tuple(range(image.dim())) if axes is None else axes
    return prefiltered(image, order, mode, cval, axes) if prefilter else (image, 0)
