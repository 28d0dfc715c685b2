"""Fits of a curve to data, with the covariance of its parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import scipy.optimize
import torch
from torch import Tensor

from scitorch.core import modes
from scitorch.core.border import array_function, fetch
from scitorch.core.errors import ArgumentError, MissingDerivativeError, ShapeError
from scitorch.core.implicit import Outputs, implicit
from scitorch.core.jacobians import Linearised
from scitorch.core.linear import linear_solve
from scitorch.core.refusals import with_refusals
from scitorch.optimize.constraints import Box, as_ends, as_tensor
from scitorch.optimize.details import Details
from scitorch.optimize.kkt import complementarity
from scitorch.optimize.least_squares import regular_in_box
from scitorch.optimize.problem import (
    Function,
    as_guess,
    is_of_torch,
    jacobian_of,
    refuse,
    solve_each,
    start,
    tensor_of,
)
from scitorch.optimize.results import Messages

SCIPY: Any = scipy.optimize  # its stubs know floats alone
Given = tuple[Any, Tensor, Tensor | None]  # xdata, ydata, sigma


@modes.breaks_graphs
@with_refusals
def curve_fit(
    f: Callable[..., Any],
    xdata: Any,
    ydata: Tensor,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    check_finite: bool | None = None,
    bounds: Any = (-np.inf, np.inf),
    method: str | None = None,
    jac: Any = None,
    *,
    full_output: bool = False,
    nan_policy: str | None = None,
    check: bool = True,
    **kwargs: Any,
) -> Any:
    """Fit of a function to data by nonlinear least squares.

    Parameters
    ----------
    f : callable
        ``f(xdata, *params) -> Tensor of shape (m,)``, in torch operations; each parameter is a tensor of no dimensions.
        It may use tensors and modules that it closes over.
    xdata : Tensor, or anything that `f` takes
    ydata : Tensor of shape (..., m)
    p0 : Tensor of shape (..., n), or sequence of numbers, optional
        Where to begin; by default 1, or inside the bounds. Leading dimensions are those of independent problems: then
        tensors in xdata, ydata and sigma have them, too.
    sigma : Tensor of shape (..., m) or (..., m, m), optional
        Standard deviations of `ydata`, or its covariance.
    absolute_sigma : bool, optional
        Whether `sigma` is meant absolutely. If not, the covariance is scaled so that the residuals fit it.
    check_finite : bool, optional
        Whether NaN and infinities in the data raise; by default they do.
    bounds : Bounds, or pair of tensors of shape (n,) or numbers, optional
        Tensors here have derivatives.
    method : {"lm", "trf", "dogbox"}, optional
        By default "lm", with bounds "trf".
    jac : callable or str, optional
        ``jac(xdata, *params) -> Tensor of shape (m, n)``. By default made by `torch.func`.
    full_output : bool, optional
        Whether `infodict`, `mesg` and `ier` are returned, too.
    nan_policy : {None, "raise"}, optional
        "omit" is not supported.
    check : bool, optional
        Whether a solver that fails raises. If not, all it returns is NaN.
    **kwargs
        For `scipy.optimize.leastsq` ("lm") or `scipy.optimize.least_squares`; not `loss`.

    Returns
    -------
    popt : Tensor of shape (..., n)
    pcov : Tensor of shape (..., n, n)
        Infinite where the data don't determine it.
    infodict : dict
        With ``full_output=True``: `fvec`, the residuals in units of `sigma`, with their derivatives; `nfev`, and by
        "lm" `fjac`, `ipvt` and `qtf`, as MINPACK left them, without any.
    mesg : str
        How the solver ended; of a batch the different ends, one a line.
    ier : Tensor of shape (...)
        The same as SciPy's number.

    Raises
    ------
    SolverError
        No convergence, or NaN from `f`; when a derivative is asked for, the Hessian is singular or a bound weakly
        active.
    MissingDerivativeError
        A derivative is asked for of a function that returns no tensor.
    ArgumentError
        An option that isn't supported, or no way to tell how many parameters there are.
    ShapeError
        `sigma` of another shape.

    Warns
    -----
    OptimizeWarning
        SciPy's, where the data don't determine the covariance.

    Notes
    -----
    Parameters as in `least_squares`, with the full Hessian; the covariance is ``(JᵀJ)⁻¹`` with the weighted Jacobian J
    at the solution, times the residual variance unless `absolute_sigma`. Both have derivatives of any order in data,
    sigma, bounds, and whatever `f` uses.

    References
    ----------
    `scipy.optimize.curve_fit`; K. W. Vugrin et al., Water Resour. Res. 43 (2007), W03423.

    Examples
    --------
    >>> import torch
    >>> t = torch.tensor([0.0, 1.0, 2.0, 3.0])
    >>> popt, pcov = curve_fit(lambda t, a, b: a * t + b, t, torch.tensor([1.0, 3.0, 5.0, 7.5]))
    >>> popt
    tensor([2.1500, 0.9000])
    """
    _check_options(nan_policy, kwargs)
    ydata = as_guess("curve_fit", "ydata", ydata)
    xdata = as_tensor("curve_fit", "xdata", xdata, ydata) if isinstance(xdata, (list, tuple, np.ndarray)) else xdata
    sigma = None if sigma is None else as_tensor("curve_fit", "sigma", sigma, ydata)
    guess = _beginning(f, p0, bounds, ydata)
    box = as_ends("curve_fit", bounds, guess)
    passed = {"absolute_sigma": absolute_sigma, "check_finite": check_finite, "nan_policy": nan_policy} | kwargs
    passed["method"] = method or ("lm" if box is None else "trf")
    messages, details = Messages(), Details(())

    def solve(p0: Tensor, given: Given, box: Box | None) -> Outputs:
        return _solved(f, jac, p0, given, box, passed, check, messages, details)

    def stationary(p: Tensor, _: Tensor, given: Given, box: Box | None) -> Tensor:
        slope = _slope(f, given)(p)
        return slope if box is None else complementarity(p, slope, *box)

    def uses(p: Tensor, _: Tensor, given: Given, __: Box | None) -> Tensor:
        return _residuals(f, p, *given[:2])

    def single(p0: Tensor, given: Given) -> tuple[Tensor, ...]:
        if given[2] is not None and given[2].shape not in (given[1].shape, given[1].shape * 2):
            expected = f"shape {tuple(given[1].shape)} or {tuple(given[1].shape * 2)}"
            raise ShapeError("curve_fit", "sigma", expected, f"{tuple(given[2].shape)}")
        equation = (solve, stationary, p0, (p0, given, box))
        popt, _, pcov, fvec, *rest = implicit("curve_fit", *equation, check=check, uses=uses)
        if modes.carries_derivative(popt) and is_of_torch(_model(f), popt, (given[0],)):
            r, slopes = _residuals(f, popt, *given[:2]), jacobian_of(_model(f))(popt, given[0])
            pcov, fvec = _covariance(popt, r, slopes, given[2], absolute_sigma), _in_units(r, given[2])
        return popt, pcov, fvec, *rest

    popt, pcov, fvec, ier, *rest = solve_each("curve_fit", single, 1, guess, (xdata, ydata, sigma))
    infodict = {"fvec": fvec} | details.named(tuple(rest))
    return (popt, pcov, infodict, str(messages), ier) if full_output else (popt, pcov)


def _check_options(nan_policy: str | None, kwargs: dict[str, Any]) -> None:
    if nan_policy not in (None, "raise"):
        raise ArgumentError("curve_fit", "nan_policy", 'None or "raise"', repr(nan_policy), "removing them before")
    if kwargs.get("loss", "linear") != "linear":
        raise ArgumentError("curve_fit", "loss", '"linear"', repr(kwargs["loss"]), "least_squares")


def _beginning(f: Function, p0: Any, bounds: Any, ydata: Tensor) -> Tensor:
    """SciPy's guess, if there is none: 1, or a place between the bounds."""
    if p0 is not None:
        p0 = as_guess("curve_fit", "p0", p0).to(ydata.dtype)
        return torch.atleast_1d(p0)
    parameters = list(inspect.signature(f).parameters.values())
    if any(p.kind is p.VAR_POSITIONAL for p in parameters) or len(parameters) < 2:
        raise ArgumentError("curve_fit", "p0", "a guess for each parameter", "a function that takes any number of them")
    ones = ydata.new_ones(len(parameters) - 1)
    box = as_ends("curve_fit", bounds, ones)
    if box is None:
        return ones
    low, high = (end.detach() for end in box)
    between = torch.where(high.isfinite(), (low + high) / 2, low + 1)
    return torch.where(low.isfinite(), between, torch.where(high.isfinite(), high - 1, 1))


