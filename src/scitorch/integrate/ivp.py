"""Initial value problems of ordinary differential equations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from scitorch.core import modes
from scitorch.core.closure import tensors_in
from scitorch.core.errors import ArgumentError, ShapeError
from scitorch.core.refusals import with_refusals
from scitorch.integrate.collocation import collocation_for
from scitorch.integrate.complex_states import event_of_parts, of_parts, options_of_parts, to_complex, to_real
from scitorch.integrate.constants import double
from scitorch.integrate.field import Field
from scitorch.integrate.runge_kutta import runge_kutta
from scitorch.integrate.stepping import Problem
from scitorch.integrate.trajectory import Trajectory, plain_integers, trajectory

EXPLICIT = ("RK23", "RK45", "DOP853")
METHODS = (*EXPLICIT, "Radau", "BDF", "LSODA")
MESSAGES = {
    0: "The solver successfully reached the end of the integration interval.",
    1: "A termination event occurred.",
}


@dataclass(frozen=True, slots=True, eq=False)
class OdeSolution:
    """The solution as a function of time, as `solve_ivp` returns it with ``dense_output=True``.

    Attributes
    ----------
    ts : Tensor of shape (k + 1,)
        The ends of the steps.

    Notes
    -----
    Differentiable in the time and in all that the solution depends on.

    References
    ----------
    `scipy.integrate.OdeSolution`.
    """

    ts: Tensor
    trajectory: Trajectory
    complex: bool = False

    def __call__(self, t: Tensor | float) -> Tensor:
        """The states (n,) at one time, or (n, times) at several."""
        times = torch.as_tensor(t, dtype=torch.float64, device=self.ts.device)
        states = self.trajectory.at(self.trajectory.where(times.reshape(-1)), times.reshape(-1)).to(self.ts.dtype)
        states = to_complex(states) if self.complex else states
        return states[0] if times.dim() == 0 else states.mT


@dataclass(frozen=True, slots=True, eq=False)
class OdeResult:
    """What `solve_ivp` returns.

    Attributes
    ----------
    t : Tensor of shape (times,)
        The times.
    y : Tensor of shape (..., n, times)
        The states then.
    sol : OdeSolution or None
        The solution as a function of time.
    t_events, y_events : list of Tensor or None
        For each event its times, and the states then in the shape (times, n).
    nfev, njev, nlu : int
        How often SciPy's solver evaluated the function and its Jacobian, and factorised a matrix; tensors for a batch.
    status : int
        0 at the end of the time span, 1 after a terminal event, -1 for a failure; a tensor for a batch.
    message : str
        What `status` means.
    success : bool
        Whether the status isn't -1; a tensor for a batch.
    """

    t: Tensor
    y: Tensor
    sol: OdeSolution | None
    t_events: list[Tensor] | None
    y_events: list[Tensor] | None
    nfev: Any
    njev: Any
    nlu: Any
    status: Any
    message: str
    success: Any


@modes.breaks_graphs
@with_refusals
def solve_ivp(
    fun: Callable[..., Any],
    t_span: Sequence[Any],
    y0: Tensor,
    method: str = "RK45",
    t_eval: Tensor | None = None,
    dense_output: bool = False,
    events: Any = None,
    vectorized: bool = False,
    args: tuple[Any, ...] | None = None,
    *,
    adjoint: str | None = None,
    check: bool = True,
    **options: Any,
) -> OdeResult:
    """Solution of the initial value problem ``y' = f(t, y)``, ``y(t0) = y0``.

    Parameters
    ----------
    fun : callable
        ``fun(t, y, *args)``, torch operations on a time without dimensions and a state of shape (n,); may be a module.
        A NumPy function serves as long as no derivative is asked for.
    t_span : pair of float or Tensor
        The first and the last time; the second may be the smaller one.
    y0 : Tensor of shape (..., n)
        The state at first, real or of complex128; `fun` then returns complex values. Leading dimensions are so many
        problems, each with its own steps: tensors in `args` then have these dimensions, too, and `t_eval` is needed.
    method : {"RK45", "RK23", "DOP853", "Radau", "BDF", "LSODA"}, optional
        SciPy's solver.
    t_eval : Tensor of shape (times,), optional
        The times of the result, in order within `t_span`. By default the ends of the steps.
    dense_output : bool, optional
        Whether the result has a `sol`.
    events : callable or sequence of callable, optional
        ``event(t, y, *args)``, a number whose zeros along the solution are looked for, with SciPy's attributes
        `terminal` and `direction`.
    vectorized : bool, optional
        False; derivatives map `fun` themselves.
    args : tuple, optional
        Further arguments of `fun` and of the events.
    adjoint : {"continuous", "discrete"}, optional
        How derivatives are found: from the adjoint equation, solved on the steps that were taken, which every method
        has; or as those of the steps' own formulas, which the Runge-Kutta methods have, and which is their default.
    check : bool, optional
        Whether a failure raises. If not, the result is what there is, and its derivatives are NaN.
    **options
        SciPy's for the method: `rtol`, `atol`, `first_step`, `max_step`, `min_step`, `jac`, `jac_sparsity`, `lband`,
        `uband`. Without a `jac`, Radau, BDF and LSODA get one from `torch.func`.

    Returns
    -------
    OdeResult
        With the attributes of SciPy's, in the dtype of `y0`.

    Raises
    ------
    SolverError
        If SciPy's solver fails, the function's values aren't finite, or the steps are too coarse for a derivative.
    ArgumentError, ShapeError
        For arguments that don't fit.

    Notes
    -----
    Differentiable in `y0`, `args`, whatever else `fun` and the events use, the ends of `t_span` and `t_eval`; to any
    order in any mode. Derivatives hold the sizes of the steps constant, but for the ends of `t_span`. They are

    - with ``adjoint="discrete"`` those of the Runge-Kutta steps that SciPy took, to rounding;
    - with ``adjoint="continuous"`` those of the exact solution: of the Radau IIA collocation of order 9 (5 above 50
      states) on SciPy's steps, found by Newton's method from SciPy's own solution on. Its adjoint is that of
      ``λ' = -f_yᵀ λ``; nothing is integrated backwards, which is unstable for stiff equations.

    Where Newton's method doesn't get there, the steps are too coarse for a derivative: asking for one raises, or with
    ``check=False`` it is NaN. That happens to relaxation oscillators, whose jumps a small error moves by more than
    they last. Van der Pol's with μ = 1000, over two jumps, has derivatives to 1e-7 by all stiff methods at ``rtol=1e-8,
    atol=1e-12``, and by Radau at 1e-6; it has none by BDF and LSODA at 1e-6, and none at 1e-3. (At SciPy's
    own states the derivative would be wrong by 143 %, 3.6 % and 0.06 % by BDF, LSODA and Radau at 1e-6.)

    By the discrete adjoint they are derivatives of the steps, not of the solution, and as far from the latter as the
    tolerances allow. As a function of its inputs, the result is smooth only while the steps stay the same, whatever
    the adjoint: differences of it, and `scitorch.check`, need tight tolerances (1e-12) or steps that are held
    (`first_step` and `max_step` the same, and large tolerances).

    The time of an event has the derivative ``-∂g / (dg/dt)``; at a zero of higher order there is none.
    Computed in float64. An empty time span gives y0 twice; no states, none; an event that doesn't happen, no times.
    torch.compile breaks the graph here. Complex states are solved for as twice as many real ones, without a `jac` of
    the user's; derivatives are PyTorch's for complex numbers, of functions that aren't holomorphic, too. The steps may
    be others than SciPy's, which measures errors by absolute values.

    References
    ----------
    `scipy.integrate.solve_ivp`; E. Hairer, G. Wanner, "Solving Ordinary Differential Equations II", IV.5; R. T. Q.
    Chen et al., "Neural Ordinary Differential Equations", NeurIPS 2018.

    Examples
    --------
    >>> import torch
    >>> rate = torch.tensor(0.5, requires_grad=True)
    >>> result = solve_ivp(lambda t, y: -rate * y, (0, 2), torch.ones(1), rtol=1e-8, atol=1e-8)
    >>> result.y[0, -1].backward()
    >>> rate.grad  # -2 exp(-1)
    tensor(-0.7358)
    """
    if vectorized:
        raise ArgumentError("solve_ivp", "vectorized", "False", "True", "a function of one state")
    about = Choices(method, adjoint, check, options)
    return solved(fun, t_span, y0, about, t_eval, dense_output=dense_output, events=events, args=args or ())


@dataclass(frozen=True, slots=True)
class Choices:
    """How a problem is solved, and what errors call the solver and its function."""

    method: str
    adjoint: str | None
    check: bool
    options: dict[str, Any]
    name: str = "solve_ivp"
    argument: str = "fun"


def solved(
    fun: Callable[..., Any],
    t_span: Sequence[Any],
    y0: Tensor,
    choices: Choices,
    t_eval: Tensor | None,
    *,
    dense_output: bool = False,
    events: Any = None,
    args: tuple[Any, ...] = (),
) -> OdeResult:
    """What `solve_ivp` returns, for all that are the same underneath."""
    name, method = choices.name, choices.method
    _check(choices, y0)
    if y0.dim() > 1:
        return _batch(fun, t_span, y0, choices, t_eval, dense_output or events is not None, args)
    if y0.is_complex():
        parts, happening = to_real(y0), None if events is None else list(map(event_of_parts, _listed(events)))
        choices = replace(choices, options=options_of_parts(name, choices.options))
        wanted: dict[str, Any] = {"dense_output": dense_output, "events": happening, "args": args}
        return _of_parts(solved(of_parts(fun), t_span, parts, choices, t_eval, **wanted))
    single = y0.dtype is not torch.float64
    functions = _listed(events)
    explicit = method in EXPLICIT and choices.adjoint != "continuous"
    problem = Problem(
        name=name,
        field=Field(name, choices.argument, fun, single=single),
        events=tuple(Field(name, "events", event, single=single) for event in functions),
        method=method,
        scheme=runge_kutta(method) if explicit else collocation_for(len(y0)),
        options=choices.options,
        check=choices.check,
    )
    t0, t1 = (double(t, y0.device) for t in t_span)
    times = None if t_eval is None else double(t_eval, y0.device)
    if times is not None and times.dim() != 1:
        raise ShapeError(name, "t_eval", "the shape (times,)", f"{tuple(times.shape)}")
    found = trajectory(problem, y0.double(), t0, t1, times, args)
    return _result(found, times, y0.dtype, dense_output, events)


def _result(found: Trajectory, t_eval: Tensor | None, dtype: torch.dtype, dense: bool, events: Any) -> OdeResult:
    counts = plain_integers(found.steps.counts)
    if counts is None and (t_eval is None or dense or events is not None):
        expected = "t_eval, and neither dense_output nor events, for a batch"
        got, advice = "problems with as many steps each", "a loop over them"
        raise ArgumentError(found.problem.name, "t_eval", expected, got, advice)
    nfev, njev, nlu, status = found.steps.counts.unbind(-1) if counts is None else counts
    at_events = [found.event(i) for i in range(len(found.problem.events))]
    if t_eval is not None:
        t = t_eval[: found.steps.values.shape[0]]
        y = found.at_times(t)
    else:
        t, y = found.ends(at_event=bool(status == 1))
    return OdeResult(
        t=t.to(dtype),
        y=y.to(dtype).mT,
        sol=OdeSolution(found.t[:-1].to(dtype), found) if dense else None,
        t_events=None if events is None else [t.to(dtype) for t, _ in at_events],
        y_events=None if events is None else [y.to(dtype) for _, y in at_events],
        nfev=nfev,
        njev=njev,
        nlu=nlu,
        status=status,
        message=MESSAGES.get(int(status), found.problem.messages[0]) if counts else "",
        success=status >= 0,
    )


def _listed(events: Any) -> list[Any]:
    return [events] if callable(events) else list(events or ())


def _of_parts(found: OdeResult) -> OdeResult:
    """The result of complex states, from that of their parts."""
    states = None if found.y_events is None else [to_complex(y) for y in found.y_events]
    sol = None if found.sol is None else replace(found.sol, complex=True)
    return replace(found, y=to_complex(found.y.mT).mT, y_events=states, sol=sol)


def _check(choices: Choices, y0: Any) -> None:
    name, method, adjoint = choices.name, choices.method, choices.adjoint
    if method not in METHODS:
        raise ArgumentError(name, "method", "one of " + ", ".join(METHODS), repr(method))
    if not isinstance(y0, Tensor) or y0.dtype is torch.complex64:
        got = f"a tensor of {y0.dtype}" if isinstance(y0, Tensor) else type(y0).__name__
        raise ArgumentError(name, "y0", "a tensor, of complex128 if complex", got, "y0.to(torch.complex128)")
    if y0.dim() == 0:
        raise ShapeError(name, "y0", "the shape (..., n)", "()", "y0[None]")
    if adjoint not in (None, "continuous", "discrete"):
        raise ArgumentError(name, "adjoint", '"continuous" or "discrete"', repr(adjoint))
    if adjoint == "discrete" and method not in EXPLICIT:
        expected = "a Runge-Kutta method where the adjoint is discrete: " + ", ".join(EXPLICIT)
        raise ArgumentError(name, "method", expected, method, 'adjoint="continuous"')


def _batch(
    fun: Any, t_span: Any, y0: Tensor, choices: Choices, t_eval: Any, functions: bool, args: tuple[Any, ...]
) -> OdeResult:
    """So many problems."""
    shape = y0.shape[:-1]
    if t_eval is None or functions:
        expected = "t_eval, and neither dense_output nor events, for a batch"
        raise ArgumentError(choices.name, "y0", expected, f"the shape {tuple(y0.shape)}", "a loop over the problems")
    for x in tensors_in(args):
        if x.shape[: len(shape)] != shape:
            expected = f"tensors with the leading dimensions of y0, {tuple(shape)}"
            advice = "a function that closes over what all problems share"
            raise ShapeError(choices.name, "args", expected, f"the shape {tuple(x.shape)}", advice)

    def one(y0: Tensor, args: tuple[Any, ...]) -> Any:
        found = solved(fun, t_span, y0, choices, t_eval, args=args)
        numbers = (found.nfev, found.njev, found.nlu, found.status)
        return found.t, found.y, *(torch.as_tensor(x) for x in numbers)

    if 0 in shape:
        none = torch.zeros(shape, dtype=torch.int64, device=y0.device)
        y = y0[..., None].expand(*y0.shape, len(t_eval)).clone()
        return OdeResult(t_eval.to(y0.real.dtype), y, None, None, None, none, none, none, none, "", none >= 0)
    for _ in shape:
        one = torch.vmap(one)
    t, y, nfev, njev, nlu, status = one(y0, args)
    t = t[(0,) * len(shape)]
    return OdeResult(t, y, None, None, None, nfev, njev, nlu, status, "", status >= 0)
