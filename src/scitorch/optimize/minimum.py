"""Minima of functions of several unknowns, free, bounded and constrained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import scipy.optimize
import torch
from torch import Tensor

from scitorch.core import modes
from scitorch.core.border import fetch, tensor_function
from scitorch.core.errors import ArgumentError
from scitorch.core.implicit import Outputs, implicit
from scitorch.core.refusals import with_refusals
from scitorch.optimize.constraints import Box, Condition, Data, as_box, as_conditions
from scitorch.optimize.details import Details
from scitorch.optimize.kkt import complementarity, multipliers
from scitorch.optimize.problem import (
    Function,
    as_args,
    as_guess,
    concluded,
    counted,
    for_scipy,
    gradient_of,
    is_of_torch,
    jacobian_of,
    small,
    solve_each,
    start,
    tensor_of,
    value_and_gradient,
    value_at,
)
from scitorch.optimize.results import Messages, OptimizeResult

SCIPY: Any = scipy.optimize  # its stubs know floats alone
BOUNDED = ("nelder-mead", "powell", "l-bfgs-b", "tnc", "slsqp", "cobyla", "cobyqa", "trust-constr")
CONSTRAINED = ("slsqp", "cobyla", "cobyqa", "trust-constr")
SLOPELESS = ("nelder-mead", "powell", "cobyla", "cobyqa")
CURVED = ("newton-cg", "trust-ncg", "trust-krylov", "trust-constr")  # by a Hessian or its product with a vector
MATRIX = ("dogleg", "trust-exact")


@modes.breaks_graphs
@with_refusals
def minimize(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    method: Any = None,
    jac: Any = None,
    hess: Any = None,
    hessp: Any = None,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: dict[str, Any] | None = None,
    *,
    check: bool = True,
) -> OptimizeResult:
    """Minimum of a function of several unknowns.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args) -> Tensor of one element`` of a tensor of shape (n,), in torch operations. It may use tensors
        and modules that it closes over.
    x0 : Tensor of shape (..., n), or number
        Where to begin. Leading dimensions are those of independent problems.
    args : tuple, optional
        Further arguments. With leading dimensions in `x0`, tensors here have them too; `fun` always sees one problem.
    method : str or callable, optional
        One of SciPy's, by default "SLSQP" with constraints, else "L-BFGS-B" with bounds, else "BFGS".
    jac, hess, hessp : callable, bool or str, optional
        ``jac(x, *args)``, ``hess(x, *args)``, ``hessp(x, p, *args)``; ``jac=True`` if `fun` returns the gradient, too.
        By default they are made by `torch.func` for the methods that use them. They serve the solver alone.
    bounds : Bounds, or sequence of pairs, optional
        None in a pair is no bound. Tensors here have derivatives.
    constraints : dict, LinearConstraint, NonlinearConstraint, or a list of them, optional
        SciPy's, or those of this module, in which tensors have derivatives.
    tol : float, optional
    callback : callable, optional
        Called after each iteration as SciPy does, with tensors.
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
        The solver failed: no convergence, an infeasible or unbounded problem, NaN from `fun`. When a derivative is
        asked for: the Hessian is singular there, or the minimum is degenerate.
    MissingDerivativeError
        A derivative is asked for of a function that returns no tensor.
    ArgumentError
        Bounds or constraints for a method that takes none.
    ShapeError
        Bounds, or a tensor in `args`, of another shape.

    Notes
    -----
    At a free minimum ``f_x = 0``, so ``∂x = -f_xx⁻¹ f_xθ ∂θ``. With bounds and constraints, the conditions of Karush,
    Kuhn and Tucker are the equation, for x and the multipliers of the constraints, which are fitted to the solution:
    the active ones hold with equality, the others have no part. This is differentiable, to any order, in every mode,
    where the gradients of the active constraints are independent, none of them is weakly active (with a multiplier of
    zero), and the curvature along them is positive. Otherwise the minimum is degenerate and has one-sided derivatives
    at best: asking for one raises, and gives NaN with ``check=False``. Weakly active means a distance and a multiplier
    below 1e-6, relative to x and the gradient.

    The derivative is as exact as the solution; SciPy's default tolerances give five to eight digits. A function that
    returns NumPy numbers serves as long as nobody asks for a derivative. The minimum may be at infinity, where a flat
    function looks solved: that isn't detected.

    References
    ----------
    `scipy.optimize.minimize`; A. V. Fiacco, "Introduction to Sensitivity and Stability Analysis in Nonlinear
    Programming", 1983.

    Examples
    --------
    >>> import torch
    >>> from scitorch.optimize import Bounds
    >>> p = torch.tensor([1.0, -2.0], requires_grad=True)
    >>> r = minimize(lambda x: ((x - p) ** 2).sum(), torch.zeros(2), bounds=Bounds(0.0, 3.0))
    >>> r.x.sum().backward()
    >>> r.x.detach(), p.grad.abs()
    (tensor([1., 0.]), tensor([1., 0.]))
    """
    guess, args, messages = torch.atleast_1d(as_guess("minimize", "x0", x0)), as_args(args), Messages()
    problem, details = _Problem(fun, jac, hess, hessp, guess, bounds, constraints, method), Details()
    run = {"tol": tol, "callback": callback and tensor_function(callback, guess.device), "options": options}

    def solve(*given: Any) -> Outputs:
        return problem.solved(given, run, messages, details, check)

    def single(x0: Tensor, args: tuple[Any, ...]) -> tuple[Tensor, ...]:
        n, given = x0.numel(), (x0, args, problem.box, problem.data)
        begin = torch.cat([x0.detach(), x0.new_zeros(problem.count(x0))])
        y, _, *rest = implicit("minimize", solve, problem.residual, begin, given, check=check)
        return y[:n], value_at(problem.function, y[:n], args).reshape(()), *rest

    x, value, success, status, *rest = solve_each("minimize", single, 1, guess, args)
    counts, named = rest[:4], details.named(tuple(rest[4:]))
    named |= {name: make for name, make in problem.slopes(x, args).items() if name in named}
    return OptimizeResult(x, success, status, str(messages), value, *counts, details=named)


@dataclass
class _Problem:
    """What is to be minimised, for SciPy and as an equation."""

    fun: Function
    jac: Any
    hess: Any
    hessp: Any
    guess: Tensor
    bounds: Any
    constraints: Any
    method: Any

    def __post_init__(self) -> None:
        self.in_torch = True  # as far as is known
        self.conditions: Sequence[Condition] = as_conditions(self.constraints, self.guess)
        self.box: Box | None = as_box("minimize", self.bounds, self.guess)
        self.data = tuple(condition.data for condition in self.conditions)
        by_default = "SLSQP" if self.conditions else "BFGS" if self.box is None else "L-BFGS-B"
        self.method = by_default if self.method is None else self.method
        self.kind = self.method.lower() if isinstance(self.method, str) else ""
        for argument, given, able in (
            ("bounds", self.box is not None, BOUNDED),
            ("constraints", bool(self.conditions), CONSTRAINED),
        ):
            if given and self.kind and self.kind not in able:
                raise ArgumentError("minimize", argument, "none for this method", repr(self.method), f"one of {able}")

    @property
    def function(self) -> Function:
        """The value alone."""
        fun = self.fun
        return (lambda x, *args: fun(x, *args)[0]) if self.jac is True else fun

    def count(self, x: Tensor) -> int:
        """How many multipliers there are."""
        with torch.no_grad():
            return self.values(x, self.data).numel() if self.conditions else 0

    def values(self, x: Tensor, data: tuple[Data, ...]) -> Tensor:
        """All constraints at x."""
        return torch.cat([c.value(x, d) for c, d in zip(self.conditions, data, strict=True)])

    def limits(self, x: Tensor, data: tuple[Data, ...]) -> Box:
        """Those of all constraints."""
        low, high = zip(*(c.limits(x, d) for c, d in zip(self.conditions, data, strict=True)), strict=True)
        return torch.cat(low), torch.cat(high)

    def residual(self, y: Tensor, x0: Tensor, args: tuple[Any, ...], box: Box | None, data: tuple[Data, ...]) -> Tensor:
        """The conditions of Karush, Kuhn and Tucker, in x and the multipliers."""
        n = x0.numel()
        x, multiplier = y[:n], y[n:]
        slope = gradient_of(self.function, args)(x)
        if self.conditions:
            pull: Any = torch.func.vjp(lambda x: self.values(x, data), x)[1]
            slope = slope - pull(multiplier)[0]
        first = slope if box is None else complementarity(x, slope, *box)
        if not self.conditions:
            return first
        return torch.cat([first, complementarity(self.values(x, data), multiplier, *self.limits(x, data))])

    def slopes(self, x: Tensor, args: tuple[Any, ...]) -> dict[str, Callable[[], Tensor]]:
        """How gradient and Hessian at the solution are made; not of a function of NumPy."""

        def slope(args: tuple[Any, ...]) -> Function:
            return gradient_of(self.function, args)

        def made(function: Callable[..., Function]) -> Tensor:
            return solve_each("minimize", lambda x, args: (function(args)(x),), 1, x, args)[0]

        gradient = "grad" if self.kind == "trust-constr" else "jac"
        makers = {gradient: slope, "hess": lambda args: jacobian_of(slope(args))}
        return {name: partial(made, function) for name, function in makers.items() if self.in_torch}

    def solved(
        self, given: tuple[Any, ...], run: dict[str, Any], messages: Messages, details: Details, check: bool
    ) -> Outputs:
        """What SciPy finds, with the multipliers there."""
        x0, args, box, data = given
        if x0.numel() == 0:
            zero = torch.zeros((), dtype=torch.int64, device=x0.device)
            done = torch.ones((), dtype=torch.bool, device=x0.device)
            return x0.double(), done, done.clone(), *[zero.clone() for _ in range(5)]
        r = SCIPY.minimize(**self._for_scipy(x0, args, box, data), **run)
        success = concluded("minimize", r, messages, check=check, success=r.success, finite=(r.x, r.fun))
        y, ok = self._with_multipliers(tensor_of(r.x, x0), x0, args, box, data) if success else (None, False)
        if y is None:
            y = torch.cat([tensor_of(r.x, x0), x0.new_full((self.count(x0),), torch.nan, dtype=torch.float64)])
        flags = (tensor_of(flag, x0, torch.bool) for flag in (ok, success))
        return y, *flags, *counted(r, x0), *details.of(r, x0)

    def _for_scipy(self, x0: Tensor, args: tuple[Any, ...], box: Any, data: tuple[Data, ...]) -> dict[str, Any]:
        call: dict[str, Any] = {"fun": for_scipy(self.fun, args, x0), "x0": start(x0), "method": self.method}
        call |= self._derivatives(x0, args)
        if box is not None:
            keep = getattr(self.bounds, "keep_feasible", False)
            low, high = (np.array(fetch(end), dtype=float) for end in box)
            call["bounds"] = SCIPY.Bounds(low, high, keep_feasible=keep)
        if self.conditions:
            pairs, curved = zip(self.conditions, data, strict=True), self.kind in CURVED
            call["constraints"] = [c.for_scipy(x0, d, curved=curved) for c, d in pairs]
        return call

    def _derivatives(self, x0: Tensor, args: tuple[Any, ...]) -> dict[str, Any]:
        """The user's derivatives, and ours where the method uses one that isn't given."""
        names = ("jac", "hess", "hessp")
        given = {name: getattr(self, name) for name in names if getattr(self, name) not in (None, False)}
        call = {k: for_scipy(v, args, x0) if callable(v) else v for k, v in given.items() if k != "hessp"}
        if callable(self.hessp):
            call["hessp"] = _product(lambda x, p: self.hessp(x, p, *args), x0)
        self.in_torch = is_of_torch(self.function, x0, args)
        if self.kind in SLOPELESS or not self.in_torch:
            return call
        if "jac" not in call:
            call |= {"fun": for_scipy(value_and_gradient(self.fun), args, x0), "jac": True}
        slope = gradient_of(self.function, args)
        wanted = self.kind in MATRIX or self.kind in CURVED
        if wanted and "hess" not in call and "hessp" not in call:
            if small(x0) or self.kind in MATRIX:
                call["hess"] = for_scipy(jacobian_of(slope), (), x0)
            else:
                call["hessp"] = _product(lambda x, p: _pulled(slope, x, p), x0)
        return call

    def _with_multipliers(
        self, x: Tensor, x0: Tensor, args: tuple[Any, ...], box: Box | None, data: tuple[Data, ...]
    ) -> tuple[Tensor | None, bool]:
        """X and the multipliers, and whether the conditions hold strictly; nothing of a function of NumPy."""
        if box is None and not self.conditions:
            return x, True
        if not is_of_torch(self.function, x, args):
            return None, False
        n, empty = x.numel(), x.new_zeros(0)
        infinite = x.new_full((n,), torch.inf)
        values, limits, jacobian = empty, (empty, empty), x.new_zeros(0, n)
        if self.conditions:
            values, limits = self.values(x, data), self.limits(x, data)
            jacobian = jacobian_of(lambda x: self.values(x, data))(x)
        slope = gradient_of(self.function, args)
        found = (slope(x), slope(x0.double()), *(box or (-infinite, infinite)), values, jacobian, *limits)
        slope, first, low, high, values, jacobian, least, most = (np.array(fetch(t), dtype=float) for t in found)
        scale = 1 + np.abs(np.stack([slope, first])).max()
        mu, ok = multipliers(np.array(fetch(x)), slope, (low, high), values, jacobian, (least, most), scale)
        return torch.cat([x, tensor_of(mu, x)]), ok


def _product(function: Function, like: Tensor) -> Any:
    """A product of the Hessian and a vector, for SciPy."""

    def call(x: Any, p: Any) -> Any:
        vector = torch.tensor(p, dtype=torch.float64, device=like.device)
        return for_scipy(function, (vector,), like)(x)

    return call


def _pulled(slope: Function, x: Tensor, p: Tensor) -> Tensor:
    pull: Any = torch.func.vjp(slope, x)[1]
    return pull(p)[0]
