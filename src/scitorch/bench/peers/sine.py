"""The sine, in each way that a user could make NumPy's differentiable: as small as work can be, so the call is seen."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function

from scitorch.core import operator

Way = Callable[[Tensor], Tensor]


def by_hand(x: Tensor) -> Tensor:
    """NumPy without any derivative: the floor."""
    return torch.from_numpy(np.sin(x.detach().numpy()))


def _cosine(x: Tensor) -> Tensor:
    return torch.from_numpy(np.cos(x.detach().numpy()))


class FirstOrder(Function):
    """As most people write it, with NumPy in the backward: second derivatives are silently wrong."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        """NumPy's."""
        return by_hand(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep the argument."""
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """NumPy's cosine."""
        (x,) = ctx.saved_tensors
        return grad_outputs[0] * _cosine(x)


class Sine(Function):
    """Right to every order in reverse mode, and under vmap."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        """NumPy's."""
        return by_hand(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep the argument."""
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The cosine, which has a derivative."""
        (x,) = ctx.saved_tensors
        return grad_outputs[0] * Cosine.apply(x)

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  torch's way
        """NumPy takes all at once."""
        return Sine.apply(x), in_dims[0]


class Cosine(Function):
    """The derivative that `Sine` needs."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        """NumPy's."""
        return _cosine(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep the argument."""
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The sine, negated."""
        (x,) = ctx.saved_tensors
        return -grad_outputs[0] * Sine.apply(x)

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  torch's way
        """NumPy takes all at once."""
        return Cosine.apply(x), in_dims[0]


class SineForward(Sine):
    """With a forward mode, which `torch.compile` then refuses: hence not in `Sine`."""

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep the argument for both modes."""
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """The cosine times the tangent."""
        (x,) = ctx.saved_tensors
        return grad_inputs[0] * Cosine.apply(x)


_opaque_sine: Any = torch.compiler.disable(by_hand)
_opaque_cosine: Any = torch.compiler.disable(_cosine)


class SineOpaque(Function):
    """For `torch.compile`, which would rewrite NumPy's sine as PyTorch's and never call it; SciPy's it can't."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        """NumPy's, as it is."""
        return _opaque_sine(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep the argument."""
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """NumPy's cosine, as it is."""
        (x,) = ctx.saved_tensors
        return grad_outputs[0] * _opaque_cosine(x)


@cache
def custom_op() -> Way:
    """PyTorch's own wrapper, with a derivative, a fake and a rule for vmap."""
    made = torch.library.custom_op
    sine = made("scitorch_bench::sine", mutates_args=(), schema="(Tensor x) -> Tensor")(by_hand)
    cosine = made("scitorch_bench::cosine", mutates_args=(), schema="(Tensor x) -> Tensor")(_cosine)

    def save(ctx: Any, inputs: Any, output: Any) -> None:  # noqa: ARG001  torch passes it by this name
        ctx.save_for_backward(*inputs)

    sine.register_autograd(lambda ctx, g: g * cosine(ctx.saved_tensors[0]), setup_context=save)
    cosine.register_autograd(lambda ctx, g: -g * sine(ctx.saved_tensors[0]), setup_context=save)
    for op in (sine, cosine):
        op.register_fake(torch.empty_like)
    sine.register_vmap(lambda _info, dims, x: (sine(x), dims[0]))
    cosine.register_vmap(lambda _info, dims, x: (cosine(x), dims[0]))
    return sine


@cache
def ours() -> Way:
    """An operator of scitorch; made when asked for, so that the list of operators is the catalogue's."""

    @operator("()->()", batch="native", name="bench_sine")
    def sine(x: Any) -> Any:
        return np.sin(x)

    @operator("()->()", batch="native", name="bench_cosine")
    def cosine(x: Any) -> Any:
        return np.cos(x)

    sine.partials(x=lambda x: cosine(x))
    cosine.partials(x=lambda x: -sine(x))
    return sine
