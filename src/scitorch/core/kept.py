"""What was worked out of an array, kept so that a backward pass finds the forward's.

It is found by what it is of: a checksum finds it, and a comparison of all values makes sure. So no derivative depends
on it, and whoever does not find it works it out again.
"""

from __future__ import annotations

import threading
import zlib
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, Generic, Protocol, TypeVar
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Result(Protocol):
    """What can be kept.

    Attributes
    ----------
    data : array
        What it is of; its own copy.
    nbytes : int
        Memory that it takes.
    """

    data: Array
    nbytes: int


R = TypeVar("R", bound=Result)


class Kept(Generic[R]):
    """The last results, as many as the memory allowed for them holds, and each that somebody else holds.

    Parameters
    ----------
    nbytes : int
        The memory allowed; the last result is kept whatever it takes.
    """

    def __init__(self, nbytes: int) -> None:
        self._allowed, self._taken = nbytes, 0
        self._alive: WeakValueDictionary[Hashable, R] = WeakValueDictionary()
        self._last: OrderedDict[Hashable, R] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._alive)

    def find(self, data: Array, *others: Hashable) -> R | None:
        """The result of these values and of whatever else it is of."""
        with self._lock:
            found = self._alive.get(_key(data, others))
        return found if found is not None and _same(found.data, data) else None

    def keep(self, result: R, *others: Hashable) -> None:
        """Keep a result, or keep it for longer."""
        key = _key(result.data, others)
        with self._lock:
            before = self._last.pop(key, None)
            self._taken += result.nbytes - (0 if before is None else before.nbytes)
            self._alive[key] = self._last[key] = result
            while len(self._last) > 1 and self._taken > self._allowed:
                self._taken -= self._last.popitem(last=False)[1].nbytes


def checksum(array: Array) -> int:
    """A number that other contents rarely share."""
    return zlib.crc32(np.ascontiguousarray(array).data)


def _key(data: Array, others: tuple[Hashable, ...]) -> Hashable:
    return data.shape, data.dtype, checksum(data), others


def _same(a: Array, b: Array) -> bool:
    """Whether they agree bit by bit, NaN included."""
    return a.dtype == b.dtype and np.array_equal(a.view(np.uint8), np.ascontiguousarray(b).view(np.uint8))
