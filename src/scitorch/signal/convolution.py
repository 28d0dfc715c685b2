"""Convolution and correlation along all dimensions, and of matrices with boundaries."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from scitorch.core.errors import ArgumentError, ShapeError

from .direct import convolve_directly, convolve_full, correlate_valid
from .transforms import check_dimensions, cropped, fftconvolve, in_one_dtype, larger_first


def convolve(in1: Tensor, in2: Tensor, mode: str = "full", method: str = "auto") -> Tensor:
    """Convolution of two tensors of the same number of dimensions, along all of them.

    Parameters
    ----------
    in1, in2 : Tensor
        Neither is empty.
    mode : {"full", "same", "valid"}, optional
        Wherever they overlap, the middle of that in the shape of ``in1``, or where one lies within the other.
    method : {"auto", "direct", "fft"}, optional
        By sums of products, by Fourier transforms (`fftconvolve`), or by what is estimated to be faster.

    Returns
    -------
    Tensor
        In the promoted dtype of the two; whole numbers become floats.

    Raises
    ------
    ArgumentError
        An unknown mode or method.
    ShapeError
        Another number of dimensions, or neither lies within the other where "valid" asks for it.

    Notes
    -----
    ``out[i] = Σ in1[i-j] in2[j]``. Each gets the incoming gradient correlated with the other one; to any order.

    References
    ----------
    `scipy.signal.convolve`.

    Examples
    --------
    >>> import torch
    >>> convolve(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.0, 1.0, 0.5]), "same")
    tensor([1.0000, 2.5000, 4.0000])
    """
    in1, in2 = in_one_dtype(in1, in2)
    check_dimensions("convolve", in1, in2)
    if method not in ("auto", "direct", "fft"):
        raise ArgumentError("convolve", "method", '"auto", "direct" or "fft"', repr(method))
    axes = list(range(in1.dim()))
    in1, in2 = larger_first("convolve", mode, in1, in2, axes)
    if method == "fft" or (method == "auto" and _transforms_are_faster(in1, in2)):
        return fftconvolve(in1, in2, mode)
    if in1.numel() == 0 or in2.numel() == 0:
        raise ShapeError("convolve", "in1, in2", "tensors with elements", "an empty one")
    return cropped("convolve", mode, convolve_directly(in1, in2, in1.dim()), in1, in2, axes)


def correlate(in1: Tensor, in2: Tensor, mode: str = "full", method: str = "auto") -> Tensor:
    """Cross-correlation of two tensors of the same number of dimensions, along all of them.

    Parameters
    ----------
    in1, in2 : Tensor
        Neither is empty. ``in2`` is conjugated if it is complex.
    mode : {"full", "same", "valid"}, optional
        Wherever they overlap, the middle of that in the shape of ``in1``, or where one lies within the other.
    method : {"auto", "direct", "fft"}, optional
        By sums of products, by Fourier transforms, or by what is estimated to be faster.

    Returns
    -------
    Tensor
        In the promoted dtype of the two; whole numbers become floats.

    Raises
    ------
    ArgumentError
        An unknown mode or method.
    ShapeError
        Another number of dimensions, or neither lies within the other where "valid" asks for it.

    Notes
    -----
    ``out[i] = Σ in1[i+j] conj(in2[j])``, with lags from ``1 - len(in2)`` on in mode "full". It is the convolution
    with ``in2`` reversed and conjugated, and differentiated as that; to any order.

    References
    ----------
    `scipy.signal.correlate`.

    Examples
    --------
    >>> import torch
    >>> correlate(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.0, 1.0, 0.5]))
    tensor([0.5000, 2.0000, 3.5000, 3.0000, 0.0000])
    """
    return convolve(in1, _reversed_conjugate(in2), mode, method)


def _reversed_conjugate(x: Tensor) -> Tensor:
    return x.flip(list(range(x.dim()))).conj()


def _transforms_are_faster(in1: Tensor, in2: Tensor) -> bool:
    """An estimate: a product of the direct sum takes about as long as a twelfth of a transform's step."""
    direct = in1.numel() * in2.numel()
    size = math.prod(n + k - 1 for n, k in zip(in1.shape, in2.shape, strict=True))
    return direct > 50_000 + 12 * size * math.log2(size + 2)


