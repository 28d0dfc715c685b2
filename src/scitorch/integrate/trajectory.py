"""The solution between the ends of the steps, with its derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from scitorch.core import modes
from scitorch.core.errors import SolverError
from scitorch.core.implicit import implicit
from scitorch.integrate.collocation import Collocation
from scitorch.integrate.stepping import Problem, Steps

UNRESOLVED = "a solution too far from that of the collocation equations on these steps"


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """The solution, as a function of all that it depends on.

    Attributes
    ----------
    U : Tensor of shape (steps, nodes, n)
        The states at the scheme's nodes of each step.
    t : Tensor of shape (steps + 1,)
        The ends of the steps. The last step has no length: it moves with the end of the time span.
    """

    problem: Problem
    steps: Steps
    U: Tensor
    y0: Tensor
    t: Tensor
    args: tuple[Any, ...]

    def at(self, where: Tensor, times: Tensor) -> Tensor:
        """The states (times, n) within the steps `where`."""
        scheme, field = self.problem.scheme, self.problem.field
        return scheme.extension(field, self.U, self.y0, self.t, self.args, where, times)

    def where(self, times: Tensor) -> Tensor:
        """The steps within which times are; the first and the last go on beyond the ends."""
        mesh = self.steps.mesh[:-1]
        direction = torch.where(mesh[-1] < mesh[0], -1.0, 1.0)
        return (torch.searchsorted(direction * mesh, direction * times.detach()) - 1).clamp(0, max(len(mesh) - 2, 0))

    def at_times(self, times: Tensor) -> Tensor:
        """The states at the times that were asked for: SciPy's values."""
        steps, scheme = self.steps, self.problem.scheme
        if not self.problem.field.in_torch:
            return self._without_derivative(steps.values)
        if not any(map(modes.carries_derivative, (self.U, self.t, times))):
            return steps.values
        if not isinstance(scheme, Collocation):
            return self.at(steps.where, times)
        # Between the nodes, SciPy's own interpolation may differ from ours, within the tolerances.
        args: Any = (self.problem.field, steps.U, steps.start, steps.mesh, (), steps.where, steps.times)
        return self.at(steps.where, times) + (steps.values - scheme.extension(*args))

    def _without_derivative(self, values: Tensor) -> Tensor:
        """Values of a function that isn't one of torch operations."""
        field, arguments = self.problem.field, (values, self.steps.ok, self.y0, self.t, self.args)

        def refused(_: Tensor, __: Any, ___: Any, y0: Tensor, t: Tensor, args: tuple[Any, ...]) -> Tensor:
            return field.along(t[:1], y0[None], args)

        return implicit(self.problem.name, lambda values, ok, *_: (values, ok), refused, values, arguments)[0]

    def ends(self, *, at_event: bool = False) -> tuple[Tensor, Tensor]:
        """The times and states at the ends of the steps; or at the terminal event in the place of the last one."""
        count = len(self.t) - 2
        keep = [*range(count), count + 1] if count else [0]
        t, y = self.t[keep], torch.cat([self.y0[None], self.U[:, -1]])[keep]
        if not at_event:
            return t, y
        backwards = bool(self.steps.mesh[-1] < self.steps.mesh[0])
        last = {i: float(times[-1]) for i, times in enumerate(self.steps.events[::2]) if len(times)}
        t_last, y_last = self.event((min if backwards else max)(last, key=lambda i: last[i]))
        return torch.cat([t[:-1], t_last[-1:]]), torch.cat([y[:-1], y_last[-1:]])

    def event(self, index: int) -> tuple[Tensor, Tensor]:
        """The times of an event, which the equation ``g(t, y(t)) = 0`` defines, and the states then."""
        times, where = self.steps.events[2 * index : 2 * index + 2]
        if not len(times):
            return times, self.y0.new_zeros(0, len(self.y0))
        event = self.problem.events[index]
        scheme, field = self.problem.scheme, self.problem.field
        arguments = (times, self.steps.ok, where, self.U, self.y0, self.t, self.args)

        def residual(
            times: Tensor, _: Any, __: Any, where: Tensor, U: Tensor, y0: Tensor, t: Tensor, args: tuple[Any, ...]
        ) -> Tensor:
            return event.along(times, scheme.extension(field, U, y0, t, args, where, times), args).view_as(times)

        def linear(times: Tensor, b: Tensor, _: bool, *arguments: Any) -> Tensor:
            slopes = torch.func.vjp(lambda times: residual(times, *arguments), times)[1](torch.ones_like(times))[0]
            return b / slopes

        times = implicit(self.problem.name, lambda times, ok, *_: (times, ok), residual, times, arguments, linear)[0]
        return times, self.at(where, times)


def trajectory(
    problem: Problem, y0: Tensor, t0: Tensor, t1: Tensor, t_eval: Tensor | None, args: tuple[Any, ...]
) -> Trajectory:
    """The solution, as a function of all that it depends on."""
    steps = problem.steps(y0, t0, t1, t_eval, args)
    # The steps' sizes are constants; the first and the last end move with the time span.
    last = torch.where(steps.mesh[-1:] == t1, t1, steps.mesh[-1:])
    t = torch.cat([t0[None], steps.mesh[1:-1], last])

    def solve(U: Tensor, ok: Tensor, *_: Any) -> Any:
        return U, ok

    def residual(unknown: Tensor, _: Any, __: Any, y0: Tensor, t: Tensor, args: tuple[Any, ...]) -> Tensor:
        return problem.scheme.residual(problem.field, unknown, y0, t, args)

    def linear(unknown: Tensor, b: Tensor, transposed: bool, _: Any, __: Any, *arguments: Any) -> Tensor:
        if problem.check and problem.unresolved[0]:
            raise SolverError(problem.name, "derivative", "steps that resolve it", UNRESOLVED, "smaller rtol and atol")
        return problem.scheme.linear(problem.field, unknown, b, transposed, *arguments)

    arguments = (steps.refined, steps.ok, y0, t, args)
    states = implicit(problem.name, solve, residual, steps.refined, arguments, linear)[0]
    U = states + (steps.U - steps.refined)  # SciPy's values, with these derivatives
    return Trajectory(problem, steps, U, y0, t, args)


def plain_integers(values: Tensor) -> list[int] | None:
    """The values, or None where they are a batch's."""
    try:
        return [int(x) for x in values]
    except RuntimeError:  # torch.vmap hides the values
        return None
