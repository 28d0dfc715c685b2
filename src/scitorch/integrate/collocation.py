"""The equations of a trajectory at points inside the steps of any method: the continuous adjoint.

The adjoint of ``y' = f(t, y)`` is ``λ' = -f_yᵀ λ``. Here it is solved on the steps that SciPy's solver took, along its
own dense output, by Radau IIA collocation: of order 9 at the ends of steps, and stable for stiff equations as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, reduce
from operator import mul
from typing import Any

import numpy as np
import torch
from numpy.polynomial import legendre, polynomial
from numpy.typing import NDArray
from torch import Tensor

from scitorch.integrate.field import STATES, Field
from scitorch.integrate.recurrence import linear_recurrence, solve_blocks

Array = NDArray[Any]
ITERATIONS = 8  # of Newton's method, which takes 1 to 4 where the steps resolve the solution
NUMBERS = 2**24  # of the matrices that are held at a time: 128 MB of float64


@dataclass(frozen=True, slots=True, eq=False)
class Collocation:
    """The equations ``Y_i = y + h Σ a_ij f(t + c_j h, Y_j)`` of the states at the nodes ``c`` of each step.

    The unknowns are these states, in the shape (steps, nodes, n); the last node is the end of the step.
    """

    a: Array
    c: Array

    @property
    def nodes(self) -> tuple[float, ...]:
        """Where in a step the unknowns are, as fractions of it."""
        return tuple(self.c)

    def residual(self, field: Field, U: Tensor, y0: Tensor, t: Tensor, args: tuple[Any, ...]) -> Tensor:
        """What the equations leave."""
        slopes = field.along(self._times(t).flatten(), U.flatten(0, 1), args).view_as(U)
        a = torch.tensor(self.a, dtype=U.dtype, device=U.device)
        return U - _before(U, y0)[:, None] - t.diff()[:, None, None] * (a @ slopes)

    def _times(self, t: Tensor) -> Tensor:
        return t[:-1, None] + t.diff()[:, None] * torch.tensor(self.c, dtype=t.dtype, device=t.device)

    def linear(
        self, field: Field, U: Tensor, b: Tensor, transposed: bool, y0: Tensor, t: Tensor, args: tuple[Any, ...]
    ) -> Tensor:
        """The solution of the linearised equations of all steps, a block of steps after the other."""
        steps, nodes, n = U.shape
        length = max(1, NUMBERS // (nodes * n) ** 2)
        starts = range(0, steps, length)
        carried, found = torch.zeros_like(y0), []
        for k in reversed(starts) if transposed else starts:
            end = min(k + length, steps)
            blocks = self._blocks(field, U[k:end], t[k : end + 1], args)
            solve = _backwards if transposed else _forwards
            w, carried = solve(blocks, b[k:end], carried)
            found.append(w)
        return torch.cat(found[::-1] if transposed else found)

    def refined(
        self, field: Field, U: Tensor, y0: Tensor, t: Tensor, tolerance: Tensor, args: tuple[Any, ...]
    ) -> tuple[Tensor, bool]:
        """The solution of these equations, by Newton's method from SciPy's on; and whether it was near."""
        states = U
        for _ in range(ITERATIONS):
            step = self.linear(field, states, self.residual(field, states, y0, t, args), False, y0, t, args)
            states = states - step
            if (step.abs() <= tolerance).all():
                return states, True
        return states, False

    def _blocks(self, field: Field, U: Tensor, t: Tensor, args: tuple[Any, ...]) -> Tensor:
        """The matrices ``1 - h a ⊗ f_y`` of each step."""
        steps, nodes, n = U.shape
        times = self._times(t).flatten()
        f_y = field.jacobians(lambda y: field.along(times, y, args), U.flatten(0, 1)).view(steps, 1, nodes, n, n)
        a = torch.tensor(self.a, dtype=U.dtype, device=U.device)[:, :, None, None]
        coupling = (t.diff()[:, None, None, None, None] * a * f_y).transpose(2, 3)
        size = nodes * n
        return torch.eye(size, dtype=U.dtype, device=U.device) - coupling.reshape(steps, size, size)

    def extension(
        self, field: Any, U: Tensor, y0: Tensor, t: Tensor, args: Any, where: Tensor, times: Tensor
    ) -> Tensor:
        """The states (times, n) within the steps `where`, on the polynomials through the unknowns."""
        del field, args  # other methods evaluate the function here
        h = t.diff()[where]
        x = (times - t[where]) / torch.where(h == 0, 1, h)
        values = torch.cat([_before(U, y0)[:, None], U], 1)[where]
        return (self.basis(x)[:, :, None] * values).sum(1)

    def basis(self, x: Tensor) -> Tensor:
        """Lagrange's polynomials of the start and the nodes of a step, at fractions of it."""
        c = [0.0, *self.c]
        return torch.stack([reduce(mul, [(x - b) / (a - b) for b in c if b != a]) for a in c], -1)


