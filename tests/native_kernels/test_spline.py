"""The compiled cubic splines give SciPy's coefficients, and the gradients of the solution in NumPy."""

import itertools

import numpy as np
import pytest
import scipy.interpolate
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scitorch import errors
from scitorch._kernels import spline
from scitorch.interpolate import equations
from scitorch.interpolate.smooth import pull_spline, spline_pieces

TOLERANCE = {np.float64: 1e-11, np.float32: 3e-4, np.complex128: 1e-11, np.complex64: 3e-4}
BOTH = {equations.PARABOLA: "not-a-knot", equations.STRAIGHT: "not-a-knot", equations.NOT_A_KNOT: "not-a-knot"}


def conditions(n):
    """Those that as many knots allow."""
    if n == 2:
        return list(itertools.product((1, 2, equations.STRAIGHT), repeat=2))
    pairs = list(itertools.product((1, 2, equations.NOT_A_KNOT), repeat=2))
    return pairs if n > 3 else [*pairs[:-1], (equations.PARABOLA, equations.PARABOLA)]


def random(rng, dtype, *shape):
    part = rng.normal(size=shape)
    return (part + 1j * rng.normal(size=shape) if np.dtype(dtype).kind == "c" else part).astype(dtype)


def close(found, expected, tolerance):
    scale = max(1, np.abs(expected).max(initial=0))
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * scale)


def check(x, y, values, kinds, g):
    ends, tolerance = equations.both_ends(x, *kinds), TOLERANCE[y.dtype.type]
    c = spline.spline(x, y, *values, ends)
    assert c.dtype == y.dtype
    wide = np.result_type(y, np.float64)
    data = [None if part is None else part.astype(wide) for part in (y, *values)]
    close(c, equations.pieces(x.astype(float), *data, *kinds), tolerance)
    if y.shape[1]:
        given = [np.zeros(y.shape[1]) if value is None else value for value in data[1:]]
        bc = [BOTH.get(kind, (kind, value)) for kind, value in zip(kinds, given, strict=True)]
        close(c, scipy.interpolate.CubicSpline(x, data[0], bc_type=tuple(bc)).c, tolerance)
    for found, expected in zip(
        spline.pull(x, g, ends), equations.pull(x.astype(float), g.astype(wide), *kinds), strict=True
    ):
        assert found.dtype == y.dtype
        assert found.flags.owndata
        close(found, expected, tolerance)


@st.composite
def problems(draw):
    """Knots, values, derivatives at the ends, conditions, and the gradient of the coefficients."""
    n, r = draw(st.integers(2, 30)), draw(st.integers(0, 3))
    dtype = draw(st.sampled_from(sorted(TOLERANCE, key=str)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    x = np.cumsum(rng.uniform(0.2, 1, size=n)).astype(np.finfo(dtype).dtype)
    kinds = draw(st.sampled_from(conditions(n)))
    values = [random(rng, dtype, r) if kind in (1, 2) and draw(st.booleans()) else None for kind in kinds]
    return x, random(rng, dtype, n, r), values, kinds, random(rng, dtype, 4, n - 1, r)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(problems())
def test_coefficients_and_gradients(problem):
    check(*problem)


@pytest.mark.parametrize("kinds", conditions(9))
@pytest.mark.parametrize("ratio", [1e-8, 1e8])
def test_lengths_of_very_different_size(kinds, ratio):
    """No exchange of rows is missed: beside LAPACK's, which loses half the digits in a second interval of 1e-8 too."""
    y = np.random.default_rng(0).normal(size=(9, 1))
    for place in range(8):
        lengths = np.ones(8)
        lengths[place] = ratio
        x = np.cumsum([0, *lengths])
        slopes = spline.spline(x, y, None, None, equations.both_ends(x, *kinds))[2]
        expected = equations.pieces(x, y, None, None, *kinds)[2]
        np.testing.assert_allclose(slopes, expected, rtol=1e-7, atol=1e-13 * np.abs(expected).max())


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_however_arrays_lie(dtype):
    rng = np.random.default_rng(0)
    x, y, g = np.arange(9.0), random(rng, dtype, 9, 2), random(rng, dtype, 4, 8, 2)
    for change in (np.asfortranarray, lambda a: a[::-1], lambda a: np.repeat(a, 2, axis=-1)[..., ::2]):
        value = change(random(rng, dtype, 2))
        check(x, change(y), (value, value), (1, 2), change(g))
    raw = np.zeros(x.nbytes + 1, np.uint8)[1:].view(np.float64)
    raw[...] = x
    raw.flags.writeable = False
    check(raw, y, (None, None), (2, 2), g)


def test_shapes_that_do_not_fit_never_reach_the_loops():
    with pytest.raises(errors.ArgumentError, match="2 pieces between 3 knots, got 3"):
        pull_spline(torch.arange(3.0), torch.ones(4, 3, 1), start=1, end=1)
    with pytest.raises(errors.KernelError):
        spline_pieces(torch.ones(1), torch.ones(1, 1), start=1, end=1)
    with pytest.raises(errors.KernelError):
        spline_pieces(torch.ones(3), torch.ones(3, 1), start=9, end=1)
