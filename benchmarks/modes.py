"""Which derivatives are right: one NumPy function wrapped three ways, in every mode; prints the README's table.

    python benchmarks/modes.py

Each wrapper is written as PyTorch's documentation shows it. "wrong" means a result without an error that is not the
derivative; "raises" means an error.
"""

import warnings
from collections.abc import Callable

import torch
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vmap

from scitorch import operator

X = torch.tensor([0.3, 0.9, -1.2], dtype=torch.double)
Way = Callable[[torch.Tensor], torch.Tensor]


class CubeFunction(torch.autograd.Function):
    """`autograd.Function` as in the tutorial "Creating extensions using numpy and scipy", with setup_context."""

    @staticmethod
    def forward(x):
        return torch.from_numpy(x.detach().numpy() ** 3)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * torch.from_numpy(3 * x.detach().numpy() ** 2)


@torch.library.custom_op("modes::cube", mutates_args=())
def cube_op(x: torch.Tensor) -> torch.Tensor:
    """`custom_op` as in the tutorial "Custom Python operators"."""
    return torch.from_numpy(x.detach().numpy() ** 3)


@torch.library.custom_op("modes::cube_slope", mutates_args=())
def cube_slope(x: torch.Tensor) -> torch.Tensor:
    """The NumPy part of its backward."""
    return torch.from_numpy(3 * x.detach().numpy() ** 2)


def _save(ctx, inputs, output):
    ctx.save_for_backward(*inputs)


for op in (cube_op, cube_slope):
    op.register_fake(torch.empty_like)
cube_op.register_autograd(lambda ctx, g: g * cube_slope(ctx.saved_tensors[0]), setup_context=_save)


@operator("()->()", batch="native")
def cube(x):
    """Ours."""
    return x**3


@operator("()->()", batch="native")
def square(x):
    """The NumPy part of its rule."""
    return x**2


cube.partials(x=lambda x: 3 * square(x))
square.partials(x=lambda x: 2 * x)

WAYS = {"`autograd.Function`": CubeFunction.apply, "`custom_op`": cube_op, "scitorch": cube}


def scalar(f: Way) -> Way:
    """A function with a number for result, whose derivatives of any order depend on x."""
    return lambda x: (f(x) * x).sum()


def compiled(f: Way) -> Way:
    """One graph, no kernel of its own."""
    return torch.compile(f, fullgraph=True, backend="aot_eager")


def backward(f: Way) -> torch.Tensor:
    """The gradient by plain autograd."""
    x = X.clone().requires_grad_()
    return torch.autograd.grad(scalar(f)(x), x)[0]


def double_backward(f: Way) -> torch.Tensor:
    """The gradient of the gradient's sum by plain autograd."""
    x = X.clone().requires_grad_()
    (first,) = torch.autograd.grad(scalar(f)(x), x, create_graph=True)
    return torch.autograd.grad(first.sum(), x)[0]


def exported(f: Way) -> torch.nn.Module:
    """The exported module, with a parameter to train."""

    class Layer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(X.clone())

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (f(self.weight) * x).sum()

    return torch.export.export(Layer(), (X,)).module()


def training(layer: torch.nn.Module) -> torch.Tensor:
    """The gradient of its parameter."""
    layer(X).backward()
    return layer.weight.grad


MODES = {
    "backward": backward,
    "double backward": double_backward,
    "`torch.func.grad`, `jacrev`": lambda f: jacrev(scalar(f))(X),
    "forward mode: `jvp`, `jacfwd`": lambda f: jvp(scalar(f), (X,), (X.cos(),))[1],
    "`hessian` (forward over reverse)": lambda f: hessian(scalar(f))(X),
    "reverse over forward": lambda f: jacrev(jacfwd(scalar(f)))(X),
    "forward over forward": lambda f: jacfwd(jacfwd(scalar(f)))(X),
    "`vmap`": lambda f: vmap(f)(torch.stack([X, 2 * X])),
    "`vmap` of `grad`": lambda f: vmap(grad(scalar(f)))(torch.stack([X, 2 * X])),
    "`compile`: values": lambda f: compiled(f)(X),
    "`compile`: backward": lambda f: backward(compiled(f)),
    "`compile`: `grad` inside": lambda f: compiled(grad(scalar(f)))(X),
    "`compile`: `hessian` inside": lambda f: compiled(hessian(scalar(f)))(X),
    "`export`: values": lambda f: exported(f)(X),
    "`export`: training": lambda f: training(exported(f)),
}


def outcome(mode: Callable[[Way], torch.Tensor], way: Way) -> str:
    """How a way does in a mode, against torch's own power."""
    torch.compiler.reset()
    try:
        got = mode(way)
    except Exception:  # noqa: BLE001  whatever it raises, it raises
        return "raises"
    expected = mode(lambda x: x**3)
    return "right" if got is not None and torch.allclose(got, expected, rtol=1e-10) else "**wrong**"


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")  # deprecations within torch
    print(f"| mode | {' | '.join(WAYS)} |")
    print("| --- |" + " --- |" * len(WAYS))
    for name, mode in MODES.items():
        print(f"| {name} | {' | '.join(outcome(mode, way) for way in WAYS.values())} |", flush=True)


if __name__ == "__main__":
    main()
