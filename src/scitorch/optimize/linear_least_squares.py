"""Linear least squares within bounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize
import torch
from torch import Tensor

from scitorch.core import modes
from scitorch.core.errors import ArgumentError, ShapeError
from scitorch.core.implicit import Outputs, implicit
from scitorch.core.refusals import with_refusals
from scitorch.optimize.constraints import Box, as_ends
from scitorch.optimize.kkt import Array, complementarity, strict_in_box
from scitorch.optimize.problem import concluded, counted, lent, refuse, refuse_none, tensor_of
from scitorch.optimize.results import LeastSquaresResult, Messages

SCIPY: Any = scipy.optimize  # its stubs want each option by itself


@modes.breaks_graphs
@with_refusals
def nnls(
    A: Tensor, b: Tensor, *, maxiter: int | None = None, atol: None = None, check: bool = True
) -> tuple[Tensor, Tensor]:
    """Linear least squares with unknowns that aren't negative.

    Parameters
    ----------
    A : Tensor of shape (..., m, n)
    b : Tensor of shape (..., m)
    maxiter : int, optional
    atol : None
        Without effect in SciPy, which deprecates it; not supported.
    check : bool, optional
        Whether a solver that fails raises. If not, the derivatives of what it returns are NaN.

    Returns
    -------
    x : Tensor of shape (..., n)
    rnorm : Tensor of shape (...)
        Norm of ``A @ x - b``.

    Raises
    ------
    SolverError
        No convergence; when a derivative is asked for, the columns of `A` with positive unknowns are dependent, or an
        unknown is zero without being held there.
    ShapeError
        Shapes that don't fit.
    ArgumentError
        An `atol`, or something else than dense tensors.

    Notes
    -----
    The unknowns at zero stay there; the others solve the normal equations of their columns, whose derivative is that of
    x. To any order, in both arguments, in every mode, see `minimize`.

    References
    ----------
    `scipy.optimize.nnls`; C. L. Lawson, R. J. Hanson, "Solving Least Squares Problems", 1974.

    Examples
    --------
    >>> import torch
    >>> A = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> nnls(A, torch.tensor([2.0, 1.0, -1.0]))
    (tensor([1.5000, 0.0000]), tensor(1.2247))
    """
    if atol is not None:
        raise ArgumentError("nnls", "atol", "None", repr(atol), "leaving it out: it has no effect in SciPy")

    def solver(A: Any, b: Any, *_: Any) -> Any:
        x, _ = scipy.optimize.nnls(A, b, maxiter=maxiter)
        return scipy.optimize.OptimizeResult(x=x, success=True, message="", active_mask=-(x <= 0).astype(int))

    zero = b.new_zeros(A.shape[-1])
    x = _solved("nnls", solver, A, b, (zero, torch.full_like(zero, torch.inf)), Messages(), check)[0]
    return x, torch.linalg.vector_norm((A @ x[..., None])[..., 0] - b, dim=-1)


@modes.breaks_graphs
@with_refusals
def lsq_linear(
    A: Tensor,
    b: Tensor,
    bounds: Any = (-np.inf, np.inf),
    method: str = "trf",
    tol: float = 1e-10,
    lsq_solver: str | None = None,
    lsmr_tol: Any = None,
    max_iter: int | None = None,
    verbose: int = 0,
    *,
    lsmr_maxiter: int | None = None,
    check: bool = True,
) -> LeastSquaresResult:
    """Linear least squares within bounds.

    Parameters
    ----------
    A : Tensor of shape (..., m, n)
    b : Tensor of shape (..., m)
    bounds : Bounds, or pair of tensors of shape (n,) or numbers, optional
        Tensors here have derivatives; they are the same for all problems of a batch.
    method : {"trf", "bvls"}, optional
    tol : float, optional
    lsq_solver : {"exact", "lsmr"}, optional
    lsmr_tol, max_iter, verbose, lsmr_maxiter : optional
        SciPy's.
    check : bool, optional
        Whether a solver that fails raises. If not, the derivatives of what it returns are NaN.

    Returns
    -------
    LeastSquaresResult

    Raises
    ------
    SolverError
        No convergence; when a derivative is asked for, the columns of `A` with free unknowns are dependent, or a bound
        is weakly active.
    ShapeError
        Shapes that don't fit.
    ArgumentError
        Something else than dense tensors.

    Notes
    -----
    See `nnls`. `A` is dense; of an underdetermined problem without bounds, x is the shortest solution, and has no
    derivative here.

    References
    ----------
    `scipy.optimize.lsq_linear`.

    Examples
    --------
    >>> import torch
    >>> lsq_linear(torch.eye(2), torch.tensor([3.0, 0.5]), (0, 1)).x
    tensor([1.0000, 0.5000])
    """
    box, messages = as_ends("lsq_linear", bounds, A), Messages()
    passed = {"method": method, "tol": tol, "lsq_solver": lsq_solver, "lsmr_tol": lsmr_tol, "max_iter": max_iter}
    passed |= {"verbose": verbose, "lsmr_maxiter": lsmr_maxiter}

    def solver(A: Any, b: Any, *box: Any) -> Any:
        return SCIPY.lsq_linear(A, b, **({"bounds": box} if box else {}), **passed)

    solved = _solved("lsq_linear", solver, A, b, box, messages, check)
    x, success, mask, optimality, status, nfev, njev, _, nit = solved
    value = (A @ x[..., None])[..., 0] - b
    cost = value.square().sum(-1) / 2
    ended = success, status, str(messages), nfev, njev, nit, optimality
    return LeastSquaresResult(x, cost, value, mask, *ended, lambda: A, lambda: (A.mT @ value[..., None])[..., 0])


def _solved(
    name: str, solver: Callable[..., Any], A: Tensor, b: Tensor, box: Box | None, messages: Messages, check: bool
) -> tuple[Tensor, ...]:
    _check(name, A, b)

    def solve(A: Tensor, b: Tensor, box: Box | None) -> Outputs:
        if A.numel() == 0:  # SciPy's nnls would end the process
            return _nothing(A)
        given = [lent(t) for t in (A, b, *(box or ()))]
        try:
            r = solver(*given)
        except RuntimeError as error:  # nnls
            if check:
                refuse(name, str(error))
            unknown = np.full(A.shape[-1], np.nan)
            r = scipy.optimize.OptimizeResult(
                x=unknown, success=False, message=str(error), active_mask=np.zeros(A.shape[-1])
            )
        success = concluded(name, r, messages, check=check, success=r.success, finite=(r.x,))
        ok = success and (box is None or _is_regular(r.x, *given))
        flags = (tensor_of(flag, A, torch.bool) for flag in (ok, success))
        optimality = tensor_of(r.get("optimality", np.nan), A, A.dtype)
        return tensor_of(r.x, A), *flags, tensor_of(r.active_mask, A, torch.int64), optimality, *counted(r, A)

    def slope(x: Tensor, A: Tensor, b: Tensor) -> Tensor:
        return A.mT @ (A @ x - b)

    def stationary(x: Tensor, A: Tensor, b: Tensor, box: Box | None) -> Tensor:
        return slope(x, A, b) if box is None else complementarity(x, slope(x, A, b), *box)

    def jacobian(x: Tensor, A: Tensor, b: Tensor, box: Box | None) -> Tensor:
        gram = A.mT @ A
        if box is None:
            return gram
        held = x - slope(x, A, b)
        held = (held < box[0]) | (held > box[1]) | (box[0] == box[1])
        return torch.where(held[:, None], torch.eye(len(x), dtype=x.dtype, device=x.device), gram)

    def single(A: Tensor, b: Tensor) -> tuple[Tensor, ...]:
        guess = A.new_zeros(A.shape[-1])
        equation = (solve, stationary, guess, (A, b, box))
        x, _, *rest = implicit(name, *equation, check=check, jacobian=jacobian, closed=True)
        return x, *rest

    return each(name, (A, b), (2, 1), single)


def _is_regular(x: Array, A: Array, b: Array, low: Array, high: Array) -> bool:
    """Whether no bound is weakly active."""
    slope, first = A.T @ (A @ x - b), A.T @ b
    return strict_in_box(x, slope, (low, high), 1 + float(max(np.abs(slope).max(), np.abs(first).max())))


def _nothing(A: Tensor) -> Outputs:
    """Zeros, which nothing determines unless there are none."""
    n = A.shape[-1]
    mask, status = (torch.zeros(k, dtype=torch.int64, device=A.device) for k in (n, 5))
    yes, unknown = torch.tensor(True, device=A.device), torch.tensor(n == 0, device=A.device)
    return A.new_zeros(n, dtype=torch.float64), unknown, yes, mask, A.new_zeros(()), *status.clone().unbind()


def each(
    name: str, tensors: tuple[Tensor, ...], cores: tuple[int, ...], single: Callable[..., tuple[Tensor, ...]]
) -> tuple[Tensor, ...]:
    """Problems of several tensors, whose leading dimensions broadcast."""
    if all(t.dim() == core for t, core in zip(tensors, cores, strict=True)):
        return single(*tensors)
    batch = torch.broadcast_shapes(*(t.shape[: t.dim() - core] for t, core in zip(tensors, cores, strict=True)))
    refuse_none(name, batch)
    shapes = [t.shape[t.dim() - core :] for t, core in zip(tensors, cores, strict=True)]
    size = math.prod(batch)
    flat = [t.expand(*batch, *s).reshape(size, *s) for t, s in zip(tensors, shapes, strict=True)]
    return tuple(t.reshape(*batch, *t.shape[1:]) for t in torch.vmap(single)(*flat))


def _check(name: str, A: Any, b: Any) -> None:
    for argument, t in (("A", A), ("b", b)):
        if not isinstance(t, Tensor) or t.layout is not torch.strided or t.dtype not in (torch.float32, torch.float64):
            got = f"{t.dtype} {t.layout}" if isinstance(t, Tensor) else type(t).__name__
            raise ArgumentError(name, argument, "a dense tensor of dtype float32 or float64", got, "torch.as_tensor")
    if A.dtype != b.dtype:
        raise ArgumentError(name, "b", f"the dtype of A, {A.dtype}", f"{b.dtype}", "b.to(A.dtype)")
    if A.dim() < 2 or b.dim() < 1 or A.shape[-2] != b.shape[-1]:
        raise ShapeError(name, "A, b", "shapes (..., m, n) and (..., m)", f"{tuple(A.shape)}, {tuple(b.shape)}")
