"""Integrals of a function, by SciPy's adaptive rules and by Gauss's."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.integrate
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import modes
from scitorch.core.border import array_function
from scitorch.core.errors import ArgumentError, MissingDerivativeError, SolverError
from scitorch.core.implicit import implicit
from scitorch.core.refusals import with_refusals
from scitorch.integrate.constants import constants, double
from scitorch.integrate.double_exponential import double_exponential_rule
from scitorch.integrate.field import Field

Array = NDArray[Any]
AGREEMENT = 100  # times SciPy's own error: how well the rule for derivatives must give SciPy's value


@modes.breaks_graphs
@with_refusals
def quad(
    func: Callable[..., Any],
    a: Any,
    b: Any,
    args: Any = (),
    full_output: int = 0,
    epsabs: float = 1.49e-8,
    epsrel: float = 1.49e-8,
    limit: int = 50,
    points: Any = None,
    weight: Any = None,
    wvar: Any = None,
    wopts: Any = None,
    maxp1: int = 50,
    limlst: int = 50,
    complex_func: bool = False,
    *,
    check: bool = True,
) -> tuple[Tensor, Tensor]:
    """Integral of a function between two limits.

    Parameters
    ----------
    func : callable
        ``func(x, *args)``, torch operations on a number, which give a number.
    a, b : float or Tensor of shape ()
        The limits; they may be infinite.
    args : tuple, optional
        Further arguments of `func`.
    full_output : int, optional
        0; another value raises.
    epsabs, epsrel : float, optional
        The absolute and the relative error that are aimed at.
    limit : int, optional
        Into how many intervals QUADPACK divides, at most.
    points : sequence of float, optional
        Where the function isn't smooth; between finite limits only.
    weight, wvar, wopts, maxp1, limlst : optional
        For weighted integrals, which are not supported: anything but the default raises. Multiply the function by the
        weight instead.
    complex_func : bool, optional
        False; True raises.
    check : bool, optional
        Whether what SciPy warns of raises. If not, the result is what there is, and its derivatives are NaN.

    Returns
    -------
    y, abserr : Tensor of shape ()
        The integral, and an estimate of its absolute error, which has no derivative.

    Raises
    ------
    SolverError
        If SciPy's integration fails.
    ArgumentError
        For an option that isn't supported.

    Notes
    -----
    Leibniz's rule: ``∂y = ∫ ∂f dx + f(b) ∂b - f(a) ∂a``, to any order in any mode; the integral on the right by a
    double exponential rule on the intervals that SciPy ended with, which bears algebraic and logarithmic singularities
    at their ends. If that rule doesn't give SciPy's value (by far), derivatives are NaN. Where ``∂f`` jumps, say so in
    `points`: the intervals are chosen for the function, and the derivative is that much less accurate there. A limit at
    which the function is infinite has no derivative; jumps of the function that move with a parameter are not seen:
    make them limits.
    Computed in float64; it comes back in the dtype of limits that are tensors, else of the function's values.
    torch.compile breaks the graph here.

    References
    ----------
    `scipy.integrate.quad`; H. Takahasi, M. Mori, Publ. RIMS 9 (1974), 721-741.

    Examples
    --------
    >>> import torch
    >>> rate = torch.tensor(2.0, requires_grad=True)
    >>> y, _ = quad(lambda x: torch.exp(-rate * x), 0, torch.inf)
    >>> y.backward()
    >>> rate.grad  # -1 / rate²
    tensor(-0.2500)
    """
    others = {"full_output": full_output, "weight": weight, "wvar": wvar, "wopts": wopts, "complex_func": complex_func}
    _refuse("quad", {name: value for name, value in others.items() if value})
    _refuse("quad", {name: value for name, value in {"maxp1": maxp1, "limlst": limlst}.items() if value != 50})

    def run(f: Callable[[float], Any], a: float, b: float) -> _Found:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", scipy.integrate.IntegrationWarning)
            options: Any = {"epsabs": epsabs, "epsrel": epsrel, "limit": limit, "points": points}
            found: Any = scipy.integrate.quad(lambda x: float(f(x)), a, b, full_output=1, **options)
        value, error, info = found[:3]
        edges = np.stack([info["alist"], info["blist"]], 1)[: max(info["last"], 1)]
        if np.isinf([a, b]).all():
            edges = np.concatenate([edges, -edges[:, ::-1]])  # QUADPACK adds f(x) and f(-x)
        return _Found(np.asarray(value), error, edges, found[3] if len(found) > 3 else "")

    tolerance = (epsabs, epsrel)
    return _integral("quad", func, a, b, args if isinstance(args, tuple) else (args,), run, tolerance, check)


@modes.breaks_graphs
@with_refusals
def quad_vec(
    f: Callable[..., Any],
    a: Any,
    b: Any,
    epsabs: float = 1e-200,
    epsrel: float = 1e-8,
    norm: Any = "2",
    cache_size: float = 100e6,
    limit: int = 10000,
    workers: Any = 1,
    points: Any = None,
    quadrature: str | None = None,
    full_output: bool = False,
    *,
    args: Any = (),
    check: bool = True,
) -> tuple[Tensor, Tensor]:
    """Integral of a function whose values are arrays.

    Parameters
    ----------
    f : callable
        ``f(x, *args)``, torch operations on a number, which give a tensor.
    a, b : float or Tensor of shape ()
        The limits; they may be infinite.
    epsabs, epsrel : float, optional
        The absolute and the relative error that are aimed at.
    norm : {"2", "max"}, optional
        Of the vector of errors.
    cache_size : float, optional
        How many bytes SciPy keeps intermediate results in; changes no value.
    limit : int, optional
        Into how many intervals SciPy divides, at most.
    workers : int, optional
        1; another value raises.
    points : sequence of float, optional
        Where the function isn't smooth.
    quadrature : {"gk21", "gk15", "trapezoid"}, optional
        SciPy's rule.
    full_output : bool, optional
        False; True raises.
    args : tuple, optional
        Further arguments of `f`.
    check : bool, optional
        Whether a precision that isn't reached raises. If not, derivatives are NaN then.

    Returns
    -------
    res : Tensor
        The integral, in the shape of the function's values.
    err : Tensor of shape ()
        An estimate of its error in the norm; it has no derivative.

    Raises
    ------
    SolverError
        If the precision isn't reached.
    ArgumentError
        For an option that isn't supported.

    See Also
    --------
    quad : The same for numbers, where its notes hold for both.

    References
    ----------
    `scipy.integrate.quad_vec`.

    Examples
    --------
    >>> import torch
    >>> powers = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    >>> quad_vec(lambda x: x**powers, 0, 1)[0]
    tensor([0.5000, 0.3333, 0.2500], dtype=torch.float64)
    """
    _refuse("quad_vec", {"workers": workers} if workers != 1 else {})
    _refuse("quad_vec", {"full_output": full_output} if full_output else {})

    def run(f: Callable[[float], Any], a: float, b: float) -> _Found:
        options = {"norm": norm, "cache_size": cache_size, "limit": limit, "points": points, "quadrature": quadrature}
        found: Any = scipy.integrate.quad_vec(f, a, b, epsabs, epsrel, full_output=True, **options)  # pyright: ignore[reportArgumentType]  options of several types
        value, error, info = found
        return _Found(np.asarray(value), error, info.intervals, "" if info.success else info.message)

    tolerance = (epsabs, epsrel)
    return _integral("quad_vec", f, a, b, args if isinstance(args, tuple) else (args,), run, tolerance, check)


def fixed_quad(
    func: Callable[..., Tensor], a: Any, b: Any, args: tuple[Any, ...] = (), n: int = 5
) -> tuple[Tensor, None]:
    """Integral of a function by Gauss's rule of a fixed order.

    Parameters
    ----------
    func : callable
        ``func(x, *args)``, torch operations on a tensor of shape (n,), which give one of shape (..., n).
    a, b : float or Tensor of shape ()
        The limits, finite.
    args : tuple, optional
        Further arguments of `func`.
    n : int, optional
        How many points the rule has; it is exact for polynomials of degree ``2 n - 1``.

    Returns
    -------
    val : Tensor of shape (...)
        The integral.
    none : None
        As SciPy returns it.

    Raises
    ------
    ArgumentError
        For an infinite limit.

    Notes
    -----
    A composition of torch operations: its derivatives are those of the rule, to any order, in limits and parameters.

    References
    ----------
    `scipy.integrate.fixed_quad`.

    Examples
    --------
    >>> import torch
    >>> fixed_quad(torch.cos, 0, torch.tensor(torch.pi / 2, dtype=torch.float64))[0]
    tensor(1.0000, dtype=torch.float64)
    """
    if not callable(func):
        raise ArgumentError("fixed_quad", "func", "a function", type(func).__name__)
    if not isinstance(n, (int, np.integer)) or n < 1:
        raise ArgumentError("fixed_quad", "n", "a whole number above 0", repr(n))
    if isinstance(a, str) or isinstance(b, str):
        raise ArgumentError("fixed_quad", "a, b", "numbers or tensors", "str")
    dtype = _dtype(a, b) or torch.float64
    a, b = torch.as_tensor(a, dtype=dtype), torch.as_tensor(b, dtype=dtype)
    if bool(torch.isinf(torch.stack([a.detach(), b.detach()])).any()):
        raise ArgumentError("fixed_quad", "a, b", "finite limits", "an infinite one", "quad")
    x, w = (torch.tensor(part, dtype=dtype, device=a.device) for part in np.polynomial.legendre.leggauss(n))
    half = (b - a) / 2
    return half * (w * func(half * (x + 1) + a, *args)).sum(-1), None


@dataclass(frozen=True, slots=True)
class _Found:
    """SciPy's integral, and the intervals that it ended with, of the variable that infinite limits are mapped by."""

    value: Array
    error: float
    edges: Array
    message: str


