"""Special functions, in their arguments and in their parameters."""

from __future__ import annotations

from collections.abc import Iterator

import scipy.special

from scitorch import special
from scitorch.bench.function import FunctionCase
from scitorch.bench.machine import Lazy
from scitorch.bench.peers import torch_code

jax_special, hips_special = Lazy("jax.scipy.special"), Lazy("autograd.scipy.special")


def cases() -> Iterator[FunctionCase]:
    """Many arguments, and fewer with parameters."""
    yield _beta(10_000, "10⁴")
    yield _beta(1_000_000, "10⁶", slow=True)
    yield _parameters("a, b and x", 1000, "betainc", (0.5, 20), (0.5, 20), (0.1, 0.9))
    yield _parameters("df and t", 1000, "stdtr", (0.5, 20), (-3, 3))
    yield _parameters("v and z", 100, "jv", (0.3, 10), (0.5, 40))
    for n, name in (10_000, "10⁴"), (1_000_000, "10⁶"):
        yield _jv(n, name, slow=n > 10_000)
        yield _j0(n, name, slow=n > 10_000)


def _beta(n: int, name: str, *, slow: bool = False) -> FunctionCase:
    a, b = 2.5, 1.3
    return FunctionCase(
        f"special.betainc, {name}, in x",
        "functions",
        lambda rng: [rng.uniform(0.01, 0.99, size=n)],
        lambda x: scipy.special.betainc(a, b, x),
        lambda x: special.betainc(a, b, x),
        lambda: {
            "JAX": lambda x: jax_special.betainc(a, b, x),
            "HIPS": lambda x: hips_special.betainc(a, b, x),
        },
        slow=slow,
    )


def _parameters(names: str, n: int, function: str, *ranges: tuple[float, float]) -> FunctionCase:
    return FunctionCase(
        f"special.{function}, {n}, in {names}",
        "functions",
        lambda rng: [rng.uniform(*bounds, size=n) for bounds in ranges],
        getattr(scipy.special, function),
        getattr(special, function),
    )


def _jv(n: int, name: str, *, slow: bool) -> FunctionCase:
    return FunctionCase(
        f"special.jv, order 1.5, {name}",
        "functions",
        lambda rng: [rng.uniform(0.1, 40, size=n)],
        lambda x: scipy.special.jv(1.5, x),
        lambda x: special.jv(1.5, x),
        # Its jn is SciPy's jv, whose derivative in z it writes for any order.
        lambda: {"HIPS": lambda x: hips_special.jn(1.5, x)},
        slow=slow,
    )


def _j0(n: int, name: str, *, slow: bool) -> FunctionCase:
    return FunctionCase(
        f"special.j0, {name}",
        "functions",
        lambda rng: [rng.uniform(0.1, 40, size=n)],
        scipy.special.j0,
        special.j0,
        lambda: {"torch": torch_code.BesselJ0.apply, "HIPS": lambda x: hips_special.j0(x)},
        slow=slow,
        agreement=1e-6,  # PyTorch's is no better
    )
