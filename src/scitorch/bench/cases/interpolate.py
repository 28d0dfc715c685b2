"""Splines."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import scipy.interpolate
import torch

from scitorch import interpolate
from scitorch.bench.function import Array, FunctionCase, Ways
from scitorch.bench.machine import Lazy
from scitorch.bench.peers import jax_code, torch_code

jnp = Lazy("jax.numpy")


def cases() -> Iterator[FunctionCase]:
    """Few points and many, sorted and not."""
    yield _case(10_000, "10⁴ sorted points", np.sort)
    yield _case(1_000_000, "10⁶ sorted points", np.sort, slow=True)
    yield _case(1_000_000, "10⁶ random points", lambda x: x, slow=True)


def _case(n: int, name: str, order: Callable[[Array], Array], *, slow: bool = False) -> FunctionCase:
    knots = np.linspace(0, 1, 1000)
    knots[1:-1] += 1e-4 * np.sin(37 * np.arange(998))
    places = torch.tensor(knots)

    def peers() -> Ways:
        slopes = torch_code.spline_slopes(knots)
        return {
            "torch": torch_code.spline(torch.tensor(slopes), places),
            "JAX": lambda y, x: jax_code.spline(jnp.asarray(slopes), jnp.asarray(knots))(y, x),
        }

    return FunctionCase(
        f"interpolate.CubicSpline, 1000 knots, {name}, in values and points",
        "functions",
        lambda rng: [np.sin(20 * knots), order(rng.uniform(0, 1, size=n))],
        lambda y, x: scipy.interpolate.CubicSpline(knots, y)(x),
        lambda y, x: interpolate.CubicSpline(places, y)(x),
        peers,
        slow=slow,
    )
