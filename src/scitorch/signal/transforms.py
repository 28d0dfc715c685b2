"""Convolution by Fourier transforms, whole and in overlapping blocks."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from scitorch.core.errors import ArgumentError, ShapeError

from .spectra import irfft, rfft
from .spectral import convolve_spectra


def fftconvolve(in1: Tensor, in2: Tensor, mode: str = "full", axes: int | Sequence[int] | None = None) -> Tensor:
    """Convolution of two tensors by Fourier transforms.

    Parameters
    ----------
    in1, in2 : Tensor
        Of the same number of dimensions.
    mode : {"full", "same", "valid"}, optional
        Wherever they overlap, the middle of that in the shape of ``in1``, or where one lies within the other.
    axes : int or sequence of int, optional
        Axes to convolve along, by default all. Along the others the two broadcast.

    Returns
    -------
    Tensor
        In the promoted dtype of the two; whole numbers become floats. Of shape (0,) where an input has no elements
        along one of the axes (SciPy: along any).

    Raises
    ------
    ArgumentError
        An unknown mode, or axes that are repeated, empty or not there.
    ShapeError
        Shapes that don't match where they must.

    Notes
    -----
    A product of transforms; derivatives to any order.

    References
    ----------
    `scipy.signal.fftconvolve`.

    Examples
    --------
    >>> import torch
    >>> fftconvolve(torch.ones(3), torch.ones(2)).round(decimals=4)
    tensor([1., 2., 2., 1.])
    """
    in1, in2 = in_one_dtype(in1, in2)
    check_dimensions("fftconvolve", in1, in2)
    if in1.dim() == 0:
        return in1 * in2
    chosen = _checked_axes("fftconvolve", in1.dim(), axes)
    if _is_empty_along(chosen, in1, in2):
        return (in1.flatten()[:0, None] * in2.flatten()[None, :0]).flatten()
    in1, in2, chosen = _prepared("fftconvolve", in1, in2, mode, chosen)
    whole = _product_of_transforms(in1, in2, chosen) if chosen else in1 * in2
    return cropped("fftconvolve", mode, whole, in1, in2, chosen)


def oaconvolve(in1: Tensor, in2: Tensor, mode: str = "full", axes: int | Sequence[int] | None = None) -> Tensor:
    """Convolution of two tensors by Fourier transforms of overlapping blocks of the longer one.

    Parameters
    ----------
    in1, in2 : Tensor
        Of the same number of dimensions.
    mode : {"full", "same", "valid"}, optional
        Wherever they overlap, the middle of that in the shape of ``in1``, or where one lies within the other.
    axes : int or sequence of int, optional
        Axes to convolve along, by default all. Along the others the two broadcast.

    Returns
    -------
    Tensor
        In the promoted dtype of the two; whole numbers become floats. Of shape (0,) where an input has no elements
        along one of the axes (SciPy: along any).

    Raises
    ------
    ArgumentError
        An unknown mode, or axes that are repeated, empty or not there.
    ShapeError
        Shapes that don't match where they must.

    Notes
    -----
    Faster than `fftconvolve` where one of the two is much longer. Along each axis where that is so, the longer one is
    cut into blocks, and what sticks out of a block's convolution is added to the next; derivatives to any order.

    References
    ----------
    `scipy.signal.oaconvolve`.

    Examples
    --------
    >>> import torch
    >>> oaconvolve(torch.ones(3), torch.ones(2)).round(decimals=4)
    tensor([1., 2., 2., 1.])
    """
    in1, in2 = in_one_dtype(in1, in2)
    check_dimensions("oaconvolve", in1, in2)
    if in1.dim() == 0 or in1.numel() == 0 or in2.numel() == 0:
        return fftconvolve(in1, in2, mode, axes)
    in1, in2, chosen = _prepared("oaconvolve", in1, in2, mode, _checked_axes("oaconvolve", in1.dim(), axes))
    if in1.dim() == 1 and chosen and _in_numpy(in1):
        long, short = max(in1.shape[0], in2.shape[0]), min(in1.shape[0], in2.shape[0])
        block = fast_length(_block_length(long, short))
        whole = convolve_spectra(in1[None], in2[None], block=block)[0]
    else:
        whole = _overlap_added(in1, in2, chosen) if chosen else in1 * in2
    return cropped("oaconvolve", mode, whole, in1, in2, chosen)


def in_one_dtype(*inputs: Tensor) -> list[Tensor]:
    """In one dtype; whole numbers in the default one."""
    dtype = inputs[0].dtype
    for x in inputs[1:]:
        dtype = torch.promote_types(dtype, x.dtype)
    if not (dtype.is_floating_point or dtype.is_complex):
        dtype = torch.get_default_dtype()
    return [x.to(dtype) for x in inputs]


def check_dimensions(name: str, in1: Tensor, in2: Tensor) -> None:
    """Refuse tensors of different numbers of dimensions."""
    if in1.dim() != in2.dim():
        raise ShapeError(name, "in1, in2", "the same number of dimensions", f"{in1.dim()} and {in2.dim()}")


def _checked_axes(name: str, count: int, axes: int | Sequence[int] | None) -> list[int]:
    given = list(range(count)) if axes is None else [axes] if isinstance(axes, int) else list(axes)
    chosen = [axis + count if axis < 0 else axis for axis in given]
    if not chosen or len(set(chosen)) < len(chosen) or any(not 0 <= axis < count for axis in chosen):
        raise ArgumentError(name, "axes", f"different axes of {count} dimensions", f"{axes}")
    return chosen


def _is_empty_along(axes: Sequence[int], *inputs: Tensor) -> bool:
    return any(x.shape[axis] == 0 for x in inputs for axis in axes)


def _prepared(name: str, in1: Tensor, in2: Tensor, mode: str, axes: Sequence[int]) -> tuple[Tensor, Tensor, list[int]]:
    """The two, the larger first where the mode asks for it, and the axes to transform."""
    chosen = [axis for axis in axes if in1.shape[axis] != 1 and in2.shape[axis] != 1]
    for axis in set(range(in1.dim())) - set(chosen):
        if in1.shape[axis] != in2.shape[axis] and 1 not in (in1.shape[axis], in2.shape[axis]):
            got = f"{tuple(in1.shape)} and {tuple(in2.shape)}"
            raise ShapeError(name, "in1, in2", f"sizes that broadcast along axis {axis}", got)
    return *larger_first(name, mode, in1, in2, chosen), chosen


def larger_first(name: str, mode: str, in1: Tensor, in2: Tensor, axes: Sequence[int]) -> tuple[Tensor, Tensor]:
    """The larger one first where the mode is "valid", for which one must lie within the other."""
    if mode not in ("full", "same", "valid"):
        raise ArgumentError(name, "mode", '"full", "same" or "valid"', repr(mode))
    if mode != "valid" or all(in1.shape[axis] >= in2.shape[axis] for axis in axes):
        return in1, in2
    if all(in1.shape[axis] <= in2.shape[axis] for axis in axes):
        return in2, in1
    got = f"{tuple(in1.shape)} and {tuple(in2.shape)}"
    raise ShapeError(name, "in1, in2", "one that is at least as large in every dimension", got)


def cropped(
    name: str, mode: str, whole: Tensor, in1: Tensor, in2: Tensor, axes: Sequence[int], *, late: bool = False
) -> Tensor:
    """The part of the full convolution that the mode asks for; `late` says which middle of an even length."""
    if mode == "full":
        return whole
    for axis in range(whole.dim()):
        n, k, size = in1.shape[axis], in2.shape[axis], whole.shape[axis]
        wanted = n if mode == "same" else n - k + 1 if axis in axes else size
        if wanted > size:
            raise ShapeError(name, "in1", f"at most {size} along axis {axis}", f"{n}")
        whole = whole.narrow(axis, (size - wanted + late) // 2, wanted)
    return whole


def _product_of_transforms(in1: Tensor, in2: Tensor, axes: list[int]) -> Tensor:
    sizes = [in1.shape[axis] + in2.shape[axis] - 1 for axis in axes]
    if in1.numel() == 0 or in2.numel() == 0:  # a batch of no items, which MKL refuses
        whole = in1.sum(axes, keepdim=True) * in2.sum(axes, keepdim=True)
        return whole.expand([sizes[axes.index(k)] if k in axes else n for k, n in enumerate(whole.shape)])
    if len(axes) == 2 and _in_numpy(in1):
        whole = convolve_spectra(in1.movedim(axes, (-2, -1)), in2.movedim(axes, (-2, -1)))
        return whole.movedim((-2, -1), axes)
    padded = [fast_length(size) for size in sizes]
    if in1.is_complex():
        whole = torch.fft.ifftn(torch.fft.fftn(in1, padded, axes) * torch.fft.fftn(in2, padded, axes), padded, axes)
    elif len(axes) == 1:
        product = rfft(in1.movedim(axes[0], -1), padded[0]) * rfft(in2.movedim(axes[0], -1), padded[0])
        whole = irfft(product, padded[0]).movedim(-1, axes[0])
    else:
        whole = torch.fft.irfftn(torch.fft.rfftn(in1, padded, axes) * torch.fft.rfftn(in2, padded, axes), padded, axes)
    for axis, size in zip(axes, sizes, strict=True):
        whole = whole.narrow(axis, 0, size)
    return whole.to(in1.dtype)  # the transforms of bfloat16 are float32's


def _in_numpy(x: Tensor) -> bool:
    """Whether the transforms are SciPy's."""
    return x.device.type == "cpu" and not x.is_complex()


