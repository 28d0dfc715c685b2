"""Images moved by affine maps: `affine_transform`, `shift`, `zoom`."""

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from scitorch.core.errors import ArgumentError, ShapeError

from .affine_sampling import affine_sample, places_of
from .arguments import cast, check_mode, check_order, for_each_axis, in_parts, number, read_image, sizes, value_of
from .interpolation import map_coordinates, prepare


def affine_transform(
    input: Tensor,
    matrix: Tensor,
    offset: Tensor | float | Sequence[float] = 0.0,
    output_shape: Sequence[int] | None = None,
    output: torch.dtype | None = None,
    order: int = 3,
    mode: str = "constant",
    cval: complex = 0.0,
    prefilter: bool = True,
) -> Tensor:
    """An image seen through an affine map of the coordinates.

    Parameters
    ----------
    input : Tensor with d dimensions
    matrix : Tensor of shape (d, e), (d,), (d + 1, d + 1) or (d, d + 1)
        From coordinates in the result to coordinates in the image, in pixels: a matrix, the
        diagonal of one, or a homogeneous matrix with or without its last row. The last column
        of a homogeneous matrix takes the place of `offset`.
    offset : Tensor of shape (d,), number or sequence, default: 0
        In pixels.
    output_shape : sequence of e int, optional
        By default that of the input.
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
    Tensor of shape output_shape

    Raises
    ------
    ArgumentError, ShapeError
        For an option that SciPy hasn't, a matrix of another shape, or a homogeneous one whose
        last row isn't (0, …, 0, 1), where its values can be seen.

    Notes
    -----
    ``out[o] = f(matrix @ o + offset)`` with ``f`` the interpolant of `map_coordinates`, whose
    derivatives these are: with ``g`` the incoming gradient and ``∇f`` the interpolant's,
    ``offset`` gets the sum of ``g[o] ∇f``, ``matrix`` that of ``g[o] ∇f oᵀ``. The last row of a
    homogeneous matrix gets zero. Differentiable to any order in input, matrix and offset.

    References
    ----------
    `scipy.ndimage.affine_transform`.

    Examples
    --------
    >>> import torch
    >>> line = torch.tensor([0.0, 1.0, 4.0, 9.0])
    >>> affine_transform(line, torch.tensor([0.5]), order=1)
    tensor([0.0000, 0.5000, 1.0000, 2.5000])
    """
    name = "affine_transform"
    image = read_image(name, input, rank=1)
    linear, translation = _read_map(name, image.dim(), matrix, offset)
    shape = tuple(image.shape) if output_shape is None else sizes(output_shape)
    rank = image.dim() if linear.dim() == 1 else linear.shape[1]
    if len(shape) != rank or not shape:
        raise ShapeError(name, "output_shape", f"{rank} sizes, one for each column", f"{shape}", "output_shape=…")
    options: dict[str, Any] = {"order": order, "mode": mode, "cval": cval, "prefilter": prefilter}
    return cast(name, transformed(name, image, linear, translation, shape, **options), output)


def _read_map(function: str, rank: int, matrix: Any, offset: Any) -> tuple[Tensor, Tensor]:
    """Matrix or diagonal, and offset, in double precision."""
    matrix = torch.as_tensor(matrix, dtype=torch.float64)
    if matrix.dim() == 2 and matrix.shape[1] == rank + 1 and matrix.shape[0] in (rank, rank + 1):
        row = value_of(matrix[rank]) if matrix.shape[0] > rank else None
        if row is not None and row != [0.0] * rank + [1.0]:
            raise ArgumentError(function, "matrix", "a last row (0, …, 0, 1)", f"{row}", "matrix[:-1]")
        return matrix[:rank, :rank], matrix[:rank, rank]
    if matrix.dim() not in (1, 2) or matrix.shape[0] != rank:
        expected = f"one row for each of {rank} dimensions, or a homogeneous matrix"
        raise ShapeError(function, "matrix", expected, f"shape {tuple(matrix.shape)}", "another matrix")
    return matrix, one_an_axis(function, "offset", offset, rank, like=matrix)


def one_an_axis(function: str, name: str, value: Any, rank: int, like: Tensor | None = None) -> Tensor:
    """A vector with one number an axis, in double precision; gradients reach each of them."""
    if not isinstance(value, Tensor):
        parts = for_each_axis(function, name, value, rank)
        device = None if like is None else like.device
        value = torch.stack([torch.as_tensor(x, dtype=torch.float64, device=device) for x in parts])
    if value.dim() > 1 or (value.dim() == 1 and value.shape[0] != rank):
        raise ShapeError(function, name, f"one number, or {rank}", f"shape {tuple(value.shape)}", "one for each axis")
    return value.double().expand(rank)


