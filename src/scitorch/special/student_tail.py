"""Student's density and the derivatives of his distribution function in the degrees of freedom."""

from math import factorial
from typing import Any

import numpy as np
import scipy.special as sc
from numpy.typing import NDArray

from scitorch.core import Sample, operator

from .polygamma import BERNOULLI, gap, times
from .tails import FADED, by_items, faded, integral, moment, stirling_error

Array = NDArray[Any]

HUGE = 1e300  # stands for infinitely many degrees of freedom: the normal distribution, to the last digit


@operator("(),()->()", batch="native")
def student_density(df: Array, t: Array) -> Array:
    """Density of Student's t distribution.

    Parameters
    ----------
    df : Tensor
        Degrees of freedom, real and positive.
    t : Tensor
        Real; broadcast against them.

    Returns
    -------
    Tensor of the broadcast shape

    Notes
    -----
    Differentiable in both to any order; the logarithm's derivatives in ``df`` are `student_score`.

    References
    ----------
    DLMF 8.17.ii; C. Loader, "Fast and accurate computation of binomial probabilities" (2000).

    Examples
    --------
    >>> import torch
    >>> student_density(1.0, torch.tensor([0.0, 1.0]))
    tensor([0.3183, 0.1592])
    """
    return by_items(_density, df, t)


@operator("(),()->()", batch="native")
def student_score(df: Array, t: Array, *, k: int = 1) -> Array:
    """Derivative of order k, in the degrees of freedom, of the logarithm of Student's density.

    Parameters
    ----------
    df : Tensor
        Degrees of freedom, real and positive.
    t : Tensor
        Real; broadcast against them.
    k : int
        Order, from 1 on.

    Returns
    -------
    Tensor of the broadcast shape

    Notes
    -----
    Differentiable in both to any order. The first is exact for large ``df`` too, where it decays as ``df**-2`` and its
    terms as ``1/df``; each further order loses digits there.

    References
    ----------
    DLMF 5.11.2, 5.15.

    Examples
    --------
    >>> import torch
    >>> student_score(1.0, torch.tensor(1.0))
    tensor(0.3466)
    """
    return by_items(lambda df, t: _score(k, df, _constant(k, df), _log_ratio(df, t)), df, t)


def _log_ratio(df: Array, t: Array) -> Array:
    """log(t²/ν)."""
    return 2 * np.log(np.abs(t)) - np.log(np.minimum(df, HUGE))


def _density(df: Array, t: Array) -> Array:
    """By Stirling's formula, in which the large parts of log Γ(m + 1/2) − log Γ(m) are gone."""
    df = np.minimum(df, HUGE)
    m = df / 2
    constant = m * np.log1p(0.5 / m) - 0.5 + stirling_error(m + 0.5) - stirling_error(m)
    u = _log_ratio(df, t)
    # t²/ν overflows before its logarithm does.
    power = np.where(u < 0, np.log1p(t * t / df), np.logaddexp(0, u))
    return np.where(df > 0, np.exp(constant - (m + 0.5) * power) / np.sqrt(2 * np.pi), np.nan)


def _constant(k: int, df: Array) -> Array:
    """The part of ∂ᵏ log f that is free of t, for log f = log Γ((ν+1)/2) − log Γ(ν/2) − log(πν)/2 + …."""
    df = np.minimum(df, HUGE)
    if k > 1:
        return gap(k - 1, df / 2, np.full_like(df, 0.5)) / 2**k + (-1) ** k * factorial(k - 1) / 2 * df**-k
    # (ψ((ν+1)/2) − ψ(ν/2))/2 − 1/(2ν): the asymptotic series has lost its first term, by hand.
    large = np.maximum(df, 40.0)
    series = sum((4**n - 1) * B / (2 * n) * large ** (-2 * n) for n, B in enumerate(BERNOULLI[:8], 1))
    return np.where(df < 40, gap(0, df / 2, np.full_like(df, 0.5)) / 2 - 0.5 / df, series)


def _score(k: int, df: Array, constant: Array, u: Array) -> Array:
    """∂ᵏ log f in the degrees of freedom ν, at log(t²/ν) = u: its constant part and that of −(ν+1)/2 log(1 + t²/ν).

    With w = t²/(ν + t²) and c = 1 − w the derivatives of log ν − log(ν + t²) are powers of 1/ν times 1 − cᵏ.
    """
    df = np.minimum(df, HUGE)
    if k > 1:
        sign, c = (-1) ** k, sc.expit(-u)
        powers = -factorial(k - 1) * (df + 1) * (1 - c**k) + factorial(k - 2) * k * df * (1 - c ** (k - 1))
        return constant + sign / 2 * df**-k * powers
    w = sc.expit(u)
    # log(1 + t²/ν) − w = −log(1 − w) − w, from w²/2 on.
    tail = np.logaddexp(0, u) - w
    small = w < 0.1
    tail[small] = w[small] ** 2 * np.polynomial.polynomial.polyval(w[small], 1 / np.arange(2.0, 18))
    return constant + w / (2 * df) - 0.5 * tail


