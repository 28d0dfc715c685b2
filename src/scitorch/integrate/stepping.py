"""SciPy's solver at work: its steps, and the values that it gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import scipy.integrate
import scipy.optimize
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import modes
from scitorch.core.border import array_function, fetch
from scitorch.core.errors import ArgumentError, SolverError
from scitorch.core.jacobians import jacobian
from scitorch.integrate.collocation import Collocation
from scitorch.integrate.constants import constants
from scitorch.integrate.field import Field
from scitorch.integrate.runge_kutta import RungeKutta

Array = NDArray[Any]
IMPLICIT = ("Radau", "BDF", "LSODA")
TOLERANCES = {"rtol": 1e-3, "atol": 1e-6}  # SciPy's
NOT_FINITE = "The function's values are not finite."


class _Lsoda(scipy.integrate.LSODA):
    """SciPy's, but for a step of no length, which it takes for ever."""

    def _step_impl(self) -> Any:
        t: Any = self.t
        success, message = super()._step_impl()
        return (False, self.TOO_SMALL_STEP) if success and self.t == t else (success, message)


@dataclass(frozen=True, slots=True)
class Steps:
    """What SciPy found, as constants.

    Attributes
    ----------
    ok : Tensor of shape ()
        Whether it got to the end.
    mesh : Tensor of shape (steps + 1,)
        The ends of the steps.
    U : Tensor of shape (steps, nodes, n)
        The states at the scheme's nodes of each step.
    refined : Tensor of shape (steps, nodes, n)
        The states there that solve the scheme's equations: where derivatives are taken.
    start : Tensor of shape (n,)
        The state at first.
    times : Tensor of shape (times,)
        The times that were asked for, as far as SciPy got.
    values : Tensor of shape (times, n)
        The states then.
    where : Tensor of shape (times,)
        In which step these are.
    counts : Tensor of shape (4,)
        SciPy's nfev, njev, nlu and status.
    events : tuple of Tensor
        For each event its times, and in which steps these are.
    """

    ok: Tensor
    mesh: Tensor
    U: Tensor
    refined: Tensor
    start: Tensor
    times: Tensor
    values: Tensor
    where: Tensor
    counts: Tensor
    events: tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """An initial value problem for SciPy, as a function of the tensors in it."""

    name: str
    field: Field
    events: tuple[Field, ...]
    method: Any
    scheme: RungeKutta | Collocation
    options: dict[str, Any]
    check: bool
    messages: list[str] = dataclasses.field(default_factory=lambda: [""])
    unresolved: list[bool] = dataclasses.field(default_factory=lambda: [False])  # whether some derivative can't be had

    @property
    def of_function(self) -> tuple[str, str]:
        """What errors call the solver and the function."""
        return self.name, self.field.argument

    def steps(self, y0: Tensor, t0: Tensor, t1: Tensor, t_eval: Tensor | None, args: tuple[Any, ...]) -> Steps:
        """What SciPy finds; in every mode, without a derivative."""
        wanted = modes.transforms_active() or torch.is_grad_enabled() or modes.forward_mode()
        solve = partial(self._solve, wanted)
        found = constants(self.name, solve, self._evaluate, y0, (y0, t0, t1, t_eval, args))
        return Steps(*found[:9], events=found[9:])

    def _evaluate(self, points: Tensor, *arguments: Any) -> None:
        """Evaluate the functions on the way."""
        args = arguments[-1]
        if points.dim() < 2:  # before it is solved, where it starts
            points = torch.cat([arguments[1][None], points])[None]
        for function in (*self.events, self.field):
            function.along(points[:, 0], points[:, 1:], args)

    def _solve(
        self, derivatives: bool, y0: Tensor, t0: Tensor, t1: Tensor, t_eval: Tensor | None, args: tuple[Any, ...]
    ) -> Any:
        """The states with their times, whether all went well, and the rest of `Steps`."""
        start, span = fetch(y0), (float(t0), float(t1))
        run = _Run(self, start, span, None if t_eval is None else fetch(t_eval), args, y0.device)
        found = run.solution()
        self.messages[0] = found.message
        mesh, U = self._trajectory(found, start, span[0])
        values = np.zeros((0, len(start))) if t_eval is None else np.reshape(found.y, (len(start), -1)).T
        times = np.zeros(0) if t_eval is None else np.ravel(found.t)
        events = [np.asarray(t, float) for t in found.t_events or ()]
        counts = np.array([found.nfev, found.njev, found.nlu, found.status])
        nodes = mesh[:-1, None] + np.diff(mesh)[:, None] * np.array(self.scheme.nodes)
        points = np.concatenate([nodes[..., None], U], -1).reshape(-1, 1 + len(start))
        states, t = torch.tensor(U, device=y0.device), torch.tensor(mesh, device=y0.device)
        refined, resolved = states, True
        if derivatives and found.status >= 0 and self.field.in_torch and isinstance(self.scheme, Collocation):
            refined, resolved = self._refined(self.scheme, states, y0.detach(), t, args)
        arrays = [points, np.array(found.status >= 0 and resolved), mesh, U]
        rest = [start, times, values, _within(mesh, times), counts]
        rest += [part for t in events for part in (t, _within(mesh, t))]
        first, last = ([torch.tensor(a, device=y0.device) for a in some] for some in (arrays, rest))
        return *first, refined, *last

    def _refined(
        self, scheme: Collocation, U: Tensor, y0: Tensor, t: Tensor, args: tuple[Any, ...]
    ) -> tuple[Tensor, bool]:
        """The states at which derivatives are taken, and whether the steps resolve them."""
        rtol, atol = (torch.as_tensor(self.options.get(name, default)).to(U) for name, default in TOLERANCES.items())
        try:
            refined, resolved = scheme.refined(self.field, U, y0, t, atol + rtol * U.abs().amax((0, 1)), args)
        except RuntimeError:  # no derivative of the function: whoever asks for one is told
            return U, True
        self.unresolved[0] |= not resolved
        return refined, resolved

    def _trajectory(self, found: Any, start: Array, t0: float) -> tuple[Array, Array]:
        """The ends of the steps, and the states at the nodes; then a step of no length.

        That step is what a batch repeats for the problems that take fewer steps than others.
        """
        pieces = found.sol.interpolants
        nodes = np.array(self.scheme.nodes)
        # Where an explicit step ends, which is its one node, the next one starts.
        known = len(pieces) - 1 if isinstance(self.scheme, RungeKutta) and pieces else 0
        states = [p.y_old[None] for p in pieces[1 : known + 1]]
        states += [p(p.t_old + nodes * (p.t - p.t_old)).T for p in pieces[known:]]
        end = states[-1][-1] if states else start
        mesh = [t0, *(p.t for p in pieces)]
        return np.array([*mesh, mesh[-1]]), np.stack([*states, np.broadcast_to(end, (len(nodes), len(start)))])


