"""The LLTM cell of PyTorch's C++ tutorial, forward and backward in C++ on tensors; all other derivatives follow.

The first run compiles for half a minute, every later one takes the library from the cache.
"""

from pathlib import Path

import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.nn.functional import elu

from scitorch import operator
from scitorch.native import cpp_kernel

SOURCE = Path(__file__).parent / "lltm.cpp"
T = "const at::Tensor& "
STATE = f"{T}input, {T}weights, {T}bias, {T}old_h, {T}old_cell"
NAMES = ("input", "weights", "bias", "old_h", "old_cell")

lltm = operator("(b,i),(p,q),(p),(b,h),(b,h)->(b,h),(b,h)")(
    cpp_kernel(SOURCE, f"std::vector<at::Tensor> lltm_forward({STATE})")
)
backward = operator("(b,h),(b,h),(b,i),(p,q),(p),(b,h),(b,h)->(b,i),(p,q),(p),(b,h),(b,h)")(
    cpp_kernel(SOURCE, f"std::vector<at::Tensor> lltm_backward({T}grad_h, {T}grad_cell, {STATE})")
)


@lltm.vjp
def _(g, input, weights, bias, old_h, old_cell):
    return dict(zip(NAMES, backward(*g, input, weights, bias, old_h, old_cell), strict=True))


def cell(input, weights, bias, old_h, old_cell):
    """The cell in PyTorch alone."""
    size = old_h.shape[-1]
    gates = old_h @ weights[..., :size].mT + input @ weights[..., size:].mT + bias[..., None, :]
    input_gate, output_gate, candidate = gates.chunk(3, -1)
    new_cell = old_cell + elu(candidate) * input_gate.sigmoid()
    return new_cell.tanh() * output_gate.sigmoid(), new_cell


# Second derivatives, and forward mode: the derivative of `backward`, for which PyTorch may do.
@backward.vjp
def _(g, grad_h, grad_cell, input, weights, bias, old_h, old_cell):
    def in_torch(grad_h, grad_cell, *state):
        return torch.func.vjp(cell, *state)[1]((grad_h, grad_cell))

    given = grad_h, grad_cell, input, weights, bias, old_h, old_cell
    return dict(zip(("grad_h", "grad_cell", *NAMES), torch.func.vjp(in_torch, *given)[1](g), strict=True))


if __name__ == "__main__":
    torch.manual_seed(0)
    shapes = [(2, 3), (12, 7), (12,), (2, 4), (2, 4)]
    inputs = [torch.randn(shape, dtype=torch.double, requires_grad=True) for shape in shapes]
    error = max((ours - theirs).abs().max().item() for ours, theirs in zip(lltm(*inputs), cell(*inputs), strict=True))
    print("largest difference from the cell in PyTorch:", error)
    print("gradients are right, in both modes:", gradcheck(lltm, inputs, check_forward_ad=True))
    print("and so are theirs:", gradgradcheck(lltm, inputs))

    x, target = torch.randn(64, 3), torch.randn(64, 4).tanh()
    weights, bias = (0.3 * torch.randn(12, 7)).requires_grad_(), torch.zeros(12, requires_grad=True)
    optimizer = torch.optim.Adam([weights, bias], lr=0.05)
    for step in range(101):
        h, c = lltm(x, weights, bias, torch.zeros(64, 4), torch.zeros(64, 4))
        loss = (h - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 25 == 0:
            print(f"step {step:3d}, loss {loss.item():.4f}")