@operator("(),()->()", batch="native")
def stdtr_derivative(df: Array, t: Array, *, n: int) -> Array:
    """Derivative of Student's distribution function, n times in the degrees of freedom.

    Parameters
    ----------
    df : Tensor
        Degrees of freedom, real and positive.
    t : Tensor
        Real; broadcast against them.
    n : int
        Order, from 1 on.

    Returns
    -------
    Tensor of the broadcast shape

    Notes
    -----
    The integral of the density's derivative from 0 to ``t``, or from ``t`` to infinity: where the integrand has one
    sign. In the logarithm of ``t``, by Gauss quadrature with bisection to rounding error. Again differentiable to any
    order in both; for large ``df`` each order from the second on loses digits.

    References
    ----------
    See `scitorch.special.tails`.

    Examples
    --------
    >>> import torch
    >>> stdtr_derivative(1.0, torch.tensor([0.0, 1.0]), n=1)
    tensor([0.0000, 0.0662])
    """
    return by_items(lambda df, t: _derivative(df, t, n), df, t)


def _derivative(df: Array, t: Array, n: int) -> Array:
    """The integral over the side on which the density changes in one direction; it is odd in t."""
    result = np.where((df > 0) & ~np.isnan(t), 0.0, np.nan)
    inner = (result == 0) & (t != 0) & np.isfinite(t) & np.isfinite(df)
    centre = _score(1, df, _constant(1, df), _log_ratio(df, t)) > 0
    for side, chosen in ((-1.0, inner & centre), (1.0, inner & ~centre)):
        result[chosen] = -side * np.sign(t[chosen]) * _integral(df[chosen], np.abs(t[chosen]), side, n)
    return result


def _integral(df: Array, t: Array, side: float, n: int) -> Array:
    """∫ of the density's n-th derivative in df over τ = t eˢ beyond t (`side` 1), or τ = t e⁻ˢ down to 0 (−1)."""
    u = _log_ratio(df, t)
    start, half = np.logaddexp(0, u), (df + 1) / 2

    def exponent(s: Array) -> Array:
        return side * s - half * (np.logaddexp(0, u + 2 * side * s) - start)

    mode = np.maximum(-side * np.log(t), 0.0)
    peak = np.maximum(exponent(mode), 0.0)
    # Bounds of the exponent: half (start − u) − ν s above, half start − s below.
    far = (FADED + half * (start - u)) / df if side > 0 else FADED + half * start
    end = faded(exponent, lambda s: side * (1 - 2 * half * sc.expit(u + 2 * side * s)), peak, np.maximum(far, mode))

    constants = [_constant(order, df) for order in range(1, n + 1)]

    def integrand(k: Array, s: Array) -> Array:
        at = u[k] + 2 * side * s
        weight = np.exp(side * s - half[k] * (np.logaddexp(0, at) - start[k]) - peak[k])
        return weight * moment(lambda order, _: _score(order, df[k], constants[order - 1][k], at), n)

    bend = np.maximum(-side * u / 2, 0.0)  # where t² is ν
    return integral(integrand, end, bend) * t * _density(df, t) * np.exp(peak)


student_density.partials(
    df=lambda df, t, out: out * student_score(df, t),
    t=lambda df, t, out: -(df + 1) * t / (df + t * t) * out,
)
student_score.partials(
    df=lambda df, t, k: student_score(df, t, k=k + 1),
    # ∂ᵏ of −(ν+1) t/(ν+t²) by Leibniz' rule.
    t=lambda df, t, k: (-1) ** k * factorial(k) * t * (1 - t * t) / -((df + t * t) ** (k + 1)),
)
stdtr_derivative.partials(
    df=lambda df, t, n: stdtr_derivative(df, t, n=n + 1),
    t=lambda df, t, n: times(student_density(df, t), moment(lambda k, _: student_score(df, t, k=k), n)),
)


def _draw(rng: np.random.Generator) -> tuple[Array, Array]:
    return rng.uniform(0.5, 4, size=(2, 1)), rng.normal(size=2)


student_density.samples(lambda rng: [Sample(*_draw(rng))])
student_score.samples(lambda rng: [Sample(*_draw(rng), k=1), Sample(*_draw(rng), k=2)])
stdtr_derivative.samples(lambda rng: [Sample(*_draw(rng), n=1), Sample(*_draw(rng), n=2)])
stdtr_derivative.special_points(lambda rng: [Sample(np.array([1.0, 1e8]), np.array([0.0, 50.0]), n=1)])
