"""Some singular values and vectors of a sparse matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse.linalg
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator, zero
from scitorch.core.errors import ArgumentError
from scitorch.sparse.linalg.arpack import check_choices, searched, starting_vector
from scitorch.sparse.linalg.eigen import eigen_gradient
from scitorch.sparse.linalg.matrix import read_matrix, widened
from scitorch.sparse.linalg.pattern import pattern_of

Array = NDArray[Any]


@operator("(nnz),(nnz),(nnz),(p)->(m,k),(k),(k,n)", real=("rows", "cols"), dtype=(None, "real", None))
def singular_triplets(
    data: Array,
    rows: Array,
    cols: Array,
    v0: Array,
    *,
    m: int,
    n: int,
    k: int,
    which: str = "LM",
    ncv: int | None = None,
    maxiter: int | None = None,
    tol: float = 0.0,
    solver: str = "arpack",
    check: bool = True,
) -> tuple[Array, Array, Array]:
    """The operator below `svds`: left vectors in columns, singular values in ascending order, right vectors in rows."""
    wide = np.result_type(data, np.float64)

    def search() -> tuple[Array, ...]:
        matrix = pattern_of("svds", rows, cols, (m, n)).csc(data.astype(wide))
        options: dict[str, Any] = {"which": which, "ncv": ncv, "maxiter": maxiter, "solver": solver}
        options["tol"] = tol
        found: Any = scipy.sparse.linalg.svds(matrix, k, v0=v0.astype(wide), **options)
        u, s, vh = found
        order = np.argsort(s)
        return u[:, order], s[order], vh[order]

    u, s, vh = searched("svds", search, (m, k), k, (k, n), check=check)
    return u, s, vh


@singular_triplets.vjp("data")
def _singular_vjp(
    g: tuple[Tensor, Tensor, Tensor],
    out: tuple[Tensor, Tensor, Tensor],
    data: Tensor,
    rows: Tensor,
    cols: Tensor,
    m: int,
    check: bool,
) -> dict[str, Tensor]:
    # [u, v]/√2 is an eigenvector of [[0, A], [Aᴴ, 0]] for s, the Hermitian part of a matrix with 2 A alone.
    u, s, vh = out
    vectors = torch.cat([u, vh.mH], -2) / 2**0.5
    incoming = torch.cat([g[0], g[2].mH], -2) * 2**0.5
    return {"data": 2 * eigen_gradient(s, vectors, (g[1], incoming), 2 * data, rows, cols + m, check, "svds")}


singular_triplets.vjp(rows=zero, cols=zero, v0=zero)


def svds(
    A: Any,
    k: int = 6,
    ncv: int | None = None,
    tol: float = 0.0,
    which: str = "LM",
    v0: Tensor | None = None,
    maxiter: int | None = None,
    return_singular_vectors: bool | str = True,
    solver: str = "arpack",
    rng: Any = None,
    options: Any = None,
    *,
    check: bool = True,
) -> Any:
    """Some singular values, and their vectors, of a sparse matrix.

    Parameters
    ----------
    A : sparse tensor of shape (m, n), or tuple (data, indices, indptr, (m, n))
        As in `spsolve`, of any shape.
    k : int, optional
        How many, fewer than m and n.
    ncv : int, optional
        Lanczos vectors.
    tol : float, optional
        Relative accuracy; 0 is that of the machine.
    which : {"LM", "SM"}, optional
        The largest singular values or the smallest.
    v0 : Tensor of shape (min(m, n),), optional
        Where ARPACK begins; by default always the same vector, so that the vectors' signs are, too.
    maxiter : int, optional
        Restarts at most.
    return_singular_vectors : bool or {"u", "vh"}, optional
        Whether the vectors are returned, too; None is in the place of those that "u" and "vh" leave out.
    solver : {"arpack"}, optional
        The others of SciPy draw random numbers, and are not supported.
    rng, options : None
        For the other solvers.
    check : bool, optional
        Whether a failure raises. Otherwise what has failed is NaN.

    Returns
    -------
    u : Tensor of shape (..., m, k)
        Left singular vectors in columns, if asked for.
    s : Tensor of shape (..., k)
        Singular values, in ascending order.
    vh : Tensor of shape (..., k, n)
        Right singular vectors, conjugate, in rows, if asked for.

    Raises
    ------
    SolverError
        If ARPACK has not converged. Where a vector's derivative is asked for, if its singular value is zero, or one
        more than once to the last digit: there is no derivative.
    ArgumentError
        For an option that is not supported, or k out of range.

    Notes
    -----
    ``[u, v]/√2`` is the eigenvector of ``[[0, A], [Aᴴ, 0]]`` for the eigenvalue s, and the derivatives are those of
    `eigsh`: s gives the stored value at (i, j) ``g u_i conj(v_j)``. A pair of vectors keeps its common phase. To any
    order.

    References
    ----------
    `scipy.sparse.linalg.svds`; as `eigsh`.

    Examples
    --------
    >>> import torch
    >>> data = torch.tensor([1.0, -2.0, 5.0], requires_grad=True)
    >>> s = svds((data, [0, 1, 2], [0, 1, 2, 3], (3, 4)), k=2, return_singular_vectors=False)
    >>> s.sum().backward()
    >>> s.detach(), (data.grad * 10).round() / 10
    (tensor([2., 5.]), tensor([ 0., -1.,  1.]))
    """
    if solver != "arpack" or rng is not None or options is not None:
        got = f"{solver!r}, {rng!r}, {options!r}"
        raise ArgumentError("svds", "solver, rng, options", '"arpack", None, None', got, "scipy.sparse.linalg.svds")
    if return_singular_vectors not in (True, False, "u", "vh"):
        got = repr(return_singular_vectors)
        raise ArgumentError("svds", "return_singular_vectors", 'True, False, "u" or "vh"', got, "True")
    matrix = read_matrix("svds", A)
    m, n = matrix.shape
    check_choices("svds", k, min(m, n), which, ("LM", "SM"))
    working, common = widened(matrix.data)
    begin = starting_vector("svds", v0, min(m, n), working, matrix.data.device)
    chosen: dict[str, Any] = {"k": k, "which": which, "ncv": ncv, "maxiter": maxiter, "tol": tol, "check": check}
    u, s, vh = singular_triplets(matrix.data.to(working), matrix.rows, matrix.cols, begin, m=m, n=n, **chosen)
    s = s.to(torch.empty((), dtype=common).abs().dtype)
    left = None if return_singular_vectors == "vh" else u.to(common)
    right = None if return_singular_vectors == "u" else vh.to(common)
    return (left, s, right) if return_singular_vectors else s


def _sample(rng: np.random.Generator, *batch: int) -> list[Array]:
    rows, cols = np.array([0.0, 0, 1, 1, 2]), np.array([0.0, 2, 1, 0, 2])
    return [
        np.array([1.0, 0.5, 3.0, 1.0, 6.0]) * rng.uniform(1, 1.2, size=(*batch, 5)),
        rows,
        cols,
        rng.uniform(1, 2, 3),
    ]


singular_triplets.samples(lambda rng: [Sample(*_sample(rng, 2, 1), m=3, n=4, k=1, check=False)])