def fast_length(size: int) -> int:
    """The next size without prime factors above 5, for which Fourier transforms are fast."""
    best = 1 << (size - 1).bit_length()
    for fives in (5**k for k in range(9)):
        for threes in (3**k for k in range(13)):
            odd = fives * threes
            if odd < best:
                best = min(best, odd << max(0, (-(-size // odd) - 1).bit_length()))
    return best


def _overlap_added(in1: Tensor, in2: Tensor, axes: list[int]) -> Tensor:
    """Cut the longer one along each axis into blocks, convolve them all at once, and add the overlaps."""
    count, sizes = in1.dim(), [n + k - 1 for n, k in zip(in1.shape, in2.shape, strict=True)]
    inputs, cuts = [in1, in2], {}
    # The blocks' number goes in front, as dimensions that broadcast.
    for axis in axes:
        n, k = in1.shape[axis], in2.shape[axis]
        step = _block_length(max(n, k), min(n, k)) - min(n, k) + 1
        if step < max(n, k):
            cuts[axis] = step
            longer = 0 if n >= k else 1
            blocks = -(-max(n, k) // step)
            x = inputs[longer]
            place = axis - count
            padding = [0, 0] * (-place - 1) + [0, blocks * step - max(n, k)]
            inputs[longer] = F.pad(x, padding).unflatten(place, (blocks, step)).movedim(place - 1, 0)
            inputs[1 - longer] = inputs[1 - longer][None]
    whole = _product_of_transforms(inputs[0], inputs[1], [axis - count for axis in axes])
    for axis, step in reversed(cuts.items()):
        place = axis - count
        # Blocks of a whole number of steps; the k-th step of each is added k blocks further on.
        parts = -(-whole.shape[place] // step)
        padding = [0, 0] * (-place - 1) + [0, parts * step - whole.shape[place]]
        blocks = F.pad(whole, padding).unflatten(place, (parts, step)).movedim(place - 1, 1)
        added = sum(F.pad(blocks[:, k], [0, 0] * (blocks.dim() - 2) + [k, parts - 1 - k]) for k in range(parts))
        assert isinstance(added, Tensor)
        whole = added.movedim(0, place - 1).flatten(place - 1, place).narrow(place, 0, sizes[axis])
    return whole


def _block_length(long: int, short: int) -> int:
    """The size of transform with the least work for each new sample: ``N log(2N) / (N - K)``, K the overlap."""
    if short >= long / 2:
        return long + short - 1
    best, least = long, math.inf
    for k in range(1, (2 * long // short).bit_length()):
        size = fast_length(short << k)
        work = size * math.log(2 * size) / (size - short + 1)
        if work < least:  # Dynamo knows no `min` by a key
            best, least = size, work
    return best if best < long else long + short - 1
