"""The search for intervals finds what bisection finds, wherever knots and points lie."""

import numpy as np
import pytest

from scitorch.interpolate.loops import Search

RNG = np.random.default_rng(0)
KNOTS = {
    "even": np.linspace(0, 1, 50),
    "crowded": np.concatenate([np.linspace(0, 1e-6, 40), np.linspace(1, 2, 40)]),
    "logarithmic": np.geomspace(1e-8, 1e8, 60),
    "repeated": np.repeat(np.linspace(-1, 1, 20), 4),
    "far away": 1e9 + np.arange(30.0),
    "one": np.array([0.5]),
    "none": np.array([]),
    "alike": np.zeros(5),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", KNOTS)
def test_as_bisection(name, dtype):
    knots = KNOTS[name].astype(dtype)
    low, high = (knots[0], knots[-1]) if len(knots) else (0, 1)
    points = RNG.uniform(low - 1, high + 1, size=4000).astype(dtype)
    near = np.concatenate([knots, np.nextafter(knots, -np.inf), np.nextafter(knots, np.inf)])
    every = np.concatenate([points, near, np.array([np.inf, -np.inf], dtype)])
    for x in (RNG.permutation(every), np.sort(every), np.append(every, np.array(np.nan, dtype))):
        np.testing.assert_array_equal(Search(knots, len(x))(x), np.searchsorted(knots, x, side="right"))
