"""Convolution by transforms of strips and of overlapping blocks gives what SciPy's sums give, however it is cut."""

import numpy as np
import pytest
import scipy.signal
import torch

from scitorch import signal
from scitorch.signal import overlaps, spectral, strips, tiles

CLOSE = {np.float64: 1e-12, np.float32: 1e-4}
MATRICES = [((9, 20), (3, 5)), ((7, 7), (7, 7)), ((3, 5), (8, 30)), ((1, 6), (4, 1))]
# The last ones' transforms are as small as the taps, smaller than what is asked for, and larger than all.
ROWS = [(100, 7, 16), (50, 50, 128), (33, 1, 4), (20, 3, 3), (9, 64, 4), (30, 9, 512)]


@pytest.fixture
def narrow(monkeypatch):
    """Strips of few columns, rows one by one, blocks in small groups."""
    monkeypatch.setattr(strips, "_STRIP", 1)
    monkeypatch.setattr(overlaps, "_GROUP", 300)


def normal(*shapes, dtype=np.float64):
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def check(in1, in2, close, **options):
    """The value, both gradients, and each of them where it is alone."""
    x, h = (torch.from_numpy(array).requires_grad_() for array in (in1, in2))
    out = spectral.convolve_spectra(x, h, **options)
    np.testing.assert_allclose(out.detach(), scipy.signal.convolve2d(in1, in2), rtol=0, atol=close)
    (g,) = normal(out.shape, dtype=in1.dtype)
    expected = [scipy.signal.correlate2d(g, other, "valid") for other in (in2, in1)]
    both = torch.autograd.grad(out, (x, h), torch.from_numpy(g), retain_graph=True)
    alone = [
        torch.autograd.grad(spectral.convolve_spectra(*pair, **options), one, torch.from_numpy(g))[0]
        for pair, one in (((x, h.detach()), x), ((x.detach(), h), h))
    ]
    for got, wanted in zip((*both, *alone), expected * 2, strict=True):
        assert got.dtype == x.dtype
        np.testing.assert_allclose(got, wanted, rtol=0, atol=close)


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("shapes", MATRICES)
@pytest.mark.usefixtures("narrow")
def test_matrices(shapes, dtype):
    check(*normal(*shapes, dtype=dtype), CLOSE[dtype])


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize(("n", "taps", "block"), ROWS)
@pytest.mark.usefixtures("narrow")
def test_rows_in_blocks(n, taps, block, dtype):
    check(*normal((1, n), (1, taps), dtype=dtype), CLOSE[dtype], block=block)


@pytest.mark.usefixtures("narrow")
def test_batches():
    x, h = map(torch.from_numpy, normal((3, 1, 9, 20), (2, 3, 5)))
    g = torch.randn(3, 2, 11, 24, dtype=torch.double)
    whole = spectral.convolve_spectra(x, h), *spectral.spectra_gradients(g, x, h)
    for index in np.ndindex(3, 2):
        one = x[index[0], 0], h[index[1]]
        items = spectral.convolve_spectra(*one), *spectral.spectra_gradients(g[index], *one)
        for got, wanted in zip(whole, items, strict=True):
            torch.testing.assert_close(got[index], wanted)


def test_arrays_that_lie_otherwise():
    """Transposed, turned round and read-only ones, in strips and in blocks."""
    x, h = normal((40, 9), (5, 3))
    turned = [torch.from_numpy(x).mT.flip(-1), torch.from_numpy(h).mT]
    expected = scipy.signal.convolve2d(*(t.numpy() for t in turned))
    np.testing.assert_allclose(spectral.convolve_spectra(*turned), expected, atol=1e-12)
    column, taps = torch.from_numpy(x)[:, 0], torch.from_numpy(h)[:, 1]
    np.testing.assert_allclose(signal.oaconvolve(column, taps), np.convolve(x[:, 0], h[:, 1]), atol=1e-12)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("place", [0, 1])
def test_what_is_not_finite_goes_everywhere(value, place):
    """As with SciPy, whose transforms are of the whole."""
    arrays = normal((30, 40), (3, 4))
    arrays[place][1, 2] = value
    with np.errstate(invalid="ignore"):
        expected = scipy.signal.fftconvolve(*arrays)
        got = signal.fftconvolve(*map(torch.from_numpy, arrays))
    assert not np.isfinite(expected).any()
    assert not got.isfinite().any()


def test_long_signals_with_gradients():
    x, h, g = normal(20_000, 130, 20_129)
    ours = [torch.from_numpy(array).requires_grad_() for array in (x, h)]
    out = signal.oaconvolve(*ours)
    np.testing.assert_allclose(out.detach(), scipy.signal.oaconvolve(x, h), rtol=0, atol=1e-11)
    for got, other in zip(torch.autograd.grad(out, ours, torch.from_numpy(g)), (h, x), strict=True):
        np.testing.assert_allclose(got, scipy.signal.correlate(g, other, "valid"), rtol=0, atol=1e-9)


@pytest.mark.usefixtures("narrow")
def test_threads_give_the_same(monkeypatch):
    matrices, rows = normal((40, 50), (5, 6)), normal((1, 2000), (1, 30))

    def results():
        return [
            torch.autograd.grad(spectral.convolve_spectra(*pair, block=block).square().sum(), pair)
            for arrays, block in ((matrices, 0), (rows, 64))
            for pair in [[torch.from_numpy(array).requires_grad_() for array in arrays]]
        ]

    alone = results()
    monkeypatch.setattr(tiles, "_WORTH_A_THREAD", 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    for got, wanted in zip(results(), alone, strict=True):
        torch.testing.assert_close(got, wanted, rtol=0, atol=0)


@pytest.mark.parametrize("shape", [(), (3,)])
def test_blocks_in_a_graph_of_any_size(shape):
    compiled = torch.compile(signal.oaconvolve, fullgraph=True, dynamic=True, backend="aot_eager")
    for n in (300, 500):
        x, taps = (torch.rand(*shape, m, dtype=torch.double) for m in (n, 20))
        torch.testing.assert_close(compiled(x, taps), signal.oaconvolve(x, taps), rtol=1e-12, atol=1e-12)
