"""What the solvers return: SciPy's results, with tensors in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

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
    jacobian: Callable[[], Tensor] = field(repr=False)

    @property
    def jac(self) -> Tensor:
        """The Jacobian of the residuals at the solution."""
        return self.jacobian()


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
    marginals_ub, marginals_eq : Tensor of shape (..., m) and (..., k)
        Derivatives of the cost in `b_ub` and `b_eq`, with their own derivatives; SciPy has them in ``ineqlin`` and
        ``eqlin``.
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
    marginals_ub: Tensor
    marginals_eq: Tensor
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
