"""Which derivatives are right: one NumPy function wrapped three ways, in every mode.

Each wrapper is written as PyTorch's documentation shows it. "wrong" means a result without an error that is not the
derivative; "raises" means an error.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vmap

from scitorch.bench.case import OURS
from scitorch.bench.tables import Table
from scitorch.core import operator

NAME, GROUP = "which derivatives are right", "modes"
X = torch.tensor([0.3, 0.9, -1.2], dtype=torch.double)
Way = Callable[[Tensor], Tensor]


def _cube(x: Tensor) -> Tensor:
    return torch.from_numpy(x.detach().numpy() ** 3)


def _slope(x: Tensor) -> Tensor:
    return torch.from_numpy(3 * x.detach().numpy() ** 2)


class CubeFunction(torch.autograd.Function):
    """As in the tutorial "Creating extensions using NumPy and SciPy", with `setup_context`."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        """NumPy's."""
        return torch.from_numpy(x.detach().numpy() ** 3)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep the argument."""
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """NumPy's."""
        (x,) = ctx.saved_tensors
        return grad_outputs[0] * torch.from_numpy(3 * x.detach().numpy() ** 2)


@cache
def ways() -> dict[str, Way]:
    """The cube, wrapped; made when asked for, so that the list of operators is the catalogue's.

    Returns
    -------
    dict
        By the names in the table.
    """

    @operator("()->()", batch="native", name="bench_cube")
    def cube(x: Any) -> Any:
        return x**3

    @operator("()->()", batch="native", name="bench_square")
    def square(x: Any) -> Any:
        return x**2

    cube.partials(x=lambda x: 3 * square(x))
    square.partials(x=lambda x: 2 * x)
    return {"`autograd.Function`": CubeFunction.apply, "`custom_op`": _custom_op(), OURS: cube}


def _custom_op() -> Way:
    made = torch.library.custom_op
    cube = made("scitorch_bench::cube", mutates_args=(), schema="(Tensor x) -> Tensor")(_cube)
    slope = made("scitorch_bench::cube_slope", mutates_args=(), schema="(Tensor x) -> Tensor")(_slope)

    def save(ctx: Any, inputs: Any, output: Any) -> None:  # noqa: ARG001  torch passes it by this name
        ctx.save_for_backward(*inputs)

    for op in (cube, slope):
        op.register_fake(torch.empty_like)
    cube.register_autograd(lambda ctx, g: g * slope(ctx.saved_tensors[0]), setup_context=save)
    return cube


def _scalar(f: Way) -> Way:
    """A function with a number for result, whose derivatives of any order depend on x."""
    return lambda x: (f(x) * x).sum()


def _compiled(f: Callable[..., Any]) -> Callable[..., Any]:
    """One graph, no kernel of its own."""
    return torch.compile(f, fullgraph=True, backend="aot_eager")


def _backward(f: Way) -> Tensor:
    """The gradient by plain autograd."""
    x = X.clone().requires_grad_()
    return torch.autograd.grad(_scalar(f)(x), x)[0]


def _double_backward(f: Way) -> Tensor:
    """The gradient of the gradient's sum by plain autograd."""
    x = X.clone().requires_grad_()
    (first,) = torch.autograd.grad(_scalar(f)(x), x, create_graph=True)
    return torch.autograd.grad(first.sum(), x)[0]


def _exported(f: Way) -> torch.nn.Module:
    """The exported module, with a parameter to train."""

    class Layer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(X.clone())

        def forward(self, x: Tensor) -> Tensor:
            return (f(self.weight) * x).sum()

    return torch.export.export(Layer(), (X,)).module()


def _trained(f: Way) -> Any:
    """The gradient of the parameter."""
    layer = _exported(f)
    layer(X).backward()
    return layer.weight.grad


MODES: dict[str, Callable[[Way], Any]] = {
    "backward": _backward,
    "double backward": _double_backward,
    "`torch.func.grad`, `jacrev`": lambda f: jacrev(_scalar(f))(X),
    "forward mode: `jvp`, `jacfwd`": lambda f: jvp(_scalar(f), (X,), (X.cos(),))[1],
    "`hessian` (forward over reverse)": lambda f: hessian(_scalar(f))(X),
    "reverse over forward": lambda f: jacrev(jacfwd(_scalar(f)))(X),
    "forward over forward": lambda f: jacfwd(jacfwd(_scalar(f)))(X),
    "`vmap`": lambda f: vmap(f)(torch.stack([X, 2 * X])),
    "`vmap` of `grad`": lambda f: vmap(grad(_scalar(f)))(torch.stack([X, 2 * X])),
    "`compile`: values": lambda f: _compiled(f)(X),
    "`compile`: backward": lambda f: _backward(_compiled(f)),
    "`compile`: `grad` inside": lambda f: _compiled(grad(_scalar(f)))(X),
    "`compile`: `hessian` inside": lambda f: _compiled(hessian(_scalar(f)))(X),
    "`export`: values": lambda f: _exported(f)(X),
    "`export`: training": _trained,
}


def outcome(mode: Callable[[Way], Any], way: Way) -> str:
    """How a way does in a mode, against torch's own power.

    Parameters
    ----------
    mode : callable
        Takes a way, gives a derivative.
    way : callable
        The cube.

    Returns
    -------
    str
        "right", "raises" or "**wrong**".
    """
    torch.compiler.reset()
    try:
        got = mode(way)
    except Exception:  # noqa: BLE001  whatever it raises, it raises
        return "raises"
    expected = mode(lambda x: x**3)
    return "right" if got is not None and torch.allclose(got, expected, rtol=1e-10) else "**wrong**"


def table() -> Table:
    """Every way in every mode.

    Returns
    -------
    Table
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations within torch
        rows = [[name, *(outcome(mode, way) for way in ways().values())] for name, mode in MODES.items()]
    note = 'The same NumPy function, wrapped as PyTorch\'s documentation shows it; "wrong" is without an error.'
    return Table("Which derivatives are right", note, ["mode", *ways()], rows)
