"""Linear systems with banded matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
import torch
from numpy.typing import NDArray
from scipy.linalg.lapack import get_lapack_funcs
from torch import Tensor

from scitorch.core import Sample, operator

Array = NDArray[Any]


@operator("(d,n),(n,k)->(n,k)", name="solve_banded")
def banded(ab: Array, b: Array, *, lower: int, upper: int, check_finite: bool = True, adjoint: bool = False) -> Array:
    """The operator below `solve_banded`, for a matrix of right-hand sides; or with the matrix's adjoint."""
    if not adjoint:
        return scipy.linalg.solve_banded((lower, upper), ab, b, check_finite=check_finite)
    if check_finite:  # of the matrix, the solution that this is a derivative of has made sure
        b = np.asarray_chkfinite(b)
    return _adjoint_solution(ab, b, lower, upper)


def _adjoint_solution(ab: Array, b: Array, lower: int, upper: int) -> Array:
    """What SciPy's solve_banded would call LAPACK for, had it an option for it: no row of `ab` is moved."""
    d, n = ab.shape
    if d != lower + upper + 1:
        raise ValueError(f"l+u+1 ({lower + upper + 1}) does not equal ab.shape[0] ({d})")
    if not b.size:
        return np.zeros_like(b)
    if lower == upper == 1 < n:
        conjugate = ab.conj() if ab.dtype.kind == "c" else ab
        (gtsv,) = get_lapack_funcs(("gtsv",), (ab, b))
        *_, x, info = gtsv(conjugate[0, 1:], conjugate[1], conjugate[2, :-1], b)
    else:
        gbtrf, gbtrs = get_lapack_funcs(("gbtrf", "gbtrs"), (ab, b))
        padded = np.zeros((lower + d, n), ab.dtype)
        padded[lower:] = ab
        factors, pivots, info = gbtrf(padded, lower, upper, overwrite_ab=True)
        x = b
        if info == 0:
            x, info = gbtrs(factors, lower, upper, b, pivots, trans=2)
    if info:
        raise np.linalg.LinAlgError("singular matrix")
    return x


@banded.vjp
def _banded_vjp(
    g: Tensor, ab: Tensor, out: Tensor, lower: int, upper: int, check_finite: bool, adjoint: bool
) -> dict[str, Tensor]:
    w = banded(ab, g, lower=lower, upper=upper, check_finite=check_finite, adjoint=not adjoint)
    left, right = (out, w) if adjoint else (w, out)
    return {"ab": _band_of_product(-left, right, ab.shape[-2], upper), "b": w}


# Row r of the diagonal ordered form holds the elements (i, j) with i = j + r - upper: shifts of whole rows do what
# gathers of single elements would do several times more slowly.


def _band_of_product(w: Tensor, x: Tensor, d: int, upper: int) -> Tensor:
    """The diagonal ordered form of ``w xᴴ``, of which no more than the band is computed."""
    n, columns = w.shape[-2:]
    x = x.conj()
    pieces: list[Tensor] = []
    for s in range(-upper, d - upper):
        first, last = min(n, max(0, -s)), max(0, n - max(0, s))
        length = max(0, last - first)
        product = w.narrow(-2, min(n, max(0, s)), length) * x.narrow(-2, first, length)
        corner = product.new_zeros(()).expand(*product.shape[:-2], n - length)
        row = product.squeeze(-1) if columns == 1 else product.sum(-1)
        pieces += [corner.narrow(-1, 0, first), row, corner.narrow(-1, first, n - length - first)]
    band = torch.cat(pieces, -1)
    return band.reshape(*band.shape[:-1], d, n)


def solve_banded(
    l_and_u: tuple[int, int],
    ab: Tensor,
    b: Tensor,
    overwrite_ab: bool = False,  # noqa: ARG001  a permission that nothing needs
    overwrite_b: bool = False,  # noqa: ARG001  the same
    check_finite: bool = True,
) -> Tensor:
    """Solution ``x`` of ``a @ x = b`` for a banded matrix, in time linear in its size.

    Parameters
    ----------
    l_and_u : tuple of two ints
        How many diagonals below and above the main one are not zero.
    ab : Tensor of shape (..., l+u+1, n)
        The diagonals of the matrix, in rows: ``ab[u + i - j, j] = a[i, j]``. Corners that belong to no element are
        not used, and their gradient is zero.
    b : Tensor of shape (n,) or (..., n, k)
    overwrite_ab, overwrite_b : bool, optional
        Permissions that nothing makes use of: a tensor is never overwritten.
    check_finite : bool, optional
        Whether to raise for infinities and NaN, unused corners included.

    Returns
    -------
    Tensor of shape (n,) or (..., n, k)
        In the promoted dtype.

    Raises
    ------
    KernelError
        If the matrix is singular, or the number of rows of `ab` isn't ``l+u+1``.

    Notes
    -----
    With ``w`` the solution of ``aᴴ w = g``: `b` gets ``w``, and `ab` gets the band of ``-w xᴴ``. Differentiable to any
    order in both.

    References
    ----------
    `scipy.linalg.solve_banded`.

    Examples
    --------
    >>> import torch
    >>> ab = torch.tensor([[0.0, 1.0, 1.0], [2.0, 2.0, 2.0], [1.0, 1.0, 0.0]])
    >>> solve_banded((1, 1), ab, torch.tensor([4.0, 8.0, 8.0]))
    tensor([1.0000, 2.0000, 3.0000])
    """
    lower, upper = l_and_u
    return columns(lambda b: banded(ab, b, lower=lower, upper=upper, check_finite=check_finite), b)


