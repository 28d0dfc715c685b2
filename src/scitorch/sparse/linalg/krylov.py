"""Krylov solvers' operator, for matrices and preconditioners that are sparse; what all of them share."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse.linalg
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator, zero
from scitorch.core.errors import ArgumentError, SolverError
from scitorch.sparse.linalg.gather import outer_on_pattern
from scitorch.sparse.linalg.pattern import pattern_of

Array = NDArray[Any]

HERMITIAN = {"cg", "minres"}  # methods for matrices that are their own conjugate transpose


def run_solver(
    method: str, A: Any, b: Array, x0: Array | None, M: Any, options: dict[str, Any], callback: Any = None
) -> tuple[Array, int]:
    """SciPy's solver; the options are those that its method has."""
    if not b.size:
        return np.empty_like(b), 0
    with np.errstate(all="ignore"):  # what divides by zero doesn't converge, and says so by its info
        x, info = getattr(scipy.sparse.linalg, method)(A, b, x0, M=M, callback=callback, **options)
    return x, int(info)


def refuse(method: str, x: Any, info: int) -> None:
    """Raise what a solver says that has failed."""
    if info > 0:
        error = SolverError(
            method, "x", "convergence to tolerance", f"none in {info} iterations", "maxiter, M, rtol or check=False"
        )
    else:
        error = SolverError(method, "x", "convergence", f"illegal input or breakdown, info {info}", "check=False")
    error.result = x, info
    raise error


def scipys_options(
    method: str, rtol: float, atol: float, maxiter: int | None, restart: int | None, shift: float
) -> dict[str, Any]:
    """The options under SciPy's names."""
    options: dict[str, Any] = {"rtol": rtol, "maxiter": maxiter}
    if method == "minres":
        return options | {"shift": shift}
    options["atol"] = atol
    return options | {"restart": restart} if method == "gmres" else options


@operator(
    "(nnz),(nnz),(nnz),(n),(n),(q),(q),(q)->(n),()",
    real=("rows", "cols", "m_rows", "m_cols"),
    dtype=(None, "integer"),
)
def krylov_solve(
    data: Array,
    rows: Array,
    cols: Array,
    b: Array,
    x0: Array | None = None,
    m_data: Array | None = None,
    m_rows: Array | None = None,
    m_cols: Array | None = None,
    *,
    method: str = "gmres",
    rtol: float = 1e-5,
    atol: float = 0.0,
    maxiter: int | None = None,
    restart: int | None = None,
    shift: float = 0.0,
    check: bool = True,
) -> tuple[Array, Array]:
    """The operator below `cg`, `bicgstab`, `gmres` and `minres`, for a matrix A and a matrix M: x and SciPy's info."""
    n = len(b)
    wide = np.result_type(data, np.float64)  # tolerances may be finer than single precision
    try:
        A = pattern_of(method, rows, cols, (n, n)).csc(data.astype(wide)).tocsr()
        M = None if m_data is None else _preconditioner(method, m_data, m_rows, m_cols, n)
    except ArgumentError:  # places outside of the matrix
        if check:
            raise
        return np.full_like(b, np.nan), np.asarray(-1)
    x, info = run_solver(method, A, b.astype(wide), x0, M, scipys_options(method, rtol, atol, maxiter, restart, shift))
    if info and check:
        refuse(method, x, info)
    return x, np.asarray(info)


def _preconditioner(method: str, data: Array, rows: Any, cols: Any, n: int) -> Any:
    return pattern_of(method, rows, cols, (n, n)).csc(data).tocsr()


@krylov_solve.vjp("data", "b")
def _krylov_vjp(
    g: tuple[Tensor, Tensor],
    out: tuple[Tensor, Tensor],
    data: Tensor,
    rows: Tensor,
    cols: Tensor,
    m_data: Tensor | None,
    m_rows: Tensor | None,
    m_cols: Tensor | None,
    method: str,
    rtol: float,
    maxiter: int | None,
    restart: int | None,
    shift: float,
    check: bool,
) -> dict[str, Tensor]:
    x, info = out
    adjoint = data.conj(), cols, rows, g[0], None, None if m_data is None else m_data.conj(), m_cols, m_rows
    # The absolute tolerance is one for b, and says nothing of g.
    options: dict[str, Any] = {"maxiter": maxiter, "restart": restart, "shift": shift, "check": check}
    w, _ = krylov_solve(*adjoint, method=method, rtol=rtol, **options)
    w = w * solved(info, w)[..., None]
    return {"data": -outer_on_pattern(w[..., None], x[..., None], rows, cols), "b": w}


krylov_solve.vjp(rows=zero, cols=zero, x0=zero, m_data=zero, m_rows=zero, m_cols=zero)


def solved(info: Tensor, like: Tensor) -> Tensor:
    """1 where a solver has converged, NaN elsewhere; to multiply a derivative by, so that its transpose is NaN too."""
    return torch.where(info == 0, 1.0, torch.nan).to(like.dtype)


def _system(rng: np.random.Generator, *batch: int, whole: bool = False) -> list[Array]:
    """Stored values, rows and columns of a Hermitian, positive definite matrix of three."""
    rows, cols = np.array([0.0, 0, 1, 1, 2]), np.array([0.0, 1, 0, 1, 2])
    off = 0.5 + (0.5j if whole else 0)
    data = np.array([3.0, off, np.conj(off), 4.0, 5.0]) * rng.uniform(1, 2, size=(*batch, 1))
    return [data, rows, cols]


def _exactly(method: str) -> dict[str, Any]:
    """Of tolerances that differences of derivatives don't see; a failure gives NaN."""
    return {"method": method, "rtol": 1e-13, "check": False}


krylov_solve.samples(
    lambda rng: [
        Sample(*_system(rng, 2, 1), rng.normal(size=(2, 3)), **_exactly("gmres")),
        Sample(
            *_system(rng, whole=True),
            rng.normal(size=3) + 1j * rng.normal(size=3),
            rng.normal(size=3) + 0j,
            np.full(3, 0.25 + 0j),
            np.array([0.0, 1, 2]),
            np.array([0.0, 1, 2]),
            **_exactly("bicgstab"),
            restart=3,
        ),
    ]
)
