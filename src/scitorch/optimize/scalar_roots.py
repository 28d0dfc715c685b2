"""Roots of functions of one unknown, one or thousands of them at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize
import torch
from scipy.optimize import elementwise
from torch import Tensor

from scitorch.core import modes
from scitorch.core.border import array_function, fetch
from scitorch.core.errors import ArgumentError
from scitorch.core.implicit import implicit
from scitorch.core.refusals import is_for_us, with_refusals
from scitorch.optimize.problem import (
    Function,
    as_args,
    as_guess,
    is_of_torch,
    refuse,
    solve_each,
    tensor_of,
    value_and_gradient,
)
from scitorch.optimize.results import Messages, RootResults

BRACKETING = ("bisect", "brentq", "brenth", "ridder", "toms748")
WITH_SLOPE = ("newton", "halley")
XTOL, RTOL = 2e-12, 4 * float(np.finfo(float).eps)  # SciPy's of the bracketing methods
WHY = {
    -1: "f(a) and f(b) must have different signs",
    -2: "the maximum number of iterations was reached",
    -3: "numbers that aren't finite",
}
Start = tuple[Tensor, ...]  # the ends of a bracket, or one guess or two


@modes.breaks_graphs
@with_refusals
def root_scalar(
    f: Callable[..., Any],
    args: Any = (),
    method: str | None = None,
    bracket: Any = None,
    fprime: Any = None,
    fprime2: Any = None,
    x0: Any = None,
    x1: Any = None,
    xtol: float | None = None,
    rtol: float | None = None,
    maxiter: int | None = None,
    options: dict[str, Any] | None = None,
    *,
    check: bool = True,
) -> RootResults:
    """Root of a function of one unknown.

    Parameters
    ----------
    f : callable
        ``f(x, *args) -> Tensor of shape ()`` of a tensor of that shape, in torch operations. It may use tensors and
        modules that it closes over.
    args : tuple, optional
        Further arguments. In a batch, tensors here have the leading dimensions of the brackets or guesses.
    method : str, optional
        "bisect", "brentq", "brenth", "ridder", "toms748", "newton", "secant" or "halley". By default the one that suits
        what is given: brentq, halley, newton or secant. A batch of brackets is then solved at once, by Chandrupatla's
        method.
    bracket : sequence of two numbers or tensors of shape (...), optional
        Where f has opposite signs. Dimensions are those of independent problems.
    fprime, fprime2 : callable or bool, optional
        First and second derivative; True if `f` returns them, too. By default they are made from `f`.
    x0, x1 : Tensor of shape (...), or number, optional
        Guesses.
    xtol, rtol : float, optional
        Absolute and relative tolerance of the root.
    maxiter : int, optional
    options : dict, optional
        Of the method.
    check : bool, optional
        Whether a solver that fails raises. If not, the derivatives of what it returns are NaN.

    Returns
    -------
    RootResults

    Raises
    ------
    SolverError
        No convergence, no change of sign in the bracket, or NaN from `f`; when a derivative is asked for, f' is zero at
        the root.
    MissingDerivativeError
        A derivative is asked for of a function that returns no tensor.
    ArgumentError
        An unknown method, or nothing to begin with.

    Notes
    -----
    With ``f(x, θ) = 0`` it is ``∂x = -f_θ ∂θ / f_x``, for all θ that f uses, given or closed over; to any order, in
    every mode, at simple roots. There is no derivative in bracket and guesses: it is zero. In a batch that is solved at
    once, `f` must not branch on values.

    References
    ----------
    `scipy.optimize.root_scalar`, `scipy.optimize.elementwise.find_root`; T. R. Chandrupatla, Adv. Eng. Softw. 28
    (1997), 145-149.

    Examples
    --------
    >>> import torch
    >>> p = torch.tensor(8.0, requires_grad=True)
    >>> x = root_scalar(lambda x: x**3 - p, bracket=(0, 5)).root
    >>> x.backward()
    >>> x.detach(), p.grad
    (tensor(2.), tensor(0.0833))
    """
    begin = _beginning(bracket, x0, x1)
    chosen = method or _suitable(bracket, fprime, fprime2, x1)
    if chosen not in (*BRACKETING, *WITH_SLOPE, "secant"):
        raise ArgumentError("root_scalar", "method", "one of SciPy's", repr(method), '"brentq"')
    if chosen in BRACKETING and bracket is None:
        raise ArgumentError("root_scalar", "bracket", f'two ends, for method="{chosen}"', "None", "bracket=(a, b)")
    messages, args = Messages(), as_args(args)
    tolerances = {"xtol": xtol, "rtol": rtol, "maxiter": maxiter, "options": options}
    function = (lambda x, *args: f(x, *args)[0]) if fprime is True or fprime2 is True else f

    def solve(begin: Start, args: tuple[Any, ...]) -> tuple[Tensor, ...]:
        slopes = _slopes(f, chosen, fprime, fprime2, begin[0], args)
        where = _as_scipy_says(chosen, begin)
        return _solved(_Call(slopes.pop("f"), args, begin[0]), chosen, where | slopes | tolerances, messages, check)

    def together(residual: Function, begin: Start, _: Any) -> tuple[Tensor, ...]:
        return _solved_at_once(residual, begin, (xtol, rtol, maxiter), messages, check)

    def residual(x: Tensor, _: Start, args: tuple[Any, ...]) -> Tensor:
        return function(x, *args)

    def single(x0: Tensor, rest: tuple[Any, ...]) -> tuple[Tensor, ...]:
        begin, args = (x0, *rest[0]), rest[1]
        at_once = together if method is None and bracket is not None and not options else None
        return implicit("root_scalar", solve, residual, x0, (begin, args), check=check, together=at_once)

    x, success, iterations, calls = solve_each("root_scalar", single, 0, begin[0], (begin[1:], args))
    return RootResults(x, iterations, calls, success, str(messages), chosen)


def _beginning(bracket: Any, x0: Any, x1: Any) -> Start:
    if bracket is None and x0 is None:
        raise ArgumentError("root_scalar", "bracket, x0", "one of them", "None")
    given = tuple(bracket) if bracket is not None else (x0,) if x1 is None else (x0, x1)
    if bracket is not None and len(given) != 2:
        raise ArgumentError("root_scalar", "bracket", "two ends", f"{len(given)}")
    tensors = [as_guess("root_scalar", "bracket" if bracket is not None else "x0", x) for x in given]
    dtype = tensors[0].dtype if len(tensors) == 1 else torch.result_type(*tensors)
    return tuple(torch.broadcast_tensors(*(t.to(dtype) for t in tensors)))


def _suitable(bracket: Any, fprime: Any, fprime2: Any, x1: Any) -> str:
    """SciPy's choice; as slopes can always be made, a single guess is enough for Newton's method."""
    if bracket is not None:
        return "brentq"
    if fprime2:
        return "halley"
    return "secant" if x1 is not None and not fprime else "newton"


def _as_scipy_says(method: str, begin: Start) -> dict[str, Any]:
    numbers = [float(fetch(t)) for t in begin]
    if method in BRACKETING:
        return {"bracket": numbers}
    return dict(zip(("x0", "x1"), numbers, strict=False))


def _slopes(f: Function, method: str, fprime: Any, fprime2: Any, x: Tensor, args: tuple[Any, ...]) -> dict[str, Any]:
    """The function and its derivatives, the user's or ours, as far as the method uses them."""
    if method not in WITH_SLOPE:
        return {"f": (lambda x, *args: f(x, *args)[0]) if fprime is True or fprime2 is True else f}
    if fprime is True or (callable(fprime) and (method == "newton" or fprime2)) or not is_of_torch(f, x, args):
        names = {"fprime": fprime, "fprime2": fprime2 if method == "halley" or fprime2 is True else None}
        made = {k: _Call(v, args, x) if callable(v) else v for k, v in names.items() if v is not None}
        return {"f": f} | made
    if method == "newton":
        return {"f": value_and_gradient(f), "fprime": True}
    return {"f": _with_curvature(f), "fprime": True, "fprime2": True}


