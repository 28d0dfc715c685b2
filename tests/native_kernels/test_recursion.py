"""The compiled recursive filters give SciPy's values, states and gradients."""

import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scitorch import signal
from scitorch._kernels import recursion
from scitorch.core import pool
from scitorch.signal import sections

TOLERANCE = {np.float64: 1e-12, np.float32: 1e-4}


def poles(rng, order):
    """A stable denominator, which doesn't begin with 1."""
    roots = rng.uniform(-0.6, 0.6, order)
    return 1.25 * np.poly(roots) if order else np.array([1.25])


def check_section(b, a, x, zi):
    y = np.empty_like(x, order="C")
    zf = recursion.filter_section(b, a, x, zi, y)
    expected, state = scipy.signal.lfilter(b, a, x, zi=zi)
    atol = TOLERANCE[x.dtype.type]
    np.testing.assert_allclose(y, expected, rtol=atol, atol=atol)
    np.testing.assert_allclose(zf, state, rtol=atol, atol=atol)


def check_cascade(sos, x, zi):
    y = np.empty_like(x, order="C")
    zf = recursion.filter_cascade(sos, x, zi, y)
    expected, state = scipy.signal.sosfilt(sos, x.copy(), zi=np.moveaxis(zi, -2, 0).copy())
    atol = TOLERANCE[x.dtype.type]
    np.testing.assert_allclose(y, expected, rtol=atol, atol=atol)
    np.testing.assert_allclose(zf, np.moveaxis(state, 0, -2), rtol=atol, atol=atol)


def check_section_gradients(b, a, x, g):
    """Against SciPy's loops, in double precision; a is without its first."""
    y = scipy.signal.lfilter(b, [1, *a], x)
    check_gradients("section", b, a, g, x, y)


def check_cascade_gradients(sos, x, zi, g):
    check_gradients("cascade", sos[:, :3], sos[:, 4:], g, x, zi)


def check_gradients(name, b, a, g, x, other):
    out, expected_out = np.empty_like(x, order="C"), np.empty(x.shape)
    found = getattr(recursion, f"{name}_gradients")(b, a, g, x, other.astype(x.dtype), out)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recursion, "available", lambda dtype: False)
        b, a, x, other = (array.astype(float) for array in (b, a, x, other))
        g = tuple(part.astype(float) for part in g)
        expected = getattr(sections, f"{name}_gradients")(b, a, g, x, other, expected_out)
    close([*found, out], [*expected, expected_out])


def close(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        scale = max(1, np.abs(theirs).max(initial=0))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE[ours.dtype.type] * scale)


sizes = {
    "order": st.integers(0, 12),
    "count": st.integers(1, 9),
    "samples": st.integers(1, 40),
    "dtype": st.sampled_from(sorted(TOLERANCE, key=str)),
    "seed": st.integers(0, 99),
}


@settings(max_examples=200, deadline=None, derandomize=True)
@given(**sizes)
def test_sections(order, count, samples, dtype, seed):
    rng = np.random.default_rng(seed)
    b, a = rng.normal(size=order + 1).astype(dtype), poles(rng, order).astype(dtype)
    x, zi = rng.normal(size=(count, samples)).astype(dtype), rng.normal(size=(count, order)).astype(dtype)
    if order:  # SciPy takes no states of order 0
        check_section(b, a, x, zi)
    else:
        y = np.empty_like(x)
        assert recursion.filter_section(b, a, x, zi, y).shape == (count, 0)
        np.testing.assert_allclose(y, x * (b / a), rtol=1e-6)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(**sizes | {"order": st.integers(1, 9)})
def test_cascades(order, count, samples, dtype, seed):
    rng = np.random.default_rng(seed)
    sos = np.array([[*rng.normal(size=3), *poles(rng, 2) / 1.25] for _ in range(order)]).astype(dtype)
    x, zi = rng.normal(size=(count, samples)).astype(dtype), rng.normal(size=(count, order, 2)).astype(dtype)
    check_cascade(sos, x, zi)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(**sizes | {"samples": st.integers(1, 1100)})
def test_gradients_of_sections(order, count, samples, dtype, seed):
    rng = np.random.default_rng(seed)
    b, a = rng.normal(size=order + 1).astype(dtype), (poles(rng, order)[1:] / 1.25).astype(dtype)
    x, gy = rng.normal(size=(2, count, samples)).astype(dtype)
    check_section_gradients(b, a, x, (gy, rng.normal(size=(count, order)).astype(dtype)))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(**sizes | {"order": st.integers(1, 9), "samples": st.integers(1, 1100)})
def test_gradients_of_cascades(order, count, samples, dtype, seed):
    rng = np.random.default_rng(seed)
    sos = np.array([[*rng.normal(size=3), *poles(rng, 2) / 1.25] for _ in range(order)]).astype(dtype)
    x, gy = rng.normal(size=(2, count, samples)).astype(dtype)
    zi, gzf = rng.normal(size=(2, count, order, 2)).astype(dtype)
    check_cascade_gradients(sos, x, zi, (gy, gzf))


