"""Some eigenvalues and eigenvectors of a sparse Hermitian matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse.linalg
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator, zero
from scitorch.core.errors import ArgumentError, ShapeError
from scitorch.sparse.linalg.arpack import check_choices, hermitian_sample, searched, starting_vector
from scitorch.sparse.linalg.direct import lu_solve
from scitorch.sparse.linalg.gather import broadcast, outer_on_pattern
from scitorch.sparse.linalg.generalized import generalized_eigenpairs
from scitorch.sparse.linalg.matrix import Matrix, read_square, widened
from scitorch.sparse.linalg.pattern import pattern_of

Array = NDArray[Any]


@operator("(nnz),(nnz),(nnz),(n)->(k),(n,k)", real=("rows", "cols"), dtype=("real", None))
def hermitian_eigenpairs(
    data: Array,
    rows: Array,
    cols: Array,
    v0: Array,
    *,
    k: int,
    which: str = "LM",
    sigma: float | None = None,
    mode: str = "normal",
    ncv: int | None = None,
    maxiter: int | None = None,
    tol: float = 0.0,
    check: bool = True,
) -> tuple[Array, Array]:
    """The operator below `eigsh`: eigenvalues and, in columns, eigenvectors."""
    n, wide = len(v0), np.result_type(data, np.float64)

    def search() -> tuple[Array, ...]:
        matrix: Any = pattern_of("eigsh", rows, cols, (n, n)).csc(data.astype(wide))
        matrix = (matrix + matrix.conj().T).tocsc() / 2
        options: dict[str, Any] = {"which": which, "sigma": sigma, "mode": mode, "ncv": ncv, "maxiter": maxiter}
        options["tol"] = tol
        w, v = scipy.sparse.linalg.eigsh(matrix, k, v0=v0.astype(wide), **options)
        order = np.argsort(w)  # SciPy's of a complex matrix come as ARPACK found them
        return w[order], v[:, order]

    w, v = searched("eigsh", search, k, (n, k), check=check)
    return w, v


def eigen_gradient(
    values: Tensor,
    vectors: Tensor,
    g: tuple[Tensor, Tensor],
    data: Tensor,
    rows: Tensor,
    cols: Tensor,
    check: bool,
    owner: str,
) -> Tensor:
    """The stored values' gradient of eigenvalues and eigenvectors of a matrix's Hermitian part.

    An eigenvalue has the derivative ``vᴴ dA v``; an eigenvector moves by ``-(A - λ)⁺ dA v``, where its phase is kept.
    Its part of the gradient is ``-z vᴴ``, with z from the bordered system ``[[A - λ, v], [vᴴ, 0]] [z, μ] = [g, 0]``,
    which is singular where λ is an eigenvalue more than once.
    """
    # One system an eigenpair: their dimension goes before the matrix's.
    pairs, incoming = vectors.mT[..., None], g[1].mT[..., None]
    z = _bordered_solution(values, vectors.mT, incoming, data, rows, cols, check, owner)
    moved = g[0][..., None, None] * pairs - z
    rows, cols = rows[..., None, :], cols[..., None, :]
    both = outer_on_pattern(moved, pairs, rows, cols) + outer_on_pattern(pairs, moved, rows, cols)
    return both.sum(-2) / 2


def _bordered_solution(
    values: Tensor, vectors: Tensor, g: Tensor, data: Tensor, rows: Tensor, cols: Tensor, check: bool, owner: str
) -> Tensor:
    """Solution z of the bordered systems, one for each eigenvalue (..., k) and eigenvector (..., k, n)."""
    n = vectors.shape[-1]
    batch = torch.broadcast_shapes(values.shape, (*data.shape[:-1], 1))
    places = torch.arange(n, dtype=rows.dtype, device=rows.device)
    last = torch.full_like(places, n)
    half = data[..., None, :] / 2
    parts = (half, half.conj(), -values[..., None] * torch.ones_like(places), vectors, vectors.conj())
    bordered = torch.cat([p.expand(*batch, p.shape[-1]) for p in parts], -1)
    rows, cols = broadcast(rows, cols)
    lead = rows.shape[:-1]
    down, across = (
        torch.cat([*both, *(extra.expand(*lead, n) for extra in extras)], -1)[..., None, :]
        for both, extras in (((rows, cols), (places, places, last)), ((cols, rows), (places, last, places)))
    )
    right = torch.cat([g, torch.zeros_like(g[..., :1, :])], -2)
    return lu_solve(bordered, down, across, right, owner=owner, check=check, lazy=True)[..., :n, :]


@hermitian_eigenpairs.vjp("data")
def _eigen_vjp(
    g: tuple[Tensor, Tensor],
    out: tuple[Tensor, Tensor],
    data: Tensor,
    rows: Tensor,
    cols: Tensor,
    check: bool,
) -> dict[str, Tensor]:
    return {"data": eigen_gradient(*out, g, data, rows, cols, check, "eigsh")}


hermitian_eigenpairs.vjp(rows=zero, cols=zero, v0=zero)


def eigsh(
    A: Any,
    k: int = 6,
    M: Any = None,
    sigma: float | None = None,
    which: str = "LM",
    v0: Tensor | None = None,
    ncv: int | None = None,
    maxiter: int | None = None,
    tol: float = 0.0,
    return_eigenvectors: bool = True,
    Minv: Any = None,
    OPinv: Any = None,
    mode: str = "normal",
    rng: Any = None,
    *,
    check: bool = True,
) -> Any:
    """Some eigenvalues, and their eigenvectors, of a sparse Hermitian matrix.

    Parameters
    ----------
    A : sparse tensor of shape (n, n), or tuple (data, indices, indptr, (n, n))
        As in `spsolve`, real symmetric or complex Hermitian. Of any other, the Hermitian part counts.
    k : int, optional
        How many, fewer than n.
    M : sparse tensor of shape (n, n), or tuple (data, indices, indptr, (n, n)), optional
        Of the generalised problem ``A v = λ M v``, positive definite. Of any other, the Hermitian part counts.
    sigma : float, optional
        Eigenvalues near this number, by a factorisation of ``A - sigma I`` (shift-invert); `which` is then about
        ``1/(λ - sigma)``.
    which : {"LM", "SM", "LA", "SA", "BE"}, optional
        Largest or smallest in magnitude or algebraically, or half of both ends.
    v0 : Tensor of shape (n,), optional
        Where ARPACK begins; by default always the same vector, so that the eigenvectors' signs are, too.
    ncv, maxiter : int, optional
        Lanczos vectors, and restarts at most.
    tol : float, optional
        Relative accuracy of the eigenvalues; 0 is that of the machine.
    return_eigenvectors : bool, optional
        Whether eigenvectors are returned, too.
    Minv, OPinv : None
        Inverses that the user has are not supported.
    mode : {"normal", "buckling", "cayley"}, optional
        The transformation that `sigma` is for.
    rng : None
        No random numbers are drawn.
    check : bool, optional
        Whether a failure raises. Otherwise what has failed is NaN.

    Returns
    -------
    w : Tensor of shape (..., k)
        The eigenvalues, in ascending order, real.
    v : Tensor of shape (..., n, k)
        The eigenvectors in columns, if asked for, with ``vᴴ v = 1``, or ``vᴴ M v = 1``. Their signs (complex: phases)
        are ARPACK's.

    Raises
    ------
    SolverError
        If ARPACK has not converged. Where an eigenvector's derivative is asked for, if its eigenvalue is one more than
        once to the last digit: there is no derivative.
    ArgumentError
        For Minv, OPinv, an rng, an unknown `which` or `mode`, another mode than "normal" with M, or k out of range.

    Notes
    -----
    An eigenvalue gives the stored value at (i, j) ``g v_i conj(v_j)``, and an eigenvector the Hermitian part of
    ``-z_i conj(v_j)``, with the bordered system ``[[A - λ, v], [vᴴ, 0]] [z, μ] = [g, 0]``, solved by a sparse
    factorisation for each eigenvector; its phase is kept: ``vᴴ dv = 0``, and a loss that depends on the phase gets the
    derivative for this choice. With M likewise: λ moves by ``vᴴ (dA - λ dM) v``. To any
    order. A repeated eigenvalue has no derivative of its own; the sum of its equals has, and is right here. An
    eigenvalue that is only nearly repeated makes an eigenvector's derivative large, and as inexact as it is large.

    References
    ----------
    `scipy.sparse.linalg.eigsh`; R. B. Nelson, AIAA J. 14 (1976), 1201-1205.

    Examples
    --------
    >>> import torch
    >>> data = torch.tensor([1.0, 2.0, 5.0], requires_grad=True)
    >>> w, v = eigsh((data, [0, 1, 2], [0, 1, 2, 3], (3, 3)), k=1)
    >>> w.sum().backward()
    >>> w.detach(), data.grad.abs() > 0.5
    (tensor([5.]), tensor([False, False,  True]))
    """
    for name, value in (("Minv", Minv), ("OPinv", OPinv), ("rng", rng)):
        if value is not None:
            raise ArgumentError("eigsh", name, "None", type(value).__name__, "scipy.sparse.linalg.eigsh")
    matrix = read_square("eigsh", A)
    n = matrix.shape[0]
    check_choices("eigsh", k, n, which, ("LM", "SM", "LA", "SA", "BE"))
    if mode not in ("normal", "buckling", "cayley") or (mode != "normal" and sigma is None):
        raise ArgumentError("eigsh", "mode", '"normal", or with sigma "buckling" or "cayley"', repr(mode))
    options: dict[str, Any] = {"sigma": sigma, "ncv": ncv, "maxiter": maxiter, "tol": tol, "which": which, "k": k}
    given = [matrix] if M is None else [matrix, _read_mass(M, n, mode)]
    working, common = widened(*(one.data for one in given))
    begin = starting_vector("eigsh", v0, n, working, matrix.data.device)
    stored = [part for one in given for part in (one.data.to(working), one.rows, one.cols)]
    if M is None:
        w, v = hermitian_eigenpairs(*stored, begin, mode=mode, check=check, **options)
    else:
        w, v = generalized_eigenpairs(*stored, begin, check=check, **options)
    w = w.to(torch.empty((), dtype=common).abs().dtype)
    return (w, v.to(common)) if return_eigenvectors else w


def _read_mass(M: Any, n: int, mode: str) -> Matrix:
    matrix = read_square("eigsh", M, "M")
    if matrix.shape[0] != n:
        raise ShapeError("eigsh", "M", f"the shape of A, {(n, n)}", f"{matrix.shape}")
    if mode != "normal":
        raise ArgumentError("eigsh", "mode", '"normal", with M', repr(mode))
    return matrix


hermitian_eigenpairs.samples(
    lambda rng: [
        Sample(*hermitian_sample(rng, 2, 1), k=1, which="LA", check=False),
        Sample(*hermitian_sample(rng), k=1, sigma=0.25, check=False),
    ]
)