def _within(mesh: Array, times: Array) -> Array:
    """In which step times are."""
    direction = -1 if mesh[-1] < mesh[0] else 1
    steps = max(len(mesh) - 2, 1)  # the last one has no length
    return np.clip(np.searchsorted(direction * mesh[:-1], direction * times) - 1, 0, steps - 1)


@dataclass(frozen=True, slots=True)
class _Run:
    """One call of SciPy."""

    problem: Problem
    start: Array
    span: tuple[float, float]
    t_eval: Array | None
    args: tuple[Any, ...]
    device: torch.device

    def solution(self) -> Any:
        """SciPy's result; raises if that's asked for."""
        fun = self._callback(self.problem.field)
        if not np.isfinite(slope := fun(self.span[0], self.start)).all():
            return self._failed(NOT_FINITE)  # SciPy would choose its first step for ever
        if np.shape(slope) != self.start.shape:
            expected = f"a function whose values have the shape of y0, {self.start.shape}"
            raise ArgumentError(*self.problem.of_function, expected, f"the shape {np.shape(slope)}")
        method: Any = _Lsoda if self.problem.method == "LSODA" else self.problem.method
        try:
            found = scipy.integrate.solve_ivp(
                fun,
                self.span,
                np.array(self.start),
                method,
                None if self.t_eval is None else np.array(self.t_eval),
                dense_output=True,
                events=[self._event(event) for event in self.problem.events] or None,
                **self._options(),
            )
        except ValueError as error:
            if "infs or NaNs" not in str(error):
                raise
            return self._failed(NOT_FINITE)
        if not np.isfinite(found.y).all():
            return self._failed(NOT_FINITE)
        return found if found.success else self._failed(found.message, found)

    def _failed(self, message: str, found: Any = None) -> Any:
        """What there is of the solution; or an error."""
        if found is None:
            t, y = np.array(self.span[:1]), self.start[:, None]
            if self.t_eval is not None:
                t, y = t[:0], y[:, :0]
            none: Any = [np.zeros(0) for _ in self.problem.events]
            sol = scipy.optimize.OptimizeResult(interpolants=[])
            kept = {"t": t, "y": y, "sol": sol, "t_events": none, "nfev": 1, "njev": 0, "nlu": 0, "status": -1}
            found = scipy.optimize.OptimizeResult(kept, message=message, success=False)
        if self.problem.check:
            expected = "a problem that can be solved up to the end of t_span"
            advice = "check=False for what there is of it"
            error = SolverError(*self.problem.of_function, expected, message.rstrip("."), advice)
            error.result = found
            raise error
        return found

    def _callback(self, function: Field) -> Callable[[float, Array], Array]:
        return array_function(function.at, torch.float64, self.device, self.args)

    def _event(self, event: Field) -> Callable[[float, Array], float]:
        call = self._callback(event)

        def value(t: float, y: Array) -> float:
            return float(np.reshape(call(t, y), ()))

        for name in ("terminal", "direction"):
            if hasattr(event.fun, name):
                setattr(value, name, getattr(event.fun, name))
        return value

    def _options(self) -> dict[str, Any]:
        """SciPy's options, with a Jacobian where one is used."""
        options = dict(self.problem.options)
        jac = options.get("jac")
        name = self.problem.name
        if callable(jac):
            options["jac"] = self._callback(Field(name, "jac", jac, single=self.problem.field.single))
        elif isinstance(jac, Tensor):
            options["jac"] = fetch(jac)
        elif jac is None and self.problem.method in IMPLICIT and self.problem.field.in_torch:
            others = ("jac_sparsity", "lband", "uband")
            if all(options.get(other) is None for other in others) and len(self.start):
                options["jac"] = self._callback(Field(name, "jac", self._jacobian))
        return options

    def _jacobian(self, t: Tensor, y: Tensor, *args: Any) -> Tensor:
        return jacobian(lambda y: self.problem.field.at(t, y, args), y)
