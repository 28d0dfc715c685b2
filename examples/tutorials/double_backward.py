"""A second derivative through a convolution: silently wrong by hand, right as an operator."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd.functional import hessian

from scitorch.tutorial import ScipyConv2dFunction, correlate_bias

torch.manual_seed(0)
filter, bias = torch.ones(2, 2, dtype=torch.double), torch.zeros(1, 1, dtype=torch.double)
x = torch.randn(2, 2, dtype=torch.double)


def energy(convolve: Callable[..., Tensor]) -> Callable[[Tensor], Tensor]:
    """The sum of the cubes of the pixels, plus the square of their sum: its Hessian is diag(6 x) + 2."""
    return lambda image: image.pow(3).sum() + convolve(image, filter, bias).square().sum()


by_hand = hessian(energy(ScipyConv2dFunction.apply), x).reshape(4, 4)
operator = hessian(energy(correlate_bias), x).reshape(4, 4)
exact = torch.diag(6 * x.flatten()) + 2
print("error of the Hessian by hand:     ", (by_hand - exact).abs().max().item())
print("error of the operator's Hessian:  ", (operator - exact).abs().max().item())
