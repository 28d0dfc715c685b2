"""A linear layer: by hand as a Function, as an operator, and as a layer."""

import torch
from torch.autograd import gradcheck

from scitorch.nn import Linear
from scitorch.tutorial import linear, linear_op

torch.manual_seed(0)
inputs = [torch.randn(20, 20, dtype=torch.double), torch.randn(30, 20, dtype=torch.double)]
for tensor in inputs:
    tensor.requires_grad_()
print("By hand, the gradients are right:", gradcheck(linear, inputs, eps=1e-6, atol=1e-4))
print("As an operator, they are right:", gradcheck(linear_op, inputs, eps=1e-6, atol=1e-4))
print("In forward mode, too:", gradcheck(linear_op, inputs, check_forward_ad=True, check_backward_ad=False))

model = torch.nn.Sequential(Linear(2, 16), torch.nn.Tanh(), Linear(16, 1, bias=False))
print(model)
optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
x = torch.randn(64, 2)
y = x.prod(-1, keepdim=True)
for step in range(201):
    loss = (model(x) - y).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(f"step {step:3d}, loss {loss.item():.4f}")
