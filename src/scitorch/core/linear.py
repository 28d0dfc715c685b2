"""Linear systems: what every implicit derivative ends in, an operator for few unknowns, GMRES for many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse.linalg
import torch
from numpy.typing import NDArray
from torch import Tensor

from .border import array_function, fetch
from .errors import KernelError, SolverError
from .operator import operator
from .samples import Sample

Array = NDArray[Any]
EXACT = 1e-12  # relative residual of the Krylov solves


@operator("(n,n),(n)->(n)", batch="native")
def linear_solve(matrix: Array, b: Array, *, check: bool = True) -> Array:
    """Solution x of ``matrix x = b``.

    PyTorch's own `linalg.solve` is half its value under forward mode of forward mode, and costs more on few unknowns.

    Parameters
    ----------
    matrix : Tensor of shape (..., n, n)
    b : Tensor of shape (..., n)
    check : bool, optional
        Whether a singular matrix raises. If not, the solution is NaN.

    Returns
    -------
    Tensor of shape (..., n)

    Raises
    ------
    KernelError
        A matrix that is singular to working precision, whatever the units of its rows and columns are, or isn't finite.

    Notes
    -----
    With ``w`` the solution of ``matrixᴴ w = g``: `b` gets ``w``, `matrix` gets ``-w xᴴ``. To any order in both.

    References
    ----------
    `numpy.linalg.solve`.

    Examples
    --------
    >>> import torch
    >>> linear_solve(torch.tensor([[2.0, 0.0], [0.0, 4.0]]), torch.tensor([1.0, 1.0]))
    tensor([0.5000, 0.2500])
    """
    if matrix.shape[-1] == 0 or matrix.size == 0:
        return np.broadcast_to(b, (*np.broadcast_shapes(matrix.shape[:-2], b.shape[:-1]), b.shape[-1])).copy()
    rows = np.abs(matrix).max(-1, keepdims=True)
    columns = np.abs(matrix / np.where(rows > 0, rows, 1)).max(-2, keepdims=True)
    scaled = matrix / np.where(rows > 0, rows, 1) / np.where(columns > 0, columns, 1)
    singular = _singular(scaled)
    if check and singular.any():
        raise KernelError("linear_solve", "matrix", "a matrix of full rank", "a singular one")
    scaled = np.where(singular[..., None, None], np.eye(matrix.shape[-1], dtype=matrix.dtype), scaled)
    x = np.linalg.solve(scaled, b[..., None] / np.where(rows > 0, rows, 1))[..., 0]
    x = x / np.where(columns > 0, columns, 1)[..., 0, :]
    return np.where(singular[..., None], np.nan, x)


def _singular(scaled: Array) -> Array:
    """Which matrices have no inverse in working precision."""
    if scaled.shape[-1] == 1:
        return ~np.isfinite(scaled[..., 0, 0]) | (scaled[..., 0, 0] == 0)
    finite: Any = np.isfinite(scaled).all((-2, -1))
    eye = np.eye(scaled.shape[-1], dtype=scaled.dtype)
    scaled = np.where(finite[..., None, None], scaled, eye)
    sign, _ = np.linalg.slogdet(scaled)
    inverse = np.linalg.inv(np.where((sign == 0)[..., None, None], eye, scaled))
    condition = np.abs(scaled).sum(-2).max(-1) * np.abs(inverse).sum(-2).max(-1)
    return ~finite | (sign == 0) | ~(condition * np.finfo(scaled.dtype).eps < 1)


@linear_solve.vjp
def _vjp(g: Tensor, matrix: Tensor, out: Tensor, check: bool) -> dict[str, Tensor]:
    w = linear_solve(matrix.mH, g, check=check)
    return {"matrix": -w[..., :, None] * out.conj()[..., None, :], "b": w}


linear_solve.samples(
    lambda rng: [
        Sample(np.eye(2) + rng.uniform(-0.3, 0.3, size=(2, 2)), rng.normal(size=(3, 2))),
        Sample(np.eye(2) + rng.uniform(-0.3, 0.3, size=(2, 2)) * (1 + 1j), rng.normal(size=2) + 0j),
        Sample(np.eye(1) + rng.uniform(-0.3, 0.3, size=(1, 1)), rng.normal(size=1), check=False),
    ]
)


def gmres(name: str, product: Callable[[Tensor], Tensor], b: Tensor, *, check: bool = True) -> Tensor:
    """The solution of a linear system given by its product with a vector, or NaN where b is."""
    if not torch.isfinite(b).all():
        return torch.full_like(b, torch.nan)
    flat = array_function(lambda w: product(w.view_as(b)).flatten(), b.dtype, b.device)
    n = b.numel()
    matrix: Any = scipy.sparse.linalg.LinearOperator((n, n), matvec=flat, dtype=np.float64)  # pyright: ignore[reportCallIssue]  its stubs show the base class
    x, info = scipy.sparse.linalg.gmres(
        matrix, fetch(b.flatten()), rtol=EXACT, atol=0.0, restart=min(n, 60), maxiter=50
    )
    if info and not check:
        return torch.full_like(b, torch.nan)
    if info:
        got = f"no convergence of GMRES after {info} iterations"
        raise SolverError(name, "derivative", "a solution of the linearised equation", got, "a `linear` solver")
    return torch.tensor(x, dtype=b.dtype, device=b.device).view_as(b)
