"""Roots and fixed points of functions of several unknowns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize
import torch
from torch import Tensor

from scitorch.core import modes
from scitorch.core.border import tensor_function
from scitorch.core.errors import ArgumentError
from scitorch.core.implicit import implicit
from scitorch.core.jacobians import jacobian
from scitorch.core.refusals import with_refusals
from scitorch.optimize.details import Details
from scitorch.optimize.problem import (
    Function,
    as_args,
    as_guess,
    concluded,
    counted,
    for_scipy,
    is_of_torch,
    refuse,
    solve_each,
    start,
    tensor_of,
    value_at,
)
from scitorch.optimize.results import Messages, OptimizeResult

SMALL = 1e-3  # of the function at a root, as a part of what it was at first
WITH_JACOBIAN = ("hybr", "lm")


@modes.breaks_graphs
@with_refusals
def root(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    method: str = "hybr",
    jac: Any = None,
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: dict[str, Any] | None = None,
    *,
    check: bool = True,
) -> OptimizeResult:
    """Root of a function of several unknowns.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args) -> Tensor of shape (n,)`` of a tensor of that shape, in torch operations. It may use tensors and
        modules that it closes over.
    x0 : Tensor of shape (..., n), or number
        Where to begin. Leading dimensions are those of independent problems.
    args : tuple, optional
        Further arguments. With leading dimensions in `x0`, tensors here have them too; `fun` always sees one problem.
    method : str, optional
        "hybr", "lm", "broyden1", "broyden2", "anderson", "linearmixing", "diagbroyden", "excitingmixing", "krylov" or
        "df-sane".
    jac : callable or bool, optional
        ``jac(x, *args)``, or True if `fun` returns the Jacobian, too. By default it is made by `torch.func`, for the
        methods that use one ("hybr" and "lm").
    tol : float, optional
    callback : callable, optional
        Called after each iteration with x and the residual, as tensors.
    options : dict, optional
        Of the method.
    check : bool, optional
        Whether a solver that fails raises. If not, the derivatives of what it returns are NaN.

    Returns
    -------
    OptimizeResult

    Raises
    ------
    SolverError
        The solver failed, or `fun` gave NaN; when a derivative is asked for, the Jacobian at the solution is singular.
    MissingDerivativeError
        A derivative is asked for of a function that returns no tensor.
    ShapeError
        A tensor in `args` without the leading dimensions of `x0`.

    Notes
    -----
    With ``F(x, θ) = 0`` the solution moves by ``∂x = -F_x⁻¹ F_θ ∂θ``, for all θ that F uses, given or closed over; to
    any order, in every mode, where F_x is regular. The derivative is as exact as the solution: `tol` sets both. Up to
    500 unknowns F_x is a matrix, above GMRES solves with its products. There is no derivative in `x0`: it is zero.
    Float32 problems are solved in float64. With no unknowns, the solution is empty. A function that returns NumPy
    arrays serves as long as nobody asks for a derivative; its Jacobian is then left to the method.

    References
    ----------
    `scipy.optimize.root`; M. Blondel et al., "Efficient and modular implicit differentiation", NeurIPS 35 (2022).

    Examples
    --------
    >>> import torch
    >>> p = torch.tensor([4.0, 9.0], requires_grad=True)
    >>> x = root(lambda x: x**2 - p, torch.ones(2)).x
    >>> x.sum().backward()
    >>> p.grad
    tensor([0.2500, 0.1667])
    """
    guess, args, messages = torch.atleast_1d(as_guess("root", "x0", x0)), as_args(args), Messages()
    details = Details()
    function = (lambda x, *args: fun(x, *args)[0]) if jac is True else fun

    def solve(x0: Tensor, args: tuple[Any, ...]) -> tuple[Tensor, ...]:
        if x0.numel() == 0:
            return _nothing(x0)
        report = None if callback is None else tensor_function(callback, x0.device)
        derivative = _jacobian(fun, jac, method, options, x0, args)
        problem = for_scipy(fun, args, x0)
        r = scipy.optimize.root(problem, start(x0), (), method, derivative, tol, report, options)
        success = r.success and _is_root(r, problem(start(x0)), jac is True)
        success = concluded("root", r, messages, check=check, success=success, finite=(r.x, r.fun))
        return tensor_of(r.x, x0), tensor_of(success, x0, torch.bool), *counted(r, x0), *details.of(r, x0)

    def residual(x: Tensor, _: Tensor, args: tuple[Any, ...]) -> Tensor:
        return function(x, *args)

    def single(x0: Tensor, args: tuple[Any, ...]) -> tuple[Tensor, ...]:
        x, *rest = implicit("root", solve, residual, x0, (x0, args), check=check)
        return x, value_at(function, x, args), *rest

    x, value, success, status, *rest = solve_each("root", single, 1, guess, args)
    counts, others = rest[:4], tuple(rest[4:])
    return OptimizeResult(x, success, status, str(messages), value, *counts, details=details.named(others))


def _is_root(result: Any, first: Any, pair: bool) -> bool:
    """Whether the function has become small: a method may also end because it makes no more progress."""
    size, at_first = np.abs(result.fun).max(), np.abs(first[0] if pair else first).max()
    small = not size > max(SMALL * at_first, SMALL**2)
    if not small:
        result.message = f"{result.message} But this is no root: the function is as large as {size:.1e} there"
    return small


def _jacobian(fun: Function, jac: Any, method: str, options: Any, x0: Tensor, args: tuple[Any, ...]) -> Any:
    """The Jacobian for SciPy: the user's, or ours where the method uses one."""
    if callable(jac):
        return for_scipy(jac, args, x0)
    if jac is True or method not in WITH_JACOBIAN or not is_of_torch(fun, x0, args):
        return jac
    made = for_scipy(lambda x: jacobian(lambda x: fun(x, *args), x), (), x0)
    return (lambda x: made(x).T) if (options or {}).get("col_deriv") else made


