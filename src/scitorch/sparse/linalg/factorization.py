"""Sparse LU factorisations, kept so that a backward pass finds the forward's.

A factorisation is found by what it is of: pattern, stored values, settings.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse.linalg
from numpy.typing import NDArray

from scitorch.core.errors import SolverError
from scitorch.core.kept import Kept
from scitorch.sparse.linalg.pattern import Pattern

Array = NDArray[Any]

KEPT_BYTES = 256 * 2**20


class Settings(NamedTuple):
    """SuperLU's, under SciPy's names."""

    permc_spec: str | None = None
    diag_pivot_thresh: float | None = None
    relax: int | None = None
    panel_size: int | None = None
    symmetric: bool = False


class Factorization:
    """A factorisation ``Pr A Pc = L U``.

    Attributes
    ----------
    data : array
        The stored values that it is of.
    perm_r, perm_c : array of int32
        SciPy's permutations.
    nnz : int
        Stored values of both factors.
    nbytes : int
        Memory of the factors.
    """

    def __init__(self, owner: str, pattern: Pattern, data: Array, settings: Settings) -> None:
        self.data, self.pattern = data.copy(), pattern
        # The columns' order depends on the pattern alone; with it, later factorisations cost less and are the same.
        order = pattern.settled.get(settings)
        if order is None:
            self._lu, self._columns = _superlu(owner, pattern.csc(data), settings), None
            self.perm_c = self._lu.perm_c
            if not settings.symmetric:
                pattern.settled[settings] = pattern.ordered(np.argsort(self.perm_c))
        else:
            self._lu = _superlu(owner, pattern.csc(data, order), settings._replace(permc_spec="NATURAL"))
            self._columns = order.columns
            self.perm_c = np.argsort(order.columns[np.argsort(self._lu.perm_c)]).astype(np.int32)
        self.perm_r, self.nnz = self._lu.perm_r, self._lu.nnz
        self.nbytes = self.nnz * (data.dtype.itemsize + 4)

    @property
    def factors(self) -> tuple[Any, Any]:
        """SciPy's L and U, their indices in order."""
        return self._lu.L.sorted_indices(), self._lu.U.sorted_indices()

    def solve(self, b: Array, trans: str) -> Array:
        """Solution of ``A x = b``, or with the (conjugate) transpose."""
        if self._columns is None:
            return self._lu.solve(b, trans)
        if trans != "N":
            return self._lu.solve(b[self._columns], trans)
        x = np.empty_like(b)
        x[self._columns] = self._lu.solve(b)
        return x


def _superlu(owner: str, matrix: Any, settings: Settings) -> Any:
    options = {"SymmetricMode": True} if settings.symmetric else {}
    named = {name: value for name, value in settings._asdict().items() if name != "symmetric"}
    try:
        return scipy.sparse.linalg.splu(matrix, **named, options=options)
    except RuntimeError as error:  # SciPy's for a pivot of exactly zero
        raise SolverError(owner, "A", "a matrix that is not singular", str(error), "check=False") from error


_kept: Kept[Factorization] = Kept(KEPT_BYTES)


def factorized(owner: str, pattern: Pattern, data: Array, settings: Settings) -> Factorization:
    """The factorisation of a matrix, perhaps from memory."""
    data = np.ascontiguousarray(data)
    found = _kept.find(data, id(pattern), settings)
    if found is None or found.pattern is not pattern:
        found = Factorization(owner, pattern, data, settings)
    _kept.keep(found, id(pattern), settings)
    return found
