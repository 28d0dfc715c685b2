"""What only the recursive filters promise: derivatives through their options, fifty digits, blocks, compiled calls."""

import mpmath
import numpy as np
import pytest
import scipy.signal
import torch
from torch.autograd import gradcheck, gradgradcheck

from scitorch import errors, signal


def leaf(*shape, dtype=torch.double):
    return torch.randn(shape, dtype=dtype, requires_grad=True)


def poles(n):
    return torch.cat([torch.tensor([1.3]), 0.2 * torch.randn(n - 1)]).double().requires_grad_()


def sections(n):
    return torch.cat([torch.randn(n, 3), torch.tensor([[1.0, 0.3, 0.2]]).expand(n, 3)], 1).double().requires_grad_()


CALLS = {
    "lfilter": lambda: (lambda b, a, x: signal.lfilter(b, a, x, 0), leaf(3), poles(2), leaf(4, 2)),
    "lfilter with state": lambda: (
        lambda b, a, x, zi: signal.lfilter(b, a, x, -1, zi),
        leaf(2),
        poles(3),
        leaf(2, 4),
        leaf(1, 2),
    ),
    "finite": lambda: (lambda b, a, x, zi: signal.lfilter(b, a, x, 0, zi), leaf(3), poles(1), leaf(2, 2), leaf(2, 2)),
    "shorter than its state": lambda: (
        lambda b, a, x, zi: signal.lfilter(b, a, x, 0, zi),
        leaf(2),
        poles(4),
        leaf(1),
        leaf(3),
    ),
    "sosfilt": lambda: (lambda sos, x, zi: signal.sosfilt(sos, x, 0, zi), sections(2), leaf(3, 2), leaf(2, 2, 2)),
    "filtfilt": lambda: (lambda b, a, x: signal.filtfilt(b, a, x, padlen=2), leaf(2), poles(3), leaf(2, 4)),
    "sosfiltfilt": lambda: (lambda sos, x: signal.sosfiltfilt(sos, x, 0, "even", 2), sections(2), leaf(4)),
}


@pytest.mark.parametrize("name", CALLS)
def test_derivatives_of_public_functions(name):
    torch.manual_seed(3)
    function, *inputs = CALLS[name]()
    assert gradcheck(function, inputs, check_forward_ad=True)
    assert gradgradcheck(function, inputs, check_fwd_over_rev=name != "sosfiltfilt")


def test_gradients_to_fifty_digits():
    """Long ringing, against the recursion and its sensitivities, in exact arithmetic."""
    b, a = scipy.signal.butter(2, 0.05)
    x = np.random.default_rng(0).normal(size=300)
    B, A, X = (torch.tensor(v, requires_grad=True) for v in (b, a, x))
    signal.lfilter(B, A, X).square().sum().backward()
    with mpmath.workdps(50):
        exact = _sensitivities([mpmath.mpf(float(v)) for v in b], [mpmath.mpf(float(v)) for v in a], x)
    for name, got, want in zip("ba", (B.grad, A.grad), exact, strict=True):
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-10, err_msg=name)


def _sensitivities(b, a, x):
    """Gradients of Σ y² with respect to b and a, by running the derivative of every sample along."""
    xs, ys, dys = [mpmath.mpf(float(v)) for v in x], [], []
    totals = [mpmath.mpf(0)] * 6
    for n in range(len(xs)):
        past = lambda values, i, n=n: values[n - i] if n >= i else 0
        y = (sum(b[i] * past(xs, i) for i in range(3)) - sum(a[i] * past(ys, i) for i in (1, 2))) / a[0]
        row = []
        for k in range(6):
            direct = past(xs, k) if k < 3 else -(past(ys, k - 3) if k > 3 else y)
            carried = sum(a[i] * (dys[n - i][k] if n >= i else 0) for i in (1, 2))
            row.append((direct - carried) / a[0])
        ys.append(y)
        dys.append(row)
        totals = [t + 2 * y * d for t, d in zip(totals, row, strict=True)]
    return [float(t) for t in totals[:3]], [float(t) for t in totals[3:]]


def test_blocks_give_the_gradients_of_the_whole():
    b, a, x = leaf(3), poles(3), leaf(10)
    whole = torch.autograd.grad(signal.lfilter(b, a, x).square().sum(), (b, a, x))
    y1, state = signal.lfilter(b, a, x[:4], zi=torch.zeros(2, dtype=torch.double))
    y2, _ = signal.lfilter(b, a, x[4:], zi=state)
    blocks = torch.autograd.grad(torch.cat([y1, y2]).square().sum(), (b, a, x))
    torch.testing.assert_close(blocks, whole)


def test_long_signals_go_in_blocks():
    b, a, x = np.array([0.2, 0.3]), np.array([1.0, -0.7, 0.1]), np.random.default_rng(0).normal(size=(2, 70_000))
    got = signal.lfilter(*map(torch.tensor, (b, a, x)))
    # A compiled kernel rounds a product and a sum once.
    np.testing.assert_allclose(got.numpy(), scipy.signal.lfilter(b, a, x), rtol=0, atol=1e-14)


def test_sections_are_the_product():
    b, a = scipy.signal.butter(4, 0.3)
    sos = torch.tensor(scipy.signal.tf2sos(b, a))
    x = leaf(2, 50)
    y = signal.sosfilt(sos, x)
    z = signal.lfilter(torch.tensor(b), torch.tensor(a), x)
    torch.testing.assert_close(y, z)
    g = torch.randn_like(y)
    torch.testing.assert_close(torch.autograd.grad(y, x, g), torch.autograd.grad(z, x, g))


def test_a_section_is_divided_by_its_first_denominator_coefficient():
    sos, x = sections(2), torch.randn(5, dtype=torch.double)
    torch.testing.assert_close(signal.sosfilt(2 * sos, x), signal.sosfilt(sos, x))


def test_batches_of_coefficients_by_vmap():
    b, a, x = torch.randn(3, 2), torch.tensor([[1.0, 0.5], [1.0, -0.5], [2.0, 0.1]]), torch.randn(3, 6)
    got = torch.func.vmap(signal.lfilter)(b, a, x)
    torch.testing.assert_close(got, torch.stack([signal.lfilter(*row) for row in zip(b, a, x, strict=True)]))


def test_compiled():
    def loss(b, a, sos, x):
        return signal.filtfilt(b, a, x, padlen=2).sum() + signal.sosfiltfilt(sos, x, padlen=2).square().sum()

    inputs = leaf(2), poles(3), sections(2), leaf(6)
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    got = torch.autograd.grad(compiled(*inputs), inputs)
    torch.testing.assert_close(got, torch.autograd.grad(loss(*inputs), inputs))


def test_refusals():
    x = torch.randn(9)
    with pytest.raises(errors.ArgumentError, match=r"^filtfilt, method: expected .* Try method=\"pad\"\.$"):
        signal.filtfilt([1.0, 1.0], [1.0, 0.5], x, method="gust")
    with pytest.raises(errors.ArgumentError, match=r"Try torch.as_tensor\(b\)\.$"):
        signal.lfilter(np.ones(2), [1.0, 0.5], x)
    with pytest.raises(errors.ShapeError, match=r"^lfilter, zi: expected shape \(2,\), got \(3,\)\.$"):
        signal.lfilter([1.0], [1.0, 0.5, 0.1], x, zi=torch.zeros(3))