def _model(f: Function) -> Function:
    """The same of a vector of parameters."""
    return lambda p, xdata: f(xdata, *p.unbind())


def _solved(
    f: Function,
    jac: Any,
    p0: Tensor,
    given: Given,
    box: Box | None,
    passed: dict[str, Any],
    check: bool,
    messages: Messages,
    details: Details,
) -> Outputs:
    xdata, ydata, sigma = given
    n, options = p0.numel(), dict(passed)
    model, slope, linearised = partial(f, xdata), partial(jac, xdata) if callable(jac) else jac, None
    if slope is None and is_of_torch(_model(f), p0, (xdata,)):
        linearised = Linearised(model)
        model, slope = linearised.value, linearised.jacobian
        if passed["method"] == "lm" and sigma is None:  # columns as MINPACK wants them; sigma goes along rows
            slope, options["col_deriv"] = lambda *p: linearised.jacobian(*p).T, True
    # What is linearised is lent: SciPy subtracts the data from the values at once, and leaves the Jacobian as it is.
    model, slope = (_of_parameters(x, p0, linearised is not None) if callable(x) else x for x in (model, slope))
    options["jac"] = slope
    options["sigma"] = None if sigma is None else start(sigma)
    options |= {} if box is None else {"bounds": tuple(map(start, box))}
    try:
        data = _placeholder(xdata), start(ydata), start(p0)
        found = SCIPY.curve_fit(model, *data, full_output=True, **options)
    except RuntimeError as error:
        if check:
            refuse("curve_fit", str(error))
        found = np.full(n, np.nan), np.full((n, n), np.nan), {"fvec": np.full(len(ydata), np.nan)}, str(error), 0
    popt, pcov, infodict, message, ier = found
    messages.heard.append(message)
    success = bool(np.isfinite(popt).all())
    if check and not success:
        refuse("curve_fit", "numbers that aren't finite")
    popt = tensor_of(popt, p0)
    ok = success and (box is None or regular_in_box(popt, p0, _slope(f, given), box))
    fvec = tensor_of(infodict.pop("fvec"), p0)
    pcov = tensor_of(pcov, p0)
    if success and linearised is not None:  # MINPACK's covariance is that of the point before the last one
        r, slopes = linearised.value(*popt) - ydata, linearised.jacobian(*popt)
        pcov, fvec = _covariance(popt, r, slopes, sigma, passed["absolute_sigma"]), _in_units(r, sigma)
    found = popt, tensor_of(ok, p0, torch.bool), pcov.to(p0.dtype), fvec.to(p0.dtype)
    return *found, tensor_of(ier, p0, torch.int64), *details.of(infodict, p0)


