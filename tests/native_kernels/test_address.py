"""Where arrays are said to lie is where they do."""

import sys

import numpy as np
import pytest

from scitorch._kernels import address

X = np.arange(24.0).reshape(2, 3, 4)
ARRAYS = {
    "whole": X,
    "part": X[1:, :, 2:],
    "backwards": X[..., ::-1],
    "broadcast": np.broadcast_to(X[0, 0], (5, 4)),
    "empty": np.empty((0, 3)),
    "one number": np.array(3.0),
    "not ours": np.frombuffer(bytes(40), np.uint8)[3:],
    "subclass": X[0].view(np.matrix),
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=list(ARRAYS))
@pytest.mark.parametrize("way", [address.first_field, address.documented])
def test_it_is_where_numpy_says(way, array):
    array.flags.writeable = False
    assert way(array) == array.__array_interface__["data"][0]


def test_the_fast_way_is_taken_here():
    assert address.address is address.first_field


def test_elsewhere_numpy_is_asked(monkeypatch):
    monkeypatch.setattr(address, "first_field", lambda x: 0)
    assert address.best() is address.documented
    monkeypatch.undo()
    monkeypatch.setattr(sys.implementation, "name", "another")
    assert address.best() is address.documented
