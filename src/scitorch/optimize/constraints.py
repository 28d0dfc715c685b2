"""Bounds and constraints, with tensors in them."""

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
from scitorch.core.border import fetch
from scitorch.core.errors import ArgumentError, ShapeError
from scitorch.core.jacobians import jacobian
from scitorch.optimize.problem import for_scipy, jacobian_of

SCIPY: Any = scipy.optimize  # its stubs know floats alone
Box = tuple[Tensor, Tensor]
Data = tuple[Any, ...]  # lower and upper limit of a constraint, and whatever its function takes after x


@dataclass(frozen=True)
class Bounds:
    """Bounds on the unknowns, differentiable in both.

    Attributes
    ----------
    lb, ub : Tensor of shape (n,), or number
    keep_feasible : bool
        Whether iterates stay inside, for the methods that can.

    Notes
    -----
    SciPy's own objects and pairs are taken, too; these here keep the derivative of tensors.

    References
    ----------
    `scipy.optimize.Bounds`.

    Examples
    --------
    >>> Bounds(0.0, 1.0)
    Bounds(lb=0.0, ub=1.0, keep_feasible=False)
    """

    lb: Any = -np.inf
    ub: Any = np.inf
    keep_feasible: bool = False


@dataclass(frozen=True)
class LinearConstraint:
    """Constraint ``lb <= A x <= ub``, differentiable in all three.

    Attributes
    ----------
    A : Tensor of shape (m, n)
    lb, ub : Tensor of shape (m,), or number
        Equal ones make an equation.
    keep_feasible : bool
        Whether iterates stay inside, for the methods that can.

    References
    ----------
    `scipy.optimize.LinearConstraint`.

    Examples
    --------
    >>> LinearConstraint([[1.0, 1.0]], 1.0, 1.0)
    LinearConstraint(A=[[1.0, 1.0]], lb=1.0, ub=1.0, keep_feasible=False)
    """

    A: Any
    lb: Any = -np.inf
    ub: Any = np.inf
    keep_feasible: bool = False


@dataclass(frozen=True)
class NonlinearConstraint:
    """Constraint ``lb <= fun(x) <= ub``, differentiable in the limits and whatever `fun` uses.

    Attributes
    ----------
    fun : callable
        ``fun(x) -> Tensor of shape (m,)``, in torch operations.
    lb, ub : Tensor of shape (m,), or number
        Equal ones make an equation.
    jac : callable, optional
        By default made by `torch.func`.
    hess : callable, optional
        ``hess(x, v)``, the Hessian of ``fun(x) @ v``, which "trust-constr" uses; by default made by `torch.func`.
    keep_feasible : bool
        Whether iterates stay inside, for the methods that can.

    References
    ----------
    `scipy.optimize.NonlinearConstraint`.

    Examples
    --------
    >>> disc = NonlinearConstraint(lambda x: x @ x, 0.0, 1.0)
    >>> disc.ub
    1.0
    """

    fun: Callable[..., Any]
    lb: Any
    ub: Any
    jac: Any = None
    hess: Any = None
    keep_feasible: bool = False


def as_box(name: str, bounds: Any, x: Tensor) -> Box | None:
    """Lower and upper bounds of the shape of the last dimension of x, from pairs."""
    if bounds is None:
        return None
    if isinstance(bounds, (Bounds, scipy.optimize.Bounds)):
        ends: Any = bounds.lb, bounds.ub
    else:
        pairs = [tuple(pair) for pair in bounds]
        if any(len(pair) != 2 for pair in pairs) or len(pairs) != x.shape[-1]:
            raise ShapeError(name, "bounds", f"{x.shape[-1]} pairs", f"{len(pairs)}", "Bounds(lb, ub)")
        ends = zip(*pairs, strict=True) if pairs else ((), ())
        limits = zip(ends, (-np.inf, np.inf), strict=True)
        ends = tuple(_stacked(name, [limit if e is None else e for e in end], x) for end, limit in limits)
    return as_limits(name, "bounds", ends[0], ends[1], x.shape[-1:], x)


def as_ends(name: str, bounds: Any, x: Tensor) -> Box | None:
    """The same from two ends, each a number or one for each unknown; None if they bound nothing."""
    ends: Any = (bounds.lb, bounds.ub) if isinstance(bounds, (Bounds, scipy.optimize.Bounds)) else tuple(bounds)
    if len(ends) != 2:
        raise ShapeError(name, "bounds", "two ends", f"{len(ends)}", "(lb, ub)")
    low, high = as_limits(name, "bounds", ends[0], ends[1], x.shape[-1:], x)
    finite = modes.carries_derivative(low) or modes.carries_derivative(high) or (low.isfinite() | high.isfinite()).any()
    return (low, high) if finite else None


def as_limits(name: str, argument: str, low: Any, high: Any, shape: Sequence[int], like: Tensor) -> Box:
    """Two limits as tensors of a shape."""
    tensors = [as_tensor(name, argument, end, like) for end in (low, high)]
    try:
        low, high = (t.expand(*shape) for t in tensors)
    except RuntimeError:
        got = ", ".join(f"{tuple(t.shape)}" for t in tensors)
        raise ShapeError(name, argument, f"limits of shape {tuple(shape)}", got) from None
    return low, high


