"""An argument that is no tensor has no gradient; the gradient itself is differentiable again."""

import torch
from torch.autograd import grad, gradcheck, gradgradcheck

from scitorch.tutorial import MulConstant, mul_constant

torch.manual_seed(0)
x = torch.randn(5, dtype=torch.double, requires_grad=True)
print("By hand, the gradients are right:", gradcheck(MulConstant.apply, (x, 5.0)))
print("and so are the gradients of the gradients:", gradgradcheck(MulConstant.apply, (x, 5.0)))

# y = (5 x)^2 has the derivatives 50 x and 50.
for function in (lambda x: MulConstant.apply(x, 5.0), lambda x: mul_constant(x, constant=5.0)):
    y = function(x).square().sum()
    (first,) = grad(y, x, create_graph=True)
    (second,) = grad(first.sum(), x)
    print(first.detach() / x.detach(), second)
