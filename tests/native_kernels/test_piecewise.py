"""The compiled piecewise polynomials give SciPy's values, and the gradients of the loops in NumPy."""

import numpy as np
import pytest
import scipy.interpolate
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scitorch import errors
from scitorch._kernels import piecewise
from scitorch.core import pool
from scitorch.interpolate import loops
from scitorch.interpolate.pieces import pull_pieces, sample_pieces

TOLERANCE = {np.float64: 1e-11, np.float32: 2e-4, np.complex128: 1e-11, np.complex64: 2e-4}
ORDERS = {
    "sorted": np.sort,
    "random": lambda x: x,
    "falling": lambda x: np.sort(x)[::-1],
    "alike": lambda x: np.repeat(x[:1], len(x)),
    "nearly sorted": lambda x: np.concatenate([np.sort(x)[: len(x) // 2], x[: len(x) - len(x) // 2]]),
}


def in_numpy(name, *arguments):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(piecewise, "available", lambda dtype: False)
        return getattr(loops, name)(*arguments)


def close(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == theirs.dtype
        assert ours.shape == theirs.shape
        assert ours.flags.owndata
        finite = np.abs(theirs[np.isfinite(theirs)])
        atol = TOLERANCE[ours.dtype.type] * max(1, finite.max(initial=0))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=atol)


def check(g, c, breaks, x, nu):
    """All three loops beside NumPy's, and the values beside SciPy's."""
    values = piecewise.sample(c, breaks, x, nu)
    close([values], [in_numpy("sample", c, breaks, x, nu)])
    close(piecewise.pull(g, c, breaks, x, nu), in_numpy("pull", g, c, breaks, x, nu))
    close([piecewise.scatter(g, breaks, x, len(c), nu)], [in_numpy("scatter", g, breaks, x, len(c), nu)])
    if values.size and np.isfinite(x).all():
        expected = scipy.interpolate.PPoly(c, breaks.astype(float))(x.astype(float), nu)
        atol = TOLERANCE[values.dtype.type] * max(1, np.abs(expected).max())
        np.testing.assert_allclose(values, expected, rtol=0, atol=atol)


def random(rng, dtype, *shape):
    part = rng.normal(size=shape)
    return (part + 1j * rng.normal(size=shape) if np.dtype(dtype).kind == "c" else part).astype(dtype)


@st.composite
def problems(draw):
    """Gradient, coefficients, breaks, points and the order of a derivative."""
    k, m, r = draw(st.integers(1, 6)), draw(st.integers(1, 40)), draw(st.integers(0, 3))
    nu, points = draw(st.integers(0, 4)), draw(st.integers(0, 400))
    dtype = draw(st.sampled_from(sorted(TOLERANCE, key=str)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    real = np.finfo(dtype).dtype
    breaks = np.cumsum(rng.uniform(0.1, 1, size=m + 1)).astype(real)
    x = ORDERS[draw(st.sampled_from(sorted(ORDERS)))](rng.uniform(breaks[0] - 1, breaks[-1] + 1, size=points))
    x[:1] = breaks[-1]
    return random(rng, dtype, points, r), random(rng, dtype, k, m, r), breaks, x.astype(real), nu


@settings(max_examples=400, deadline=None, derandomize=True)
@given(problems())
def test_values_and_gradients(problem):
    check(*problem)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("knots", [0, 1, 2, 7, 4000])
def test_search(knots, dtype, order):
    rng = np.random.default_rng(0)
    known = np.sort(rng.normal(size=knots)).astype(dtype)
    known[knots // 2 : knots // 2 + 3] = known[knots // 2 : knots // 2 + 1]  # the same again
    near = [known, np.nextafter(known, np.array(-np.inf, dtype)), np.nextafter(known, np.array(np.inf, dtype))]
    every = np.concatenate([*near, rng.normal(size=1000).astype(dtype), np.array([np.inf, -np.inf, 0, np.nan], dtype)])
    for x in (ORDERS[order](every), ORDERS[order](every[:-1])):
        np.testing.assert_array_equal(piecewise.locate(known, x), np.searchsorted(known, x, side="right"))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("nu", [0, 1, 2, 3])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_nan_and_infinities(nu, bad):
    rng = np.random.default_rng(0)
    breaks, x = np.arange(5.0), rng.uniform(0, 4, size=300)
    x[[3, 200]] = bad
    check(rng.normal(size=(300, 2)), rng.normal(size=(3, 4, 2)), breaks, x, nu)
    if np.isnan(bad):
        assert np.isnan(piecewise.sample(np.ones((1, 4, 2)), breaks, x, 0)[[3, 200]]).all()


def _unaligned(x):
    raw = np.empty(x.nbytes + 1, np.uint8)
    raw[1:] = x.view(np.uint8).ravel()
    return raw[1:].view(x.dtype).reshape(x.shape)


def _readonly(x):
    x.flags.writeable = False
    return x


LAYOUTS = {
    "read-only": lambda x: _readonly(x.copy()),
    "unaligned": _unaligned,
    "Fortran": np.asfortranarray,
    "backwards": lambda x: x[::-1],
    "every other": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "one row again and again": lambda x: np.broadcast_to(x[:1], x.shape),
}


@pytest.mark.parametrize("dtype", [np.float64, np.complex64])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_however_arrays_lie(layout, dtype):
    rng, lay = np.random.default_rng(0), LAYOUTS[layout]
    real = np.finfo(dtype).dtype
    g, c, breaks = random(rng, dtype, 150, 2), random(rng, dtype, 4, 9, 2), np.arange(10).astype(real)
    x = rng.uniform(0, 9, size=150).astype(real)
    check(lay(g), lay(c), breaks, x, 0)
    check(g, c, breaks, lay(x), 1)
    if layout in ("read-only", "unaligned", "every other"):
        check(g, c, lay(breaks), x, 0)


def test_strides_beyond_31_bits(tmp_path):
    """Rows 20 GB apart, of a file without contents."""
    step = (5 << 29) + 7
    far = np.memmap(tmp_path / "far", np.float64, "w+", shape=(2 * step + 2,))
    rng = np.random.default_rng(0)
    g = np.lib.stride_tricks.as_strided(far, (3, 2), (8 * step, 8))
    g[...] = rng.normal(size=g.shape)
    check(g, rng.normal(size=(2, 3, 2)), np.arange(4.0), np.array([0.5, 2.5, 1.5]), 0)


def test_threads_give_the_same(monkeypatch):
    rng = np.random.default_rng(0)
    c, breaks, x = rng.normal(size=(4, 9, 2)), np.arange(10.0), rng.uniform(0, 9, size=1000)
    alone = piecewise.sample(c, breaks, x, 0), piecewise.locate(breaks, x)
    used = []
    monkeypatch.setattr(piecewise, "at_once", lambda tasks, halt: used.append(len(tasks)) or pool.at_once(tasks, halt))
    monkeypatch.setattr(piecewise, "threads", lambda work, worth: 3)
    np.testing.assert_array_equal(piecewise.sample(c, breaks, x, 0), alone[0])
    np.testing.assert_array_equal(piecewise.locate(breaks, x), alone[1])
    assert used == [3, 3]


def test_shapes_that_do_not_fit_never_reach_the_loops():
    breaks, x = torch.arange(3.0), torch.tensor([0.5, 2.5])
    with pytest.raises(errors.KernelError):
        sample_pieces(torch.ones(2, 1, 1), breaks, x, nu=0)
    with pytest.raises(errors.KernelError):
        pull_pieces(torch.ones(2, 1), torch.ones(2, 1, 1), breaks, x, nu=0)
    with pytest.raises(errors.KernelError):
        sample_pieces(torch.ones(2, 0, 1), breaks[:1], x, nu=0)
    with pytest.raises(errors.KernelError):
        sample_pieces(torch.ones(2, 2, 1), breaks, x, nu=-1)


def test_derivatives_as_of_the_loops_in_numpy(monkeypatch):
    """To second order, with the compiled kernels and without."""

    def derivatives():
        torch.manual_seed(0)
        c = torch.randn(4, 9, 2, dtype=torch.double, requires_grad=True)
        breaks = torch.arange(10, dtype=torch.double, requires_grad=True)
        x = (9 * torch.rand(300, dtype=torch.double)).requires_grad_()
        y = sample_pieces(c, breaks, x, nu=0)
        first = torch.autograd.grad(y.square().sum(), (c, breaks, x), create_graph=True)
        total = sum(part.square().sum() for part in first)
        return *first, *torch.autograd.grad(total, (c, breaks, x))

    compiled = derivatives()
    monkeypatch.setattr(piecewise, "available", lambda dtype: False)
    torch.testing.assert_close(compiled, derivatives(), rtol=1e-9, atol=1e-9)
