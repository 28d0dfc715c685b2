"""The compiled correlation and convolution give SciPy's values and gradients, of every shape and however they lie."""

import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scitorch._kernels import correlation
from scitorch.core import pool
from scitorch.signal import direct

NAMES = ("correlate", "lags")  # the two loops of a valid correlation
TOLERANCE = {np.float64: 1e-13, np.float32: 1e-5}  # times the number of products


def valid(name, x, h):
    return correlation._over_batch(name, x, h, (x.shape[0] - h.shape[0] + 1, x.shape[1] - h.shape[1] + 1))


def compare(got, expected, products):
    assert got.dtype == expected.dtype
    atol = TOLERANCE[got.dtype.type] * (1 + products)
    np.testing.assert_allclose(got, expected, rtol=0, atol=atol)


def check(x, h):
    """All loops beside SciPy's, of an `x` that `h` lies within."""
    expected = scipy.signal.correlate2d(x, h, mode="valid")
    for name in NAMES:
        compare(valid(name, x, h), expected, h.size)
    compare(correlation.correlate_valid(x, h), expected, h.size)
    compare(correlation.convolve_full(x, h), scipy.signal.convolve2d(x, h), h.size)


@st.composite
def pairs(draw):
    """Matrices of which the second lies within the first, with few taps, few lags, or neither."""
    sizes = [draw(st.tuples(st.integers(1, 12), st.integers(1, 45))) for _ in range(2)]
    rows, columns = (tuple(sorted(size)) for size in zip(*sizes, strict=True))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    dtype = draw(st.sampled_from(sorted(TOLERANCE, key=str)))
    return [rng.normal(size=(rows[k], columns[k])).astype(dtype) for k in (1, 0)]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(pairs())
def test_scipys_values(pair):
    check(*pair)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(pairs())
def test_scipys_gradients(pair):
    """Each gradient is SciPy's convolution or correlation of the incoming one."""
    x, h = (torch.from_numpy(a).requires_grad_() for a in pair)
    out = direct.correlate_valid(x, h)
    g = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).reshape(out.shape)
    gx, gh = (part.numpy() for part in torch.autograd.grad(out, (x, h), g))
    compare(gx, scipy.signal.convolve2d(g.numpy(), pair[1]), h.numel())
    compare(gh, scipy.signal.correlate2d(pair[0], g.numpy(), mode="valid"), g.numel())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shapes", [((1, 1), (1, 1)), ((0, 3), (1, 1)), ((3, 0), (1, 1)), ((2, 1), (2, 1))])
def test_sizes_of_zero_and_one(name, shapes):
    x, h = (np.ones(shape) for shape in shapes)
    out = valid(name, x, h)
    assert out.shape == (x.shape[0] - h.shape[0] + 1, x.shape[1] - h.shape[1] + 1)
    assert np.all(out == h.size)


def test_no_taps():
    x = torch.ones(3, 4)
    assert torch.equal(direct.correlate_valid(x, torch.ones(0, 2)), torch.zeros(4, 3))
    assert direct.convolve_full(x, torch.ones(1, 0)).shape == (3, 3)


def test_batches_broadcast_and_may_be_empty():
    rng = np.random.default_rng(0)
    x, h = rng.normal(size=(3, 1, 6, 9)), rng.normal(size=(2, 2, 3))
    got = correlation.correlate_valid(x, h), correlation.convolve_full(x, h)
    for i, j in np.ndindex(3, 2):
        compare(got[0][i, j], scipy.signal.correlate2d(x[i, 0], h[j], mode="valid"), 6)
        compare(got[1][i, j], scipy.signal.convolve2d(x[i, 0], h[j]), 6)
    shared = correlation.correlate_valid(x, h[0])
    np.testing.assert_array_equal(shared[:, 0], got[0][:, 0])
    assert correlation.correlate_valid(x[:0], h).shape == (0, 2, 5, 7)


def _readonly(x):
    x.flags.writeable = False
    return x


