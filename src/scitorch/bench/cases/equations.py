"""Sparse systems, differential equations, roots, fits: everything that an equation defines."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
import scipy.integrate
import scipy.optimize
import scipy.sparse
import scipy.sparse.linalg
import torch
from torch import Tensor

from scitorch import integrate, optimize
from scitorch.bench.function import Array, FunctionCase
from scitorch.bench.machine import Lazy
from scitorch.sparse import linalg

find_root: Any = import_module("scipy.optimize.elementwise").find_root  # not in SciPy's stubs
torchdiffeq, xitorch = Lazy("torchdiffeq"), Lazy("xitorch.optimize")
ROOTS = 10_000
TIMES = np.linspace(0.0, 40.0, 50)
PRECISE: dict[str, Any] = {"rtol": 1e-9, "atol": 1e-9}  # a thousand steps


def cases() -> Iterator[FunctionCase]:
    """The derivative beside the solver alone, and beside whoever else has one."""
    yield _poisson(64)
    yield _poisson(200, slow=True)
    yield _predators()
    yield _robertson()
    yield _roots()
    yield _fit()
    yield _nonnegative()


def _poisson(n: int, *, slow: bool = False) -> FunctionCase:
    """Five-point Laplacian with a conductivity in each of its elements."""
    offsets: Any = [-1, 0, 1]
    line = scipy.sparse.diags_array([-1.0, 2.0, -1.0], offsets=offsets, shape=(n, n))
    identity = scipy.sparse.eye_array(n)
    matrix = (scipy.sparse.kron(line, identity) + scipy.sparse.kron(identity, line)).tocsr()
    indices, indptr = torch.tensor(matrix.indices), torch.tensor(matrix.indptr)

    def solved(data: Array, b: Array) -> Any:
        """A factorisation and a solution: the floor of both."""
        same = scipy.sparse.csc_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)  # it is symmetric
        return scipy.sparse.linalg.splu(same).solve(b)

    drift = itertools.count()

    def ours(data: Tensor, b: Tensor) -> Tensor:
        """Of another matrix each time: one that was seen before would not be factorised again."""
        return linalg.spsolve((data * (1 + 1e-13 * (next(drift) % 1000)), indices, indptr, matrix.shape), b)

    return FunctionCase(
        f"sparse.linalg.spsolve, Poisson {n} × {n}, in values and right-hand side",
        "functions",
        lambda rng: [matrix.data, rng.normal(size=n * n)],
        solved,
        ours,
        slow=slow,
    )


def _hunt(_: Any, y: Any, p: Any) -> list[Any]:
    """Lotka and Volterra's equations."""
    return [y[0] * (p[0] - p[1] * y[1]), y[1] * (p[2] * y[0] - p[3])]


def _predators() -> FunctionCase:
    def field(t: Tensor, y: Tensor, p: Tensor) -> Tensor:
        return torch.stack(_hunt(t, y, p))

    def ours(y0: Tensor, p: Tensor) -> Tensor:
        return integrate.solve_ivp(field, (0.0, 40.0), y0, t_eval=torch.tensor(TIMES), args=(p,), **PRECISE).y

    class Field(torch.nn.Module):
        """As torchdiffeq's adjoint wants it: with its parameters."""

        def __init__(self, p: Tensor) -> None:
            super().__init__()
            self.p = p

        def forward(self, t: Tensor, y: Tensor) -> Tensor:
            return field(t, y, self.p)

    def theirs(y0: Tensor, p: Tensor) -> Tensor:
        times = torch.tensor(TIMES)
        return torchdiffeq.odeint_adjoint(Field(p), y0, times, method="dopri5", adjoint_params=(p,), **PRECISE).mT

    return FunctionCase(
        "integrate.solve_ivp, Lotka-Volterra, RK45, in start and parameters",
        "functions",
        lambda _: [np.array([10.0, 5.0]), np.array([1.1, 0.4, 0.1, 0.4])],
        lambda y0, p: scipy.integrate.solve_ivp(_hunt, (0.0, 40.0), y0, t_eval=TIMES, args=(p,), **PRECISE).y,
        ours,
        lambda: {"torchdiffeq": theirs},
        slow=True,
        agreement=1e-4,
    )


