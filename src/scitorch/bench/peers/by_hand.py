"""NumPy and SciPy made differentiable by hand, as PyTorch's documentation shows it, for any one function.

These are what people write today. Their backward runs NumPy, so that a second derivative is silently wrong, which
costs less than one that is right; where ours leads them, it does so with all orders and modes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from scitorch.bench.machine import Lazy

Forward = Callable[..., Any]
Backward = Callable[..., Any]  # takes the incoming gradient, then the arguments; returns a tuple of gradients

_serial = itertools.count()
pylops = Lazy("pylops")


def as_function(forward: Forward, backward: Backward) -> Callable[..., Tensor]:
    """An `autograd.Function` with a `setup_context`.

    Parameters
    ----------
    forward, backward : callable
        Of arrays.

    Returns
    -------
    callable
        Of tensors.
    """

    class ByHand(Function):
        @staticmethod
        def forward(*inputs: Any) -> Tensor:
            return torch.from_numpy(forward(*(x.detach().numpy() for x in inputs)))

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, *grad_outputs: Any) -> Any:
            arrays = (x.detach().numpy() for x in (*grad_outputs, *ctx.saved_tensors))
            return tuple(torch.from_numpy(gradient) for gradient in backward(*arrays))

    return ByHand.apply


def as_custom_op(schema: str, forward: Forward, backward: Backward) -> Callable[..., Tensor]:
    """A `torch.library.custom_op`, whose backward is one, too.

    Parameters
    ----------
    schema : str
        Names of the arguments, with blanks between.
    forward, backward : callable
        Of arrays.

    Returns
    -------
    callable
        Of tensors.
    """
    arguments = ", ".join(f"Tensor {name}" for name in schema.split())
    gradients = ", ".join("Tensor" for _ in schema.split())

    def value(*inputs: Tensor) -> Tensor:
        return torch.from_numpy(forward(*(x.detach().numpy() for x in inputs)))

    def pulled(*inputs: Tensor) -> Any:
        results = [torch.from_numpy(x) for x in backward(*(x.detach().numpy() for x in inputs))]
        return tuple(results) if len(results) > 1 else results[0]

    def save(ctx: Any, inputs: Any, output: Any) -> None:  # noqa: ARG001  torch passes it by this name
        ctx.save_for_backward(*inputs)

    custom_op, name = torch.library.custom_op, f"scitorch_bench::by_hand_{next(_serial)}"
    gradient = custom_op(f"{name}_backward", mutates_args=(), schema=f"(Tensor g, {arguments}) -> ({gradients})")(
        pulled
    )
    op = custom_op(name, mutates_args=(), schema=f"({arguments}) -> Tensor")(value)
    op.register_autograd(lambda ctx, g: gradient(g, *ctx.saved_tensors), setup_context=save)
    return op


def as_pylops(make: Callable[[Any], Any]) -> Callable[..., Tensor]:
    """A linear operator of PyLops.

    Parameters
    ----------
    make : callable
        Makes the operator, given the package.

    Returns
    -------
    callable
        Of a tensor; made at the first call.
    """
    made: list[Any] = []

    def apply(x: Tensor) -> Tensor:
        if not made:
            made.append(pylops.TorchOperator(make(pylops), flatten=False))
        return made[0].apply(x)

    return apply