def columns(solve: Callable[[Tensor], Tensor], b: Tensor) -> Tensor:
    """A vector goes through as a matrix of one column; what has more dimensions ends in columns, as SciPy has it."""
    return solve(b[:, None])[..., 0] if b.ndim == 1 else solve(b)


@operator("(d,n),(n,k)->(n,k)", name="solveh_banded")
def hermitian_banded(ab: Array, b: Array, *, lower: bool = False, check_finite: bool = True) -> Array:
    """The operator below `solveh_banded`, for a matrix of right-hand sides."""
    return scipy.linalg.solveh_banded(ab, b, lower=lower, check_finite=check_finite)


@hermitian_banded.vjp
def _hermitian_vjp(g: Tensor, ab: Tensor, out: Tensor, lower: bool, check_finite: bool) -> dict[str, Tensor]:
    w = hermitian_banded(ab, g, lower=lower, check_finite=check_finite)
    d = ab.shape[-2]
    upper = 0 if lower else d - 1
    # Each element off the main diagonal stands for its mirror image too: the band of -(w xᴴ + x wᴴ), of which the
    # main diagonal, counted twice, is real.
    both = _band_of_product(-w, out, d, upper) + _band_of_product(-out, w, d, upper)
    main = torch.arange(d, device=ab.device)[:, None] == upper
    return {"ab": torch.where(main, both / 2, both), "b": w}


def solveh_banded(
    ab: Tensor,
    b: Tensor,
    overwrite_ab: bool = False,  # noqa: ARG001  a permission that nothing needs
    overwrite_b: bool = False,  # noqa: ARG001  the same
    lower: bool = False,
    check_finite: bool = True,
) -> Tensor:
    """Solution ``x`` of ``a @ x = b`` for a positive definite Hermitian banded matrix.

    Parameters
    ----------
    ab : Tensor of shape (..., u+1, n)
        The main diagonal and those on one side of it, in rows: ``ab[u + i - j, j] = a[i, j]`` for i <= j, or, with
        `lower`, ``ab[i - j, j] = a[i, j]`` for i >= j. Corners that belong to no element, and imaginary parts of the
        main diagonal, are not used: their gradient is zero.
    b : Tensor of shape (n,) or (..., n, k)
    overwrite_ab, overwrite_b : bool, optional
        Permissions that nothing makes use of: a tensor is never overwritten.
    lower : bool, optional
        Whether `ab` holds the lower diagonals.
    check_finite : bool, optional
        Whether to raise for infinities and NaN, unused corners included.

    Returns
    -------
    Tensor of shape (n,) or (..., n, k)
        In the promoted dtype.

    Raises
    ------
    KernelError
        If the matrix is not positive definite.

    Notes
    -----
    With ``w`` the solution of ``a w = g``: `b` gets ``w``, and `ab` gets the upper (or lower) band of
    ``-(w xᴴ + x wᴴ)``, its main diagonal halved. Differentiable to any order in both.

    References
    ----------
    `scipy.linalg.solveh_banded`.

    Examples
    --------
    >>> import torch
    >>> ab = torch.tensor([[2.0, 2.0, 2.0], [1.0, 1.0, 0.0]])
    >>> solveh_banded(ab, torch.tensor([4.0, 8.0, 8.0]), lower=True)
    tensor([1.0000, 2.0000, 3.0000])
    """
    return columns(lambda b: hermitian_banded(ab, b, lower=lower, check_finite=check_finite), b)


def _bands(rng: np.random.Generator, *shape: int, main: int) -> Array:
    bands = 0.3 * rng.normal(size=shape)
    bands[..., main, :] += 2
    return bands


banded.samples(
    lambda rng: [
        Sample(_bands(rng, 2, 1, 3, 3, main=1), rng.normal(size=(3, 2)), lower=1, upper=1),
        Sample(
            _bands(rng, 3, 4, main=0) + 0.3j * rng.normal(size=(3, 4)),
            rng.normal(size=(4, 1)) + 1j * rng.normal(size=(4, 1)),
            lower=2,
            upper=0,
            check_finite=False,
        ),
        Sample(_bands(rng, 3, 3, main=1), rng.normal(size=(3, 1)), lower=1, upper=1, adjoint=True),
    ]
)
hermitian_banded.samples(
    lambda rng: [
        Sample(_bands(rng, 2, 1, 2, 3, main=1), rng.normal(size=(3, 2))),
        Sample(
            _bands(rng, 3, 4, main=0) + 0.3j * rng.normal(size=(3, 4)),
            rng.normal(size=(4, 1)) + 1j * rng.normal(size=(4, 1)),
            lower=True,
            check_finite=False,
        ),
    ]
)
