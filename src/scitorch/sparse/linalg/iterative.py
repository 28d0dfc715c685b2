"""Sparse systems solved by Krylov methods, of a matrix or of a function that multiplies by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from scitorch.core.errors import ArgumentError, ShapeError
from scitorch.sparse.linalg.callables import solve_callable
from scitorch.sparse.linalg.gather import product
from scitorch.sparse.linalg.krylov import krylov_solve, scipys_options
from scitorch.sparse.linalg.matrix import Matrix, read_square, widened

Linear = Any  # a matrix as in `spsolve`, or a function of a vector


def cg(
    A: Linear,
    b: Tensor,
    x0: Tensor | None = None,
    *,
    rtol: float = 1e-5,
    atol: float = 0.0,
    maxiter: int | None = None,
    M: Linear = None,
    callback: Callable[[Tensor], Any] | None = None,
    check: bool = True,
) -> tuple[Tensor, Tensor]:
    """Solution of ``A x = b`` by conjugate gradients, for a Hermitian, positive definite A.

    Parameters
    ----------
    A : sparse tensor of shape (n, n), tuple (data, indices, indptr, (n, n)), or callable
        A matrix as in `spsolve`; or a function of torch operations that multiplies a vector of shape (n,) by a real
        one. It may use any tensors: the gradient reaches them.
    b : Tensor of shape (..., n)
        Leading dimensions are systems of their own, where A and M are matrices.
    x0 : Tensor of shape (..., n), optional
        Where to begin; the solution doesn't depend on it, nor does any derivative.
    rtol, atol : float, optional
        The residual is at most ``max(rtol*norm(b), atol)``.
    maxiter : int, optional
        Iterations at most; by default 10 n.
    M : as A, optional
        A preconditioner, which resembles the inverse of A. No derivative depends on it.
    callback : callable, optional
        Called with the current solution after each iteration.
    check : bool, optional
        Whether a failure raises. Otherwise the last iterate is returned, and its derivatives are NaN.

    Returns
    -------
    x : Tensor of shape (..., n)
        In the promoted dtype; float32 is solved in float64.
    info : Tensor of int64 of shape (...)
        0 where the solver has converged, else the number of iterations.

    Raises
    ------
    SolverError
        If the solver fails, for the solution or for a derivative; `result` is ``(x, info)``.

    Notes
    -----
    With ``w`` the solution of ``Aᴴ w = g`` by the same method and `rtol` (of g): b gets ``w``, the stored value at
    (i, j) gets ``-w_i conj(x_j)``; the tensors in a function A get ``-wᵀ ∂A(x)``. A derivative is thus as exact as
    `rtol` says. In the tuple's data, in b, and in tensors of a function: of any order, in all modes. In sparse tensors:
    as in `spsolve`. A function is held to be linear and Hermitian without being asked.

    References
    ----------
    `scipy.sparse.linalg.cg`; M. R. Hestenes, E. Stiefel, J. Res. Natl. Bur. Stand. 49 (1952), 409-436.

    Examples
    --------
    >>> import torch
    >>> scale = torch.tensor([2.0, 4.0], requires_grad=True)
    >>> x, info = cg(lambda v: scale * v, torch.tensor([2.0, 8.0]))
    >>> x.sum().backward()
    >>> x.detach(), info.item(), scale.grad
    (tensor([1., 2.]), 0, tensor([-0.5000, -0.5000]))
    """
    return _solve("cg", A, b, x0, M, rtol=rtol, atol=atol, maxiter=maxiter, callback=callback, check=check)


def bicgstab(
    A: Linear,
    b: Tensor,
    x0: Tensor | None = None,
    *,
    rtol: float = 1e-5,
    atol: float = 0.0,
    maxiter: int | None = None,
    M: Linear = None,
    callback: Callable[[Tensor], Any] | None = None,
    check: bool = True,
) -> tuple[Tensor, Tensor]:
    """Solution of ``A x = b`` by stabilised biconjugate gradients.

    Parameters
    ----------
    A : sparse tensor of shape (n, n), tuple (data, indices, indptr, (n, n)), or callable
        As in `cg`, but any matrix; a function's transpose is made by `torch.func.vjp`.
    b : Tensor of shape (..., n)
    x0 : Tensor of shape (..., n), optional
    rtol, atol : float, optional
    maxiter : int, optional
    M : as A, optional
    callback : callable, optional
    check : bool, optional
        All as in `cg`.

    Returns
    -------
    x : Tensor of shape (..., n)
    info : Tensor of int64 of shape (...)
        As in `cg`; below 0 after a breakdown.

    Raises
    ------
    SolverError
        If the solver fails, for the solution or for a derivative.

    Notes
    -----
    The derivatives are those of `cg`, with the transposed system.

    References
    ----------
    `scipy.sparse.linalg.bicgstab`; H. A. van der Vorst, SIAM J. Sci. Stat. Comput. 13 (1992), 631-644.

    Examples
    --------
    >>> import torch
    >>> A = torch.tensor([[2.0, 0.0], [1.0, 4.0]]).to_sparse_csr()
    >>> bicgstab(A, torch.tensor([2.0, 9.0]))[0]
    tensor([1., 2.])
    """
    return _solve("bicgstab", A, b, x0, M, rtol=rtol, atol=atol, maxiter=maxiter, callback=callback, check=check)


def gmres(
    A: Linear,
    b: Tensor,
    x0: Tensor | None = None,
    *,
    rtol: float = 1e-5,
    atol: float = 0.0,
    restart: int | None = None,
    maxiter: int | None = None,
    M: Linear = None,
    callback: Callable[[Any], Any] | None = None,
    callback_type: str | None = None,
    check: bool = True,
) -> tuple[Tensor, Tensor]:
    """Solution of ``A x = b`` by the generalised minimal residual method.

    Parameters
    ----------
    A : sparse tensor of shape (n, n), tuple (data, indices, indptr, (n, n)), or callable
        As in `cg`, but any matrix; a function's transpose is made by `torch.func.vjp`.
    b : Tensor of shape (..., n)
    x0 : Tensor of shape (..., n), optional
    rtol, atol : float, optional
        As in `cg`.
    restart : int, optional
        Iterations between restarts; by default min(20, n).
    maxiter : int, optional
        Restarts at most; by default 10 n.
    M : as A, optional
        As in `cg`.
    callback : callable, optional
        Called as `callback_type` says.
    callback_type : {"x", "pr_norm", "legacy"}, optional
        With the current solution at each restart; with the preconditioned residual's relative norm at each iteration,
        which for "legacy", the default, `maxiter` counts, too.
    check : bool, optional
        As in `cg`.

    Returns
    -------
    x : Tensor of shape (..., n)
    info : Tensor of int64 of shape (...)
        As in `cg`.

    Raises
    ------
    SolverError
        If the solver fails, for the solution or for a derivative.
    ArgumentError
        If there is no such `callback_type`.

    Notes
    -----
    The derivatives are those of `cg`, with the transposed system.

    References
    ----------
    `scipy.sparse.linalg.gmres`; Y. Saad, M. H. Schultz, SIAM J. Sci. Stat. Comput. 7 (1986), 856-869.

    Examples
    --------
    >>> import torch
    >>> A = torch.tensor([[2.0, 0.0], [1.0, 4.0]]).to_sparse_csr()
    >>> gmres(A, torch.tensor([2.0, 9.0]))[0]
    tensor([1., 2.])
    """
    if callback_type not in (None, "x", "pr_norm", "legacy"):
        raise ArgumentError("gmres", "callback_type", '"x", "pr_norm" or "legacy"', repr(callback_type))
    options: dict[str, Any] = {"rtol": rtol, "atol": atol, "maxiter": maxiter, "restart": restart}
    if callback is not None:
        options["callback_type"] = callback_type or "legacy"
    return _solve("gmres", A, b, x0, M, **options, callback=callback, check=check)


def minres(
    A: Linear,
    b: Tensor,
    x0: Tensor | None = None,
    *,
    rtol: float = 1e-5,
    shift: float = 0.0,
    maxiter: int | None = None,
    M: Linear = None,
    callback: Callable[[Tensor], Any] | None = None,
    show: bool = False,
    check: bool = False,
    check_info: bool = True,
) -> tuple[Tensor, Tensor]:
    """Solution of ``(A - shift I) x = b`` by the minimal residual method, for a Hermitian A.

    Parameters
    ----------
    A : sparse tensor of shape (n, n), tuple (data, indices, indptr, (n, n)), or callable
        As in `cg`, but real, and not necessarily definite.
    b : Tensor of shape (..., n)
    x0 : Tensor of shape (..., n), optional
    rtol : float, optional
        Tolerance, relative to estimates of the norms of A and x.
    shift : float, optional
        Number that is subtracted from the diagonal.
    maxiter : int, optional
        Iterations at most; by default 5 n.
    M : as A, optional
        As in `cg`.
    callback : callable, optional
        As in `cg`.
    show, check : bool, optional
        SciPy's printing, and its test of symmetry: False alone.
    check_info : bool, optional
        Whether a failure raises, which other functions call `check`.

    Returns
    -------
    x : Tensor of shape (..., n)
    info : Tensor of int64 of shape (...)
        As in `cg`.

    Raises
    ------
    SolverError
        If the solver fails, for the solution or for a derivative.
    ArgumentError
        For a complex matrix, or `show` or `check`.

    Notes
    -----
    The derivatives are those of `cg`, with ``A - shift I`` in the place of A.

    References
    ----------
    `scipy.sparse.linalg.minres`; C. C. Paige, M. A. Saunders, SIAM J. Numer. Anal. 12 (1975), 617-629.

    Examples
    --------
    >>> import torch
    >>> A = torch.tensor([[0.0, 2.0], [2.0, 0.0]]).to_sparse_csr()
    >>> minres(A, torch.tensor([2.0, 4.0]))[0]
    tensor([2., 1.])
    """
    if show or check:
        raise ArgumentError("minres", "show, check", "False", f"{show}, {check}", "scipy.sparse.linalg.minres")
    options: dict[str, Any] = {"rtol": rtol, "shift": shift, "maxiter": maxiter}
    return _solve("minres", A, b, x0, M, **options, callback=callback, check=check_info)


def _solve(
    method: str, A: Linear, b: Any, x0: Any, M: Linear, *, callback: Any, check: bool, **options: Any
) -> tuple[Tensor, Tensor]:
    if not isinstance(b, Tensor) or b.layout is not torch.strided or not b.dim():
        got = f"layout {b.layout} of {b.dim()} dimensions" if isinstance(b, Tensor) else type(b).__name__
        raise ArgumentError(method, "b", "a dense tensor of shape (..., n)", got, "torch.as_tensor(b)")
    matrix = None if _is_function(A) else read_square(method, A)
    condition = None if M is None or _is_function(M) else read_square(method, M, "M")
    for argument, one in (("A", matrix), ("M", condition)):
        if one is not None and one.shape[0] != b.shape[-1]:
            raise ShapeError(method, argument, f"a matrix of {b.shape[-1]} rows, as b", f"shape {one.shape}")
    tensors = [b, *(one.data for one in (matrix, condition) if one is not None)]
    working, common = widened(*tensors, *([x0] if x0 is not None else []))
    if method == "minres" and working.is_complex:
        raise ArgumentError(method, "A, b", "real tensors", f"{common}", "gmres")
    if matrix is not None and callback is None and not _is_function(M):
        x0 = None if x0 is None else x0.to(working)
        x, info = _by_operator(method, matrix.to(working), b.to(working), x0, condition, options, check)
        return x.to(common), info
    if b.dim() > 1:
        raise ShapeError(method, "b", "(n,) where A or M is a function", f"{tuple(b.shape)}", "torch.vmap")
    if working.is_complex:
        raise ArgumentError(method, "A, b", "real tensors where A or M is a function", f"{common}", "real parts")
    named = _named(method, **options)
    b = b.to(torch.float64 if common is torch.float64 else torch.float32)
    x, info = solve_callable(
        method, _function(A, matrix, working), b, x0, _function(M, condition, working), named, callback, check
    )
    return x.to(common), info


def _is_function(A: Any) -> bool:
    return callable(A) and not isinstance(A, Tensor)


def _function(A: Any, matrix: Matrix | None, working: torch.dtype) -> Any:
    """Multiplication by A, in the working precision."""
    if matrix is None:
        return A
    read = matrix.to(working)
    return lambda v: product(read.data, read.rows, read.cols, v, read.shape[0])


def _named(method: str, callback_type: str | None = None, **options: Any) -> dict[str, Any]:
    every: dict[str, Any] = {"rtol": 1e-5, "atol": 0.0, "maxiter": None, "restart": None, "shift": 0.0} | options
    return scipys_options(method, **every) | ({} if callback_type is None else {"callback_type": callback_type})


def _by_operator(
    method: str,
    matrix: Matrix,
    b: Tensor,
    x0: Tensor | None,
    M: Matrix | None,
    options: dict[str, Any],
    check: bool,
) -> tuple[Tensor, Tensor]:
    parts = (None, None, None) if M is None else (M.data.to(b.dtype), M.rows, M.cols)
    return krylov_solve(matrix.data, matrix.rows, matrix.cols, b, x0, *parts, method=method, **options, check=check)
