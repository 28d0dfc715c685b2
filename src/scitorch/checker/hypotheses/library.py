"""Functions of one number whose derivatives get confused."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Elementwise = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Known:
    """A function of one number.

    Attributes
    ----------
    name : str
    value, slope : callable
        The function and its derivative.
    formula : str
        The derivative's, with ``{}`` for the argument.
    slope_by_result : callable, optional
        The derivative, given the function's result instead of its argument.
    real : bool
        Whether it is one of real numbers only.
    """

    name: str
    value: Elementwise
    slope: Elementwise
    formula: str
    slope_by_result: Elementwise | None = None
    real: bool = False


# The simplest first: where two fit (abs and identity for positive numbers) the first is named.
LIBRARY = (
    Known("identity", lambda x: x, torch.ones_like, "1"),
    Known("square", lambda x: x**2, lambda x: 2 * x, "2 {}"),
    Known("cube", lambda x: x**3, lambda x: 3 * x**2, "3 {}²"),
    Known("exp", torch.exp, torch.exp, "exp({})", lambda y: y),
    Known("log", torch.log, lambda x: 1 / x, "1 / {}", lambda y: torch.exp(-y)),
    Known("sqrt", torch.sqrt, lambda x: 0.5 / torch.sqrt(x), "1 / (2 √{})", lambda y: 0.5 / y),
    Known("reciprocal", lambda x: 1 / x, lambda x: -1 / x**2, "−1 / {}²", lambda y: -(y**2)),
    Known("sin", torch.sin, torch.cos, "cos({})"),
    Known("cos", torch.cos, lambda x: -torch.sin(x), "−sin({})"),
    Known("tan", torch.tan, lambda x: 1 + torch.tan(x) ** 2, "1 + tan({})²", lambda y: 1 + y**2),
    Known("tanh", torch.tanh, lambda x: 1 - torch.tanh(x) ** 2, "1 − tanh({})²", lambda y: 1 - y**2),
    Known("sinh", torch.sinh, torch.cosh, "cosh({})"),
    Known("cosh", torch.cosh, torch.sinh, "sinh({})"),
    Known(
        "sigmoid",
        torch.sigmoid,
        lambda x: torch.sigmoid(x) * (1 - torch.sigmoid(x)),
        "sigmoid({0}) (1 − sigmoid({0}))",
        lambda y: y * (1 - y),
    ),
    Known("log1p", torch.log1p, lambda x: 1 / (1 + x), "1 / (1 + {})", lambda y: torch.exp(-y)),
    Known("expm1", torch.expm1, torch.exp, "exp({})", lambda y: 1 + y),
    Known("arctan", torch.atan, lambda x: 1 / (1 + x**2), "1 / (1 + {}²)"),
    Known("arcsin", torch.asin, lambda x: 1 / torch.sqrt(1 - x**2), "1 / √(1 − {}²)"),
    Known("relu", torch.relu, lambda x: (x > 0).to(x.dtype), "1 where {} > 0", real=True),
    Known("abs", torch.abs, torch.sign, "sign({})", real=True),
    Known("erf", torch.erf, lambda x: 2 / math.sqrt(math.pi) * torch.exp(-(x**2)), "2/√π exp(−{}²)", real=True),
    Known(
        "softplus", torch.nn.functional.softplus, torch.sigmoid, "sigmoid({})", lambda y: -torch.expm1(-y), real=True
    ),
    Known("Gaussian", lambda x: torch.exp(-(x**2)), lambda x: -2 * x * torch.exp(-(x**2)), "−2 {0} exp(−{0}²)"),
    Known("log10", torch.log10, lambda x: 1 / (math.log(10) * x), "1 / (ln(10) {})"),
    Known("log2", torch.log2, lambda x: 1 / (math.log(2) * x), "1 / (ln(2) {})"),
    Known("sinc", torch.sinc, lambda x: (torch.cos(math.pi * x) - torch.sinc(x)) / x, "sinc′({})"),
)


def suited(value: Tensor) -> tuple[Known, ...]:
    """The functions that take such numbers."""
    return tuple(known for known in LIBRARY if not (known.real and value.is_complex()))