def _nothing(x0: Tensor) -> tuple[Tensor, ...]:
    """The solution of no equations."""
    zero = torch.zeros((), dtype=torch.int64, device=x0.device)
    return x0.double(), torch.ones((), dtype=torch.bool, device=x0.device), *[zero.clone() for _ in range(5)]


@modes.breaks_graphs
@with_refusals
def fixed_point(
    func: Callable[..., Any],
    x0: Any,
    args: Any = (),
    xtol: float = 1e-8,
    maxiter: int = 500,
    method: str = "del2",
    *,
    check: bool = True,
) -> Tensor:
    """Fixed point of a function: x with ``func(x) = x``.

    Parameters
    ----------
    func : callable
        ``func(x, *args) -> Tensor of shape (n,)`` of a tensor of that shape, in torch operations. It may use tensors
        and modules that it closes over.
    x0 : Tensor of shape (..., n), or number
        Where to begin. Leading dimensions are those of independent problems; the result for a number is one.
    args : tuple, optional
        Further arguments. With leading dimensions in `x0`, tensors here have them too; `func` always sees one problem.
    xtol : float, optional
        Relative change at which the iteration stops.
    maxiter : int, optional
    method : {"del2", "iteration"}, optional
        With Steffensen's acceleration, of each element by itself, or without.
    check : bool, optional
        Whether no convergence raises. If not, the result is NaN.

    Returns
    -------
    Tensor of shape (..., n)

    Raises
    ------
    SolverError
        No convergence, or NaN from `func`; when a derivative is asked for, ``I - func_x`` is singular there.
    ArgumentError
        An unknown method.

    Notes
    -----
    With ``x = f(x, θ)`` it is ``∂x = (I - f_x)⁻¹ f_θ ∂θ``, see `root`; also where the iteration converges only because
    it is accelerated.

    References
    ----------
    `scipy.optimize.fixed_point`.

    Examples
    --------
    >>> import torch
    >>> c = torch.tensor([10.0, 12.0])
    >>> fixed_point(lambda x: torch.sqrt(c / (x + 1)), torch.tensor([1.2, 1.3]))
    tensor([1.8675, 2.0000])
    """
    if method not in ("del2", "iteration"):
        raise ArgumentError("fixed_point", "method", '"del2" or "iteration"', repr(method))
    guess, args = as_guess("fixed_point", "x0", x0), as_args(args)

    def solve(x0: Tensor, args: tuple[Any, ...]) -> tuple[Tensor, ...]:
        if x0.numel() == 0:
            return x0.double(), torch.ones((), dtype=torch.bool, device=x0.device)
        x, message = torch.full_like(x0, torch.nan, dtype=torch.float64), "numbers that aren't finite"
        try:
            solution = scipy.optimize.fixed_point(for_scipy(func, args, x0), start(x0), (), xtol, maxiter, method)
            x = tensor_of(solution, x0)
        except RuntimeError as error:
            message = str(error)
        success = x.isfinite().all()
        if check and not success:
            refuse("fixed_point", message)
        return x, success

    def residual(x: Tensor, _: Tensor, args: tuple[Any, ...]) -> Tensor:
        return x - func(x, *args)

    def single(x0: Tensor, args: tuple[Any, ...]) -> tuple[Tensor, ...]:
        return implicit("fixed_point", solve, residual, x0, (x0, args), check=check)

    return solve_each("fixed_point", single, 1 if guess.dim() else 0, guess, args)[0]
