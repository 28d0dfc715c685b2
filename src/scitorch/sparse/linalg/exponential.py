"""The exponential of a sparse matrix times columns, and its derivative in the stored values, without the exponential.

With ``L(A, E) b`` the derivative of ``exp(A) b`` along E, the stored values' gradient of ``gᴴ exp(A) b`` is

    G(A, b, g) = ∫₀¹ (exp(s Aᴴ) g) (exp((1 - s) A) b)ᴴ ds, on the pattern alone.

``L`` is a block of the exponential of ``[[A, E], [0, A]]``, and the derivatives of G along E are blocks of G of that
matrix. So two operators are each other's derivatives, to any order.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator, zero
from scitorch.core.errors import ArgumentError, LostGradientError
from scitorch.sparse.linalg.gather import broadcast
from scitorch.sparse.linalg.matrix import Matrix, columns_of, read_square, widened
from scitorch.sparse.linalg.pattern import Pattern, pattern_of

Array = NDArray[Any]

STEP, TERMS = 2.0, 28  # 1-norm and degree of one Taylor polynomial: what is left out, 2**29/29!, is below 1e-22


@operator("(nnz),(nnz),(nnz),(n,k)->(n,k)", real=("rows", "cols"))
def exponential_product(data: Array, rows: Array, cols: Array, b: Array, *, check: bool = True) -> Array:
    """The operator below `expm_multiply`: ``exp(A) B``."""
    pattern = _pattern(rows, cols, len(b), check)
    if pattern is None or not np.isfinite(data).all():
        return np.full_like(b, np.nan)
    return scipy.sparse.linalg.expm_multiply(pattern.csc(data), b) if b.size else np.empty_like(b)


@operator("(nnz),(nnz),(nnz),(n,k),(n,k)->(nnz)", real=("rows", "cols"))
def exponential_gradient(
    data: Array, rows: Array, cols: Array, b: Array, incoming: Array, *, check: bool = True
) -> Array:
    """The gradient G of the stored values, through Taylor polynomials of a chain of short steps."""
    pattern = _pattern(rows, cols, len(b), check)
    if pattern is None or not np.isfinite(data).all():
        return np.full_like(data, np.nan)
    if not data.size or not b.size:
        return np.zeros_like(data)
    matrix: Any = pattern.csc(data).tocsr()
    mean = matrix.trace() / len(b)  # a multiple of the identity, which commutes with all
    matrix = matrix - mean * scipy.sparse.eye_array(len(b), format="csr")
    steps = max(1, math.ceil(scipy.sparse.linalg.norm(matrix, 1) / STEP))
    return np.exp(np.conj(mean)) * _summed(matrix / steps, pattern, b, incoming, steps) / steps


def _pattern(rows: Array, cols: Array, n: int, check: bool) -> Pattern | None:
    """The pattern, or None if its places lie outside of the matrix and this is not to raise."""
    try:
        return pattern_of("expm_multiply", rows, cols, (n, n))
    except ArgumentError:
        if check:
            raise
        return None


def _summed(A: Any, pattern: Pattern, b: Array, g: Array, steps: int) -> Array:
    """The gradient of a product of `steps` Taylor polynomials of A, each step's in turn.

    A step ``Σ Aʲ b / j!`` has the gradient ``Σ h_l (Aˡ b / l!)ᴴ``, with ``h_l = (g + Aᴴ h_(l+1)) / (l + 1)``.
    """
    before = [b]
    for _ in range(steps - 1):
        before.append(np.sum(_terms(A, before[-1]), 0))
    adjoint = A.conj().T.tocsr()
    gradient = np.zeros(len(pattern.rows), b.dtype)
    while before:
        h = np.zeros_like(g)
        for l, term in reversed([*enumerate(_terms(A, before.pop()))]):
            h = (g + adjoint @ h) / (l + 1)
            gradient += np.einsum("pk,pk->p", h[pattern.rows], term[pattern.cols].conj())
        g = np.sum(_terms(adjoint, g), 0)
    return gradient


def _terms(A: Any, b: Array) -> list[Array]:
    """``Aʲ b / j!``."""
    terms = [b]
    for j in range(1, TERMS + 1):
        terms.append(A @ terms[-1] / j)
    return terms


def _block(rows: Tensor, cols: Tensor, data: Tensor, e: Tensor, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """The stored values, rows and columns of ``[[A, E], [0, A]]``."""
    data, e = broadcast(data, e)
    across = torch.cat([rows, rows, rows + n], -1), torch.cat([cols, cols + n, cols + n], -1)
    return torch.cat([data, e, data], -1), *across


exponential_product.vjp(
    b=lambda g, data, rows, cols, check: exponential_product(data.conj(), cols, rows, g, check=check),
    data=lambda g, data, rows, cols, b, check: exponential_gradient(data, rows, cols, b, g, check=check),
    rows=zero,
    cols=zero,
)


@exponential_gradient.vjp("data", "b", "incoming")
def _gradient_vjp(
    g: Tensor, data: Tensor, rows: Tensor, cols: Tensor, b: Tensor, incoming: Tensor, check: bool
) -> dict[str, Tensor]:
    n, nnz = b.shape[-2], data.shape[-1]
    # All is linear in g: of moderate size, it makes no chain of steps longer. What depends on the scale cancels.
    scale = g.abs().amax(-1, keepdim=True) if nnz else torch.ones_like(g)
    scale = torch.where(scale > 0, scale, 1.0)
    values, down, across = _block(rows, cols, data, g / scale, n)
    lower = torch.cat([torch.zeros_like(b), b], -2)
    upper = torch.cat([incoming, torch.zeros_like(incoming)], -2)
    parts = exponential_gradient(values, down, across, lower, upper, check=check)
    return {
        "data": scale * (parts[..., :nnz] + parts[..., 2 * nnz :]),
        "b": scale[..., None] * exponential_product(values.conj(), across, down, upper, check=check)[..., n:, :],
        "incoming": scale[..., None] * exponential_product(values, down, across, lower, check=check)[..., :n, :],
    }


exponential_gradient.vjp(rows=zero, cols=zero)


def expm_multiply(
    A: Any,
    B: Tensor,
    start: float | None = None,
    stop: float | None = None,
    num: int | None = None,
    endpoint: bool | None = None,
    traceA: complex | None = None,  # noqa: ARG001  SciPy's, who asks for it where A is a function
) -> Tensor:
    """Exponential of a sparse matrix, or of its multiples, times a vector or several, without the exponential.

    Parameters
    ----------
    A : sparse tensor of shape (n, n), or tuple (data, indices, indptr, (n, n))
        As in `spsolve`.
    B : Tensor of shape (n,), (..., n) or (..., n, k)
        As in `spsolve`.
    start, stop : float, optional
        First and last time t, for ``exp(t A) B`` at several times; without them t is 1.
    num : int, optional
        How many times there are, at least 2; by default 50.
    endpoint : bool, optional
        Whether `stop` is one of them, as by default.
    traceA : complex, optional
        The trace of A. It is known here, and not looked at.

    Returns
    -------
    Tensor of B's shape
        In the promoted dtype, preceded by a dimension of times if there are several; float32 is worked on in float64.

    Raises
    ------
    ArgumentError
        If one of `start` and `stop` is given alone, or fewer than 2 times.
    LostGradientError
        If a time is a tensor: a derivative with respect to it would be lost.

    Notes
    -----
    B gets ``exp(t Aᴴ) g``, the stored value at (i, j) element (i, j) of ``∫₀ᵗ exp(s Aᴴ) g (exp((t - s) A) B)ᴴ ds``: of
    a chain of Taylor polynomials of steps of norm 2 and degree 28, which leave out less than 1e-22, the derivative is
    exact, at the cost of two such chains and the memory of as many vectors as steps. Differentiable to any order.
    Several times are reached step by step.

    References
    ----------
    `scipy.sparse.linalg.expm_multiply`; A. H. Al-Mohy, N. J. Higham, SIAM J. Sci. Comput. 33 (2011), 488-511; the
    derivative's block: SIAM J. Matrix Anal. Appl. 30 (2009), 1639-1657.

    Examples
    --------
    >>> import torch
    >>> A = torch.tensor([[0.0, 1.0], [0.0, 0.0]]).to_sparse_csr()
    >>> expm_multiply(A, torch.tensor([1.0, 2.0]))
    tensor([3., 2.])
    >>> expm_multiply(A, torch.tensor([1.0, 2.0]), start=0, stop=2, num=3)
    tensor([[1., 2.],
            [3., 2.],
            [5., 2.]])
    """
    matrix = read_square("expm_multiply", A)
    columns, flat = columns_of("expm_multiply", matrix, B, "B")
    working, common = widened(matrix.data, B)
    matrix, columns = matrix.to(working), columns.to(working)
    if start is stop is num is endpoint is None:
        results = _product(matrix, columns)
    else:
        first, step, count = _times(start, stop, num, endpoint)
        results = [_product(matrix, columns, first)]
        for _ in range(count - 1):
            results.append(_product(matrix, results[-1], step))
        results = torch.stack(results)
    return (results[..., 0] if flat else results).to(common)


def _product(matrix: Matrix, columns: Tensor, t: float = 1.0) -> Tensor:
    return columns if t == 0 else exponential_product(t * matrix.data, matrix.rows, matrix.cols, columns)


def _times(start: Any, stop: Any, num: Any, endpoint: Any) -> tuple[float, float, int]:
    """The first time, the step and the number of times."""
    for name, value in (("start", start), ("stop", stop)):
        if isinstance(value, Tensor):
            raise LostGradientError("expm_multiply", name, "a number", "a tensor", "A with its data times it")
        if value is None:
            raise ArgumentError("expm_multiply", name, "start and stop, or neither", "one alone", "start=0")
    count = 50 if num is None else int(num)
    if count < 2:
        raise ArgumentError("expm_multiply", "num", "at least two times", f"{num}", "expm_multiply of t times A")
    return float(start), float(stop - start) / (count - (endpoint is not False)), count


def _sample(rng: np.random.Generator, *batch: int, whole: bool = False) -> list[Array]:
    rows, cols = np.array([0.0, 1, 1, 0]), np.array([1.0, 0, 1, 0])
    data = rng.normal(size=(*batch, 4)) + (1j * rng.normal(size=4) if whole else 0)
    return [data, rows, cols, rng.normal(size=(*batch[1:], 2, 1)) + (1j * rng.normal(size=(2, 1)) if whole else 0)]


exponential_product.samples(
    lambda rng: [Sample(*_sample(rng, 2, 1), check=False), Sample(*_sample(rng, whole=True), check=False)]
)
exponential_gradient.samples(
    lambda rng: [
        Sample(*_sample(rng, 2, 1), rng.normal(size=(2, 1)), check=False),
        Sample(*_sample(rng, whole=True), rng.normal(size=(2, 1)) + 0j, check=False),
    ]
)
