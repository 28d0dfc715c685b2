"""Linear systems with general matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator

Array = NDArray[Any]


# torch.linalg.solve won't do in rules and compositions (PyTorch 2.13): its second derivatives are wrong under
# jacfwd, and under vmap the gradients are multiples of the right ones where the matrix has fewer dimensions than b.
@operator("(n,n),(n,k)->(n,k)", batch="native", name="solve")
def solve_general(a: Array, b: Array) -> Array:
    """Solution ``x`` of ``a @ x = b``, for other rules and compositions."""
    return np.linalg.solve(a, b)


@solve_general.vjp
def _solve_vjp(g: Tensor, a: Tensor, out: Tensor) -> dict[str, Tensor]:
    w = solve_general(a.mH, g)
    return {"a": -w @ out.mH, "b": w}


solve_general.samples(
    lambda rng: [
        Sample(2 * np.eye(2) + 0.3 * rng.normal(size=(2, 1, 2, 2)), rng.normal(size=(3, 2, 1))),
        Sample(np.eye(2) + 0.3j * rng.normal(size=(2, 2)), rng.normal(size=(2, 3)) + 0j),
    ]
)
