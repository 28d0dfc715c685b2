"""Some eigenvalues and eigenvectors of two sparse Hermitian matrices: ``A v = λ M v``."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse.linalg
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator, zero
from scitorch.sparse.linalg.arpack import hermitian_sample, searched
from scitorch.sparse.linalg.direct import lu_solve
from scitorch.sparse.linalg.gather import broadcast, outer_on_pattern, taken
from scitorch.sparse.linalg.pattern import pattern_of

Array = NDArray[Any]
Stored = tuple[Tensor, Tensor, Tensor]  # values, rows, columns
INDICES = ("rows", "cols", "M_rows", "M_cols")


@operator("(nnz),(nnz),(nnz),(mnz),(mnz),(mnz),(n)->(k),(n,k)", real=INDICES, dtype=("real", None))
def generalized_eigenpairs(
    data: Array,
    rows: Array,
    cols: Array,
    M_data: Array,
    M_rows: Array,
    M_cols: Array,
    v0: Array,
    *,
    k: int,
    which: str = "LM",
    sigma: float | None = None,
    ncv: int | None = None,
    maxiter: int | None = None,
    tol: float = 0.0,
    check: bool = True,
) -> tuple[Array, Array]:
    """The operator below `eigsh` with an M: eigenvalues and, in columns, eigenvectors with ``vᴴ M v = 1``."""
    n, wide = len(v0), np.result_type(data, np.float64)

    def search() -> tuple[Array, ...]:
        given = (data, rows, cols), (M_data, M_rows, M_cols)
        stored = (pattern_of("eigsh", i, j, (n, n)).csc(values.astype(wide)) for values, i, j in given)
        A, M = ((matrix + matrix.conj().T).tocsc() / 2 for matrix in stored)
        options: dict[str, Any] = {"which": which, "sigma": sigma, "ncv": ncv, "maxiter": maxiter, "tol": tol}
        found: Any = scipy.sparse.linalg.eigsh(A, k, M, v0=v0.astype(wide), **options)
        w, v = found
        order = np.argsort(w)
        return w[order], v[:, order]

    w, v = searched("eigsh", search, k, (n, k), check=check)
    return w, v


@generalized_eigenpairs.vjp("data", "M_data")
def _generalized_vjp(
    g: tuple[Tensor, Tensor],
    out: tuple[Tensor, Tensor],
    data: Tensor,
    rows: Tensor,
    cols: Tensor,
    M_data: Tensor,
    M_rows: Tensor,
    M_cols: Tensor,
    check: bool,
) -> dict[str, Tensor]:
    # λ moves by vᴴ (dA - λ dM) v, and v by the solution of the bordered system for -(dA - λ dM) v and -vᴴ dM v / 2.
    values, vectors = out[0][..., None, None], out[1].mT[..., None]
    A, M = (data, rows, cols), (M_data, M_rows, M_cols)
    z, mu = _bordered_solution(out[0], vectors, g[1].mT[..., None], A, M, check)
    of_A = g[0][..., None, None] * vectors - z
    of_M = -values * of_A - mu.real / 2 * vectors
    return {"data": _on_pattern(of_A, vectors, A), "M_data": _on_pattern(of_M, vectors, M)}


generalized_eigenpairs.vjp(rows=zero, cols=zero, M_rows=zero, M_cols=zero, v0=zero)


def _bordered_solution(
    values: Tensor, vectors: Tensor, g: Tensor, A: Stored, M: Stored, check: bool
) -> tuple[Tensor, Tensor]:
    """Solutions z and μ of ``[[A - λM, Mv], [vᴴM, 0]] [z, μ] = [g, 0]``, one for each eigenvalue."""
    n = vectors.shape[-2]
    border = _product(M, vectors)[..., 0]
    places = torch.arange(n, dtype=A[1].dtype, device=A[1].device)
    last = torch.full_like(places, n)
    a, m = (matrix[0][..., None, :] / 2 for matrix in (A, M))
    m = -values[..., None] * m
    parts = (a, a.conj(), m, -values[..., None] * (M[0][..., None, :] / 2).conj(), border, border.conj())
    batch = torch.broadcast_shapes(*(part.shape[:-1] for part in parts))
    bordered = torch.cat([part.expand(*batch, part.shape[-1]) for part in parts], -1)
    (rows, cols), (M_rows, M_cols) = broadcast(*A[1:]), broadcast(*M[1:])
    lead = torch.broadcast_shapes(rows.shape[:-1], M_rows.shape[:-1])
    down, across = (
        torch.cat([t.expand(*lead, t.shape[-1]) for t in places], -1)[..., None, :]
        for places in (
            (rows, cols, M_rows, M_cols, places, last),
            (cols, rows, M_cols, M_rows, last, places),
        )
    )
    right = torch.cat([g, torch.zeros_like(g[..., :1, :])], -2)
    solution = lu_solve(bordered, down, across, right, owner="eigsh", check=check, lazy=True)
    return solution[..., :n, :], solution[..., n:, :]


def _product(M: Stored, x: Tensor) -> Tensor:
    """The Hermitian part of a matrix times vectors (..., k, n, 1)."""
    data, rows, cols = M[0][..., None, :, None] / 2, M[1][..., None, :], M[2][..., None, :]
    terms = (data * taken(x, cols), rows), (data.conj() * taken(x, rows), cols)
    return sum((_gathered(term, places, x.shape[-2]) for term, places in terms), torch.zeros_like(x))


def _gathered(terms: Tensor, places: Tensor, n: int) -> Tensor:
    index = places.round().long()[..., None].expand(terms.shape)
    return terms.new_zeros(*terms.shape[:-2], n, 1).scatter_add(-2, index, terms)


def _on_pattern(moved: Tensor, vectors: Tensor, matrix: Stored) -> Tensor:
    """The stored values' gradient, of which the Hermitian part counts."""
    rows, cols = matrix[1][..., None, :], matrix[2][..., None, :]
    both = outer_on_pattern(moved, vectors, rows, cols) + outer_on_pattern(vectors, moved, rows, cols)
    return both.sum(-2) / 2


def _sample(rng: np.random.Generator, *batch: int) -> list[Array]:
    data, rows, cols, v0 = hermitian_sample(rng, *batch)
    return [data, rows, cols, rng.uniform(2, 3, size=3), np.arange(3.0), np.arange(3.0), v0]


generalized_eigenpairs.samples(
    lambda rng: [
        Sample(*_sample(rng, 2, 1), k=1, which="LA", check=False),
        Sample(*_sample(rng), k=1, sigma=0.1, check=False),
    ]
)
