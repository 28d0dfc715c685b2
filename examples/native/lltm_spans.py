"""The LLTM cell once more, on spans: PyTorch multiplies the matrices, C++ does the rest in one pass, each way."""

from pathlib import Path

import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.nn.functional import elu

from scitorch import operator
from scitorch.native import cpp_kernel

SOURCE = Path(__file__).parent / "lltm_spans.cpp"


def declared(function, inputs, results):
    """The function's declarations in both precisions."""
    spans = [f"std::span<const T> {name}" for name in inputs] + [f"std::span<T> {name}" for name in results]
    text = f"void {function}({', '.join(spans)})"
    return tuple(text.replace("T>", f"{t}>") for t in ("double", "float"))


fused = operator("(p),(h)->(h),(h)")(cpp_kernel(SOURCE, declared("cell_forward", ("gates", "old_cell"), ("h", "cell"))))
backward = operator("(h),(h),(p),(h)->(p),(h)")(
    cpp_kernel(SOURCE, declared("cell_backward", ("grad_h", "grad_cell", "gates", "old_cell"), ("d_gates", "d_cell")))
)


@fused.vjp
def _(g, gates, old_cell):
    d_gates, d_cell = backward(*g, gates, old_cell)
    return {"gates": d_gates, "old_cell": d_cell}


def in_torch(gates, old_cell):
    """What `fused` computes, by PyTorch."""
    input_gate, output_gate, candidate = gates.chunk(3, -1)
    cell = old_cell + elu(candidate) * input_gate.sigmoid()
    return cell.tanh() * output_gate.sigmoid(), cell


@backward.vjp
def _(g, grad_h, grad_cell, gates, old_cell):
    def gradient(grad_h, grad_cell, *state):
        return torch.func.vjp(in_torch, *state)[1]((grad_h, grad_cell))

    gradients = torch.func.vjp(gradient, grad_h, grad_cell, gates, old_cell)[1](g)
    return dict(zip(("grad_h", "grad_cell", "gates", "old_cell"), gradients, strict=True))


def lltm(input, weights, bias, old_h, old_cell):
    """The cell: the new state, and what it remembers."""
    return fused(torch.addmm(bias, torch.cat([old_h, input], -1), weights.mT), old_cell)


if __name__ == "__main__":
    torch.manual_seed(0)
    gates, old_cell = (torch.randn(2, n, dtype=torch.double, requires_grad=True) for n in (12, 4))
    print("gradients are right, in both modes:", gradcheck(fused, [gates, old_cell], check_forward_ad=True))
    print("and so are theirs:", gradgradcheck(fused, [gates, old_cell]))
    shapes = [(2, 3), (12, 7), (12,), (2, 4), (2, 4)]
    h, cell = lltm(*(torch.randn(shape, requires_grad=True) for shape in shapes))
    h.sum().backward()
    print(h)
