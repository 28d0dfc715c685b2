"""Functions of matrices, and banded systems."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.linalg
import torch

from scitorch import linalg
from scitorch.bench.function import Array, FunctionCase, Ways
from scitorch.bench.machine import Lazy
from scitorch.bench.peers import by_hand, jax_code, torch_code

jax_linalg, hips_linalg = Lazy("jax.scipy.linalg"), Lazy("autograd.scipy.linalg")


def cases() -> Iterator[FunctionCase]:
    """Small, middling and large."""
    yield _expm(10)
    yield _expm(100)
    yield _expm(500, slow=True)
    yield _sqrtm(100)
    yield _banded(500, "500", dense=True)
    yield _banded(100_000, "10⁵", dense=False)


def _expm(n: int, *, slow: bool = False) -> FunctionCase:
    def transposed(g: Array, a: Array) -> tuple[Array]:
        return (np.ascontiguousarray(scipy.linalg.expm_frechet(a.T, g, compute_expm=False)),)

    def peers() -> Ways:
        return {
            "torch": torch.linalg.matrix_exp,
            "JAX": lambda a: jax_linalg.expm(a),
            "Function": by_hand.as_function(scipy.linalg.expm, transposed),
            "custom_op": by_hand.as_custom_op("a", scipy.linalg.expm, transposed),
        }

    return FunctionCase(
        f"linalg.expm, {n} × {n}",
        "functions",
        lambda rng: [rng.normal(size=(n, n)) / n**0.5],
        scipy.linalg.expm,
        linalg.expm,
        peers,
        slow=slow,
    )


def _sqrtm(n: int) -> FunctionCase:
    return FunctionCase(
        f"linalg.sqrtm, {n} × {n}",
        "functions",
        lambda rng: [3 * np.eye(n) + rng.normal(size=(n, n)) / n**0.5],
        scipy.linalg.sqrtm,
        linalg.sqrtm,
        lambda: {"torch": torch_code.sqrtm, "JAX": jax_code.sqrtm, "HIPS": lambda a: hips_linalg.sqrtm(a)},
    )


def _banded(n: int, name: str, *, dense: bool) -> FunctionCase:
    def system(rng: np.random.Generator) -> list[Array]:
        ab = rng.uniform(-1, 1, size=(3, n))
        ab[1] += 4
        return [ab, rng.normal(size=n)]

    def peers() -> Ways:
        ways: Ways = {
            "JAX": jax_code.banded,
            "HIPS": lambda ab, b: hips_linalg.solve_banded((1, 1), ab, b),
        }
        return ways | ({"torch": torch_code.banded_dense} if dense else {})

    return FunctionCase(
        f"linalg.solve_banded, {name} × {name}, 3 diagonals, in both",
        "functions",
        system,
        lambda ab, b: scipy.linalg.solve_banded((1, 1), ab, b),
        lambda ab, b: linalg.solve_banded((1, 1), ab, b),
        peers,
    )
