"""The compiled sums over a spline's taps give SciPy's values, and the derivatives and transposes of the NumPy loops."""

import itertools

import numpy as np
import pytest
import scipy.ndimage
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scitorch import ndimage
from scitorch._kernels import sampling
from scitorch._kernels.sampling import Spline
from scitorch.core import pool
from scitorch.ndimage import taps

MODES = ("reflect", "grid-mirror", "mirror", "nearest", "wrap", "grid-wrap", "constant", "grid-constant")


def scipys(spline, coefficients, points, cval):
    options = {"order": spline.order, "mode": spline.mode, "cval": cval, "prefilter": False}
    return scipy.ndimage.map_coordinates(coefficients.reshape(spline.shape), points, **options)


def loops(name, *arguments):
    """The same without compiled kernels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "available", lambda spline: False)
        return getattr(taps, name)(*arguments)


def check(spline, coefficients, points, values):
    """All three sums, of the spline and of its derivative, beside SciPy's and NumPy's."""
    close(taps.sample(spline, coefficients, points, 0.7), scipys(spline, coefficients, points, 0.7))
    rng = np.random.default_rng(0)
    times = tuple(int(k) for k in rng.integers(0, spline.order + 2, len(spline.shape)))
    for derived in (spline, spline._replace(derivative=times)):
        close(taps.sample(derived, coefficients, points, 0.7), loops("sample", derived, coefficients, points, 0.7))
        arguments = derived, values, coefficients, points, 0.7
        close(taps.slopes(*arguments), loops("slopes", *arguments))
        close(taps.scatter(derived, values, points), loops("scatter", derived, values, points))


def close(got, expected):
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-13 * max(1, np.abs(expected).max(initial=0)))


def problem(shape, order, mode, points, seed=0):
    rng = np.random.default_rng(seed)
    extent = np.array(shape)[:, None]
    # Within and far beyond; a third of them on pixels and half pixels, where rounding decides.
    found = rng.uniform(-2.5, 3.5, size=(len(shape), points)) * extent
    found[:, ::3] = np.round(2 * found[:, ::3]) / 2
    spline = Spline(shape, order, mode, (0,) * len(shape))
    return spline, rng.normal(size=np.prod(shape)), found, rng.normal(size=points)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    shape=st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple),
    order=st.integers(0, 5),
    mode=st.sampled_from(MODES),
    points=st.integers(0, 150),
    seed=st.integers(0, 99),
)
def test_of_every_shape(shape, order, mode, points, seed):
    check(*problem(shape, order, mode, points, seed))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("order", range(6))
def test_within_and_at_the_border_of_large_images(mode, order):
    for shape in ((40,), (30, 50), (9, 20, 15)):
        spline, coefficients, points, values = problem(shape, order, mode, 1000)
        check(spline, coefficients, points % (np.array(shape)[:, None] - 1), values)


@pytest.mark.parametrize("mode", MODES)
def test_points_next_to_the_border(mode):
    n = 5
    ends = [-6.0, -5.0, -0.5, 0.0, 0.5, n - 1.5, n - 1.0, n - 0.5, float(n), 2 * n - 1.0, 2 * n - 2.0]
    near = [np.nextafter(x, way) for x in ends for way in (-np.inf, np.inf)]
    points = np.array([[*ends, *near]])
    for order in range(6):
        spline = Spline((n,), order, mode, (0,))
        check(spline, np.random.default_rng(0).normal(size=n), points, np.ones(points.shape[1]))


# Below 2^63: of larger finite ones SciPy 1.17 reads memory that isn't the image's, in mode "nearest".
STRANGE = np.array([np.nan, np.inf, -np.inf, 1e18, -1e18, 2.0**53, -(2.0**53), 1e16, 2.5])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("order", range(6))
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_coordinates_beyond_all_integers_are_scipys(mode, order):
    for shape in ((5,), (1,), (3, 4)):
        points = np.stack([np.roll(STRANGE, k) for k in range(len(shape))])
        spline, coefficients, *_ = problem(shape, order, mode, 1)
        expected = scipys(spline, coefficients, points, 0.7)
        np.testing.assert_allclose(taps.sample(spline, coefficients, points, 0.7), expected, rtol=1e-14)
        for k, point in enumerate(points.T):  # alone, and none of them in the way of others
            alone = taps.sample(spline, coefficients, point[:, None], 0.7)
            np.testing.assert_allclose(alone, expected[k : k + 1], rtol=1e-14)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_coordinates_that_are_none_have_no_derivative(mode, bad):
    points, one = np.array([[0.3, bad, 1.4], [0.2, 1.7, 1.1]]), np.ones(3)
    for order in (1, 3):
        spline, coefficients, *_ = problem((4, 3), order, mode, 1)
        assert np.all(taps.slopes(spline, one, coefficients, points, 0.7)[:, 1] == 0)
        others = taps.scatter(spline, one[:2], points[:, ::2])
        np.testing.assert_allclose(taps.scatter(spline, one, points), others, rtol=0, atol=1e-15)


def test_infinities_reach_those_that_they_reach_in_scipy():
    for order, mode in itertools.product(range(6), MODES):
        spline, coefficients, points, _ = problem((6, 5), order, mode, 300)
        coefficients[[7, 20]] = np.inf, np.nan
        with np.errstate(invalid="ignore"):
            got, expected = taps.sample(spline, coefficients, points, 0.7), scipys(spline, coefficients, points, 0.7)
        np.testing.assert_array_equal(np.isfinite(got), np.isfinite(expected))
        finite = np.isfinite(expected)
        close(got[finite], expected[finite])


def _unaligned(x):
    raw = np.empty(x.nbytes + 1, np.uint8)
    raw[1:] = x.view(np.uint8).ravel()
    return raw[1:].view(x.dtype).reshape(x.shape)


LAYOUTS = {
    "backwards": lambda x: x[..., ::-1],
    "columns": np.asfortranarray,
    "the same again": lambda x: np.broadcast_to(x[..., :1], x.shape),
    "unaligned": _unaligned,
    "single": lambda x: x.astype(np.float32),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_however_arrays_lie(layout):
    spline, *arrays = problem((6, 7), 3, "mirror", 70)
    arrays = [LAYOUTS[layout](array) for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    coefficients, points, values = arrays
    expected = scipys(spline, coefficients.astype(float), points, 0.0)
    close(taps.sample(spline, coefficients, points, 0.0), expected)
    double = [np.array(array, float) for array in (values, coefficients, points)]
    close(taps.slopes(spline, values, coefficients, points, 0.0), taps.slopes(spline, *double, 0.0))
    close(taps.scatter(spline, values, points), taps.scatter(spline, double[0], double[2]))


def test_more_axes_than_kernels_have():
    check(*problem((3, 2, 4, 3), 2, "reflect", 20))


def test_threads_give_the_same(monkeypatch):
    spline, coefficients, points, values = problem((20, 30), 3, "reflect", 1000)
    calls = (
        lambda: taps.sample(spline, coefficients, points, 0.0),
        lambda: taps.slopes(spline, values, coefficients, points, 0.0),
        lambda: taps.scatter(spline, values, points),
    )
    alone = [call() for call in calls]
    used = []
    monkeypatch.setattr(sampling, "at_once", lambda tasks, halt: used.append(len(tasks)) or pool.at_once(tasks, halt))
    monkeypatch.setattr(sampling, "threads", lambda work, worth: 3)
    for call, expected in zip(calls, alone, strict=True):
        np.testing.assert_array_equal(call(), expected)
    assert used == [3, 3]  # what is scattered may meet


@pytest.mark.parametrize("mode", MODES)
def test_derivatives_as_of_the_loops(mode):
    """First and second ones, in image and coordinates, with the compiled kernels and without."""

    def derivatives():
        image, points, g = (torch.from_numpy(a.copy()).requires_grad_() for a in arrays)
        out = ndimage.map_coordinates(image, points, mode=mode, cval=0.3)
        first = torch.autograd.grad(out, (image, points), g, create_graph=True)
        return out, *first, *torch.autograd.grad(sum((part**3).sum() for part in first), (image, points, g))

    rng = np.random.default_rng(0)
    arrays = rng.normal(size=(6, 5)), rng.uniform(-4, 9, size=(2, 80)), rng.normal(size=80)
    compiled = derivatives()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "available", lambda spline: False)
        torch.testing.assert_close(compiled, derivatives(), rtol=1e-10, atol=1e-10)
