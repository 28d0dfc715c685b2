"""Right first-order gradients with a wrong second order, and wrong or dropped forward modes."""

import numpy as np
import torch
from torch.autograd import Function

from checker_cases.by_hand import as_custom_op, as_operator, by_hand
from checker_cases.case import Named, mutant


class CubeInNumPy(Function):
    """Right once: its backward pass is NumPy, which autograd takes for a constant."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.as_tensor(x.detach().numpy() ** 3, dtype=x.dtype)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return torch.as_tensor(3 * x.detach().numpy() ** 2, dtype=x.dtype) * g


class ProductInNumPy(Function):
    """Right once, of two arguments."""

    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return torch.as_tensor(a.detach().numpy() @ b.detach().numpy(), dtype=a.dtype)

    @staticmethod
    def backward(ctx, g):
        a, b = (saved.detach().numpy() for saved in ctx.saved_tensors)
        incoming = g.detach().numpy()
        return torch.as_tensor(incoming @ b.T, dtype=g.dtype), torch.as_tensor(a.T @ incoming, dtype=g.dtype)


class SineWithTangent(Function):
    """Right in reverse; its forward rule forgets the minus of the cosine's derivative."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return torch.cos(x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, g):
        return -g * torch.sin(ctx.saved_tensors[0])

    @staticmethod
    def jvp(ctx, tangent):
        return tangent * torch.sin(ctx.saved_tensors[0])


class ScaleWithoutTangent(Function):
    """Right in reverse; its forward rule is zero."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x, scale):
        return x * scale

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, g):
        x, scale = ctx.saved_tensors
        return g * scale, g * x

    @staticmethod
    def jvp(ctx, moving, scaling):
        x, scale = ctx.saved_tensors
        return moving * scale if scaling is None else moving * scale + torch.zeros_like(x)


def softened(x: torch.Tensor) -> torch.Tensor:
    return torch.log1p(x.exp())


def weighted(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    return x * w.exp()


def log_of(x):
    return torch.log(x)


def quotient(x, y):
    return x / y


WRONG_SECOND = "wrong second order"

CASES = {
    "cube, its backward in NumPy": mutant(
        CubeInNumPy, lambda draw: (draw.normal(4),), Named(WRONG_SECOND, "x", "double backward")
    ),
    "matrix product, its backward in NumPy": mutant(
        ProductInNumPy,
        lambda draw: (draw.normal(2, 3), draw.normal(3, 2)),
        Named(WRONG_SECOND, "b", "double backward"),
        Named(WRONG_SECOND, "a", "double backward"),
    ),
    "logarithm, its backward detached": mutant(
        by_hand(log_of, x=lambda g, x, out: g / x.detach()),
        lambda draw: (draw.uniform(0.5, 2, 4),),
        Named(WRONG_SECOND, "x", "double backward"),
    ),
    "quotient, one factor of its backward detached": mutant(
        by_hand(quotient, x=lambda g, x, y, out: g / y, y=lambda g, x, y, out: -g * x / (y * y.detach())),
        lambda draw: (draw.normal(4), draw.uniform(0.5, 2, 4)),
        Named(WRONG_SECOND, "y", "double backward"),
    ),
    "operator whose rule is detached": mutant(
        as_operator(
            "(),()->()",
            lambda x, y: x**2 * y,
            {"x": lambda g, x, y: 2 * g * x.detach() * y, "y": lambda g, x: g * x**2},
        ),
        lambda draw: (draw.normal(3), draw.normal(3)),
        Named(WRONG_SECOND, "x", "double backward"),
        Named(WRONG_SECOND, "", "forward over forward"),
    ),
    "exponential, its incoming gradient detached": mutant(
        by_hand(lambda x: torch.exp(x), x=lambda g, x, out: g.detach() * x.exp()),
        lambda draw: (draw.normal(4),),
        Named(WRONG_SECOND, "x", "double backward"),
    ),
    "cosine, the sign of its tangent": mutant(
        SineWithTangent, lambda draw: (draw.normal(4),), Named("wrong forward mode", "x", "forward mode")
    ),
    "scale, a part of its tangent": mutant(
        ScaleWithoutTangent,
        lambda draw: (draw.normal(4), draw.normal(4)),
        Named("forward mode is zero", "scale", "forward mode"),
    ),
    "custom_op with no forward mode": mutant(
        as_custom_op("softened", softened, lambda g, x: g * torch.sigmoid(x)),
        lambda draw: (draw.normal(4),),
        Named("forward mode is zero", "x", "forward mode"),
    ),
    "custom_op of two arguments with no forward mode": mutant(
        as_custom_op("weighted", weighted, lambda g, x, w: (g * w.exp(), g * x * w.exp())),
        lambda draw: (draw.normal(2, 3), draw.normal(2, 3)),
        Named("forward mode is zero", "x", "forward mode"),
        Named("forward mode is zero", "w", "forward mode"),
    ),
    "operator with half a tangent": mutant(
        as_operator(
            "()->()",
            lambda x: x**2,
            {"x": lambda g, x: 2 * g * x},
            {"x": lambda tangent, x: tangent * x},
            args=("x",),
            name="half",
        ),
        lambda draw: (draw.normal(5),),
        Named("wrong forward mode", "x", "forward mode"),
    ),
    "operator whose tangent is detached": mutant(
        as_operator(
            "()->()",
            np.sin,
            {"x": lambda g, x: g * x.cos()},
            {"x": lambda tangent, x: tangent * x.cos().detach()},
            args=("x",),
            name="stiff",
        ),
        lambda draw: (draw.normal(4),),
        Named(WRONG_SECOND, "x", "reverse over forward"),
        Named(WRONG_SECOND, "", "forward over forward"),
    ),
}
