"""What a wrong backward pass looks like: nothing, until somebody checks it numerically."""

import torch
from torch.autograd import gradcheck

from scitorch.nn import ScipyConv2d
from scitorch.tutorial import WrongScipyConv2d

torch.manual_seed(0)
inputs = [torch.randn(6, 6, dtype=torch.double, requires_grad=True)]
for layer in (WrongScipyConv2d(3, 3).double(), ScipyConv2d(3, 3).double()):
    print(type(layer).__name__, "passes the check:", gradcheck(layer, inputs, raise_exception=False))
