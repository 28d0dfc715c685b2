"""The compiled correlation of lines gives SciPy's values, in place as well, and the loops' transpose and products."""

import itertools

import numpy as np
import pytest
import scipy.ndimage
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scitorch._kernels import lines as kernels
from scitorch.core import pool
from scitorch.ndimage import correlation, lines
from scitorch.ndimage.arguments import MODES

TOLERANCE = {np.float64: 1e-15, np.float32: 2.4e-7}  # times the products that are summed


def by_loops(name, *arguments):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "available", lambda dtype: False)
        return getattr(lines, name)(*arguments)


def close(got, expected, *factors):
    """Up to rounding of the sum of all products of one with the largest of the other, of two factors."""
    assert got.dtype == expected.dtype
    one, other = (np.abs(factor[np.isfinite(factor)]) for factor in factors)
    atol = TOLERANCE[got.dtype.type] * one.sum() * max(0.5, other.max())
    np.testing.assert_allclose(got, expected, rtol=0, atol=atol)


def check(x, weights, mode, cval=0.5):
    """All three loops, beside SciPy's and NumPy's in double precision."""
    result, exact = np.full_like(x, np.nan), np.empty(x.shape)
    lines.correlate(x, result, weights, mode, cval)
    close(result, scipy.ndimage.correlate1d(x, weights, axis=1, mode=mode, cval=cval), weights, x)
    over = x.copy()
    lines.correlate(over, over, weights, mode, cval)
    np.testing.assert_array_equal(over, result)

    lines.transposed(x, result, weights, mode)
    by_loops("transposed", x.astype(float), exact, weights.astype(float), mode)
    close(result, exact.astype(x.dtype), weights, x)
    over = x.copy()
    lines.transposed(over, over, weights, mode)
    np.testing.assert_array_equal(over, result)

    g = np.linspace(-1, 1, x.size, dtype=x.dtype).reshape(x.shape)
    exact = by_loops("products", g.astype(float), x.astype(float), len(weights), mode, cval)
    close(lines.products(g, x, len(weights), mode, cval), exact.astype(x.dtype), g, x)


def weights_of(rng, radius, kind, dtype=float):
    weights = rng.normal(size=2 * radius + 1)
    return (weights + {"even": 1, "odd": -1, "general": 0}[kind] * weights[::-1]).astype(dtype)


@st.composite
def images(draw):
    """Images narrower than a vector, than a block of columns and wider; filters shorter and longer than they."""
    rows, columns = draw(st.integers(1, 40)), draw(st.one_of(st.integers(1, 20), st.integers(60, 140)))
    shape = draw(st.integers(1, 3)), rows, columns
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    kind, radius = draw(st.sampled_from(["even", "odd", "general"])), draw(st.integers(0, 30))
    dtype = draw(st.sampled_from(sorted(TOLERANCE, key=str)))
    return rng.normal(size=shape).astype(dtype), weights_of(rng, radius, kind, dtype)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(images(), st.sampled_from(MODES))
def test_scipys_values(image, mode):
    check(*image, mode)


@pytest.mark.parametrize("kind", ["even", "odd", "general"])
@pytest.mark.parametrize("shape", [(2, 9000, 1), (1, 3000, 3), (1, 700, 70)])
def test_more_rows_than_a_window_has(shape, kind):
    rng = np.random.default_rng(0)
    for mode in ("wrap", "constant"):
        check(rng.normal(size=shape), weights_of(rng, 7, kind), mode)


@pytest.mark.parametrize("columns", [1, 12, 70])
def test_filters_of_many_weights(columns):
    rng = np.random.default_rng(0)
    for rows, mode in itertools.product((3, 200), ("reflect", "grid-wrap", "nearest")):
        check(rng.normal(size=(1, rows, columns)), weights_of(rng, 700, "even") / 1000, mode)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("kind", ["even", "odd", "general"])
