"""A convolution layer by SciPy: use it, check its gradient, train it."""

import torch
from torch.autograd import gradcheck

from scitorch.nn import ScipyConv2d

torch.manual_seed(0)
module = ScipyConv2d(3, 3)
print("Filter and bias:", list(module.parameters()))
input = torch.randn(10, 10, requires_grad=True)
output = module(input)
print("Output of the convolution:", output)
output.backward(torch.randn(8, 8))
print("Gradient of the input:", input.grad)

inputs = [torch.randn(20, 20, dtype=torch.double, requires_grad=True)]
print("The gradients are right:", gradcheck(ScipyConv2d(3, 3), inputs, eps=1e-6, atol=1e-4))

# Learn a filter from its effect on random images, a batch at a time.
truth, model = ScipyConv2d(3, 3), ScipyConv2d(3, 3)
optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
for step in range(201):
    images = torch.randn(4, 12, 12)
    loss = (model(images) - truth(images).detach()).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(f"step {step:3d}, loss {loss.item():.2e}")