def transformed(
    function: str,
    image: Tensor,
    matrix: Tensor,
    offset: Tensor,
    output_shape: tuple[int, ...],
    *,
    order: int,
    mode: str,
    cval: complex,
    prefilter: bool,
) -> Tensor:
    """`affine_transform` of the trailing dimensions, as many as the matrix has rows."""
    check_order(function, order)
    check_mode(function, mode)
    rank = matrix.shape[0]
    lead = image.dim() - rank

    def sample(part: Tensor, beyond: float) -> Tensor:
        coefficients, padding = prepare(part, order, mode, beyond, prefilter, tuple(range(lead, image.dim())))
        values = affine_sample(
            coefficients.flatten(lead),
            matrix if matrix.dim() == 2 else matrix[:, None],
            offset + padding,
            shape=coefficients.shape[lead:],
            output_shape=output_shape,
            order=order,
            mode=mode,
            cval=beyond,
            diagonal=matrix.dim() == 1,
        )
        return values.reshape(*image.shape[:lead], *output_shape)

    return in_parts(sample, image, cval).to(image.dtype)


def shift(
    input: Tensor,
    shift: Tensor | float | Sequence[float],
    output: torch.dtype | None = None,
    order: int = 3,
    mode: str = "constant",
    cval: complex = 0.0,
    prefilter: bool = True,
) -> Tensor:
    """An image moved along its axes, by any fraction of a pixel.

    Parameters
    ----------
    input : Tensor with d dimensions
    shift : Tensor of shape (d,), number or sequence
        In pixels, towards higher indices.
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
    Tensor of the same shape

    Raises
    ------
    ArgumentError, ShapeError
        For an option that SciPy hasn't, or another number of shifts.

    Notes
    -----
    ``out[o] = f(o - shift)`` with ``f`` the interpolant of `map_coordinates`: ``shift`` gets the
    sum of ``-g[o] ∇f``. Differentiable to any order in input and shift.

    References
    ----------
    `scipy.ndimage.shift`.

    Examples
    --------
    >>> import torch
    >>> shift(torch.tensor([1.0, 2.0, 3.0]), 0.5, order=1, mode="nearest")
    tensor([1.0000, 1.5000, 2.5000])
    """
    image = read_image("shift", input, rank=1)
    offset = -one_an_axis("shift", "shift", shift, image.dim())
    options: dict[str, Any] = {"order": order, "mode": mode, "cval": cval, "prefilter": prefilter}
    moved = transformed("shift", image, torch.ones_like(offset), offset, tuple(image.shape), **options)
    return cast("shift", moved, output)


def zoom(
    input: Tensor,
    zoom: float | Sequence[float],
    output: torch.dtype | None = None,
    order: int = 3,
    mode: str = "constant",
    cval: complex = 0.0,
    prefilter: bool = True,
    *,
    grid_mode: bool = False,
) -> Tensor:
    """An image resampled to another size.

    Parameters
    ----------
    input : Tensor with d dimensions
    zoom : float or sequence of d floats
        Factors; a size becomes the nearest integer to its multiple.
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
    grid_mode : bool, default: False
        Whether the image reaches from edge to edge of its outermost pixels, and not from
        centre to centre.

    Returns
    -------
    Tensor
        Of shape ``round(input.shape * zoom)``.

    Raises
    ------
    LostGradientError
        For a tensor as factor, since it decides on the shape.
    ArgumentError, ShapeError
        For an option that SciPy hasn't, or another number of factors.

    Warns
    -----
    UserWarning
        If ``grid_mode`` meets the mode "constant" or "wrap", as SciPy does.

    Notes
    -----
    Linear in ``input``, whose gradient is the transpose; differentiable to any order. A factor
    that is differentiated, with a fixed output shape, is `affine_transform`'s.

    References
    ----------
    `scipy.ndimage.zoom`.

    Examples
    --------
    >>> import torch
    >>> zoom(torch.tensor([1.0, 2.0, 3.0]), 5 / 3, order=1)
    tensor([1.0000, 1.5000, 2.0000, 2.5000, 3.0000])
    """
    image = read_image("zoom", input, rank=1)
    check_order("zoom", order)
    check_mode("zoom", mode)
    advice = "zoom.item(), or affine_transform with output_shape=… if it is differentiated"
    given = [zoom] * image.dim() if isinstance(zoom, Tensor) else for_each_axis("zoom", "zoom", zoom, image.dim())
    factors = [number("zoom", "zoom", factor, advice) for factor in given]
    if prefilter and all(factor == 1 for factor in factors):
        return cast("zoom", image.clone(), output)
    shape = tuple(round(n * factor) for n, factor in zip(image.shape, factors, strict=True))
    margin = 0 if grid_mode else 1
    steps = [(n - margin) / (m - margin) if m != margin else 1.0 for n, m in zip(image.shape, shape, strict=True)]
    matrix = torch.tensor(steps, dtype=torch.float64, device=image.device)
    options: dict[str, Any] = {"order": order, "mode": mode, "cval": cval, "prefilter": prefilter}
    if not grid_mode:
        zoomed = transformed("zoom", image, matrix, torch.zeros_like(matrix), shape, **options)
        return cast("zoom", zoomed, output)
    if mode in ("constant", "wrap"):
        better = f"mode={'grid-' + mode!r} is meant for grid_mode=True, not mode={mode!r}"
        warnings.warn(better, stacklevel=2)
    points = (places_of(shape, matrix) + 0.5) * matrix[:, None] - 0.5
    return map_coordinates(image, points.unflatten(1, shape), output, **options)
