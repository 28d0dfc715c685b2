"""Nonlinear least squares, within bounds and with robust losses."""

from __future__ import annotations

from collections.abc import Callable
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
from scitorch.core.jacobians import Linearised
from scitorch.core.refusals import with_refusals
from scitorch.optimize.constraints import Box, as_ends, as_tensor
from scitorch.optimize.kkt import complementarity, strict_in_box
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
    solve_each,
    start,
    tensor_of,
    value_at,
)
from scitorch.optimize.results import LeastSquaresResult, Messages


def _huber(z: Tensor) -> Tensor:
    return torch.where(z <= 1, z, 2 * torch.sqrt(torch.where(z <= 1, 1, z)) - 1)


SCIPY: Any = scipy.optimize  # its stubs know no workers
NOT_FINITE = "Residuals are not finite in the initial point"  # what SciPy says
LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda z: z,
    "soft_l1": lambda z: 2 * (torch.sqrt(1 + z) - 1),
    "huber": _huber,
    "cauchy": torch.log1p,
    "arctan": torch.atan,
}


@modes.breaks_graphs
@with_refusals
def least_squares(
    fun: Callable[..., Any],
    x0: Any,
    jac: Any = "2-point",
    bounds: Any = (-np.inf, np.inf),
    method: str = "trf",
    ftol: float | None = 1e-8,
    xtol: float | None = 1e-8,
    gtol: float | None = 1e-8,
    x_scale: Any = None,
    loss: Any = "linear",
    f_scale: Any = 1.0,
    diff_step: Any = None,
    tr_solver: str | None = None,
    tr_options: dict[str, Any] | None = None,
    jac_sparsity: Any = None,
    max_nfev: int | None = None,
    verbose: int = 0,
    args: Any = (),
    kwargs: dict[str, Any] | None = None,
    callback: Callable[..., Any] | None = None,
    workers: Any = None,
    *,
    check: bool = True,
) -> LeastSquaresResult:
    """Minimum of half the sum of squared residuals, or of a loss of them.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args, **kwargs) -> Tensor of shape (m,)`` of a tensor of shape (n,), in torch operations. It may use
        tensors and modules that it closes over.
    x0 : Tensor of shape (..., n), or number
        Where to begin. Leading dimensions are those of independent problems.
    jac : callable or str, optional
        ``jac(x, *args, **kwargs)``. By default it is made by `torch.func`; SciPy's differences serve for functions of
        NumPy, and where "3-point", "cs", `diff_step`, `jac_sparsity` or `workers` ask for them.
    bounds : Bounds, or pair of tensors of shape (n,) or numbers, optional
        Tensors here have derivatives.
    method : {"trf", "dogbox", "lm"}, optional
    ftol, xtol, gtol : float, optional
    x_scale : array_like or "jac", optional
    loss : str or callable, optional
        "linear", "soft_l1", "huber", "cauchy" or "arctan", or ``loss(z)`` with the loss of the squares and its two
        derivatives in three rows.
    f_scale : float or Tensor, optional
        Size of the residuals at which the loss begins to differ from their square. A tensor has a derivative.
    diff_step, tr_solver, tr_options, jac_sparsity, max_nfev, verbose : optional
        SciPy's.
    args, kwargs : tuple and dict, optional
        Further arguments. With leading dimensions in `x0`, tensors here have them too; `fun` always sees one problem.
    callback : callable, optional
        Called after each iteration as SciPy does, with tensors.
    workers : optional
        SciPy's.
    check : bool, optional
        Whether a solver that fails raises. If not, the derivatives of what it returns are NaN.

    Returns
    -------
    LeastSquaresResult

    Raises
    ------
    SolverError
        No convergence, or NaN from `fun`; when a derivative is asked for, the Hessian is singular or a bound weakly
        active.
    MissingDerivativeError
        A derivative is asked for of a function that returns no tensor.
    ArgumentError
        An unknown loss.
    ShapeError
        Bounds, or a tensor in `args`, of another shape.

    Notes
    -----
    The equation is that the gradient of the cost is zero, or pushes against an active bound: see `minimize`. Its
    derivative has the full Hessian, with the curvature of the residuals, which a Gauss-Newton step leaves out. To any
    order, in every mode; up to 500 unknowns by a matrix, above by GMRES.

    References
    ----------
    `scipy.optimize.least_squares`.

    Examples
    --------
    >>> import torch
    >>> t = torch.tensor([0.0, 1.0, 2.0])
    >>> y = torch.tensor([2.0, 1.0, 0.5], requires_grad=True)
    >>> x = least_squares(lambda x: x[0] * torch.exp(-x[1] * t) - y, torch.ones(2)).x
    >>> x.detach()
    tensor([2.0000, 0.6931])
    """
    if not (callable(loss) or loss in LOSSES):
        raise ArgumentError("least_squares", "loss", f"one of {', '.join(LOSSES)}, or a function", repr(loss))
    guess, messages = torch.atleast_1d(as_guess("least_squares", "x0", x0)), Messages()
    differs = any(option is not None for option in (diff_step, jac_sparsity, workers))
    passed = {"method": method, "ftol": ftol, "xtol": xtol, "gtol": gtol, "x_scale": x_scale, "verbose": verbose}
    passed |= {"diff_step": diff_step, "jac_sparsity": jac_sparsity, "max_nfev": max_nfev, "tr_solver": tr_solver}
    passed |= {} if callback is None else {"callback": tensor_function(callback, guess.device)}
    passed |= {} if tr_options is None else {"tr_options": tr_options}
    passed |= {} if workers is None else {"workers": workers}
    fit = _Fit(fun, None if jac == "2-point" and not differs else jac, loss, passed, messages, check)
    box = as_ends("least_squares", bounds, guess)

    def single(x0: Tensor, given: Any) -> tuple[Tensor, ...]:
        arguments = x0, given, f_scale, box
        x, _, *rest = implicit("least_squares", fit.solve, fit.stationary, x0, arguments, check=check)
        value = torch.atleast_1d(value_at(fit.residuals, x, (given,)))
        return x, value, half_loss(value, loss, f_scale), *rest

    given = (as_args(args), kwargs or {})
    x, value, least, success, mask, optimality, status, nfev, njev, _, nit = solve_each(
        "least_squares", single, 1, guess, given
    )
    ended = success, status, str(messages), nfev, njev, nit, optimality
    jacobian = partial(_of_each, lambda x, given: jacobian_of(fit.residuals)(x, given), x, given)
    gradient = partial(_of_each, lambda x, given: fit.slope(given, f_scale)(x), x, given)
    return LeastSquaresResult(x, least, value, mask, *ended, jacobian, gradient)


