"""Functions that are wrong only at special points, beyond the second order, for no items, or in single precision."""

import torch
import torch.nn.functional as F
from torch import linalg

from checker_cases.by_hand import by_hand
from checker_cases.case import Named, mutant


def sinc(x):
    return torch.sin(x) / x


def masked_sinc(x):
    return torch.where(x == 0, 1.0, torch.sin(x) / x)


def entropy(p):
    return -(p * torch.log(p))


def sinc_with_a_slope(x):
    return torch.sinc(x / torch.pi)


def relative_growth(x):
    return torch.where(x == 0, 0.0, torch.expm1(x) / torch.where(x == 0, 1.0, x))


def product_of_all(x):
    return x.prod(-1)


def signed_square(x):
    return x * x.abs()


def log_defect(x):
    """Subtract log(1 + x) from x, in double precision."""
    wide = x.to(torch.complex128 if x.is_complex() else torch.float64)
    return (wide - torch.log1p(wide)).to(x.dtype)


def _weights(x):
    return torch.cos(3 * x + torch.arange(x.shape[-1], dtype=x.dtype))


Cube = by_hand(lambda x: x**3, x=lambda g, x, out: 3 * g * x.detach() ** 2)
Slope = by_hand(lambda x: torch.cos(x), x=lambda g, x, out: -g * torch.sin(x.detach()))

AT_A_POINT = "NaN at a special point"
ZERO_ITEMS = Named("wrong shape for zero items", "", "leading dimensions")

CASES = {
    # ------------------------------------------------------------------------------------------------- special points
    "sinc at zero": mutant(
        sinc,
        lambda draw: (draw.uniform(0.5, 2, 3),),
        Named(AT_A_POINT, "", "special points"),
        special=[(torch.tensor([0.0, 1.0, 2.0]),)],
    ),
    "sinc at zero, masked": mutant(
        masked_sinc,
        lambda draw: (draw.uniform(0.5, 2, 3),),
        Named(AT_A_POINT, "x", "special points"),
        special=[(torch.tensor([0.0, 1.0, 2.0]),)],
    ),
    "entropy at zero": mutant(
        entropy,
        lambda draw: (draw.uniform(0.1, 0.9, 3),),
        Named(AT_A_POINT, "", "special points"),
        special=[(torch.tensor([0.5, 1.0, 0.2]),), (torch.tensor([0.5, 0.0, 0.2]),)],
    ),
    "sinc, its slope at zero": mutant(
        by_hand(
            sinc_with_a_slope,
            x=lambda g, x, out: g * torch.where(x == 0, 1.0, torch.cos(x) / x - torch.sin(x) / x**2),
        ),
        lambda draw: (draw.uniform(0.5, 2, 3),),
        Named("wrong limit at a special point", "x", "special points"),
        special=[(torch.tensor([0.0, 1.0, 2.0]),)],
    ),
    "relative growth, its value at zero": mutant(
        relative_growth,
        lambda draw: (draw.uniform(0.5, 2, 3),),
        Named("wrong limit at a special point", "", "special points"),
        special=[(torch.tensor([0.0, 1.0, 2.0]),)],
    ),
    # ----------------------------------------------------------------------------------------------------- not finite
    "product divided by its factors, one of them zero": mutant(
        by_hand(product_of_all, x=lambda g, x, out: (g * out)[..., None] / x),
        lambda draw: (torch.tensor([2.0, 0.0, -3.0], dtype=torch.double),),
        Named("not finite", "x"),
    ),
    "signed square divided by its argument": mutant(
        by_hand(signed_square, x=lambda g, x, out: 2 * g * out / x),
        lambda draw: (torch.tensor([1.5, 0.0, -2.0], dtype=torch.double),),
        Named("not finite", "x"),
    ),
    # -------------------------------------------------------------------------------------------------- symmetric part
    "Cholesky factor, of which one triangle is read": mutant(
        linalg.cholesky,
        lambda draw: (draw.positive_definite(3),),
        Named("symmetric part", "input0"),
        Named("wrong forward mode", "input0", "forward mode"),
        order=1,
    ),
    "eigenvalues, of which one triangle is read": mutant(
        linalg.eigvalsh, lambda draw: (draw.positive_definite(3),), Named("symmetric part", "input0"), order=1
    ),
    # --------------------------------------------------------------------------------------- beyond the second order
    "fourth power, right twice": mutant(
        by_hand(lambda x: x**4, x=lambda g, x, out: 4 * g * Cube.apply(x)),
        lambda draw: (draw.normal(3),),
        Named("wrong higher order", "x", "derivative of order 3"),
        order=3,
    ),
    "sine, right twice": mutant(
        by_hand(lambda x: torch.sin(x), x=lambda g, x, out: g * Slope.apply(x)),
        lambda draw: (draw.normal(3),),
        Named("wrong higher order", "x", "derivative of order 3"),
        order=3,
    ),
    # ------------------------------------------------------------------------------------------- PyTorch's own faults
    "layer_norm": mutant(
        lambda x: F.layer_norm(x, (4,)),
        lambda draw: (draw.normal(2, 4),),
        Named("upstream", "x", "reverse over forward"),
        Named("upstream", "", "forward over forward"),
    ),
    "determinant": mutant(
        linalg.det,
        lambda draw: (draw.normal(3, 3),),
        Named("upstream", "input0", "reverse over forward"),
        Named("upstream", "", "forward over forward"),
    ),
    # ------------------------------------------------------------------------------------------------------- no items
    "running sum, of nothing a flat nothing": mutant(
        lambda x: x.cumsum(-1) if x.numel() else x.new_zeros(0),
        lambda draw: (draw.normal(4),),
        ZERO_ITEMS,
    ),
    "sum over the last axis, of nothing a number": mutant(
        lambda x, y: (x * y).sum(-1) if x.numel() else (x * y).sum(),
        lambda draw: (draw.normal(4), draw.normal(4)),
        ZERO_ITEMS,
    ),
    # ----------------------------------------------------------------------------------------------- single precision
    "logarithm's defect, its slope by a difference": mutant(
        by_hand(log_defect, x=lambda g, x, out: g * (1 - 1 / (1 + x))),
        lambda draw: (draw.uniform(1e-7, 3e-7, 4),),
        Named("wrong in single precision", "float32", "dtypes"),
    ),
    "softplus, its exponential overflowing": mutant(
        by_hand(lambda x: F.softplus(x), x=lambda g, x, out: g * x.exp() / (1 + x.exp())),
        lambda draw: (draw.uniform(95, 120, 4),),
        Named("wrong in single precision", "float32", "dtypes"),
    ),
    # ---------------------------------------------------------------------------------------------------- unexplained
    "tanh, any numbers": mutant(
        by_hand(lambda x: torch.tanh(x), x=lambda g, x, out: g.roll(2, -1) * _weights(x)),
        lambda draw: (draw.normal(7),),
        Named("unexplained", "x"),
    ),
    "matrix product, any numbers": mutant(
        by_hand(
            lambda a, b: a @ b,
            a=lambda g, a, b, out: _weights(a) * g.sum((-2, -1), keepdim=True),
            b=lambda g, a, b, out: a.mT @ g,
        ),
        lambda draw: (draw.normal(3, 4), draw.normal(4, 2)),
        Named("unexplained", "a"),
    ),
}
