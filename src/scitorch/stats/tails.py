"""The tails of gamma and beta distributions, of which all distributions here are made, and their logarithms.

Where a probability underflows, its logarithm comes from that of the density and an integral over the tail relative to
it (`scitorch.special.tail_integrals`), and so do the logarithm's derivatives, which are moments of that tail.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from scitorch.special import betainc, betaincc, betaln, gammainc, gammaincc
from scitorch.special.polygamma import log_gamma
from scitorch.special.tail_integrals import beta_tail_integral, gamma_lower_integral, gamma_upper_integral


class Tail(NamedTuple):
    """One side of a distribution.

    Attributes
    ----------
    probability : callable
        Gives the probability of that side.
    logarithm : callable
        Gives its logarithm where a mask says so, deep in the tail, and anything finite elsewhere.
    """

    probability: Callable[[], Tensor]
    logarithm: Callable[[Tensor], Tensor]


Tails = tuple[Tail, Tail]  # below a value, and above it


def gamma_tails(a: Any, x: Tensor) -> Tails:
    """The gamma distribution of shape `a` and rate one, at x."""
    return (
        Tail(partial(gammainc, a, x), partial(_gamma_below, a, x)),
        Tail(partial(gammaincc, a, x), partial(_gamma_above, a, x)),
    )


def beta_below(a: Any, b: Any, x: Tensor, part: Tensor, rest: Any, power: int = 1) -> Tail:
    """The beta distribution's lower tail up to x, of which the odds are known as a power of ``part / rest``, too."""
    return Tail(partial(betainc, a, b, x), partial(_beta_below, a, b, part, rest, power))


def beta_tails(a: Any, b: Any, x: Tensor) -> Tails:
    """The beta distribution at x."""
    above = Tail(partial(betaincc, a, b, x), partial(_beta_below, b, a, 1 - x, x, 1))
    return beta_below(a, b, x, x, 1 - x), above


def log_of(tail: Tail, complement: Tail) -> Tensor:
    """The logarithm of a probability, from whichever of it and its complement is the smaller.

    Each of the three branches is given harmless numbers where it isn't taken, so that its derivatives are finite there.
    """
    p = tail.probability()
    # Its fourth power still is a number, and so are derivatives to the third order of its logarithm.
    deep, small = p < torch.finfo(p.dtype).tiny ** 0.25, p < 0.5
    near = torch.where(small, 0, complement.probability())
    ordinary = torch.where(small, torch.where(small & ~deep, p, 1).log(), torch.log1p(-near))
    return torch.where(deep, tail.logarithm(deep), ordinary)


def _gamma_below(a: Any, x: Tensor, deep: Tensor) -> Tensor:
    """Log of x^a e^-x / Γ(a) times the integral."""
    shape, at = torch.where(deep, a, 1), torch.where(deep, x, 0)
    log_density = shape * torch.where(deep, x, 1).log() - at - log_gamma(shape)
    return log_density + gamma_lower_integral(shape, at).log()


def _gamma_above(a: Any, x: Tensor, deep: Tensor) -> Tensor:
    """Log of x^(a−1) e^-x / Γ(a) times the integral; at infinity the x alone counts."""
    inner = deep & torch.isfinite(x)
    shape, at = torch.where(inner, a, 1), torch.where(inner, x, 1)
    log_density = (shape - 1) * at.log() - at - log_gamma(shape)
    integral = gamma_upper_integral(shape, torch.where(inner, x, torch.inf))
    return torch.where(deep & ~inner, -x, log_density + integral.log())


def _beta_below(a: Any, b: Any, part: Tensor, rest: Any, power: int, deep: Tensor) -> Tensor:
    """Log of x^a (1−x)^(b−1) / B(a, b) times the integral, of the odds."""
    a, b = torch.where(deep, a, 1), torch.where(deep, b, 1)
    log_odds = power * (torch.where(deep, part, 1).log() - torch.where(deep, rest, 1).log())
    odds = torch.where(deep, log_odds.exp(), 0)
    log_density = a * log_odds - (a + b - 1) * torch.log1p(odds) - betaln(a, b)
    return log_density + beta_tail_integral(a, b, odds).log()
