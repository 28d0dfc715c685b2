"""What the solvers over ARPACK share: choices, starting vectors, failures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core.errors import ArgumentError, RefusedError, ShapeError, SolverError

Array = NDArray[Any]


def searched(
    owner: str, search: Callable[[], tuple[Array, ...]], *shapes: int | tuple[int, ...], check: bool
) -> tuple[Array, ...]:
    """What a search by ARPACK finds; without `check`, NaN of these shapes where it fails, else its failure as ours."""
    try:
        return search()
    except (ArgumentError, RuntimeError) as error:
        if not check:
            return tuple(np.full(shape, np.nan) for shape in shapes)
        if isinstance(error, ArgumentError):
            raise
        advice = "maxiter, ncv, sigma or check=False"
        failure = SolverError(owner, "A", "convergence to k eigenvalues", str(error), advice)
        failure.result = getattr(error, "eigenvalues", None), getattr(error, "eigenvectors", None)
        raise failure from error
    except ValueError as error:
        expected = f"values that scipy.sparse.linalg.{owner} takes"
        raise RefusedError(owner, "arguments", expected, str(error).rstrip("."), "its documentation") from error


def check_choices(owner: str, k: Any, n: int, which: str, known: tuple[str, ...]) -> None:
    """Refuse an unknown choice of eigenvalues, and a number of them that ARPACK cannot find."""
    if which not in known:
        raise ArgumentError(owner, "which", f"one of {', '.join(known)}", repr(which))
    if not (isinstance(k, int) and 0 < k < n):
        raise ArgumentError(
            owner, "k", f"an integer from 1 to {n - 1}", repr(k), "torch.linalg for all of a small matrix"
        )


def starting_vector(owner: str, v0: Any, n: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """What ARPACK begins with: in general position, and always the same."""
    if v0 is None:
        return torch.as_tensor(np.random.default_rng(0).uniform(-1, 1, n), dtype=dtype, device=device)
    if not isinstance(v0, Tensor) or v0.shape[-1:] != (n,):
        raise ShapeError(owner, "v0", f"a tensor of shape ({n},)", f"{getattr(v0, 'shape', type(v0).__name__)}")
    return v0.to(dtype)


def hermitian_sample(rng: np.random.Generator, *batch: int, whole: bool = False) -> list[Array]:
    """Stored values, rows, columns of a tridiagonal Hermitian matrix of three, and a vector to begin with."""
    rows, cols = np.array([0.0, 0, 1, 1, 1, 2, 2]), np.array([0.0, 1, 0, 1, 2, 1, 2])
    off = 1 + (0.5j if whole else 0)
    data = np.array([1.0, off, np.conj(off), 3.0, 1.0, 1.0, 6.0]) * rng.uniform(1, 1.5, size=(*batch, 1))
    return [data, rows, cols, rng.uniform(1, 2, size=3)]
