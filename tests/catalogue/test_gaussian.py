"""What only the Gaussian filters promise: derivatives in the standard deviation too, fifty digits, compiled calls."""

import mpmath
import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from scitorch import errors, ndimage


def leaf(*shape):
    return torch.randn(shape, dtype=torch.double, requires_grad=True)


@pytest.mark.parametrize("order", [0, 1, 2, 3])
@pytest.mark.parametrize("mode", ["reflect", "constant", "wrap"])
def test_derivatives(order, mode):
    torch.manual_seed(1)
    sigma = torch.tensor([0.6, 0.9], dtype=torch.double, requires_grad=True)
    function = lambda x, sigma: ndimage.gaussian_filter(x, sigma, order, None, mode, 0.3)
    assert gradcheck(function, (leaf(3, 4), sigma), check_forward_ad=True)
    assert gradgradcheck(function, (leaf(2, 3), sigma), check_fwd_over_rev=True)


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_derivative_by_sigma_to_fifty_digits(order):
    x = torch.zeros(41, dtype=torch.double)
    x[20] = 1
    sigma = torch.tensor(2.3, dtype=torch.double)
    got = torch.func.jacrev(lambda s: ndimage.gaussian_filter(x, s, order, radius=12))(sigma)

    def weight(s, k):
        phi = lambda t: mpmath.exp(-(t**2) / (2 * s**2))
        return mpmath.diff(phi, k, order) / sum(phi(t) for t in range(-12, 13))

    with mpmath.workdps(50):
        exact = [float(mpmath.diff(lambda s, k=k: weight(s, k), mpmath.mpf(2.3))) for k in range(-12, 13)]
    np.testing.assert_allclose(got.numpy()[8:33], exact, rtol=1e-12, atol=1e-15)


def test_compiled_with_a_radius():
    def loss(x, sigma):
        return ndimage.gaussian_filter(x, sigma, 1, radius=3).square().sum()

    inputs = leaf(4, 5), torch.tensor(1.2, dtype=torch.double, requires_grad=True)
    got = torch.autograd.grad(torch.compile(loss, fullgraph=True, backend="aot_eager")(*inputs), inputs)
    torch.testing.assert_close(got, torch.autograd.grad(loss(*inputs), inputs))


def test_refusals():
    with pytest.raises(
        errors.ArgumentError, match=r"^gaussian_filter, output: expected None or a dtype, got Tensor\. Try"
    ):
        ndimage.gaussian_filter(torch.ones(3), 1.0, 0, torch.ones(3))
    with pytest.raises(errors.ShapeError, match=r"^gaussian_filter, sigma: expected one value, or 2, got 3"):
        ndimage.gaussian_filter(torch.ones(3, 3), [1.0, 2.0, 3.0])
