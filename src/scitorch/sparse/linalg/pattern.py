"""Where the stored values of a matrix are, worked out once for all matrices of one pattern."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from scitorch.core.errors import ArgumentError
from scitorch.core.kept import checksum

Array = NDArray[Any]

REMEMBERED = 32  # patterns


class ColumnOrder(NamedTuple):
    """Where the stored values of a matrix in the CSC format go when its columns change places."""

    columns: Array
    places: Array
    indices: Array
    indptr: Array


class Pattern:
    """Rows and columns of stored values, and their order in the CSC format.

    Attributes
    ----------
    rows, cols : array of int32
    shape : tuple of int
    settled : dict
        For the settings of a factorisation, the columns' order that one of this pattern found.
    """

    def __init__(self, rows: Array, cols: Array, shape: tuple[int, int]) -> None:
        self.rows, self.cols, self.shape = rows, cols, shape
        self.settled: dict[Any, ColumnOrder] = {}
        counted: Any = scipy.sparse.coo_array((np.arange(len(rows)), (rows, cols)), shape=shape).tocsc()
        # Several values at one place have been added up there, their numbers too: then sorting takes its time.
        self._order = counted.data if counted.nnz == len(rows) else np.lexsort((rows, cols))
        r, c = rows[self._order], cols[self._order]
        first = np.ones(len(r), bool)
        first[1:] = (r[1:] != r[:-1]) | (c[1:] != c[:-1])
        self._starts = np.flatnonzero(first)
        self._indices = r[first]
        self._indptr = np.zeros(shape[1] + 1, np.int32)
        np.cumsum(np.bincount(c[first], minlength=shape[1]), out=self._indptr[1:])

    def csc(self, data: Array, order: ColumnOrder | None = None) -> scipy.sparse.csc_array:
        """The matrix of these stored values, perhaps with its columns in another order; those at one place add up."""
        values = data[self._order]
        if len(self._starts) < len(values):
            values = np.add.reduceat(values, self._starts)
        if order is None:
            return _canonical(values, self._indices, self._indptr, self.shape)
        return _canonical(values[order.places], order.indices, order.indptr, self.shape)

    def ordered(self, columns: Array) -> ColumnOrder:
        """The matrix with its columns in this order."""
        counts = np.diff(self._indptr)[columns]
        indptr = np.zeros_like(self._indptr)
        np.cumsum(counts, out=indptr[1:])
        places = np.arange(indptr[-1]) + np.repeat(self._indptr[columns] - indptr[:-1], counts)
        return ColumnOrder(columns, places, self._indices[places], indptr)

    def same(self, rows: Array, cols: Array) -> bool:
        """Whether these are its rows and columns."""
        return np.array_equal(rows, self.rows) and np.array_equal(cols, self.cols)


def _canonical(values: Array, indices: Array, indptr: Array, shape: tuple[int, int]) -> scipy.sparse.csc_array:
    """A matrix that SciPy need not sort or sum."""
    matrix = scipy.sparse.csc_array((values, indices, indptr), shape=shape)
    matrix.has_canonical_format = True
    return matrix


_patterns: OrderedDict[Any, Pattern] = OrderedDict()
_lock = threading.Lock()


def pattern_of(owner: str, rows: Array, cols: Array, shape: tuple[int, int]) -> Pattern:
    """The pattern of these rows and columns, perhaps from memory: found by a checksum, and compared in full."""
    key = (shape, len(rows), checksum(rows), checksum(cols))
    with _lock:
        pattern = _patterns.get(key)
        if pattern is not None and pattern.same(rows, cols):
            _patterns.move_to_end(key)
            return pattern
    pattern = Pattern(_within(owner, rows, shape[0]), _within(owner, cols, shape[1]), shape)
    with _lock:
        _patterns[key] = pattern
        while len(_patterns) > REMEMBERED:
            _patterns.popitem(last=False)
    return pattern


def _within(owner: str, places: Array, size: int) -> Array:
    """The places as integers; SciPy's routines crash on those outside of the matrix."""
    integers = np.rint(places).astype(np.int32)
    if integers.size and not (integers.min() >= 0 and integers.max() < size):
        got = f"from {integers.min()} to {integers.max()}"
        raise ArgumentError(owner, "A", f"indices from 0 to {size - 1}", got, "another shape")
    return integers