def _of_parameters(function: Function, like: Tensor, lends: bool) -> Function:
    """A function of parameters, for SciPy, which gives it data too."""
    call = array_function(function, torch.float64, like.device, lends=lends)
    return lambda _, *p: call(*p)


def _placeholder(xdata: Any) -> Any:
    """Data whose finiteness SciPy may look at; the function gets the tensor."""
    return np.array(fetch(xdata)) if isinstance(xdata, Tensor) and xdata.numel() else np.zeros(1)


def _slope(f: Function, given: Given) -> Function:
    """The gradient of half the weighted sum of squares, differentiable itself."""
    xdata, ydata, sigma = given

    def cost(p: Tensor) -> Tensor:
        r = _residuals(f, p, xdata, ydata)
        return r @ _weighted(r, sigma) / 2

    slope: Any = torch.func.grad(cost)
    return slope


def _residuals(f: Function, p: Tensor, xdata: Any, ydata: Tensor) -> Tensor:
    value = _model(f)(p, xdata)
    if isinstance(value, Tensor):
        return value - ydata
    got = f"one that returns {type(value).__module__}.{type(value).__name__}"
    raise MissingDerivativeError("curve_fit", "f", "a function of torch operations", got, "torch operations")


def _weighted(r: Tensor, sigma: Tensor | None) -> Tensor:
    """Residuals of shape (..., m), multiplied by the inverse of their covariance."""
    if sigma is None:
        return r
    return r / sigma.square() if sigma.dim() == 1 else linear_solve(sigma, r)


def _in_units(r: Tensor, sigma: Tensor | None) -> Tensor:
    """The residuals, divided by their standard deviations or by a Cholesky factor of their covariance."""
    if sigma is None or sigma.dim() == 1:
        return r if sigma is None else r / sigma
    return linear_solve(torch.linalg.cholesky(sigma), r)


def _covariance(popt: Tensor, r: Tensor, slopes: Tensor, sigma: Tensor | None, absolute_sigma: bool) -> Tensor:
    n, m = popt.numel(), r.numel()
    information = (slopes.mT @ _weighted(slopes.mT, sigma).mT).double()
    eye = torch.eye(n, dtype=torch.float64, device=popt.device)
    inverse = linear_solve(information, eye, check=False).to(popt.dtype)
    if not absolute_sigma:
        inverse = inverse * (r @ _weighted(r, sigma) / (m - n) if m > n else torch.inf)
    return torch.where(inverse.isnan().any() & popt.isfinite().all(), torch.inf, inverse)
