"""Gradients that are right but for a number, a sign, a conjugate or their precision, and gradients that are cut."""

import numpy as np
import torch
from torch import nn

from checker_cases.by_hand import as_custom_op, as_operator, by_hand, in_numpy
from checker_cases.case import Named, mutant


def mean_of_squares(x, y):
    return ((x - y) ** 2).mean()


def log_determinant(a):
    return torch.linalg.slogdet(a)[1]


def quadratic(x, a):
    return x @ a @ x


def seventh(x: torch.Tensor) -> torch.Tensor:
    return torch.sin(x)


def correlate(x, kernel):
    return np.correlate(x, kernel, mode="valid")


class Frozen(nn.Module):
    """A layer that hides its weight from autograd."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-1, 1, 6, dtype=torch.double).reshape(2, 3))
        self.bias = nn.Parameter(torch.tensor([0.5, -0.5], dtype=torch.double))

    def forward(self, input):
        return torch.tanh(input @ self.weight.data.mT + self.bias)


def attention_without_keys(q, k):
    return torch.softmax(q @ k.detach().mT, -1)


def normalised_without_grad(x, scale):
    with torch.no_grad():
        factor = scale.exp()
    return factor * x


def _single(x):
    return x.to(torch.float32)


CASES = {
    # ------------------------------------------------------------------------------------------------ constant factor
    "sine times seven, which opcheck passes": mutant(
        as_custom_op("seventh", seventh, lambda g, x: 7 * g * torch.cos(x)),
        lambda draw: (draw.normal(5),),
        Named("constant factor", "x"),
        Named("forward mode is zero", "x", "forward mode"),
    ),
    "mean without its 1/n": mutant(
        by_hand(
            mean_of_squares,
            x=lambda g, x, y, out: 2 * g * (x - y),
            y=lambda g, x, y, out: 2 * g * (y - x) / x.numel(),
        ),
        lambda draw: (draw.normal(2, 3), draw.normal(2, 3)),
        Named("constant factor", "x"),
    ),
    "quadratic form, its exponent forgotten": mutant(
        as_operator("(n)->()", lambda x: (x**2).sum(-1), {"x": lambda g, x: g[..., None] * x}),
        lambda draw: (draw.normal(4),),
        Named("constant factor", "x"),
    ),
    "FFT, its gradient normalised": mutant(
        by_hand(lambda x: torch.fft.fft(x), x=lambda g, x, out: torch.fft.ifft(g)),
        lambda draw: (draw.complex(6),),
        Named("constant factor", "x"),
    ),
    "log10 with the gradient of log": mutant(
        by_hand(lambda x: torch.log10(x), x=lambda g, x, out: g / x),
        lambda draw: (draw.uniform(0.5, 3, 4),),
        Named(("constant factor", "gradient of another function"), "x"),
    ),
    # ----------------------------------------------------------------------------------------------------- wrong sign
    "squared error, its target's sign": mutant(
        by_hand(
            mean_of_squares,
            x=lambda g, x, y, out: 2 * g * (x - y) / x.numel(),
            y=lambda g, x, y, out: 2 * g * (x - y) / x.numel(),
        ),
        lambda draw: (draw.normal(5), draw.normal(5)),
        Named(("wrong sign", "swapped arguments"), "y"),
    ),
    "inverse with a plus": mutant(
        by_hand(lambda a: torch.linalg.inv(a), a=lambda g, a, out: out.mT @ g @ out.mT),
        lambda draw: (draw.positive_definite(3),),
        Named("wrong sign", "a"),
    ),
    "cosine operator with plus sine": mutant(
        as_operator("()->()", np.cos, {"x": lambda g, x: g * x.sin()}, args=("x",), name="cosine"),
        lambda draw: (draw.normal(4),),
        Named(("wrong sign", "gradient of another function"), "x"),
    ),
    # ---------------------------------------------------------------------------------------------- missing conjugate
    "complex product": mutant(
        as_operator("(),()->()", lambda x, y: x * y, {"x": lambda g, y: g * y.conj(), "y": lambda g, x: g * x}),
        lambda draw: (draw.complex(3), draw.complex(3)),
        Named("missing conjugate", "y"),
    ),
    "complex matrix product": mutant(
        by_hand(
            lambda a, b: a @ b,
            a=lambda g, a, b, out: g @ b.mT,
            b=lambda g, a, b, out: a.mH @ g,
        ),
        lambda draw: (draw.complex(2, 3), draw.complex(3, 2)),
        Named("missing conjugate", "a"),
    ),
    "complex exponential": mutant(
        by_hand(lambda z: torch.exp(z), z=lambda g, z, out: g * out),
        lambda draw: (draw.complex(4),),
        Named("missing conjugate", "z"),
    ),
    "Hermitian product": mutant(
        by_hand(
            lambda x, y: (x.conj() * y).sum(),
            x=lambda g, x, y, out: g * y,
            y=lambda g, x, y, out: g * x,
        ),
        lambda draw: (draw.complex(4), draw.complex(4)),
        Named("missing conjugate", "x"),
    ),
    # ------------------------------------------------------------------------------------------------- zero, detached
    "operator with an argument declared zero": mutant(
        as_operator(
            "(),()->()",
            lambda x, y: x * np.exp(y),
            {"x": lambda g, y: g * y.exp(), "y": lambda g: torch.zeros_like(g)},
        ),
        lambda draw: (draw.normal(3), draw.normal(3)),
        Named("zero", "y"),
    ),
    "interpolation, cut at its position": mutant(
        by_hand(
            lambda t, y: y[..., 0] * (1 - t) + y[..., 1] * t,
            t=lambda g, t, y, out: torch.zeros_like(t),
            y=lambda g, t, y, out: torch.stack([g * (1 - t), g * t], -1),
        ),
        lambda draw: (draw.uniform(0, 1, 3), draw.normal(3, 2)),
        Named("zero", "t"),
    ),
    "attention, its keys detached": mutant(
        attention_without_keys, lambda draw: (draw.normal(2, 3), draw.normal(4, 3)), Named("detached", "k")
    ),
    "layer, its weight's data": mutant(Frozen(), lambda draw: (draw.normal(2, 3),), Named("detached", "weight")),
    "function, a path without grad": mutant(
        normalised_without_grad, lambda draw: (draw.normal(3), draw.normal(3)), Named("detached", "scale")
    ),
    "correlation in NumPy, None for its kernel": mutant(
        in_numpy(correlate, x=lambda g, x, kernel: np.convolve(g, kernel, mode="full")),
        lambda draw: (draw.normal(6), draw.normal(3)),
        Named("detached", "kernel"),
    ),
    # -------------------------------------------------------------------------------------------------- float32 noise
    "tanh, its backward in float32": mutant(
        by_hand(lambda x: torch.tanh(x), x=lambda g, x, out: g * (1 - torch.tanh(_single(x)) ** 2).to(x.dtype)),
        lambda draw: (draw.normal(5),),
        Named("float32 noise", "x"),
    ),
    "matrix product, a factor kept in float32": mutant(
        by_hand(
            lambda a, b: a @ b,
            a=lambda g, a, b, out: (_single(g) @ _single(b).mT).to(a.dtype),
            b=lambda g, a, b, out: a.mT @ g,
        ),
        lambda draw: (draw.normal(3, 4), draw.normal(4, 2)),
        Named("float32 noise", "a"),
    ),
    # ------------------------------------------------------------------------------------------ input-dependent factor
    "sine of a square, the inner derivative forgotten": mutant(
        by_hand(lambda x: torch.sin(x**2), x=lambda g, x, out: g * torch.cos(x**2)),
        lambda draw: (draw.uniform(0.5, 1.5, 4),),
        Named(("input-dependent factor", "gradient of another function"), "x"),
    ),
    "quotient, its denominator not squared": mutant(
        by_hand(
            lambda x, y: x / y,
            x=lambda g, x, y, out: g / y,
            y=lambda g, x, y, out: -g * x / y,
        ),
        lambda draw: (draw.normal(4), draw.uniform(1.5, 3, 4)),
        Named("input-dependent factor", "y"),
    ),
    "log determinant with the determinant's gradient": mutant(
        by_hand(
            log_determinant, a=lambda g, a, out: (g * torch.linalg.det(a))[..., None, None] * torch.linalg.inv(a).mT
        ),
        lambda draw: (draw.positive_definite(3),),
        Named("input-dependent factor", "a"),
    ),
}
