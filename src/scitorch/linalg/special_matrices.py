"""Toeplitz and circulant matrices, and Toeplitz systems."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator
from scitorch.linalg.banded import columns

Array = NDArray[Any]


def toeplitz(c: Tensor, r: Tensor | None = None) -> Tensor:
    """Matrix with constant diagonals, from its first column and its first row.

    Parameters
    ----------
    c : Tensor of shape (..., m)
        The first column.
    r : Tensor of shape (..., n), optional
        The first row, of which the first element is not used (its gradient is zero); by default ``conj(c)``.

    Returns
    -------
    Tensor of shape (..., m, n)
        ``out[i, j] = c[i-j]`` for i >= j, else ``r[j-i]``, in the promoted dtype.

    Notes
    -----
    Linear: each element's gradient is the sum over its diagonal. Written in torch operations, it runs on every device
    and has every derivative.

    References
    ----------
    `scipy.linalg.toeplitz`.

    Examples
    --------
    >>> import torch
    >>> toeplitz(torch.tensor([1, 2, 3]), torch.tensor([1, 4]))
    tensor([[1, 4],
            [2, 1],
            [3, 2]])
    """
    c = torch.atleast_1d(c)
    r = c.conj() if r is None else torch.atleast_1d(r)
    batch = torch.broadcast_shapes(c.shape[:-1], r.shape[:-1])
    m, n = c.shape[-1], r.shape[-1]
    values = torch.cat((c.flip(-1).expand(*batch, m), r[..., 1:].expand(*batch, max(n - 1, 0))), -1)
    return values[..., _diagonals(m, n, c.device)]


def circulant(c: Tensor) -> Tensor:
    """Matrix whose columns are the first one, shifted round by one element each.

    Parameters
    ----------
    c : Tensor of shape (..., n)
        The first column.

    Returns
    -------
    Tensor of shape (..., n, n)
        ``out[i, j] = c[(i - j) % n]``, in the dtype of `c`.

    Notes
    -----
    Linear: each element's gradient is the sum over its diagonals. Written in torch operations, it runs on every device
    and has every derivative.

    References
    ----------
    `scipy.linalg.circulant`.

    Examples
    --------
    >>> import torch
    >>> circulant(torch.tensor([1, 2, 3]))
    tensor([[1, 3, 2],
            [2, 1, 3],
            [3, 2, 1]])
    """
    c = torch.atleast_1d(c)
    steps = torch.arange(c.shape[-1], device=c.device)
    return c[..., (steps[:, None] - steps) % max(c.shape[-1], 1)]


def _diagonals(m: int, n: int, device: torch.device) -> Tensor:
    """The number of the diagonal that each element is on, from the lower left corner."""
    return torch.arange(n, device=device) - torch.arange(m, device=device)[:, None] + m - 1


@operator("(n),(n),(n,k)->(n,k)", name="solve_toeplitz")
def toeplitz_solve(c: Array, r: Array, b: Array, *, check_finite: bool = True) -> Array:
    """The operator below `solve_toeplitz`, for a matrix of right-hand sides."""
    return scipy.linalg.solve_toeplitz((c, r), b, check_finite=check_finite)


@toeplitz_solve.vjp
def _toeplitz_vjp(g: Tensor, c: Tensor, r: Tensor, out: Tensor, check_finite: bool) -> dict[str, Tensor]:
    n = c.shape[-1]
    # The adjoint has conj(r) as its first column, with the corner from c, which SciPy takes from the first column.
    shape = torch.broadcast_shapes(c.shape, r.shape)
    c, r = c.expand(shape), r.expand(shape)
    column = torch.cat((c[..., :1], r[..., 1:]), -1)
    w = toeplitz_solve(column.conj(), c.conj(), g, check_finite=check_finite)
    product = -(w @ out.mH)
    sums = product.new_zeros((*product.shape[:-2], 2 * n - 1))
    flat = product.reshape(*product.shape[:-2], n * n)
    sums = sums.index_add(-1, _diagonals(n, n, c.device).flatten(), flat)
    return {"c": sums[..., :n].flip(-1), "r": torch.cat((torch.zeros_like(sums[..., :1]), sums[..., n:]), -1), "b": w}


def solve_toeplitz(c_or_cr: Tensor | tuple[Tensor, Tensor], b: Tensor, check_finite: bool = True) -> Tensor:
    """Solution ``x`` of ``T @ x = b`` for a Toeplitz matrix, by Levinson's recursion.

    Parameters
    ----------
    c_or_cr : Tensor of shape (..., n), or a tuple of two
        The first column, or the first column and the first row of the matrix; without a row it is the column's
        conjugate. The first element of the row is not used, and its gradient is zero.
    b : Tensor of shape (n,) or (..., n, k)
    check_finite : bool, optional
        Whether to raise for infinities and NaN.

    Returns
    -------
    Tensor of shape (n,) or (..., n, k)
        In the promoted dtype.

    Raises
    ------
    KernelError
        If a leading minor is singular.

    Notes
    -----
    With ``w`` the solution of ``Tᴴ w = g``: `b` gets ``w``, and the elements of the column and of the row get the sums
    of ``-w xᴴ`` over their diagonals. Differentiable to any order in all. The recursion asks for nonsingular leading
    minors and is less stable than a general solver.

    References
    ----------
    `scipy.linalg.solve_toeplitz`.

    Examples
    --------
    >>> import torch
    >>> solve_toeplitz(torch.tensor([2.0, 1.0, 0.0]), torch.tensor([4.0, 8.0, 8.0]))
    tensor([1., 2., 3.])
    """
    c, r = c_or_cr if isinstance(c_or_cr, tuple) else (c_or_cr, c_or_cr.conj())
    return columns(lambda b: toeplitz_solve(c, r, b, check_finite=check_finite), b)


def _dominant(rng: np.random.Generator, *shape: int) -> Array:
    column = 0.4 * rng.normal(size=shape)
    column[..., 0] += 2
    return column


toeplitz_solve.samples(
    lambda rng: [
        Sample(_dominant(rng, 2, 1, 3), 0.4 * rng.normal(size=3), rng.normal(size=(3, 2))),
        Sample(
            _dominant(rng, 3) + 0.4j * rng.normal(size=3),
            0.4 * rng.normal(size=3) + 0.4j * rng.normal(size=3),
            rng.normal(size=(3, 1)) + 1j * rng.normal(size=(3, 1)),
            check_finite=False,
        ),
    ]
)
