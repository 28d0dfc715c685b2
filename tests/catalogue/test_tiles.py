"""Transforms of tiles give what SciPy's loops give, wherever they are chosen."""

import itertools

import numpy as np
import pytest
import scipy.signal
import torch

from scitorch.signal import direct, tiles

CLOSE = {np.float64: 1e-11, np.float32: 1e-3}


@pytest.fixture
def chosen(monkeypatch):
    """Choose them for everything, in small tiles; says how often it was."""
    used = []

    def pay(outputs, taps, *operands, compiled):
        used.append(compiled)
        return tuple(scipy.fft.next_fast_len(k + 5) for k in taps)

    monkeypatch.setattr(tiles, "pay", pay)
    return used


SHAPES = [((20, 33), (3, 5)), ((40, 50), (33, 47)), ((9, 60), (9, 2)), ((7, 7), (7, 7)), ((3, 5), (20, 33))]


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize(("shape", "taps"), SHAPES)
def test_values_and_gradients(shape, taps, dtype, chosen):
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=size).astype(dtype) for size in (shape, taps)]
    x, h = (torch.from_numpy(a).requires_grad_() for a in arrays)
    close = {"rtol": 0, "atol": CLOSE[dtype]}
    full = direct.convolve_full(x, h)
    np.testing.assert_allclose(full.detach(), scipy.signal.convolve2d(*arrays), **close)
    g = rng.normal(size=full.shape).astype(dtype)
    got = torch.autograd.grad(full, (x, h), torch.from_numpy(g))
    for part, other in zip(got, arrays[::-1], strict=True):
        np.testing.assert_allclose(part, scipy.signal.correlate2d(g, other, mode="valid"), **close)
    if shape[0] >= taps[0]:
        valid = scipy.signal.correlate2d(*arrays, mode="valid")
        np.testing.assert_allclose(direct.correlate_valid(x, h).detach(), valid, **close)
    assert len(chosen) >= 3


def test_batches(chosen):
    rng = np.random.default_rng(0)
    x, h = rng.normal(size=(3, 20, 30)), rng.normal(size=(4, 5))
    got = direct.correlate_valid(*map(torch.from_numpy, (x, h)))
    for part, item in zip(got, x, strict=True):
        np.testing.assert_allclose(part, scipy.signal.correlate2d(item, h, mode="valid"), atol=1e-12)
    assert chosen


def test_threads(monkeypatch):
    x, h = (np.random.default_rng(0).normal(size=size) for size in ((60, 70), (5, 6)))
    monkeypatch.setattr(tiles, "threads", lambda work, worth: 2)
    np.testing.assert_allclose(
        tiles.correlate(x, h, (16, 16)), scipy.signal.correlate2d(x, h, mode="valid"), atol=1e-12
    )
    g = x[:55, :64]
    np.testing.assert_allclose(
        tiles.correlate_lags(x, g, (16, 16)), scipy.signal.correlate2d(x, g, mode="valid"), atol=1e-11
    )


def test_where_they_pay():
    x, h = np.zeros((1024, 1024)), np.zeros((63, 63))
    for compiled, single in itertools.product([True, False], repeat=2):
        pair = [a.astype(np.float32 if single else float) for a in (x, h)]
        assert tiles.pay((962, 962), (63, 63), *pair, compiled=compiled)
        assert tiles.pay((126, 126), (3, 3), *pair, compiled=compiled) is None
    pair[0][3, 4] = np.nan
    assert tiles.pay((962, 962), (63, 63), *pair, compiled=True) is None


def test_a_nan_stays_where_it_is():
    rng = np.random.default_rng(0)
    x, h = rng.normal(size=(256, 256)).astype(np.float32), rng.normal(size=(40, 40)).astype(np.float32)
    assert tiles.pay((217, 217), (40, 40), x, h, compiled=True)
    x[100, 100] = np.nan
    got = direct.correlate_valid(*map(torch.from_numpy, (x, h)))
    assert torch.isnan(got).sum() == 40 * 40
