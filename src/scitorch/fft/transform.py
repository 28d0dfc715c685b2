"""The one operator beneath all discrete cosine and sine transforms, and what the public functions share."""

import operator as arithmetic
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.fft
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator
from scitorch.core.errors import ArgumentError, ShapeError

Array = NDArray[Any]

_TRANSPOSED_TYPE = {1: 1, 2: 3, 3: 2, 4: 4}
# An inverse transform is a forward one, of the transposed type and scaled at the other end.
_OPPOSITE = {"backward": "forward", "ortho": "ortho", "forward": "backward"}


@operator("(n)->(n)", batch="native")
def trigonometric_transform(
    x: Array,
    *,
    family: str,
    type: int,
    norm: str = "backward",
    orthogonalize: bool = False,
    transposed: bool = False,
    workers: int | None = None,
) -> Array:
    """Discrete cosine or sine transform along the last dimension, or its transpose.

    Parameters
    ----------
    x : Tensor of shape (..., n)
        Real, or complex (transformed in both parts).
    family : {"cosine", "sine"}
    type : {1, 2, 3, 4}
    norm : {"backward", "ortho", "forward"}
        Scaling of the transform: by 1, by ``1 / sqrt(L)`` or by ``1 / L``, with L the logical length.
    orthogonalize : bool
        Whether the end terms are rescaled by the square root of two, so that the matrix is orthogonal up to a factor.
    transposed : bool
        Whether to multiply by the transposed matrix instead.
    workers : int, optional
        Threads over the batch.

    Returns
    -------
    Tensor of shape (..., n)

    Notes
    -----
    The transform is a matrix M, so that ``x`` gets ``Mᵀ g``: the same operator, transposed. Of the matrices of types
    2 and 3 one is the other's transpose, and those of types 1 and 4 are symmetric, except for the weights of the end
    terms: with E doubling the first term (for sine transforms the last; for the cosine transform of type 1 both ends),

    - ``M₂ᵀ = M₃ E``,
    - ``M₃ᵀ = E⁻¹ M₂``,
    - ``M₁ᵀ = E⁻¹ M₁ E`` for the cosine transform.

    `orthogonalize` puts ``E^½`` on the side where it makes all of these hold without E.

    References
    ----------
    `scipy.fft.dct`, `scipy.fft.dst`; G. Strang, "The Discrete Cosine Transform", SIAM Review 41 (1999).

    Examples
    --------
    >>> import torch
    >>> trigonometric_transform(torch.tensor([1.0, 1.0]), family="cosine", type=2)
    tensor([4., 0.])
    """
    if x.dtype.kind == "c":  # SciPy drops `orthogonalize` for complex input
        form = {"norm": norm, "orthogonalize": orthogonalize, "transposed": transposed, "workers": workers}
        parts = (
            trigonometric_transform.kernel(part, family=family, type=type, **form) for part in (np.real(x), np.imag(x))
        )
        return np.stack(tuple(parts), -1).view(x.dtype)[..., 0]
    function: Any = scipy.fft.dct if family == "cosine" else scipy.fft.dst
    number = _TRANSPOSED_TYPE[type] if transposed else type
    result = function(x, number, norm=norm, orthogonalize=orthogonalize, workers=workers)
    ends = _weighted_ends(family, type) if transposed and not orthogonalize else []
    if type in (1, 2):
        # M E x = M x + M (E - 1) x: no copy of x is made to be weighted, whose fresh memory would cost more than M.
        for end in ends:
            term = x[..., [end]] * _column_scale(number, x.shape[-1], norm)
            if end:  # of alternating signs
                result[..., ::2] += term
                result[..., 1::2] -= term
            else:
                result += term
    if type in (1, 3):
        result[..., ends] /= 2
    return result


def _column_scale(type: int, n: int, norm: str) -> float:
    """Size of the entries, of one sign or of alternating signs, in the column of a weighted end."""
    length = 2 * (n - 1) if type == 1 else 2 * n
    return {"backward": 1.0, "ortho": length**-0.5, "forward": 1 / length}[norm]


def _weighted_ends(family: str, type: int) -> list[int]:
    """The terms whose weight spoils the symmetry."""
    if type in (2, 3):
        return [0] if family == "cosine" else [-1]
    return [0, -1] if family == "cosine" and type == 1 else []


