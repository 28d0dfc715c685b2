"""Rules that take the wrong incoming gradient, the wrong argument, or another function's derivative; and kinks."""

import numpy as np
import torch
import torch.nn.functional as F

from checker_cases.by_hand import as_operator, by_hand, in_numpy
from checker_cases.case import Named, mutant


def cross_entropy(x, target):
    return F.cross_entropy(x, target, reduction="none")


def squares(x, y):
    return ((x - y) ** 2).sum(-1)


def logarithm(x):
    return np.log(x)


def row_times(x, m):
    return x @ m


def scaled_by_total(x):
    return x * x.sum()


def normalised(x):
    return x / x.norm()


def softmax(x):
    return torch.softmax(x, -1)


def waves(x):
    return torch.sin(x), torch.cos(x)


def sum_and_product(x, y):
    return x + y, x * y


def _several(forward, backward):
    """A Function of several results."""

    class Several(torch.autograd.Function):
        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, *g):
            return backward(g, *ctx.saved_tensors)

    Several.forward = staticmethod(forward)
    return Several


CASES = {
    # ---------------------------------------------------------------------------------- ignores the incoming gradient
    "cross entropy, without its incoming gradient": mutant(
        by_hand(cross_entropy, x=lambda g, x, target, out: torch.softmax(x, -1) - F.one_hot(target, x.shape[-1])),
        lambda draw: (draw.normal(3, 4), torch.tensor([0, 3, 1])),
        Named("ignores the incoming gradient", "x"),
    ),
    "logarithm in NumPy, without its incoming gradient": mutant(
        in_numpy(logarithm, x=lambda g, x: 1 / x),
        lambda draw: (draw.uniform(0.5, 3, 5),),
        Named("ignores the incoming gradient", "x"),
    ),
    "operator of two arguments, one without its incoming gradient": mutant(
        as_operator(
            "(n),(n)->()", lambda x, y: (x * y).sum(-1), {"x": lambda g, y: g[..., None] * y, "y": lambda x: x}
        ),
        lambda draw: (draw.normal(4), draw.normal(4)),
        Named("ignores the incoming gradient", "y"),
        Named("forward mode is zero", "y", "forward mode"),
    ),
    # -------------------------------------------------------------------- right only for an incoming gradient of ones
    "row times matrix, the matrix summed first": mutant(
        by_hand(
            row_times,
            x=lambda g, x, m, out: m.sum(-1) * g,
            m=lambda g, x, m, out: torch.outer(x, g),
        ),
        lambda draw: (draw.normal(4), draw.normal(4, 4)),
        Named("right only for an incoming gradient of ones", "x"),
    ),
    "product with the total, for ones": mutant(
        by_hand(scaled_by_total, x=lambda g, x, out: g * (x.sum() * (1 + x.numel()))),
        lambda draw: (draw.normal(5),),
        Named(("right only for an incoming gradient of ones", "constant factor"), "x"),
    ),
    "running sum, counted": mutant(
        as_operator(
            "(n)->(n)",
            lambda x: np.cumsum(x, -1),
            {"x": lambda g: g * torch.arange(g.shape[-1], 0, -1, dtype=g.dtype)},
        ),
        lambda draw: (draw.normal(5),),
        Named("right only for an incoming gradient of ones", "x"),
    ),
    # ------------------------------------------------------------------------------------- not linear in it, diagonal
    "tanh, its incoming gradient squared": mutant(
        by_hand(lambda x: torch.tanh(x), x=lambda g, x, out: g**2 * (1 - out**2)),
        lambda draw: (draw.normal(4),),
        Named("not linear in the incoming gradient", "x"),
    ),
    "squared error, its incoming gradient clipped": mutant(
        by_hand(
            squares,
            x=lambda g, x, y, out: 2 * g.clamp(-0.3, 0.3)[..., None] * (x - y),
            y=lambda g, x, y, out: 2 * g[..., None] * (y - x),
        ),
        lambda draw: (draw.normal(4, 3), draw.normal(4, 3)),
        Named("not linear in the incoming gradient", "x"),
    ),
    "softmax as if elementwise": mutant(
        by_hand(softmax, x=lambda g, x, out: g * out * (1 - out)),
        lambda draw: (draw.normal(5),),
        Named(("only the diagonal of the Jacobian", "gradient of another function"), "x"),
    ),
    "normalised vector as if the norm were constant": mutant(
        by_hand(normalised, x=lambda g, x, out: g * (1 - out**2) / x.norm()),
        lambda draw: (draw.normal(4),),
        Named("only the diagonal of the Jacobian", "x"),
    ),
    # ---------------------------------------------------------------------------------------------- swapped arguments
    "product, its factors' gradients swapped": mutant(
        by_hand(lambda x, y: x * y, x=lambda g, x, y, out: g * x, y=lambda g, x, y, out: g * y),
        lambda draw: (draw.normal(2, 3), draw.normal(2, 3)),
        Named("swapped arguments", "x"),
        Named("swapped arguments", "y"),
    ),
    "angle, its arguments exchanged": mutant(
        in_numpy(
            lambda y, x: np.arctan2(y, x),
            y=lambda g, y, x: g * y / (x**2 + y**2),
            x=lambda g, y, x: -g * y / (x**2 + y**2),
        ),
        lambda draw: (draw.normal(4), draw.normal(4)),
        Named("swapped arguments", "y"),
    ),
    "operator of matrices, gradients swapped": mutant(
        as_operator(
            "(n,n),(n,n)->(n,n)",
            lambda a, b: a @ b,
            {"a": lambda g, a: a.mT @ g, "b": lambda g, b: g @ b.mT},
        ),
        lambda draw: (draw.normal(3, 3), draw.normal(3, 3)),
        Named("swapped arguments", "a"),
        Named("swapped arguments", "b"),
    ),
    # -------------------------------------------------------------------------------------------------------- results
    "two results, their incoming gradients swapped": mutant(
        _several(waves, lambda g, x: g[1] * torch.cos(x) - g[0] * torch.sin(x)),
        lambda draw: (draw.normal(4),),
        Named("swapped outputs", "x"),
    ),
    "two results, the second forgotten": mutant(
        _several(sum_and_product, lambda g, x, y: (g[0], g[0] + g[1] * x)),
        lambda draw: (draw.normal(4), draw.normal(4)),
        Named("ignores an output", "x"),
    ),
    "polar coordinates, radius and angle swapped": mutant(
        _several(
            lambda x, y: (torch.hypot(x, y), torch.atan2(y, x)),
            lambda g, x, y: (
                (g[1] * x * torch.hypot(x, y) - g[0] * y) / (x**2 + y**2),
                (g[0] * y * torch.hypot(x, y) + g[1] * x) / (x**2 + y**2),
            ),
        ),
        lambda draw: (draw.normal(4), draw.normal(4)),
        Named("swapped outputs", "x"),
    ),
    "mean and variance, only the mean": mutant(
        _several(
            lambda x: (x.mean(-1), x.var(-1)),
            lambda g, x: (g[0] / x.shape[-1])[..., None].expand(x.shape),
        ),
        lambda draw: (draw.normal(5),),
        Named("ignores an output", "x"),
    ),
    # ----------------------------------------------------------------------------------- gradient of another function
    "tanh with sigmoid's gradient": mutant(
        by_hand(lambda x: torch.tanh(x), x=lambda g, x, out: g * torch.sigmoid(x) * (1 - torch.sigmoid(x))),
        lambda draw: (draw.normal(4),),
        Named("gradient of another function", "x"),
    ),
    "tanh, its formula for the result given the argument": mutant(
        by_hand(lambda x: torch.tanh(x), x=lambda g, x, out: g * (1 - x**2)),
        lambda draw: (draw.normal(4),),
        Named("gradient of another function", "x"),
    ),
    "cube with the square's gradient": mutant(
        as_operator("()->()", lambda x: x**3, {"x": lambda g, x: 2 * g * x}),
        lambda draw: (draw.uniform(0.5, 2, 4),),
        Named("gradient of another function", "x"),
    ),
    "leaky relu with the gradient of abs": mutant(
        by_hand(lambda x: F.leaky_relu(x, 0.1), x=lambda g, x, out: g * x.sign()),
        lambda draw: (draw.apart(6),),
        Named("gradient of another function", "x"),
    ),
    "log1p with the gradient of log": mutant(
        in_numpy(lambda x: np.log1p(x), x=lambda g, x: g / x),
        lambda draw: (draw.uniform(0.5, 2, 4),),
        Named("gradient of another function", "x"),
    ),
    # ----------------------------------------------------------------------------------- does not depend on the inputs
    "square root, straight through": mutant(
        by_hand(lambda x: torch.sqrt(x) + x.sum(), x=lambda g, x, out: 0.37 * g + g.sum()),
        lambda draw: (draw.uniform(0.5, 2, 4),),
        Named("does not depend on the inputs", "x"),
    ),
    "quadratic form, its gradient at a fixed point": mutant(
        by_hand(
            lambda x, a: x @ a @ x,
            x=lambda g, x, a, out: g * torch.linspace(0.3, 2, x.numel(), dtype=x.dtype),
            a=lambda g, x, a, out: g * torch.outer(x, x),
        ),
        lambda draw: (draw.normal(4), draw.normal(4, 4)),
        Named("does not depend on the inputs", "x"),
    ),
    # ---------------------------------------------------------------------------------------------------------- kinks
    "leaky relu at zero": mutant(
        F.leaky_relu, lambda draw: (torch.tensor([-1.0, 0.0, 2.0], dtype=torch.double),), Named("kink", "input")
    ),
    "relu at zero": mutant(
        lambda x: F.relu(x @ torch.eye(3, dtype=x.dtype)).sum(0),
        lambda draw: (torch.tensor([[-1.0, 0.0, 2.0], [1.0, -3.0, 0.5]], dtype=torch.double),),
        Named("kink", "x"),
    ),
    "hinge at its margin": mutant(
        lambda x, y: (1 - x * y).clamp(min=0).sum(),
        lambda draw: (torch.tensor([1.0, 0.2], dtype=torch.double), torch.tensor([1.0, -0.4], dtype=torch.double)),
        Named("kink", "x"),
        Named("kink", "y"),
    ),
    "clamp at its bound": mutant(
        lambda x: x.clamp(max=1.0) * 3,
        lambda draw: (torch.tensor([[0.5, 1.0], [2.0, -2.0]], dtype=torch.double),),
        Named("kink", "x"),
    ),
}