def _integral(
    name: str,
    func: Callable[..., Any],
    a: Any,
    b: Any,
    args: tuple[Any, ...],
    run: Callable[..., _Found],
    tolerance: tuple[float, float],
    check: bool,
) -> tuple[Tensor, Tensor]:
    dtype = _dtype(a, b) or _value_dtype(func, a, b, args)
    limits = [double(x) for x in (a, b)]
    needed = torch.is_grad_enabled() or modes.forward_mode() or modes.transforms_active()
    function = Field(name, "func", lambda x, _, *args: func(x, *args), single=True)

    def solve(a: Tensor, b: Tensor, args: tuple[Any, ...]) -> Any:
        f = array_function(lambda x: function.at(x, x, args), torch.float64, a.device)
        low, high = float(a), float(b)
        found = run(f, low, high)
        ok = not found.message and bool(np.isfinite(found.value).all())
        if check and not ok:
            got = found.message or "values that are not finite"
            error = SolverError(name, "func", "an integral that converges", got, "check=False for what there is of it")
            error.result = (found.value, found.error)
            raise error
        edges = np.array([[low, high]]) if low == high else found.edges  # QUADPACK leaves it unset
        x, w = (torch.tensor(part, device=a.device) for part in double_exponential_rule(edges, low, high))
        value, error = (torch.tensor(part, dtype=torch.float64, device=a.device) for part in (found.value, found.error))
        if needed:
            ok = ok and _agrees(function, x, w, value, error, args, tolerance)
        return x, torch.tensor(ok, device=a.device), x, w, value, error, torch.stack([a, b])

    def evaluate(x: Tensor, *arguments: Any) -> None:
        function.along(x.reshape(-1), x.reshape(-1), arguments[-1])

    middle = torch.zeros((), dtype=torch.float64)
    ok, x, w, value, error, ends = constants(name, solve, evaluate, middle, (*limits, args))
    moving = [isinstance(limit, Tensor) and modes.carries_derivative(limit) for limit in (a, b)]

    def residual(
        y: Tensor, _: Any, __: Any, a: Tensor, b: Tensor, x: Tensor, w: Tensor, ends: Tensor, args: Any
    ) -> Tensor:
        values = function.along(x, x, args)
        integral = torch.tensordot(w, values, 1)
        for k, limit, sign in ((0, a, -1), (1, b, 1)):
            if moving[k]:
                integral = integral + sign * _beyond(function, ends[k], limit, args)
        return y - integral

    arguments = (value, ok, *limits, x, w, ends, args)
    y = implicit(name, lambda value, ok, *_: (value, ok), residual, value, arguments, lambda _, b, *__: b)[0]
    return y.to(dtype), error.to(dtype)


