"""What only the convolutions promise: derivatives through their options, compiled calls, their errors."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from scitorch import errors, signal


def leaf(*shape, dtype=torch.double):
    return torch.randn(shape, dtype=dtype, requires_grad=True)


CALLS = {
    "direct": lambda: (lambda x, y: signal.convolve(x, y, "same", "direct"), leaf(4), leaf(3)),
    "complex": lambda: (
        lambda x, y: signal.correlate(x, y, "valid", "direct"),
        leaf(3, dtype=torch.complex128),
        leaf(2, dtype=torch.complex128),
    ),
    "cube": lambda: (lambda x, y: signal.correlate(x, y, "full", "direct"), leaf(2, 2, 2), leaf(1, 2, 2)),
    "fft": lambda: (lambda x, y: signal.correlate(x, y, "valid", "fft"), leaf(3, 3), leaf(2, 2)),
    "axes": lambda: (lambda x, y: signal.fftconvolve(x, y, "same", 1), leaf(2, 3), leaf(1, 2)),
    "blocks": lambda: (lambda x, y: signal.oaconvolve(x, y), leaf(13), leaf(2)),
    "fill": lambda: (lambda x, y, v: signal.convolve2d(x, y, "same", "fill", v), leaf(2, 3), leaf(2, 2), leaf()),
    "wrap": lambda: (lambda x, y: signal.convolve2d(x, y, "full", "wrap"), leaf(2, 3), leaf(2, 2)),
    "symm": lambda: (lambda x, y: signal.correlate2d(x, y, "same", "symm"), leaf(3, 2), leaf(2, 2)),
}


@pytest.mark.parametrize("name", CALLS)
def test_derivatives(name):
    torch.manual_seed(1)
    function, *inputs = CALLS[name]()
    assert gradcheck(function, inputs, check_forward_ad=True)
    assert gradgradcheck(function, inputs, check_fwd_over_rev=True)


@pytest.mark.parametrize("method", ["direct", "fft"])
def test_compiled(method):
    def loss(x, y):
        return signal.convolve(x, y, "same", method).sum() + signal.convolve2d(x, y, "same", "symm").square().sum()

    inputs = leaf(4, 5), leaf(2, 3)
    got = torch.autograd.grad(torch.compile(loss, fullgraph=True, backend="aot_eager")(*inputs), inputs)
    torch.testing.assert_close(got, torch.autograd.grad(loss(*inputs), inputs))


@pytest.mark.parametrize("shapes", [((1000,), (7,)), ((3,), (900,)), ((70, 400), (3, 11)), ((500, 5), (4, 200))])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_blocks_give_the_whole(shapes, mode):
    if mode == "valid" and shapes[1] == (4, 200):
        pytest.skip("neither lies within the other")
    x, y = leaf(*shapes[0]), leaf(*shapes[1])
    blocks, whole = signal.oaconvolve(x, y, mode), signal.fftconvolve(x, y, mode)
    torch.testing.assert_close(blocks, whole, rtol=0, atol=1e-11)
    g = torch.randn_like(whole)
    grads = (torch.autograd.grad(result, (x, y), g) for result in (blocks, whole))
    torch.testing.assert_close(*grads, rtol=0, atol=1e-10)


def test_many_rows_take_every_loop():
    """The kernels loop over rows, taps or lags, whichever are fewest."""
    for rows, n, k in [(1, 9, 3), (20, 9, 3), (20, 9, 8), (2, 9, 5)]:
        x, y = leaf(rows, 1, n), leaf(rows, 1, k)
        want = torch.stack([torch.nn.functional.conv1d(a[None], b[None])[0] for a, b in zip(x, y, strict=True)])
        got = signal.direct.correlate_valid(x, y)
        torch.testing.assert_close(got, want)
        g = torch.randn_like(want)
        torch.testing.assert_close(torch.autograd.grad(got, (x, y), g), torch.autograd.grad(want, (x, y), g))


def test_refusals():
    x = torch.ones(3)
    with pytest.raises(errors.ArgumentError, match=r"^convolve, mode: expected .*, got 'odd'\.$"):
        signal.convolve(x, x, "odd")
    with pytest.raises(errors.ShapeError, match=r"^convolve, in1, in2: expected the same number of dimensions"):
        signal.convolve(x, x[None])
    with pytest.raises(errors.ArgumentError, match=r"^convolve2d, boundary: "):
        signal.convolve2d(x[None], x[None], boundary="odd")


@pytest.mark.parametrize("function", [signal.fftconvolve, signal.oaconvolve])
def test_a_batch_of_no_items(function):
    """Along another axis than those convolved there may be nothing; along these nothing is left of the shape."""
    x, y = (torch.ones(0, 3, n, requires_grad=True) for n in (40, 2))
    out = function(x, y, axes=-1)
    assert out.shape == (0, 3, 41)
    assert [g.shape for g in torch.autograd.grad(out.sum(), (x, y))] == [x.shape, y.shape]
    assert function(x, y).shape == (0,)
