"""What else SciPy's results hold, beside what all methods have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator
from torch import Tensor
from torch.utils import _pytree as pytree

from scitorch.optimize.problem import COUNTS, small, tensor_of

IN_ALL = ("x", "fun", "success", "message", "method", *COUNTS)


class Details:
    """Numbers and arrays of SciPy's results, as tensors of the same shapes for all problems of a batch.

    Parameters
    ----------
    known : sequence of str, optional
        What is handed on otherwise.
    """

    def __init__(self, known: Sequence[str] = IN_ALL) -> None:
        self._known = known
        self._first: list[Tensor] = []
        self._structure: Any = None

    def of(self, result: Any, x: Tensor) -> list[Tensor]:
        """What there is, one after the other; NaN for what the first problem's result has and this one hasn't."""
        found = {name: _as_tensors(value, x) for name, value in result.items() if name not in self._known}
        leaves, structure = pytree.tree_flatten({k: v for k, v in found.items() if v is not None})
        if self._structure is None:
            self._first, self._structure = leaves, structure
        if structure == self._structure and [t.shape for t in leaves] == [t.shape for t in self._first]:
            return leaves
        return [torch.full_like(t, torch.nan if t.is_floating_point() else -1) for t in self._first]

    def named(self, leaves: tuple[Tensor, ...]) -> dict[str, Any]:
        """The same under SciPy's names."""
        return pytree.tree_unflatten(leaves, self._structure) if leaves else {}


def _as_tensors(value: Any, x: Tensor) -> Any:
    """Tensors for numbers and arrays, lists of them for lists; None for anything else."""
    if isinstance(value, LinearOperator):  # L-BFGS-B's
        value = value @ np.eye(value.shape[1]) if small(x) else None
    if isinstance(value, (list, tuple)):
        return [_as_tensors(one, x) for one in value]
    kind = np.asarray(value).dtype.kind
    if kind not in "fiub":
        return None
    return tensor_of(value, x, x.dtype if kind == "f" else torch.int64 if kind in "iu" else torch.bool)