def _before(U: Tensor, y0: Tensor) -> Tensor:
    """The state at which each step starts."""
    return torch.cat([y0[None], U[:-1, -1]])


def _forwards(blocks: Tensor, b: Tensor, carried: Tensor) -> tuple[Tensor, Tensor]:
    """The solution of a block of steps, given the one before it."""
    steps, nodes, n = b.shape
    shift = torch.eye(n, dtype=b.dtype, device=b.device).repeat(nodes, 1).expand(steps, -1, -1)
    solved = solve_blocks(blocks, torch.cat([b.reshape(steps, nodes * n, 1), shift], -1))
    own, moved = solved[..., 0], solved[..., 1:]
    matrices, ends = moved[:, -n:], own[:, -n:]
    ends = torch.cat([(ends[0] + matrices[0] @ carried)[None], ends[1:]])
    z = linear_recurrence(matrices, ends)
    before = torch.cat([carried[None], z[:-1]])
    return (own + (moved @ before[..., None])[..., 0]).view_as(b), z[-1]


def _backwards(blocks: Tensor, b: Tensor, carried: Tensor) -> tuple[Tensor, Tensor]:
    """The solution of the transposed equations of a block of steps, given what comes from the one after it."""
    steps, nodes, n = b.shape
    last = torch.eye(n, dtype=b.dtype, device=b.device)
    last = torch.cat([torch.zeros((nodes - 1) * n, n, dtype=b.dtype, device=b.device), last]).expand(steps, -1, -1)
    solved = solve_blocks(blocks.mT, torch.cat([b.reshape(steps, nodes * n, 1), last], -1))
    own, moved = solved[..., 0], solved[..., 1:]
    matrices = moved.reshape(steps, nodes, n, n).sum(1)  # transposes of those of the steps
    starts = own.reshape(steps, nodes, n).sum(1)
    # v[k] = matrices[k] v[k+1] + starts[k] comes out of step k; into the last one comes what is carried.
    starts = torch.cat([starts[:-1], (starts[-1] + matrices[-1] @ carried)[None]])
    v = linear_recurrence(matrices.flip(0), starts.flip(0)).flip(0)
    after = torch.cat([v[1:], carried[None]])
    return (own + (moved @ after[..., None])[..., 0]).view_as(b), v[0]


@cache
def collocation(nodes: int) -> Collocation:
    """Radau IIA with so many nodes: of order 2 nodes - 1."""
    # P_s - P_(s-1) on [-1, 1], whose last root is 1.
    c = legendre.legroots([0.0] * (nodes - 1) + [-1.0, 1.0]) / 2 + 0.5
    c[-1] = 1.0
    a = np.zeros((nodes, nodes))
    for j in range(nodes):
        others = np.delete(c, j)
        antiderivative = polynomial.polyint(polynomial.polyfromroots(others) / np.prod(c[j] - others))
        a[:, j] = polynomial.polyval(c, antiderivative)
    return Collocation(a, c)


def collocation_for(n: int) -> Collocation:
    """As many nodes as are cheap for n states."""
    return collocation(5 if n <= STATES else 3)
