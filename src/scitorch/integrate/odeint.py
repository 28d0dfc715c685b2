"""`odeint`, SciPy's older interface to initial value problems."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from scitorch.core import modes
from scitorch.core.errors import ArgumentError, ShapeError
from scitorch.core.refusals import with_refusals
from scitorch.integrate.ivp import Choices, solved

TOLERANCE = 1.49012e-8  # SciPy's


@modes.breaks_graphs
@with_refusals
def odeint(
    func: Callable[..., Any],
    y0: Tensor,
    t: Tensor,
    args: tuple[Any, ...] = (),
    Dfun: Callable[..., Any] | None = None,
    col_deriv: bool = False,
    full_output: bool = False,
    ml: int | None = None,
    mu: int | None = None,
    rtol: Any = None,
    atol: Any = None,
    tcrit: Any = None,
    h0: float = 0.0,
    hmax: float = 0.0,
    hmin: float = 0.0,
    ixpr: int = 0,
    mxstep: int = 0,
    mxhnil: int = 0,
    mxordn: int = 12,
    mxords: int = 5,
    printmessg: int = 0,
    tfirst: bool = False,
    *,
    check: bool = True,
) -> Tensor:
    """Solution of the initial value problem ``y' = f(y, t)`` at given times, by LSODA.

    Parameters
    ----------
    func : callable
        ``func(y, t, *args)``, torch operations on a state of shape (n,) and a time; with the first two arguments the
        other way round if `tfirst`.
    y0 : Tensor of shape (..., n) or ()
        The state at first. Leading dimensions are so many problems; tensors in `args` then have them, too.
    t : Tensor of shape (times,)
        The times, in order; at the first one the state is `y0`. A time may come more than once.
    args : tuple, optional
        Further arguments of `func`.
    Dfun : callable, optional
        Its Jacobian, of the same arguments; by default one from `torch.func`.
    col_deriv : bool, optional
        Whether `Dfun` gives derivatives down the columns.
    full_output : bool, optional
        False; True raises.
    ml, mu : int, optional
        The lower and the upper bandwidth of the Jacobian.
    rtol, atol : float or array, optional
        The tolerances; by default 1.49e-8.
    tcrit : optional
        None; anything else raises.
    h0, hmax, hmin : float, optional
        The first step, the longest and the shortest one; 0 leaves it to LSODA.
    ixpr, mxstep, mxhnil, mxordn, mxords, printmessg : int, optional
        Anything but the default raises.
    tfirst : bool, optional
        Whether the time is the first argument of `func`.
    check : bool, optional
        Whether a failure raises. If not, the result is NaN from there on, and so are its derivatives.

    Returns
    -------
    Tensor of shape (..., times, n)
        The states.

    Raises
    ------
    SolverError
        If LSODA fails.
    ArgumentError
        For an option that isn't supported.

    See Also
    --------
    solve_ivp : Which this is, with LSODA; its notes hold here.

    Notes
    -----
    Differentiable in `y0`, `t`, `args` and what `func` uses, to any order in any mode, by the continuous adjoint.
    Steps are those of SciPy's `LSODA` class: values are those of SciPy's `odeint` to the tolerances.

    References
    ----------
    `scipy.integrate.odeint`.

    Examples
    --------
    >>> import torch
    >>> y = odeint(lambda y, t: -y, torch.ones(1), torch.tensor([0.0, 1.0, 2.0]))
    >>> y[:, 0]
    tensor([1.0000, 0.3679, 0.1353])
    """
    _refuse(
        full_output=(full_output, False),
        tcrit=(tcrit, None),
        ixpr=(ixpr, 0),
        mxstep=(mxstep, 0),
        mxhnil=(mxhnil, 0),
        mxordn=(mxordn, 12),
        mxords=(mxords, 5),
        printmessg=(printmessg, 0),
    )

    def fun(t: Tensor, y: Tensor, *args: Any) -> Any:
        return func(t, y, *args) if tfirst else func(y, t, *args)

    def jac(t: Tensor, y: Tensor, *args: Any) -> Any:
        assert Dfun is not None
        derivatives = Dfun(t, y, *args) if tfirst else Dfun(y, t, *args)
        return derivatives.T if col_deriv else derivatives

    _check(y0, t)
    options: dict[str, Any] = {
        "first_step": h0 or None,
        "max_step": hmax or torch.inf,
        "min_step": hmin,
        "lband": ml,
        "uband": mu,
        "jac": None if Dfun is None else jac,
    }
    options |= {"rtol": TOLERANCE if rtol is None else rtol, "atol": TOLERANCE if atol is None else atol}
    first, again = _distinct(t)
    times = t[first]
    choices = Choices("LSODA", None, check, options, name="odeint", argument="func")
    found = solved(fun, (times[0], times[-1]), torch.atleast_1d(y0), choices, times, args=args)
    return _filled(found.y.mT, len(first))[..., again, :]


def _check(y0: Any, t: Any) -> None:
    for argument, value in (("y0", y0), ("t", t)):
        if not isinstance(value, Tensor):
            raise ArgumentError("odeint", argument, "a tensor", type(value).__name__, f"torch.as_tensor({argument})")
    if t.dim() != 1 or not len(t):
        raise ShapeError("odeint", "t", "the shape (times,), with one time or more", f"{tuple(t.shape)}")


def _refuse(**options: tuple[Any, Any]) -> None:
    for name, (value, default) in options.items():
        if value is not default and value != default:
            raise ArgumentError("odeint", name, f"{default!r}, as the option isn't supported", repr(value))


def _filled(y: Tensor, count: int) -> Tensor:
    """The states, with NaN where LSODA didn't get to."""
    missing = count - y.shape[-2]
    return torch.cat([y, y.new_full((*y.shape[:-2], missing, y.shape[-1]), torch.nan)], -2) if missing else y


def _distinct(t: Tensor) -> tuple[Tensor, Tensor]:
    """Where each time comes first, and which of the distinct ones each is."""
    values, again = torch.unique_consecutive(t.detach(), return_inverse=True)
    first = torch.searchsorted(again, torch.arange(len(values), device=t.device))
    return first, again
