"""Linear systems that run along time: what the derivatives of all steps at once end in."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator

Array = NDArray[Any]


@operator("(k,n,n),(k,n)->(k,n)")
def linear_recurrence(matrices: Array, b: Array) -> Array:
    """Solution of ``x[k] = matrices[k] x[k-1] + b[k]``, from ``x[0] = b[0]`` on; ``matrices[0]`` is not used."""
    x = np.array(b)
    for k in range(1, len(x)):
        x[k] += matrices[k] @ x[k - 1]
    return x


def backward_recurrence(matrices: Tensor, b: Tensor) -> Tensor:
    """Solution of ``x[k] = matrices[k+1]ᵀ x[k+1] + b[k]``: of the transposed system."""
    return linear_recurrence(matrices.mT.roll(-1, -3).flip(-3), b.flip(-2)).flip(-2)


@linear_recurrence.vjp
def _recurrence_vjp(g: Tensor, matrices: Tensor, out: Tensor) -> dict[str, Tensor]:
    w = backward_recurrence(matrices.conj(), g)
    before = torch.cat([torch.zeros_like(out[..., :1, :]), out[..., :-1, :]], -2)
    return {"matrices": w[..., :, None] * before.conj()[..., None, :], "b": w}


@operator("(m,m),(m,n)->(m,n)", batch="native")
def solve_blocks(matrix: Array, b: Array) -> Array:
    """Solution X of ``matrix X = b``; NaN where the matrix isn't finite."""
    finite = np.isfinite(matrix).all((-1, -2), keepdims=True)
    if finite.all():
        return np.linalg.solve(matrix, b)
    x = np.linalg.solve(np.where(finite, matrix, np.eye(matrix.shape[-1])), b)
    return np.where(finite, x, np.nan)


@solve_blocks.vjp
def _solve_vjp(g: Tensor, matrix: Tensor, out: Tensor) -> dict[str, Tensor]:
    w = solve_blocks(matrix.mH, g)
    return {"matrix": -w @ out.mH, "b": w}


linear_recurrence.samples(
    lambda rng: [
        Sample(rng.normal(size=(3, 2, 2)), rng.normal(size=(3, 2))),
        Sample(rng.normal(size=(2, 1, 1)), rng.normal(size=(2, 2, 1))),
    ]
)
solve_blocks.samples(
    lambda rng: [
        Sample(np.eye(2) + rng.uniform(-0.3, 0.3, size=(2, 2)), rng.normal(size=(2, 2, 3))),
        Sample(np.eye(2) + rng.uniform(-0.3, 0.3, size=(2, 2)) * (1 + 1j), rng.normal(size=(2, 1)) + 0j),
    ]
)