def test_a_cascade_of_many_blocks():
    rng = np.random.default_rng(0)
    sos = scipy.signal.butter(10, 0.3, output="sos")
    check_cascade(sos, rng.normal(size=(2, 5000)), rng.normal(size=(2, 5, 2)))


def _unaligned(x):
    raw = np.empty(x.nbytes + 1, np.uint8)
    raw[1:] = x.view(np.uint8).ravel()
    return raw[1:].view(x.dtype).reshape(x.shape)


LAYOUTS = {
    "backwards": lambda x: x[:, ::-1],
    "columns": np.asfortranarray,
    "the same again": lambda x: np.broadcast_to(x[:1], x.shape),
    "unaligned": _unaligned,
    "record": lambda x: np.rec.fromarrays([x, np.zeros(x.shape, np.uint8)], names="x, odd")["x"],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_however_signals_lie(layout):
    rng = np.random.default_rng(0)
    x = LAYOUTS[layout](rng.normal(size=(5, 30)))
    x.flags.writeable = False
    check_section(rng.normal(size=4), poles(rng, 3), x, rng.normal(size=(5, 3)))
    sos, states = scipy.signal.butter(4, 0.3, output="sos"), rng.normal(size=(5, 2, 2))
    check_cascade(sos, x, states)
    check_section_gradients(rng.normal(size=4), poles(rng, 3)[1:] / 1.25, x, (x, rng.normal(size=(5, 3))))
    check_cascade_gradients(sos, x, states, (x, states))


def test_strides_beyond_31_bits(tmp_path):
    step = (5 << 29) + 7
    far = np.memmap(tmp_path / "far", np.float64, "w+", shape=(2 * step + 40,))
    x = np.lib.stride_tricks.as_strided(far, (3, 40), (8 * step, 8))
    rng = np.random.default_rng(0)
    x[...] = rng.normal(size=x.shape)
    check_section(rng.normal(size=3), poles(rng, 2), x, rng.normal(size=(3, 2)))
    check_section_gradients(rng.normal(size=3), poles(rng, 2)[1:] / 1.25, x, (x, rng.normal(size=(3, 2))))


@pytest.mark.parametrize("bad", [np.inf, np.nan])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_infinities_and_nan_stay_as_in_scipy(bad):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 30))
    x[1, 20] = bad
    check_section(rng.normal(size=4), poles(rng, 3), x, rng.normal(size=(2, 3)))
    check_cascade(scipy.signal.butter(4, 0.3, output="sos"), x, np.zeros((2, 2, 2)))


def test_threads_give_the_same(monkeypatch):
    rng = np.random.default_rng(0)
    used = []
    monkeypatch.setattr(recursion, "at_once", lambda tasks, halt: used.append(len(tasks)) or pool.at_once(tasks, halt))
    monkeypatch.setattr(recursion, "threads", lambda work, worth: 3)
    check_section(rng.normal(size=4), poles(rng, 3), rng.normal(size=(7, 50)), rng.normal(size=(7, 3)))
    check_cascade(scipy.signal.butter(4, 0.3, output="sos"), rng.normal(size=(2, 50)), rng.normal(size=(2, 2, 2)))
    check_section_gradients(
        rng.normal(size=4),
        poles(rng, 3)[1:] / 1.25,
        rng.normal(size=(7, 50)),
        (rng.normal(size=(7, 50)), np.ones((7, 3))),
    )
    sos, x = scipy.signal.butter(4, 0.3, output="sos"), rng.normal(size=(2, 50))
    check_cascade_gradients(sos, x, np.ones((2, 2, 2)), (x, np.ones((2, 2, 2))))
    assert used == [3, 2, 3, 2]


def test_no_memory(monkeypatch):
    monkeypatch.setattr(recursion, "_gradient_kernel", lambda *_: lambda *_: 1)
    x, state = np.ones((1, 4)), np.ones((1, 1))
    with pytest.raises(MemoryError, match="between the sections"):
        recursion.section_gradients(np.ones(2), np.ones(1), (x, state), x, x, x.copy())


@pytest.mark.parametrize("name", ["section", "cascade"])
def test_gradients_as_of_scipys_loops(name, monkeypatch):
    """First and second derivatives, with the compiled kernels and without."""

    def derivatives():
        torch.manual_seed(0)
        x = torch.randn(2, 300, dtype=torch.double, requires_grad=True)
        if name == "section":
            coefficients = torch.tensor([[0.3, 0.2, 0.1], [1.1, -0.4, 0.2]], dtype=torch.double, requires_grad=True)
            y = signal.lfilter(*coefficients, x)
        else:
            coefficients = torch.tensor(scipy.signal.butter(6, 0.3, output="sos"), requires_grad=True)
            y = signal.sosfilt(coefficients, x)
        first = torch.autograd.grad((y**2).sum(), (coefficients, x), create_graph=True)
        return *first, *torch.autograd.grad(first[0].square().sum() + first[1].pow(3).sum(), (coefficients, x))

    compiled = derivatives()
    monkeypatch.setattr(recursion, "available", lambda dtype: False)
    torch.testing.assert_close(compiled, derivatives(), rtol=1e-9, atol=1e-9)