def convolve2d(
    in1: Tensor, in2: Tensor, mode: str = "full", boundary: str = "fill", fillvalue: Tensor | float = 0
) -> Tensor:
    """Convolution of two matrices, with a boundary condition, by direct sums.

    Parameters
    ----------
    in1 : Tensor of shape (m, n)
    in2 : Tensor of shape (k, l)
    mode : {"full", "same", "valid"}, optional
        Wherever they overlap, the middle of that in the shape of ``in1``, or where one lies within the other.
    boundary : {"fill", "wrap", "symm"}, optional
        What is outside of ``in1``: a constant, ``in1`` again, or ``in1`` mirrored (its edges twice).
    fillvalue : Tensor without dimensions, or number, optional
        The constant.

    Returns
    -------
    Tensor
        In the promoted dtype of the two; whole numbers become floats.

    Raises
    ------
    ArgumentError
        An unknown mode or boundary.
    ShapeError
        Inputs that aren't matrices, are empty, or of which neither lies within the other where "valid" asks for it.

    Notes
    -----
    Differentiable in both matrices and in fillvalue, to any order: the boundary condition is a gather, and the rest
    bilinear.

    References
    ----------
    `scipy.signal.convolve2d`.

    Examples
    --------
    >>> import torch
    >>> convolve2d(torch.eye(2), torch.ones(2, 2), "same", "wrap")
    tensor([[2., 2.],
            [2., 2.]])
    """
    return _convolve_bounded("convolve2d", in1, in2, mode, boundary, fillvalue, late=False)


def correlate2d(
    in1: Tensor, in2: Tensor, mode: str = "full", boundary: str = "fill", fillvalue: Tensor | float = 0
) -> Tensor:
    """Cross-correlation of two matrices, with a boundary condition, by direct sums.

    Parameters
    ----------
    in1 : Tensor of shape (m, n)
    in2 : Tensor of shape (k, l)
        It is conjugated if it is complex.
    mode : {"full", "same", "valid"}, optional
        Wherever they overlap, the middle of that in the shape of ``in1``, or where one lies within the other.
    boundary : {"fill", "wrap", "symm"}, optional
        What is outside of ``in1``: a constant, ``in1`` again, or ``in1`` mirrored (its edges twice).
    fillvalue : Tensor without dimensions, or number, optional
        The constant.

    Returns
    -------
    Tensor
        In the promoted dtype of the two; whole numbers become floats.

    Raises
    ------
    ArgumentError
        An unknown mode or boundary.
    ShapeError
        Inputs that aren't matrices, are empty, or of which neither lies within the other where "valid" asks for it.

    Notes
    -----
    The convolution with ``in2`` reversed and conjugated, and differentiated as that; see `convolve2d`.

    References
    ----------
    `scipy.signal.correlate2d`.

    Examples
    --------
    >>> import torch
    >>> correlate2d(torch.arange(4.0).reshape(2, 2), torch.ones(1, 2), "valid")
    tensor([[1.],
            [5.]])
    """
    return _convolve_bounded("correlate2d", in1, _reversed_conjugate(in2), mode, boundary, fillvalue, late=True)


def _convolve_bounded(
    name: str, in1: Tensor, in2: Tensor, mode: str, boundary: str, fillvalue: Tensor | float, *, late: bool
) -> Tensor:
    if in1.dim() != 2 or in2.dim() != 2 or in1.numel() == 0 or in2.numel() == 0:
        got = f"shapes {tuple(in1.shape)} and {tuple(in2.shape)}"
        raise ShapeError(name, "in1, in2", "two matrices with elements", got)
    if boundary not in ("fill", "wrap", "symm"):
        raise ArgumentError(name, "boundary", '"fill", "wrap" or "symm"', repr(boundary))
    in1, in2 = in_one_dtype(in1, in2)
    in1, in2 = larger_first(name, mode, in1, in2, (0, 1))
    if mode == "valid":
        return correlate_valid(in1, _reversed_conjugate(in2))
    if boundary == "fill" and isinstance(fillvalue, (int, float, complex)) and fillvalue == 0:
        return cropped(name, mode, convolve_full(in1, in2), in1, in2, (0, 1), late=late)
    sizes = in1.shape
    padding = [in2.shape[axis] - 1 for axis in (0, 1)]
    if boundary == "fill":
        inside = F.pad(torch.ones_like(in1.real), [padding[1], padding[1], padding[0], padding[0]])
        outside = F.pad(in1, [padding[1], padding[1], padding[0], padding[0]])
        extended = torch.where(inside > 0, outside, fillvalue)
    else:
        extended = in1
        for axis, edge in enumerate(padding):
            place = torch.arange(-edge, sizes[axis] + edge, device=in1.device)
            if boundary == "symm":
                place = place.remainder(2 * sizes[axis])
                place = torch.minimum(place, 2 * sizes[axis] - 1 - place)
            extended = extended.index_select(axis, place.remainder(sizes[axis]))
    whole = convolve_full(extended, in2)
    whole = cropped(name, "valid", whole, extended, in2, (0, 1))
    return cropped(name, mode, whole, in1, in2, (0, 1), late=late)
