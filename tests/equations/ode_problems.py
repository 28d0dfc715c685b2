"""Initial value problems with parameters; the classical stiff ones among them."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

DOUBLE = torch.float64


@dataclass(frozen=True)
class Ode:
    """``y' = fun(t, y, p)`` over a time span; how far derivatives may be off, relative to the largest one."""

    name: str
    fun: Callable[[Tensor, Tensor, Tensor], Tensor]
    span: tuple[float, float]
    y0: tuple[float, ...]
    p: tuple[float, ...]
    stiff: bool = False
    tolerance: float = 1e-6

    def __str__(self):
        return self.name

    def start(self):
        return torch.tensor(self.y0, dtype=DOUBLE)

    def parameters(self):
        return torch.tensor(self.p, dtype=DOUBLE)


def exponential(t, y, p):
    return -p * y


def forced(t, y, p):
    return -p[0] * y + torch.cos(p[1] * t)


def harmonic(t, y, p):
    return torch.stack([y[1], -p[0] * y[0] - p[1] * y[1]])


def lotka_volterra(t, y, p):
    return torch.stack([p[0] * y[0] - p[1] * y[0] * y[1], p[2] * y[0] * y[1] - p[3] * y[1]])


def logistic(t, y, p):
    return p[0] * y * (1 - y / p[1])


def pendulum(t, y, p):
    return torch.stack([y[1], -p[0] * torch.sin(y[0]) - p[1] * y[1]])


def lorenz(t, y, p):
    return torch.stack([p[0] * (y[1] - y[0]), y[0] * (p[1] - y[2]) - y[1], y[0] * y[1] - p[2] * y[2]])


def kepler(t, y, p):
    return torch.cat([y[2:], -p * y[:2] / (y[:2] ** 2).sum() ** 1.5])


def brusselator(t, y, p):
    return torch.stack([p[0] + y[0] ** 2 * y[1] - (p[1] + 1) * y[0], p[1] * y[0] - y[0] ** 2 * y[1]])


def epidemic(t, y, p):
    infections = p[0] * y[0] * y[1]
    return torch.stack([-infections, infections - p[1] * y[1], p[1] * y[1]])


def van_der_pol(t, y, p):
    return torch.stack([y[1], p[0] * (1 - y[0] ** 2) * y[1] - y[0]])


def robertson(t, y, p):
    slow, fast = -p[0] * y[0] + p[2] * y[1] * y[2], p[1] * y[1] ** 2
    return torch.stack([slow, -slow - fast, fast])


def hires(t, y, p):
    growth = p[1] * y[5] * y[7]
    return torch.stack(
        [
            -1.71 * y[0] + 0.43 * y[1] + 8.32 * y[2] + p[0],
            1.71 * y[0] - 8.75 * y[1],
            -10.03 * y[2] + 0.43 * y[3] + 0.035 * y[4],
            8.32 * y[1] + 1.71 * y[2] - 1.12 * y[3],
            -1.745 * y[4] + 0.43 * y[5] + 0.43 * y[6],
            -growth + 0.69 * y[3] + 1.71 * y[4] - 0.43 * y[5] + 0.69 * y[6],
            growth - 1.81 * y[6],
            -growth + 1.81 * y[6],
        ]
    )


PROBLEMS = [
    Ode("exponential", exponential, (0, 2), (1.0,), (0.7,)),
    Ode("forced", forced, (0.5, 3), (1.0,), (0.7, 2.0)),
    Ode("harmonic", harmonic, (0, 5), (1.0, 0.0), (2.0, 0.1)),
    Ode("Lotka-Volterra", lotka_volterra, (0, 6), (3.0, 1.0), (0.9, 0.5, 0.2, 0.8)),
    Ode("logistic", logistic, (0, 4), (0.2,), (1.2, 3.0)),
    Ode("pendulum", pendulum, (0, 4), (1.0, 0.5), (3.0, 0.2)),
    Ode("Lorenz", lorenz, (0, 1), (1.0, 1.0, 1.0), (10.0, 28.0, 8 / 3)),
    Ode("Kepler, backwards", kepler, (3, 0), (1.0, 0.0, 0.1, 1.1), (1.0,)),
    Ode("brusselator", brusselator, (0, 5), (1.5, 3.0), (1.0, 2.5)),
    Ode("epidemic", epidemic, (0, 8), (0.99, 0.01, 0.0), (2.0, 0.5)),
    Ode("van der Pol, 1000", van_der_pol, (0, 1500), (2.0, 0.0), (1000.0,), stiff=True, tolerance=1e-4),
    Ode("Robertson", robertson, (0, 1e4), (1.0, 0.0, 0.0), (0.04, 3e7, 1e4), stiff=True, tolerance=1e-5),
    Ode("HIRES", hires, (0, 10.0), (1.0, 0, 0, 0, 0, 0, 0, 0.0057), (0.0007, 280.0), stiff=True, tolerance=1e-4),
]