@dataclass
class _Fit:
    """What is to be fitted, for SciPy and as an equation."""

    fun: Function
    jac: Any
    loss: Any
    passed: dict[str, Any]
    messages: Messages
    check: bool

    def residuals(self, x: Tensor, given: Any) -> Any:
        """Those of one problem, whose arguments and named arguments are given."""
        return self.fun(x, *given[0], **given[1])

    def slope(self, given: Any, f_scale: Any) -> Callable[[Tensor], Tensor]:
        """The gradient of the cost."""

        def cost(x: Tensor) -> Tensor:
            return half_loss(self.residuals(x, given), self.loss, f_scale)

        return gradient_of(cost, (), "least_squares")

    def stationary(self, x: Tensor, _: Tensor, given: Any, f_scale: Any, box: Box | None) -> Tensor:
        """Zero at the solution."""
        slope = self.slope(given, f_scale)(x)
        return slope if box is None else complementarity(x, slope, *box)

    def solve(self, x0: Tensor, given: Any, f_scale: Any, box: Box | None) -> Outputs:
        """What SciPy finds."""
        if x0.numel() == 0:
            return _nothing(x0)
        fun, jacobian = self._for_scipy(x0, given)
        options = self.passed | {"f_scale": float(f_scale), "jac": jacobian}
        options["loss"] = for_scipy(self.loss, (), x0) if callable(self.loss) else self.loss
        options |= {} if box is None else {"bounds": tuple(map(start, box))}
        try:
            r = SCIPY.least_squares(fun, start(x0), **options)
        except ValueError as error:
            if NOT_FINITE not in str(error):
                raise
            r = _unknown(x0, str(error))
        finite = (r.x, r.cost)
        success = concluded("least_squares", r, self.messages, check=self.check, success=r.success, finite=finite)
        x = tensor_of(r.x, x0)
        ok = success and (box is None or regular_in_box(x, x0, self.slope(given, f_scale), box))
        flags = (tensor_of(flag, x0, torch.bool) for flag in (ok, success))
        mask, optimality = tensor_of(r.active_mask, x0, torch.int64), tensor_of(r.optimality, x0, x0.dtype)
        return x, *flags, mask, optimality, *counted(r, x0)

    def _for_scipy(self, x0: Tensor, given: Any) -> tuple[Any, Any]:
        """The residuals, and their Jacobian: the user's, or ours, or SciPy's differences."""
        if self.jac is None and is_of_torch(self.residuals, x0, (given,)):
            linearised = Linearised(lambda x: self.residuals(x, given))
            return for_scipy(linearised.value, (), x0), for_scipy(linearised.jacobian, (), x0)
        jac = for_scipy(lambda x: self.jac(x, *given[0], **given[1]), (), x0) if callable(self.jac) else self.jac
        return for_scipy(self.residuals, (given,), x0), jac or "2-point"


def _unknown(x0: Tensor, message: str) -> Any:
    """The result where there is none."""
    unknown = {"x": np.full(len(x0), np.nan), "cost": np.nan, "optimality": np.nan, "active_mask": np.zeros(len(x0))}
    return SCIPY.OptimizeResult(unknown, success=False, message=message)


def _nothing(x0: Tensor) -> Outputs:
    """The fit of no unknowns."""
    zero, yes = torch.zeros((), dtype=torch.int64), torch.ones((), dtype=torch.bool)
    made = x0.double(), yes, yes, torch.zeros(0, dtype=torch.int64), x0.new_zeros(()), *[zero] * 5
    return tuple(t.to(x0.device, copy=True) for t in made)


def _of_each(function: Function, x: Tensor, given: Any) -> Tensor:
    """A function at the solution of each problem."""
    return solve_each("least_squares", lambda x, given: (function(x, given),), 1, x, given)[0]


def half_loss(residuals: Any, loss: Any, f_scale: Any) -> Any:
    """Half the sum of the losses; SciPy's scaling."""
    if not isinstance(residuals, Tensor):
        return residuals  # of NumPy: who asks for a derivative is told
    if loss == "linear":
        return residuals.square().sum() / 2
    z = (residuals / f_scale).square()
    if callable(loss):
        rows: Any = loss(z)
        rho = rows[0]
    else:
        rho = LOSSES[loss](z)
    return (rho * as_tensor("least_squares", "f_scale", f_scale, residuals) ** 2).sum() / 2


def regular_in_box(x: Tensor, x0: Tensor, slope: Function, box: Box) -> bool:
    """Whether a solution within bounds has a derivative, as far as the bounds are concerned."""
    slopes: list[Any] = [np.array(fetch(slope(at))) for at in (x, x0.double())]
    low, high = map(start, box)
    return strict_in_box(np.array(fetch(x)), slopes[0], (low, high), 1 + float(np.abs(slopes).max()))