def _kinetics(_: Any, y: Any, k: Any) -> list[Any]:
    """Robertson's reactions."""
    slow, fast, middle = k[0] * y[0], k[1] * y[1] ** 2, k[2] * y[1] * y[2]
    return [-slow + middle, slow - middle - fast, fast]


def _robertson() -> FunctionCase:
    options: Any = {"method": "Radau", "rtol": 1e-6, "atol": 1e-9}

    def ours(y0: Tensor, k: Tensor) -> Tensor:
        return integrate.solve_ivp(
            lambda t, y, k: torch.stack(_kinetics(t, y, k)), (0.0, 1e4), y0, args=(k,), **options
        ).y[:, -1]

    return FunctionCase(
        "integrate.solve_ivp, Robertson, Radau, in start and rates",
        "functions",
        lambda _: [np.array([1.0, 0.0, 0.0]), np.array([0.04, 3e7, 1e4])],
        lambda y0, k: scipy.integrate.solve_ivp(_kinetics, (0.0, 1e4), y0, args=(k,), **options).y[:, -1],
        ours,
        agreement=1e-4,
    )


def _roots() -> FunctionCase:
    def cubic(x: Any, p: Any) -> Any:
        return x**3 + x - p

    def ours(p: Tensor) -> Tensor:
        low = torch.zeros_like(p)
        return optimize.root_scalar(cubic, args=(p,), bracket=(low, low + 2)).root

    def newton(p: Tensor) -> Tensor:
        """A loop without a graph, and a last step with one."""
        with torch.no_grad():
            x = torch.ones_like(p)
            for _ in range(50):
                step = cubic(x, p) / (3 * x**2 + 1)
                x = x - step
                if step.abs().max() < 1e-14:
                    break
        return x - cubic(x, p) / (3 * x**2 + 1)

    return FunctionCase(
        f"optimize.root_scalar, {ROOTS} at once",
        "functions",
        lambda rng: [rng.uniform(1, 2, size=ROOTS)],
        lambda p: find_root(cubic, (np.zeros(ROOTS), np.full(ROOTS, 2.0)), args=(p,)).x,
        ours,
        lambda: {
            "torch": newton,
            "xitorch": lambda p: xitorch.rootfinder(lambda x: cubic(x, p[:, None]), torch.ones(len(p), 1).double())[
                :, 0
            ],
        },
        slow=True,
    )


@cache
def _measured() -> tuple[Array, Array]:
    rng = np.random.default_rng(1)
    x = np.linspace(0, 4, 100_000)
    return x, 2.5 * np.exp(-1.3 * x) + 0.5 + 0.05 * rng.normal(size=x.size)


def _fit() -> FunctionCase:
    def decay(x: Any, a: Any, b: Any, c: Any) -> Any:
        return a * np.exp(-b * x) + c

    def ours(y: Tensor) -> Tensor:
        x = torch.tensor(_measured()[0])
        return optimize.curve_fit(lambda x, a, b, c: a * torch.exp(-b * x) + c, x, y)[0]

    return FunctionCase(
        "optimize.curve_fit, 10⁵ points, in the measurements",
        "functions",
        lambda _: [_measured()[1]],
        lambda y: scipy.optimize.curve_fit(decay, _measured()[0], y)[0],
        ours,
        slow=True,
        agreement=1e-5,
    )


def _nonnegative() -> FunctionCase:
    return FunctionCase(
        "optimize.nnls, 500 × 200, in both",
        "functions",
        lambda rng: [rng.normal(size=(500, 200)), rng.normal(size=500)],
        lambda a, b: scipy.optimize.nnls(a, b)[0],
        lambda a, b: optimize.nnls(a, b)[0],
    )