def _unaligned(x):
    raw = np.empty(x.nbytes + 1, np.uint8)
    raw[1:] = x.view(np.uint8).ravel()
    return raw[1:].view(x.dtype).reshape(x.shape)


def _in_a_record(x):
    """Rows whose distance is no multiple of an element's size."""
    record = np.zeros(len(x), [("x", x.dtype, x.shape[1]), ("odd", np.uint8)])
    record["x"] = x
    return record["x"]


LAYOUTS = {
    "read-only": lambda x: _readonly(x.copy()),
    "unaligned": _unaligned,
    "record": _in_a_record,
    "Fortran": np.asfortranarray,
    "rows backwards": lambda x: x[::-1].copy()[::-1],
    "columns backwards": lambda x: x[:, ::-1].copy()[:, ::-1],
    "every third column": lambda x: np.repeat(x, 3, axis=1)[:, ::3],
    "one row again and again": lambda x: np.broadcast_to(x[:1], x.shape),
}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_however_arrays_lie(layout, dtype):
    rng = np.random.default_rng(0)
    x, h = rng.normal(size=(9, 23)).astype(dtype), rng.normal(size=(4, 5)).astype(dtype)
    for pair in ((LAYOUTS[layout](x), h), (x, LAYOUTS[layout](h))):
        check(*pair)


def test_strides_beyond_31_bits(tmp_path):
    """Rows 20 GB apart, of a file without contents."""
    step = (5 << 29) + 7
    far = np.memmap(tmp_path / "far", np.float64, "w+", shape=(2 * step + 40,))
    rng = np.random.default_rng(0)
    x = np.lib.stride_tricks.as_strided(far, (3, 40), (8 * step, 8))
    x[...] = rng.normal(size=x.shape)
    check(x, rng.normal(size=(2, 3)))


def test_counts_beyond_31_bits():
    """More items than 32 bits count, none of which has anything to compute, and more than memory has for the result."""
    x = np.broadcast_to(np.ones((1, 8)), ((1 << 32) + 1, 8))
    assert correlation._layout(x.shape, x.strides, (1, 1), (8, 8), x.shape, 8)[2] == 8 * ((1 << 32) + 1)
    with pytest.raises(MemoryError):
        correlation.correlate_valid(np.broadcast_to(np.ones((1, 8)), (1 << 45, 8)), np.ones((1, 1)))


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("where", ["image", "taps"])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_infinities_and_nan_spread_as_in_scipy(bad, where):
    rng = np.random.default_rng(0)
    x, h = rng.normal(size=(9, 20)), rng.normal(size=(3, 5))
    (x if where == "image" else h)[1, 2] = bad
    check(x, h)
    for pair in ((x, h), (h, x)):
        ours = direct.convolve_full(*map(torch.from_numpy, pair)).numpy()
        np.testing.assert_allclose(ours, scipy.signal.convolve2d(*pair), atol=1e-12)


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("shapes", [((9, 30), (4, 5)), ((30, 30), (28, 26)), ((5, 9, 30), (4, 5)), ((2, 9, 9), (2, 3))])
def test_threads_give_the_same(shapes, threads, monkeypatch):
    x, h = (np.random.default_rng(0).normal(size=shape) for shape in shapes)
    calls = (correlation.correlate_valid, correlation.convolve_full)
    alone = [call(x, h) for call in calls]
    used = []
    monkeypatch.setattr(
        correlation, "at_once", lambda tasks, halt: used.append(len(tasks)) or pool.at_once(tasks, halt)
    )
    monkeypatch.setattr(correlation, "threads", lambda work, worth: threads)
    for call, expected in zip(calls, alone, strict=True):
        np.testing.assert_allclose(call(x, h), expected, rtol=0, atol=1e-12)  # tiles of lags lie otherwise
    assert max(used) > 1


def test_as_many_threads_as_torch_has():
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            assert correlation.threads(10**9, 10**6) == threads
            assert correlation.threads(1000, 10**6) == 1
    finally:
        torch.set_num_threads(before)
