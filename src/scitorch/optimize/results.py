"""What the solvers return: SciPy's results, with tensors in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class OptimizeResult:
    """What `root` and `minimize` return.

    Attributes
    ----------
    x : Tensor of shape (..., n)
        The solution, with its derivatives.
    success : Tensor of shape (...)
        Whether the solver says that it is one.
    status : Tensor of shape (...)
        SciPy's number for how the solver ended.
    message : str
        The same in words; of a batch the different ones, one a line.
    fun : Tensor of shape (..., n) or (...)
        The function at the solution, with its derivatives.
    nfev, njev, nhev, nit : Tensor of shape (...)
        How often the function, its Jacobian and its Hessian were evaluated, and how many iterations were made; -1 where
        the method doesn't count them.
    details : dict
        What else SciPy's result has for the method (`hess_inv`, `fjac`, `optimality`, `v`, …), by SciPy's name. Each is
        an attribute, too. They are what the method has found on its way, tensors **without a derivative**; but for
        `jac` (of "trust-constr": `grad`) and `hess`, the function's gradient and Hessian at the solution: those of a
        function of torch operations are made when asked for, with their derivatives. `hess_inv` of "L-BFGS-B" is a
        matrix up to 500 unknowns, and left out above.
    """

    x: Tensor
    success: Tensor
    status: Tensor
    message: str
    fun: Tensor
    nfev: Tensor
    njev: Tensor
    nhev: Tensor
    nit: Tensor
    details: dict[str, Any] = field(default_factory=dict[str, Any], repr=False)

    def __getattr__(self, name: str) -> Any:
        details = self.__dict__.get("details", {})  # not there yet while a copy is made
        if name not in details:
            raise AttributeError(f"SciPy's result has no {name!r} for this method; there are {sorted(details)}")
        value = details[name]
        return value() if callable(value) else value


@dataclass(frozen=True)
class RootResults:
    """What `root_scalar` returns.

    Attributes
    ----------
    root : Tensor of shape (...)
        With its derivatives.
    iterations, function_calls : Tensor of shape (...)
    converged : Tensor of shape (...)
    flag : str
        How the solver ended; of a batch the different ends, one a line.
    method : str
    """

    root: Tensor
    iterations: Tensor
    function_calls: Tensor
    converged: Tensor
    flag: str
    method: str


@dataclass(frozen=True)
class LeastSquaresResult:
    """What `least_squares` and `lsq_linear` return.

    Attributes
    ----------
    x : Tensor of shape (..., n)
        The solution, with its derivatives.
    cost : Tensor of shape (...)
        Half the sum of the losses at the solution, with its derivatives.
    fun : Tensor of shape (..., m)
        The residuals at the solution, with their derivatives.
    active_mask : Tensor of shape (..., n)
        -1 where the lower bound is active, 1 where the upper one is, else 0.
    success : Tensor of shape (...)
    status : Tensor of shape (...)
    message : str
        How the solver ended; of a batch the different ends, one a line.
    nfev, njev, nit : Tensor of shape (...)
        Counts; -1 where the method doesn't count.
    jac : Tensor of shape (..., m, n)
        The Jacobian of the residuals at the solution, with its derivatives; made when asked for. Unlike SciPy's, it has
        no weights of the loss in it.
    grad : Tensor of shape (..., n)
        The gradient of the cost at the solution, with its derivatives; made when asked for.
    optimality : Tensor of shape (...)
        The norm of the gradient, scaled by the distance to the bounds, as the method found it: without a derivative.
    """

    x: Tensor
    cost: Tensor
    fun: Tensor
    active_mask: Tensor
    success: Tensor
    status: Tensor
    message: str
    nfev: Tensor
    njev: Tensor
    nit: Tensor
    optimality: Tensor
    jacobian: Callable[[], Tensor] = field(repr=False)
    gradient: Callable[[], Tensor] = field(repr=False)

    @property
    def jac(self) -> Tensor:
        """The Jacobian of the residuals at the solution."""
        return self.jacobian()

    @property
    def grad(self) -> Tensor:
        """The gradient of the cost at the solution."""
        return self.gradient()


@dataclass(frozen=True)
class Sensitivity:
    """Of the constraints of one kind in `linprog`.

    Attributes
    ----------
    residual : Tensor
        How far away they are.
    marginals : Tensor
        How the cost changes with their right-hand sides.
    """

    residual: Tensor
    marginals: Tensor


@dataclass(frozen=True)
class LinearProgramResult:
    """What `linprog` returns.

    Attributes
    ----------
    x : Tensor of shape (..., n)
        The vertex, with its derivatives.
    fun : Tensor of shape (...)
        The cost there, with its derivatives.
    slack : Tensor of shape (..., m)
        ``b_ub - A_ub @ x``, with its derivatives.
    con : Tensor of shape (..., k)
        ``b_eq - A_eq @ x``, zero at a solution.
    ineqlin, eqlin, lower, upper : Sensitivity
        Of the constraints and bounds: `residual`, the distance to them, and `marginals`, the derivatives of the cost in
        `b_ub`, `b_eq` and the bounds, both with their own derivatives.
    success : Tensor of shape (...)
    status : Tensor of shape (...)
    message : str
        How the solver ended; of a batch the different ends, one a line.
    nit : Tensor of shape (...)
    """

    x: Tensor
    fun: Tensor
    slack: Tensor
    con: Tensor
    ineqlin: Sensitivity
    eqlin: Sensitivity
    lower: Sensitivity
    upper: Sensitivity
    success: Tensor
    status: Tensor
    message: str
    nit: Tensor


@dataclass
class Messages:
    """What the solver said, one problem after the other."""

    heard: list[str] = field(default_factory=list[str])

    def __str__(self) -> str:
        return "\n".join(dict.fromkeys(self.heard))
