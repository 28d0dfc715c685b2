"""Direct convolution as matrix products gives what SciPy's loops give, for every shape and wherever it is chosen."""

import itertools

import numpy as np
import pytest
import scipy.signal
import torch

from scitorch import signal
from scitorch.signal import blocks

SIGNALS = [(1, 17), (1, 130), (3, 50), (20, 33), (40, 100)]
TAPS = [(1, 2), (1, 16), (2, 2), (3, 5), (20, 3), (3, 33), (1, 70)]


def _draw(rng, shape, dtype):
    x = rng.normal(size=shape)
    return (x + 1j * rng.normal(size=shape) if dtype is complex else x).astype(dtype)


@pytest.mark.parametrize("dtype", [float, np.float32, complex])
@pytest.mark.parametrize(("shape", "taps"), [*itertools.product(SIGNALS, TAPS)])
def test_same_as_scipy(shape, taps, dtype):
    rng = np.random.default_rng(0)
    x, h = _draw(rng, shape, dtype), _draw(rng, taps, dtype)
    close = {"rtol": 0, "atol": 1e-4 if dtype is np.float32 else 1e-12}
    if shape[1] < taps[1]:
        return
    np.testing.assert_allclose(blocks.convolve(x, h), scipy.signal.convolve2d(x, h), **close)
    if shape[0] < taps[0]:
        return
    expected = scipy.signal.correlate2d(x, h, mode="valid")
    result = np.empty_like(expected)
    blocks.correlate(x, h.conj(), result)
    np.testing.assert_allclose(result, expected, **close)
    np.testing.assert_allclose(blocks.correlate_lags(x, h.conj()), expected, **close)


@pytest.mark.parametrize("tile", [1, 1 << 10])
def test_tiles(tile, monkeypatch):
    monkeypatch.setattr(blocks, "_TILE", tile)
    test_same_as_scipy((40, 100), (3, 5), float)
    test_same_as_scipy((1, 130), (1, 16), float)


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_infinities_stay_where_they_are(bad):
    rng = np.random.default_rng(0)
    x, h = rng.normal(size=(60, 70)), rng.normal(size=(5, 5))
    x[30, 40] = bad
    ours = signal.convolve2d(torch.from_numpy(x), torch.from_numpy(h)).numpy()
    np.testing.assert_allclose(ours, scipy.signal.convolve2d(x, h))


@pytest.mark.parametrize(("shape", "taps"), [((60, 70), (5, 5)), ((1, 9000), (1, 40)), ((12, 900), (1, 12))])
def test_gradients_by_the_same_way(shape, taps):
    """Both gradients of a convolution that is large enough, as inner products of SciPy's results say."""
    rng = np.random.default_rng(0)
    x, h, dx, dh = (rng.normal(size=size) for size in (shape, taps, shape, taps))
    tensors = [torch.from_numpy(a).requires_grad_() for a in (x, h)]
    result = signal.convolve2d(*tensors)
    g = rng.normal(size=result.shape)
    gx, gh = (part.numpy() for part in torch.autograd.grad(result, tensors, torch.from_numpy(g)))
    np.testing.assert_allclose(np.vdot(gx, dx), np.vdot(g, scipy.signal.convolve2d(dx, h)))
    np.testing.assert_allclose(np.vdot(gh, dh), np.vdot(g, scipy.signal.convolve2d(x, dh)))
