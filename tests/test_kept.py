"""What was worked out of an array is found by its contents, and only by these."""

import gc
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from scitorch.core.kept import Kept


class Square:
    def __init__(self, data):
        self.data, self.value = data.copy(), data**2
        self.nbytes = 2 * data.nbytes


def test_found_by_contents_dtype_shape_and_what_else_it_is_of():
    kept = Kept(1000)
    x = np.arange(6.0).reshape(2, 3)
    square = Square(x)
    kept.keep(square, "name")
    assert kept.find(x.copy(), "name") is square
    assert kept.find(np.asfortranarray(x), "name") is square
    assert kept.find(x) is None
    assert kept.find(x + 1, "name") is None
    assert kept.find(x.reshape(3, 2), "name") is None
    assert kept.find(x.view(np.int64), "name") is None


def test_an_array_of_the_same_checksum_is_compared(monkeypatch):
    monkeypatch.setattr("scitorch.core.kept.checksum", lambda array: 0)
    kept = Kept(1000)
    x, y = np.zeros(3), np.array([np.nan, 1.0, -0.0])
    kept.keep(Square(x))
    assert kept.find(y) is None
    kept.keep(Square(y))
    assert kept.find(y).value[1] == 1
    assert kept.find(x) is None


def test_the_last_ones_are_kept_within_their_memory_and_those_that_somebody_holds():
    kept = Kept(4 * 80)
    arrays = [np.full(5, float(k)) for k in range(6)]
    held = Square(arrays[0])
    kept.keep(held)
    for x in arrays[1:]:
        kept.keep(Square(x))
    gc.collect()
    assert [kept.find(x) is not None for x in arrays] == [True, False, True, True, True, True]
    kept.keep(held)
    del held
    gc.collect()
    assert [kept.find(x) is not None for x in arrays] == [True, False, False, True, True, True]
    kept.keep(Square(np.zeros(1000)))  # more than the memory allowed for all
    gc.collect()
    assert len(kept) == 1


def test_an_empty_array():
    kept = Kept(10)
    kept.keep(Square(np.empty((0, 2))))
    assert kept.find(np.empty((0, 2))) is not None
    assert kept.find(np.empty((2, 0))) is None


def test_several_threads():
    kept = Kept(3 * 160)
    arrays = [np.full(10, float(k)) for k in range(8)]

    def work(k):
        x = arrays[k % 8]
        found = kept.find(x)
        if found is None:
            found = Square(x)
        kept.keep(found)
        return found.value[0] == (k % 8) ** 2

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(2000)))
    gc.collect()
    assert len(kept) == 3