def _beyond(function: Field, start: Tensor, end: Tensor, args: tuple[Any, ...]) -> Tensor:
    """The integral between a limit as a constant and itself: zero, with the derivatives of the integral."""
    nodes, weights = np.polynomial.legendre.leggauss(4)
    c, w = (torch.tensor(values, device=start.device) for values in (nodes / 2 + 0.5, weights / 2))
    start, end = (torch.where(torch.isinf(start), 0, x) for x in (start, end))  # infinity doesn't move
    x = start + (end - start) * c
    return (end - start) * torch.tensordot(w, function.along(x, x, args), 1)


def _agrees(
    function: Field, x: Tensor, w: Tensor, value: Tensor, error: Tensor, args: Any, tolerance: tuple[float, float]
) -> bool:
    """Whether the rule gives SciPy's value."""
    try:
        integral = torch.tensordot(w, function.along(x, x, args), 1)
    except MissingDerivativeError:  # says so when a derivative is asked for
        return True
    allowed = max(tolerance[0], tolerance[1] * float(value.abs().max()), float(error))
    return float((integral - value).abs().max()) <= AGREEMENT * allowed


def _dtype(*limits: Any) -> torch.dtype | None:
    given = [x.dtype for x in limits if isinstance(x, Tensor) and x.is_floating_point()]
    if not given:
        return None
    return given[0] if all(dtype is given[0] for dtype in given) else torch.float64


def _value_dtype(func: Callable[..., Any], a: Any, b: Any, args: tuple[Any, ...]) -> torch.dtype:
    """That of the function's values between the limits, for a number in double precision."""
    low, high = float(a), float(b)
    inside = (low + high) / 2 if math.isfinite(low + high) else 0.0
    if math.isfinite(low) != math.isfinite(high):
        inside = low + math.copysign(1.0, high) if math.isfinite(low) else high + math.copysign(1.0, low)
    with torch.no_grad():
        value = func(torch.tensor(inside, dtype=torch.float64), *args)
    return value.dtype if isinstance(value, Tensor) and value.is_floating_point() else torch.float64


def _refuse(name: str, options: dict[str, Any]) -> None:
    for option, value in options.items():
        raise ArgumentError(name, option, "its default, as the option isn't supported", repr(value))
