"""Explicit Runge-Kutta steps, all at once: the discrete adjoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import scipy.integrate
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.integrate.field import STATES, Field
from scitorch.integrate.recurrence import backward_recurrence, linear_recurrence

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class RungeKutta:
    """The steps ``y[k+1] = y[k] + h Σ b_i f_i`` with ``f_i = f(t[k] + c_i h, y[k] + h Σ a_ij f_j)``.

    The unknowns are the states after each step, in the shape (steps, 1, n). The rows of `a` after those of the step
    itself are what the continuous extension needs.
    """

    a: Array
    b: Array
    c: Array
    weights: Callable[[Tensor], Tensor]  # of the f_i, in the continuous extension at a fraction of the step
    nodes: tuple[float, ...] = (1.0,)

    def residual(self, field: Field, U: Tensor, y0: Tensor, t: Tensor, args: tuple[Any, ...]) -> Tensor:
        """What the equation of each step leaves."""
        return U - self._step(field, t, _before(U, y0), args)[:, None]

    def _step(self, field: Field, t: Tensor, y: Tensor, args: tuple[Any, ...]) -> Tensor:
        h = t.diff()[:, None]
        return y + h * (self._stages(field, t, y, args, len(self.b)) @ _tensor(self.b, y))

    def _stages(self, field: Field, t: Tensor, y: Tensor, args: tuple[Any, ...], count: int) -> Tensor:
        """The f_i, in the shape (steps, n, count)."""
        h, start = t.diff(), t[:-1]
        f: list[Tensor] = []
        for a, c in zip(self.a[:count], self.c, strict=False):
            state = y + h[:, None] * (torch.stack(f, -1) @ _tensor(a[: len(f)], y)) if f else y
            f.append(field.along(start + c * h, state, args))
        return torch.stack(f, -1)

    def linear(
        self, field: Field, U: Tensor, b: Tensor, transposed: bool, y0: Tensor, t: Tensor, args: tuple[Any, ...]
    ) -> Tensor:
        """The solution of the linearised equations of all steps."""
        y = _before(U, y0)
        if y.shape[1] > STATES:
            return self._one_by_one(field, y, b[:, 0], transposed, t, args)[:, None]
        matrices = field.jacobians(lambda y: self._step(field, t, y, args), y)
        return (backward_recurrence if transposed else linear_recurrence)(matrices, b[:, 0])[:, None]

    def _one_by_one(
        self, field: Field, y: Tensor, b: Tensor, transposed: bool, t: Tensor, args: tuple[Any, ...]
    ) -> Tensor:
        """The same without matrices: each step pulls a gradient back, or pushes a tangent on."""
        count = len(y)
        order = range(count - 1, -1, -1) if transposed else range(count)
        w = torch.zeros_like(b[0])
        found: list[Tensor] = []
        for k in order:
            if found:
                w = self._moved(field, y, w, transposed, t, args, k + 1 if transposed else k)
            w = w + b[k]
            found.append(w)
        return torch.stack(found[::-1] if transposed else found)

    def _moved(
        self, field: Field, y: Tensor, w: Tensor, transposed: bool, t: Tensor, args: tuple[Any, ...], k: int
    ) -> Tensor:
        pull: Any = torch.func.vjp(lambda y: self._step(field, t[k : k + 2], y[None], args)[0], y[k])[1]
        if transposed:
            return pull(w)[0]
        push: Any = torch.func.vjp(pull, torch.zeros_like(w))[1]
        return push((w,))[0]

    def extension(
        self, field: Field, U: Tensor, y0: Tensor, t: Tensor, args: tuple[Any, ...], where: Tensor, times: Tensor
    ) -> Tensor:
        """The states (times, n) within the steps `where`."""
        y, h = _before(U, y0), t.diff()
        stages = self._stages(field, t, y, args, len(self.c))[where]
        moved = (stages @ self.weights(_fractions(t, where, times))[..., None])[..., 0]
        return y[where] + h[where][:, None] * moved


def _before(U: Tensor, y0: Tensor) -> Tensor:
    """The state at which each step starts."""
    return torch.cat([y0[None], U[:-1, -1]])


def _fractions(t: Tensor, where: Tensor, times: Tensor) -> Tensor:
    h = t.diff()[where]
    return (times - t[where]) / torch.where(h == 0, 1, h)


def _tensor(values: Array, like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=like.dtype, device=like.device)


@cache
def runge_kutta(method: str) -> RungeKutta:
    """SciPy's explicit Runge-Kutta methods."""
    return _dop853() if method == "DOP853" else _low_order(getattr(scipy.integrate, method))


def _low_order(method: Any) -> RungeKutta:
    stages = len(method.B)
    a = np.zeros((stages + 1, stages + 1))
    a[:stages, : method.A.shape[1]] = method.A
    a[stages, :stages] = method.B

    def weights(x: Tensor) -> Tensor:
        powers = torch.stack([x ** (i + 1) for i in range(method.P.shape[1])], -1)
        return powers @ _tensor(method.P.T, x)

    return RungeKutta(a, method.B, np.append(method.C, 1.0), weights)


def _dop853() -> RungeKutta:
    method: Any = scipy.integrate.DOP853
    stages, count = len(method.B), method.D.shape[1]
    a = np.zeros((count, count))
    a[:stages, : method.A.shape[1]] = method.A
    a[stages, :stages] = method.B
    a[stages + 1 :] = method.A_EXTRA
    b, first, last = np.zeros(count), np.eye(count)[0], np.eye(count)[stages]
    b[:stages] = method.B
    rows = np.stack([b, first - b, 2 * b - first - last, *method.D])

    def weights(x: Tensor) -> Tensor:
        # Hairer's nested form: x (F0 + (1-x) (F1 + x (F2 + ...))).
        value = torch.zeros_like(x)[..., None]
        for i, row in enumerate(_tensor(rows[::-1].copy(), x)):
            value = (value + row) * (x if i % 2 == 0 else 1 - x)[..., None]
        return value

    return RungeKutta(a, method.B, np.concatenate([method.C, [1.0], method.C_EXTRA]), weights)