def _stacked(name: str, values: list[Any], like: Tensor) -> Tensor:
    tensors = [as_tensor(name, "bounds", v, like).reshape(()) for v in values]
    return torch.stack(tensors) if tensors else like.new_zeros(0)


def as_tensor(name: str, argument: str, value: Any, like: Tensor) -> Tensor:
    """A real tensor of the same dtype, which keeps its derivative."""
    if value.is_complex() if isinstance(value, Tensor) else np.iscomplexobj(value):
        raise ArgumentError(name, argument, "real numbers", f"{value.dtype}", "real and imaginary parts of their own")
    if isinstance(value, Tensor):
        return value.to(like.dtype)
    return torch.tensor(np.asarray(value, dtype=float), dtype=like.dtype, device=like.device)


@dataclass(frozen=True)
class Condition:
    """One constraint: its function of x and of data that may have derivatives."""

    fun: Callable[..., Any]
    data: Data
    given: Any

    def value(self, x: Tensor, data: Data) -> Tensor:
        """A vector."""
        return torch.atleast_1d(self.fun(x, *data[2:]))

    def limits(self, x: Tensor, data: Data) -> Box:
        """Lower and upper ones, of its shape."""
        return as_limits("minimize", "constraints", data[0], data[1], self.value(x, data).shape, x)

    def for_scipy(self, x0: Tensor, data: Data, *, curved: bool) -> Any:
        """The same in SciPy's terms, of the kind that the user gave; with a Hessian for a method that uses one."""
        low, high, *args = data
        if isinstance(self.given, (LinearConstraint, scipy.optimize.LinearConstraint)):
            low, high = (np.array(fetch(t), dtype=float) for t in self.limits(x0, data))
            A = np.array(fetch(args[0]), dtype=float)
            return SCIPY.LinearConstraint(A, low, high, keep_feasible=self.given.keep_feasible)
        fun = for_scipy(lambda x: self.value(x, data), (), x0)
        own = self.given.get("jac") if isinstance(self.given, dict) else self.given.jac
        made = partial(jacobian, lambda x: self.value(x, data))
        jac = for_scipy(own, tuple(args), x0) if callable(own) else for_scipy(made, (), x0)
        if isinstance(self.given, dict):
            return {"type": self.given["type"], "fun": fun, "jac": jac}
        low, high = (np.array(fetch(t), dtype=float) for t in self.limits(x0, data))
        options = {"hess": self._hessian(x0, data)} if curved else {}
        return SCIPY.NonlinearConstraint(fun, low, high, jac=jac, keep_feasible=self.given.keep_feasible, **options)

    def _hessian(self, x0: Tensor, data: Data) -> Any:
        own = self.given.hess
        if own is not None and not callable(own):
            return own  # a quasi-Newton update or a difference scheme of SciPy's

        def made(x: Tensor, v: Tensor) -> Tensor:
            gradient: Any = torch.func.grad(lambda x: self.value(x, data) @ v)
            return jacobian_of(gradient)(x)

        def call(x: Any, v: Any) -> Any:
            weights = torch.tensor(v, dtype=torch.float64, device=x0.device)
            return for_scipy(own or made, (weights,), x0)(x)

        return call


def as_conditions(constraints: Any, x: Tensor) -> list[Condition]:
    """Constraints of SciPy's kinds and of ours."""
    single = isinstance(constraints, (dict, *KINDS))
    return [_condition(c, x) for c in ([constraints] if single else constraints)]


KINDS = LinearConstraint, NonlinearConstraint, scipy.optimize.LinearConstraint, scipy.optimize.NonlinearConstraint


def _condition(c: Any, x: Tensor) -> Condition:
    if isinstance(c, dict):
        kind = str(c.get("type", "")).lower()
        if kind not in ("eq", "ineq") or "fun" not in c:
            raise ArgumentError("minimize", "constraints", 'a "type" of "eq" or "ineq" and a "fun"', repr(c))
        args = c.get("args", ())
        high = 0.0 if kind == "eq" else np.inf
        return Condition(c["fun"], (0.0, high, *(args if isinstance(args, tuple) else (args,))), c)
    if isinstance(c, (LinearConstraint, scipy.optimize.LinearConstraint)):
        matrix: Any = c.A
        matrix = matrix.toarray() if hasattr(matrix, "toarray") else matrix
        matrix = torch.atleast_2d(as_tensor("minimize", "constraints", matrix, x))
        return Condition(lambda x, A: A @ x, (c.lb, c.ub, matrix), c)
    if isinstance(c, (NonlinearConstraint, scipy.optimize.NonlinearConstraint)):
        return Condition(c.fun, (c.lb, c.ub), c)
    raise ArgumentError("minimize", "constraints", "dicts, LinearConstraint or NonlinearConstraint", type(c).__name__)