@pytest.mark.parametrize("columns", [1, 3, 9, 65])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_infinities_and_nan_spread_as_in_scipy(columns, kind, bad):
    rng = np.random.default_rng(0)
    for mode, where in itertools.product(MODES, ("image", "weights")):
        x, weights = rng.normal(size=(2, 20, columns)), weights_of(rng, 3, kind)
        weights[[1, 5]] = 0
        if where == "image":
            x[1, 2, 0] = bad
            x[1, 11, columns // 2] = -bad
        else:
            # Of one NaN alone SciPy takes the weights for even, and a half of them for all.
            weights[[2, 4]] = [bad, bad if np.isnan(bad) else 1]
        check(x, weights, mode)


def test_differences_of_equal_pixels_are_nothing():
    """So that a constant image has no slope, to the last digit."""
    weights = np.array([-0.1, -0.7, 0, 0.7, 0.1])
    for columns in (1, 9):
        x, result = np.full((1, 30, columns), 0.3), np.empty((1, 30, columns))
        lines.correlate(x, result, weights, "reflect", 0)
        assert not result.any()


def test_single_precision_is_summed_in_double():
    x = np.float32([[[1e8], [1], [-1e8]]])
    result = np.empty_like(x)
    lines.correlate(x, result, np.ones(3, np.float32), "constant", 0)
    assert result[0, 1, 0] == 1
    assert lines.products(x, np.ones_like(x), 1, "constant", 0) == 1


@pytest.mark.parametrize("shape", [(1, 9, 200), (5, 30, 7), (7, 30, 1), (1, 30, 1)])
@pytest.mark.parametrize("threads", [2, 3])
def test_threads_give_the_same(shape, threads, monkeypatch):
    rng = np.random.default_rng(0)
    used = []
    monkeypatch.setattr(kernels, "at_once", lambda tasks, halt: used.append(len(tasks)) or pool.at_once(tasks, halt))
    monkeypatch.setattr(kernels, "threads", lambda work, worth: threads)
    check(rng.normal(size=shape), weights_of(rng, 4, "general"), "mirror")
    blocks = shape[0] * -(-shape[2] // 64)
    assert set(used) == ({min(blocks, threads)} if blocks > 1 else set())


LAYOUTS = {
    "read-only": lambda x: np.frombuffer(x.tobytes()),
    "backwards": lambda x: x[::-1].copy()[::-1],
    "every third": lambda x: np.repeat(x, 3)[::3],
    "unaligned": lambda x: np.frombuffer(b"0" + x.tobytes(), np.uint8)[1:].view(x.dtype),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_however_images_lie(layout):
    x, weights = np.arange(60.0), np.arange(8.0)
    options = {"shape": (3, 4, 5), "axes": (2, 0), "sizes": (3, 5), "modes": ("wrap", "nearest")}
    expected = scipy.ndimage.correlate1d(x.reshape(3, 4, 5), weights[:3], axis=2, mode="wrap")
    expected = scipy.ndimage.correlate1d(expected, weights[3:], axis=0, mode="nearest").ravel()
    got = correlation.correlate_axes.kernel(LAYOUTS[layout](x), LAYOUTS[layout](weights), **options, cval=0.0)
    np.testing.assert_allclose(got, expected, rtol=1e-14)
    transposed = correlation.correlation_of_values.kernel
    np.testing.assert_array_equal(transposed(LAYOUTS[layout](x), weights, **options), transposed(x, weights, **options))


def test_no_memory(monkeypatch):
    monkeypatch.setattr(kernels, "_kernel", lambda *_: lambda *_: 1)
    x = np.ones((1, 3, 1))
    with pytest.raises(MemoryError, match="a block of columns"):
        lines.correlate(x, x, np.ones(1), "reflect", 0)


def test_gradients_as_of_scipys_loops(monkeypatch):
    """First and second derivatives, with the compiled kernels and without."""

    def derivatives():
        torch.manual_seed(0)
        x = torch.randn(6, 70, dtype=torch.double, requires_grad=True)
        weights = torch.randn(8, dtype=torch.double, requires_grad=True)
        options = {"shape": (6, 70), "axes": (0, 1), "sizes": (3, 5), "modes": ("mirror", "constant"), "cval": 0.3}
        y = correlation.correlate_axes(x.flatten(), weights, **options)
        first = torch.autograd.grad((y**3).sum(), (x, weights), create_graph=True)
        return *first, *torch.autograd.grad(first[0].square().sum() + first[1].sum(), (x, weights))

    compiled = derivatives()
    monkeypatch.setattr(kernels, "available", lambda dtype: False)
    torch.testing.assert_close(compiled, derivatives(), rtol=1e-9, atol=1e-9)