@trigonometric_transform.vjp
def _transpose(
    g: Tensor, family: str, type: int, norm: str, orthogonalize: bool, transposed: bool, workers: int | None
) -> dict[str, Tensor]:
    flipped = trigonometric_transform(
        g,
        family=family,
        type=type,
        norm=norm,
        orthogonalize=orthogonalize,
        transposed=not transposed,
        workers=workers,
    )
    return {"x": flipped}


def check_form(name: str, type: int, norm: str | None) -> None:
    """Refuse a type or a scaling that SciPy hasn't."""
    if type not in _TRANSPOSED_TYPE:
        raise ArgumentError(name, "type", "1, 2, 3 or 4", repr(type))
    if norm not in (None, *_OPPOSITE):
        raise ArgumentError(name, "norm", '"backward", "ortho", "forward" or None', repr(norm))


def transform_axes(
    name: str,
    x: Tensor,
    type: int,
    sizes: Sequence[int],
    axes: Sequence[int],
    norm: str | None,
    workers: int | None,
    orthogonalize: bool | None,
) -> Tensor:
    """The transform called `name` ("dct", "idstn", …) along several axes, cropped or padded to these sizes."""
    check_form(name, type, norm)
    scaling = norm or "backward"
    inverse = name.startswith("i")
    for axis, size in zip(axes, sizes, strict=True):
        last = axis in (-1, x.dim() - 1)  # moved nowhere, it would be two nodes of the graph for nothing
        moved = trigonometric_transform(
            _resized(name, x if last else x.movedim(axis, -1), size),
            family="cosine" if "dct" in name else "sine",
            type=_TRANSPOSED_TYPE[type] if inverse else type,
            norm=_OPPOSITE[scaling] if inverse else scaling,
            orthogonalize=scaling == "ortho" if orthogonalize is None else orthogonalize,
            workers=workers,
        )
        x = moved if last else moved.movedim(-1, axis)
    return x


def _resized(name: str, x: Tensor, size: int) -> Tensor:
    """The last dimension cropped, or padded with zeros."""
    if size < 1:
        raise ShapeError(name, "n", "at least one point", f"{size}")
    length = x.shape[-1]
    return x if size == length else x.narrow(-1, 0, size) if size < length else F.pad(x, (0, size - length))


def sizes_and_axes(
    name: str, x: Tensor, s: int | Sequence[int] | None, axes: int | Sequence[int] | None
) -> tuple[list[int], list[int]]:
    """What `s` and `axes` mean: all axes by default, the last ones where only sizes are given; -1 keeps a size."""
    given = None if s is None else _whole_numbers(s)
    if axes is None:
        count = x.dim() if given is None else len(given)
        if count > x.dim():
            raise ShapeError(name, "s", f"at most {x.dim()} sizes", f"{count}")
        chosen = list(range(x.dim() - count, x.dim()))
    else:
        chosen = [axis + x.dim() if axis < 0 else axis for axis in _whole_numbers(axes)]
    if any(not 0 <= axis < x.dim() for axis in chosen) or len(set(chosen)) < len(chosen):
        raise ArgumentError(name, "axes", f"different axes of {x.dim()} dimensions", f"{axes}")
    if given is not None and len(given) != len(chosen):
        raise ShapeError(name, "s", f"one size for each of {len(chosen)} axes", f"{len(given)}")
    sizes = [x.shape[axis] for axis in chosen]
    return [old if new == -1 else new for old, new in zip(sizes, given or sizes, strict=True)], chosen


def _whole_numbers(value: int | Sequence[int]) -> list[int]:
    return [arithmetic.index(item) for item in value] if isinstance(value, Sequence) else [arithmetic.index(value)]


trigonometric_transform.samples(
    lambda rng: [
        Sample(rng.normal(size=(2, 3)), family="sine", type=3, norm="ortho", orthogonalize=False),
        Sample(rng.normal(size=4) + 1j * rng.normal(size=4), family="cosine", type=1, norm="forward", transposed=True),
        Sample(rng.normal(size=3), family="cosine", type=2, norm="ortho", orthogonalize=True, workers=1),
    ]
)
