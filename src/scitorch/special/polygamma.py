"""Polygamma functions and their differences, for the derivatives of gamma and beta functions."""

from math import factorial
from typing import Any

import numpy as np
import scipy.special as sc
import torch
from numpy.typing import NDArray

from scitorch.core import Sample, operator

Array = NDArray[Any]

SHIFT = 12  # the argument from which the asymptotic series is good to the last digit
BERNOULLI = sc.bernoulli(24)[2::2]


@operator("()->()", batch="native")
def polygamma(x: Array, *, n: int = 0) -> Array:
    """Polygamma function: the derivative of order n + 1 of log Γ.

    Parameters
    ----------
    x : Tensor of any shape
        Real.
    n : int
        Order, from 0 (the digamma function) on.

    Returns
    -------
    Tensor of the same shape

    Notes
    -----
    The derivative is the polygamma function of order ``n + 1``. PyTorch's own `torch.polygamma` is exact to 1e-9 only
    for ``n = 1`` and takes no part in second derivatives here. For ``n > 0`` negative ``x`` gives NaN, as in SciPy.

    References
    ----------
    DLMF 5.15; `scipy.special.polygamma`, `scipy.special.digamma`.

    Examples
    --------
    >>> import torch
    >>> polygamma(torch.tensor([1.0, 2.0]), n=1)
    tensor([1.6449, 0.6449])
    """
    return sc.digamma(x) if n == 0 else sc.polygamma(n, x)


polygamma.partials(x=lambda x, n: polygamma(x, n=n + 1))
polygamma.samples(lambda rng: [Sample(rng.uniform(0.5, 3, size=(2, 2)), n=0), Sample(rng.uniform(0.5, 3, size=2), n=2)])


@operator("()->()", batch="native")
def log_gamma(x: Array) -> Array:
    """Logarithm of the absolute value of the gamma function.

    Parameters
    ----------
    x : Tensor of any shape
        Real.

    Returns
    -------
    Tensor of the same shape

    Notes
    -----
    The derivative is `polygamma`, to any order exact; that of `torch.lgamma` isn't from the second on.

    References
    ----------
    DLMF 5.15; `scipy.special.gammaln`.

    Examples
    --------
    >>> import torch
    >>> log_gamma(torch.tensor([1.0, 4.0]))
    tensor([0.0000, 1.7918])
    """
    return sc.gammaln(x)


log_gamma.partials(x=lambda x: polygamma(x))
log_gamma.samples(lambda rng: [Sample(rng.uniform(0.5, 3, size=(2, 2)))])


@operator("(),()->()", batch="native")
def polygamma_gap(a: Array, b: Array, *, n: int = 0) -> Array:
    """Difference of polygamma functions, ψ⁽ⁿ⁾(a + b) − ψ⁽ⁿ⁾(a), without cancellation.

    Parameters
    ----------
    a, b : Tensor
        Real, with ``a > 0`` and ``a + b > 0``.
    n : int
        Order, from 0 on.

    Returns
    -------
    Tensor of the broadcast shape
        NaN outside of the domain.

    Notes
    -----
    With ``n = 0`` it is minus the derivative of ``log B(a, b)`` in ``a``. The derivative in ``a`` is the same of order
    ``n + 1``, the one in ``b`` is ψ⁽ⁿ⁺¹⁾(a + b).

    References
    ----------
    DLMF 5.5.2, 5.11.2, 5.15.8.

    Examples
    --------
    >>> import torch
    >>> polygamma_gap(torch.tensor(1e6), torch.tensor(1.0))
    tensor(1.0000e-06)
    """
    return gap(n, np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64))


polygamma_gap.partials(
    a=lambda a, b, n: polygamma_gap(a, b, n=n + 1),
    b=lambda a, b, n: polygamma(a + b, n=n + 1),
)
polygamma_gap.samples(
    lambda rng: [
        Sample(rng.uniform(0.5, 3, size=(2, 1)), rng.uniform(0.5, 3, size=3), n=0),
        Sample(rng.uniform(0.5, 3, size=2), rng.uniform(0.5, 3, size=2), n=1),
    ]
)


def gap(n: int, a: Array, b: Array) -> Array:
    """ψ⁽ⁿ⁾(a + b) − ψ⁽ⁿ⁾(a) for a and a + b positive.

    Both arguments are raised by the recurrence and then go into the asymptotic series. Every term is a difference of
    powers, w^m − u^m with w = 1/(a + b) and u = 1/a, built up from w − u = −b w u by sums of one sign.
    """
    sign, shift, inside = (-1) ** n, SHIFT + n, (a > 0) & (a + b > 0)
    with np.errstate(all="ignore"):
        total = sum(_powers(a + k, b, n + 1)[n] for k in range(shift)) * (-sign * factorial(n))
        a = a + shift
        powers = _powers(a, b, n + 2 * len(BERNOULLI))
        terms = [
            B * factorial(2 * k + n - 1) / factorial(2 * k) * powers[2 * k + n - 1] for k, B in enumerate(BERNOULLI, 1)
        ]
        # From the smallest term to the largest.
        series = sum(reversed(terms)) + factorial(n) / 2 * powers[n]
        leading = -np.log1p(b / a) if n == 0 else factorial(n - 1) * powers[n - 1]
        result = total - sign * (series + leading)
    return np.where(inside, result, np.nan)


def _powers(a: Array, b: Array, count: int) -> list[Array]:
    """(a + b)^-m − a^-m for m from 1 to `count`."""
    w, u = 1 / (a + b), 1 / a
    step = -b * w * u
    differences, power = [step], u
    for _ in range(count - 1):
        differences.append(w * differences[-1] + step * power)
        power = power * u
    return differences


def digamma_excess(a: Array) -> Array:
    """ψ(a) − log a, which for large a is far smaller than either."""
    large = np.maximum(a, SHIFT)
    w = 1 / large**2
    series = -0.5 / large - sum(B / (2 * k) * w**k for k, B in reversed([*enumerate(BERNOULLI, 1)]))
    return np.where(a < SHIFT, sc.digamma(a) - np.log(a), series)


def times(factor: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """The product, where the factor being zero settles that the product is, whatever the value."""
    return factor * value.masked_fill(factor == 0, 0)
