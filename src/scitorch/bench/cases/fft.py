"""Cosine transforms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.fft

from scitorch import fft
from scitorch.bench.function import Array, FunctionCase, Ways
from scitorch.bench.machine import Lazy
from scitorch.bench.peers import by_hand, torch_code

jax_fft, torch_dct = Lazy("jax.scipy.fft"), Lazy("torch_dct")


def cases() -> Iterator[FunctionCase]:
    """One row, many rows, a long one."""
    yield _case("1024", 1024)
    yield _case("256 × 1024", 256, 1024)
    yield _case("10⁶", 1_000_000, slow=True)


def _case(name: str, *shape: int, slow: bool = False) -> FunctionCase:
    return FunctionCase(
        f"fft.dct, {name}",
        "functions",
        lambda rng: [rng.normal(size=shape)],
        scipy.fft.dct,
        fft.dct,
        lambda: _peers(*shape),
        slow=slow,
    )


def _peers(*shape: int) -> Ways:
    def transposed(g: Array, _: Array) -> tuple[Any]:
        weights = np.ones(g.shape[-1])
        weights[0] = 2
        return (scipy.fft.dct(g * weights, type=3),)

    ways: Ways = {
        "torch": torch_code.dct,
        "torch-dct": lambda x: torch_dct.dct(x),
        "JAX": lambda x: jax_fft.dct(x),
        "Function": by_hand.as_function(scipy.fft.dct, transposed),
        "custom_op": by_hand.as_custom_op("x", scipy.fft.dct, transposed),
    }
    if len(shape) == 1:
        ways["PyLops"] = by_hand.as_pylops(lambda pylops: _pylops(pylops, *shape))
    return ways


def _pylops(pylops: Any, n: int) -> Any:
    """PyLops has the orthogonal transform."""
    scale = np.full(n, (2 * n) ** 0.5)
    scale[0] *= 2**0.5
    return pylops.Diagonal(scale) @ pylops.signalprocessing.DCT((n,))