def _with_curvature(f: Function) -> Function:
    def call(x: Tensor, *args: Any) -> tuple[Tensor, ...]:
        with torch.enable_grad():
            x = x.requires_grad_()
            value = f(x, *args)
            options: Any = {"allow_unused": True, "materialize_grads": True}
            slope = torch.autograd.grad(value, x, create_graph=True, **options)[0]
            bent = torch.autograd.grad(slope, x, **options)[0] if slope.requires_grad else torch.zeros_like(x)
        return value.detach(), slope.detach(), bent

    return call


class _Call:
    """A function for SciPy, of a number."""

    def __init__(self, function: Function, args: tuple[Any, ...], like: Tensor) -> None:
        self.function = array_function(function, torch.float64, like.device, *args)
        self.like = like

    def __call__(self, x: Any) -> Any:
        result = self.function(x)
        return tuple(map(float, result)) if isinstance(result, tuple) else float(result)


def _solved(f: _Call, method: str, options: dict[str, Any], messages: Messages, check: bool) -> tuple[Tensor, ...]:
    try:
        r: Any = scipy.optimize.root_scalar(f, method=method, **options)
    except (RuntimeError, ValueError) as error:  # no change of sign, NaN in a bracket
        if not is_for_us(error):
            raise
        if check or "tol" in str(error):
            refuse("root_scalar", str(error))
        messages.heard.append(str(error))
        return _flags(f.like, np.nan, False, -1, -1)
    converged = bool(r.converged and np.isfinite(r.root) and np.isfinite(f(r.root)).all())
    messages.heard.append(str(r.flag))
    if check and not converged:
        refuse("root_scalar", str(r.flag) if np.isfinite(r.root) else "numbers that aren't finite", r)
    return _flags(f.like, np.real(r.root), converged, r.iterations, r.function_calls)


def _flags(like: Tensor, x: Any, converged: Any, iterations: Any, calls: Any) -> tuple[Tensor, ...]:
    counts = (tensor_of(n, like, torch.int64) for n in (iterations, calls))
    return tensor_of(x, like), tensor_of(converged, like, torch.bool), *counts


def _solved_at_once(
    residual: Function, begin: Start, tolerances: Any, messages: Messages, check: bool
) -> tuple[Tensor, ...]:
    """All brackets of a batch, by SciPy's elementwise solver; problems that are done drop out."""
    like = begin[0]

    def f(x: Any, index: Any) -> Any:
        chosen = None if np.size(index) == len(like) else tensor_of(np.ravel(index), like, torch.int64)
        function = array_function(residual, torch.float64, like.device, chosen)
        return np.reshape(function(np.ravel(x)), np.shape(x))

    ends = tuple(np.array(fetch(t), dtype=np.float64) for t in begin)
    xtol, rtol, maxiter = tolerances
    limits = {"xatol": xtol or XTOL, "xrtol": rtol or RTOL}
    r = elementwise.find_root(f, ends, args=(np.arange(len(like)),), tolerances=limits, maxiter=maxiter)
    flag = "converged" if r.success.all() else "no change of sign, or no convergence"
    messages.heard.append(flag)
    if check and not r.success.all():
        first = int(np.argmin(r.success))
        refuse("root_scalar", WHY.get(int(r.status[first]), flag), r, (first,))
    return _flags(like, np.where(r.success, r.x, np.nan), r.success, r.nit, r.nfev)
