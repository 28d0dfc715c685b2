"""What only resampling and smoothing promise: derivatives through their options, compiled calls, their errors."""

import itertools

import numpy as np
import pytest
import scipy.signal
import torch
from torch.autograd import gradcheck, gradgradcheck

from scitorch import errors, signal
from scitorch.signal.spectra import resample_periodic

MODES = "constant", "wrap", "edge", "smooth", "symmetric", "reflect", "antisymmetric", "antireflect", "line"


def leaf(*shape, dtype=torch.double):
    return torch.randn(shape, dtype=dtype, requires_grad=True)


CALLS = {
    **{
        f"upfirdn {mode}": lambda mode=mode: (
            lambda h, x: signal.upfirdn(h, x, 2, 3, 0, mode, 0.5 if mode == "constant" else 0),
            leaf(5),
            leaf(3, 2),
        )
        for mode in MODES
    },
    "resample_poly": lambda: (lambda h, x: signal.resample_poly(x, 3, 2, 1, h, "mean"), leaf(4), leaf(2, 3)),
    "median": lambda: (lambda x: signal.resample_poly(x, 1, 2, padtype="median", window=[1.0, 0.5]), leaf(4)),
    "resample": lambda: (lambda x, w: signal.resample(x, 3, None, 0, w), leaf(4), leaf(4)),
    "spectrum": lambda: (lambda x: signal.resample(x, 6, domain="freq"), leaf(4, dtype=torch.complex128)),
    "hilbert": lambda: (lambda x: signal.hilbert(x, 5, 0), leaf(3, 2)),
    **{
        f"savgol_filter {mode}": lambda mode=mode: (lambda x: signal.savgol_filter(x, 3, 1, mode=mode), leaf(2, 4))
        for mode in ("interp", "mirror", "nearest", "wrap", "constant")
    },
}


@pytest.mark.parametrize("name", CALLS)
def test_derivatives(name):
    torch.manual_seed(1)
    function, *inputs = CALLS[name]()
    assert gradcheck(function, inputs, check_forward_ad=True)
    assert gradgradcheck(lambda *inputs: function(*inputs) ** 2, inputs)


@pytest.mark.parametrize(
    ("up", "down", "k", "n"), [(1, 1, 3, 5), (3, 2, 7, 4), (2, 4, 5, 9), (6, 4, 2, 5), (1, 5, 2, 11)]
)
def test_polyphase_is_the_plain_sum(up, down, k, n):
    h, x = leaf(k), leaf(n)
    size = ((n - 1) * up + k - 1) // down + 1
    terms = torch.zeros(size, k, n, dtype=torch.double)
    for m in range(size):
        for i in range(n):
            if 0 <= m * down - i * up < k:
                terms[m, m * down - i * up, i] = 1
    y, plain = signal.upfirdn(h, x, up, down), torch.einsum("mki,k,i->m", terms, h, x)
    torch.testing.assert_close(y, plain)
    g = torch.randn_like(y)
    torch.testing.assert_close(torch.autograd.grad(y, (h, x), g), torch.autograd.grad(plain, (h, x), g))


def test_compiled():
    def loss(h, x):
        parts = (
            signal.upfirdn(h, x, 2, 3, mode="reflect"),
            signal.resample_poly(x, 3, 2, -1, padtype="line"),
            signal.resample(x, 5, axis=-1, window="hamming"),
            signal.savgol_filter(x, 3, 1),
        )
        return sum(part.square().sum() for part in parts) + signal.hilbert(x).imag.square().sum()

    inputs = leaf(4), leaf(2, 6)
    got = torch.autograd.grad(torch.compile(loss, fullgraph=True, backend="aot_eager")(*inputs), inputs)
    torch.testing.assert_close(got, torch.autograd.grad(loss(*inputs), inputs))


def test_refusals():
    x = torch.ones(9)
    with pytest.raises(errors.ArgumentError, match=r"^upfirdn, mode: expected constant, wrap, .*, got 'odd'\.$"):
        signal.upfirdn([1.0], x, mode="odd")
    with pytest.raises(errors.ArgumentError, match=r"^resample_poly, cval: "):
        signal.resample_poly(x, 1, 2, padtype="line", cval=1.0)
    with pytest.raises(errors.ShapeError, match=r"^savgol_filter, x: expected at least window_length=11 samples"):
        signal.savgol_filter(x, 11, 2)
    with pytest.raises(errors.ArgumentError, match=r"Try x\.real\.$"):
        signal.hilbert(1j * x)


@pytest.mark.parametrize("window", [None, "hann"])
def test_resampled_whole_numbers_are_floats(window):
    got = signal.resample(torch.arange(8), 4, window=window)
    expected = scipy.signal.resample(np.arange(8), 4, window=window)
    assert got.dtype == torch.get_default_dtype()
    np.testing.assert_allclose(got, expected, rtol=1e-6)


@pytest.mark.parametrize(("n", "num"), [*itertools.product((1, 4, 5, 6), repeat=2)])
def test_transposed_resampling(n, num):
    matrix = resample_periodic(torch.eye(n, dtype=torch.double), num=num)
    transposed = resample_periodic(torch.eye(num, dtype=torch.double), num=n, transposed=True)
    torch.testing.assert_close(transposed, matrix.mT)
