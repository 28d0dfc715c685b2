"""Student's density and the derivatives of his distribution function in the degrees of freedom."""

from math import factorial
from typing import Any

import numpy as np
import scipy.special as sc
from numpy.typing import NDArray

from scitorch.core import Sample, operator

from .polygamma import BERNOULLI, gap, times
from .tails import FADED, by_items, integral_and_size, moment, stirling_error

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
    return by_items(lambda df, t: _score_at(k, df, t), df, t)


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


def _score(k: int, df: Array, constant: Array, w: Array, c: Array, power: Array) -> Array:
    """∂ᵏ log f in the degrees of freedom ν: its constant part and that of −(ν+1)/2 log(1 + t²/ν).

    It is given w = t²/(ν + t²), c = 1 − w and power = −log c = log(1 + t²/ν); the derivatives of log ν − log(ν + t²)
    are powers of 1/ν times 1 − cᵏ.
    """
    if k > 1:
        sign = (-1) ** k
        powers = -factorial(k - 1) * (df + 1) * (1 - c**k) + factorial(k - 2) * k * df * (1 - c ** (k - 1))
        return constant + sign / 2 * df**-k * powers
    # power − w, of which small w leave w²/2: with q = w/(2−w), power is 2 artanh q, and 2q − w is q w.
    q = w / (2 - w)
    series = q * w + q**3 * np.polynomial.polynomial.polyval(q * q, 2 / np.arange(3.0, 17.0, 2))
    return constant + w / (2 * df) - 0.5 * np.where(w < 0.1, series, power - w)


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
    sign. Over ``arsinh(t / sqrt(df))``, by Gauss quadrature with bisection to rounding error. Again differentiable to
    any order in both; for large ``df`` each order from the second on loses digits.

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


def _score_at(k: int, df: Array, t: Array) -> Array:
    u = _log_ratio(df, t)
    return _score(k, np.minimum(df, HUGE), _constant(k, df), sc.expit(u), sc.expit(-u), np.logaddexp(0, u))


def _derivative(df: Array, t: Array, n: int) -> Array:
    """The integral over the side on which the density changes in one direction; it is odd in t."""
    result = np.where((df > 0) & ~np.isnan(t), 0.0, np.nan)
    inner = (result == 0) & (t != 0) & np.isfinite(t) & np.isfinite(df)
    centre = _score_at(1, df, t) > 0
    for side, chosen in ((_centre, inner & centre), (_tail, inner & ~centre)):
        result[chosen] = np.sign(t[chosen]) * side(np.minimum(df[chosen], HUGE), np.abs(t[chosen]), n)
    return result


def _centre(df: Array, t: Array, n: int) -> Array:
    """∫ of the density's n-th derivative in df from 0 to t = √ν sinh y, over y: there f dt is a multiple of cosh^-ν."""
    zero = np.zeros_like(df)
    end = np.minimum(np.arcsinh(t / np.sqrt(df)), _arcosh_exp(FADED / df))
    return _integral(df, zero, np.stack([zero, end]), n) * np.sqrt(df) * _density(df, zero)


def _tail(df: Array, t: Array, n: int) -> Array:
    """The same from t up, with the sign changed."""
    scale = np.exp(0.5 * np.logaddexp(np.log(df), 2 * np.log(t))) * _density(df, t)
    start = _arcsinh_ratio(df, t)
    power = np.logaddexp(0, _log_ratio(df, t))
    length = np.maximum(_arcosh_exp(FADED / df + power / 2) - start, 0)
    # Where the density underflows nothing is left, and the exponent loses its digits.
    return -_integral(df, start, np.array([[0.0], [0.3], [1.0]]) * np.where(scale > 0, length, 0), n) * scale


def _arcsinh_ratio(df: Array, t: Array) -> Array:
    """Arcsinh of t/√ν, which may overflow."""
    return np.where(t < 1e150, np.arcsinh(t / np.sqrt(df)), np.log(2.0) + np.log(t) - np.log(df) / 2)


def _arcosh_exp(x: Array) -> Array:
    """Arcosh of eˣ, which may overflow."""
    above = np.expm1(np.minimum(x, 300.0))
    return np.where(x < 300, np.log1p(above + np.sqrt(above * (above + 2))), x + np.log(2.0))


def _integral(df: Array, start: Array, edges: Array, n: int) -> Array:
    """∫ of (cosh y / cosh start)^-ν times the n-th derivative's polynomial of scores, over s = y − start."""
    constants = [_constant(order, df) for order in range(1, n + 1)]
    cosh, left = np.cosh(np.minimum(start, 2.0)), np.log1p(np.exp(-2 * start))

    def integrand(k: Array, s: Array) -> Array:
        y = start[k] + s
        part = -np.expm1(-2 * y)
        w = (part / (2 - part)) ** 2
        # log cosh² y = −log(1 − w), and for large y what is left of 2y.
        near = w < 0.5
        log = np.log1p(np.where(near, -w, 1 - part))
        power = np.where(near, -log, 2 * (y - np.log(2.0) + log))
        # Its excess over that of the start: cosh² y − cosh² start = sinh s · sinh(y + start).
        close = np.sinh(np.where(near, s, 0)) * np.sinh(np.where(near, y + start[k], 0)) / cosh[k] ** 2
        excess = np.where(near, np.log1p(close), 2 * (s + log - left[k]))
        c = 4 * (1 - part) / (2 - part) ** 2
        weight = np.exp(-0.5 * df[k] * excess)
        return weight * moment(lambda order, _: _score(order, df[k], constants[order - 1][k], w, c, power), n)

    return integral_and_size(integrand, edges)[0]


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
