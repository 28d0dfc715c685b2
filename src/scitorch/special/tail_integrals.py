"""Tails of the beta and gamma distributions over their densities, which hold where the tails themselves underflow.

Each is an integral of e^-v times something slow, free of the density's scale, and each derivative of it is another of
the same kind with a positive integrand: nothing cancels at any order. They serve logarithms of tails; where the tail is
most of the distribution they are exact as well, but slow.
"""

from collections.abc import Callable
from math import comb, factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scitorch.core import Sample, operator

from .polygamma import times
from .tails import FADED, by_items, integral_and_size

Array = NDArray[Any]

REACH = 1.3 * FADED  # farther than e^-v alone has faded, for the powers beside it


def _integral(integrand: Callable[[Array, Array], Array], bend: Array, end: Array) -> Array:
    """∫ over v from 0 to `end` of what changes, besides e^-v, on the scale `bend`: from there panels grow."""
    bend = np.clip(bend, 1e-12 * end, end)
    return integral_and_size(integrand, np.concatenate([np.zeros((1, end.size)), np.geomspace(bend, end, 6)]))[0]


@operator("(),(),()->()", batch="native")
def beta_tail_integral(a: Array, b: Array, r: Array, *, i: int = 0, j: int = 0, m: int = 0, k: int = 0) -> Array:
    """Integral of s^i u^m log(1+ru)^j (1+ru)^(b-1-k) e^(-as) over s from 0 to infinity, with u = 1 - e^(-s).

    Parameters
    ----------
    a, b, r : Tensor
        Real and broadcast, ``a > 0``, ``b >= 0``, ``r >= 0``.
    i, j, m, k : int
        Powers.

    Returns
    -------
    Tensor of the broadcast shape
        Infinite where it is too large for doubles, as for large ``b`` and ``r``.

    Notes
    -----
    Without the powers it is the beta distribution's probability of at most ``r / (1 + r)`` over the density there, over
    that point. Differentiable to any order: each derivative changes the powers.

    References
    ----------
    DLMF 8.17; see `scitorch.special.tails`.

    Examples
    --------
    >>> import torch
    >>> beta_tail_integral(2.0, 1.0, torch.tensor([0.0, 1.0]))
    tensor([0.5000, 0.5000])
    """
    return by_items(lambda a, b, r: _beta(a, b, r, i, j, m, k), a, b, r)


beta_tail_integral.partials(
    a=lambda a, b, r, i, j, m, k: -beta_tail_integral(a, b, r, i=i + 1, j=j, m=m, k=k),
    b=lambda a, b, r, i, j, m, k: beta_tail_integral(a, b, r, i=i, j=j + 1, m=m, k=k),
    r=lambda a, b, r, i, j, m, k: (
        times(b - 1 - k, beta_tail_integral(a, b, r, i=i, j=j, m=m + 1, k=k + 1))
        + (j * beta_tail_integral(a, b, r, i=i, j=j - 1, m=m + 1, k=k + 1) if j else 0)
    ),
)


def _beta(a: Array, b: Array, r: Array, i: int, j: int, m: int, k: int) -> Array:
    result = np.where((a > 0) & (b >= 0) & (r >= 0), np.zeros_like(a) if j else _at_zero(a, i, m), np.nan)
    inner = ~np.isnan(result) & (r > 0)
    a, b, r = a[inner], b[inner], r[inner]
    # Two bounds of (b−1) log(1+ru): by its largest value, and by its slope r/a in v = a s, as it is concave for b > 1.
    rise = np.maximum(b - 1 - k, 0)
    end = np.fmin(REACH + rise * np.log1p(r), REACH / np.maximum(1 - rise * r / a, 0))

    def integrand(item: Array, v: Array) -> Array:
        s = v / a[item]
        u = -np.expm1(-s)
        log = np.log1p(r[item] * u)
        return s**i * u**m * log**j * np.exp((b[item] - 1 - k) * log - v)

    result[inner] = _integral(integrand, a / np.maximum(r, 1), end) / a
    return result


def _at_zero(a: Array, i: int, m: int) -> Array:
    """∫ s^i (1−e^-s)^m e^(-as) ds, which is what is left at zero; elements that aren't wanted are put there."""
    return sum(comb(m, l) * (-1) ** l * factorial(i) / (a + l) ** (i + 1) for l in range(m + 1)) + np.zeros_like(a)


@operator("(),()->()", batch="native")
def gamma_lower_integral(a: Array, x: Array, *, i: int = 0, m: int = 0) -> Array:
    """Integral of s^i u^m e^(xu - as) over s from 0 to infinity, with u = 1 - e^(-s).

    Parameters
    ----------
    a, x : Tensor
        Real and broadcast, ``a > 0``, ``x >= 0``.
    i, m : int
        Powers.

    Returns
    -------
    Tensor of the broadcast shape
        Infinite where it is too large for doubles, as for large ``x``.

    Notes
    -----
    Without the powers it is the gamma distribution's probability of at most ``x`` over the density there, over ``x``.
    Differentiable to any order: each derivative changes the powers.

    References
    ----------
    DLMF 8.2.1; see `scitorch.special.tails`.

    Examples
    --------
    >>> import torch
    >>> gamma_lower_integral(1.0, torch.tensor([0.0, 1.0]))
    tensor([1.0000, 1.7183])
    """
    return by_items(lambda a, x: _lower(a, x, i, m), a, x)


gamma_lower_integral.partials(
    a=lambda a, x, i, m: -gamma_lower_integral(a, x, i=i + 1, m=m),
    x=lambda a, x, i, m: gamma_lower_integral(a, x, i=i, m=m + 1),
)


def _lower(a: Array, x: Array, i: int, m: int) -> Array:
    result = np.where((a > 0) & (x >= 0), _at_zero(a, i, m), np.nan)
    inner = ~np.isnan(result) & (x > 0)
    a, x = a[inner], x[inner]
    # As above: x u is at most x and, as it is concave, at most its slope times v = a s.
    end = np.fmin(REACH + x, REACH / np.maximum(1 - x / a, 0))

    def integrand(item: Array, v: Array) -> Array:
        s = v / a[item]
        u = -np.expm1(-s)
        return s**i * u**m * np.exp(x[item] * u - v)

    result[inner] = _integral(integrand, a / np.maximum(x, 1), end) / a
    return result


@operator("(),()->()", batch="native")
def gamma_upper_integral(a: Array, x: Array, *, i: int = 0, p: int = 0, q: int = 0) -> Array:
    """Integral of log(1+v/x)^i v^p (1+v/x)^(a-1-q) e^(-v) over v from 0 to infinity.

    Parameters
    ----------
    a, x : Tensor
        Real and broadcast, ``a >= 0``, ``x > 0``.
    i, p, q : int
        Powers.

    Returns
    -------
    Tensor of the broadcast shape
        Infinite where it is too large for doubles, as for large ``a`` over a small ``x``.

    Notes
    -----
    Without the powers it is the gamma distribution's probability of more than ``x`` over the density there.
    Differentiable to any order: each derivative changes the powers.

    References
    ----------
    DLMF 8.6.5; see `scitorch.special.tails`.

    Examples
    --------
    >>> import torch
    >>> gamma_upper_integral(2.0, torch.tensor([1.0, 4.0]))
    tensor([2.0000, 1.2500])
    """
    return by_items(lambda a, x: _upper(a, x, i, p, q), a, x)


gamma_upper_integral.partials(
    a=lambda a, x, i, p, q: gamma_upper_integral(a, x, i=i + 1, p=p, q=q),
    x=lambda a, x, i, p, q: (
        (
            times(1 + q - a, gamma_upper_integral(a, x, i=i, p=p + 1, q=q + 1))
            - (i * gamma_upper_integral(a, x, i=i - 1, p=p + 1, q=q + 1) if i else 0)
        )
        / x**2
    ),
)


def _upper(a: Array, x: Array, i: int, p: int, q: int) -> Array:
    # At infinity, where elements that aren't wanted are put, the logarithm is gone.
    result = np.where((a >= 0) & (x > 0), 0.0 if i else float(factorial(p)), np.nan)
    inner = ~np.isnan(result) & np.isfinite(x)
    a, x = a[inner], x[inner]
    # The power, by its slope at zero; and by the line of slope 1/2 that touches its logarithm, at v = 2 rise − x.
    rise = np.maximum(a - 1 - q, 0)
    touching = np.where(2 * rise > x, rise * np.log(2 * rise / x) - rise + x / 2, 0)
    end = np.fmin(2 * (REACH + touching), REACH / np.maximum(1 - rise / x, 0))

    def integrand(item: Array, v: Array) -> Array:
        log = np.log1p(v / x[item])
        return log**i * v**p * np.exp((a[item] - 1 - q) * log - v)

    result[inner] = _integral(integrand, x, end)
    return result


beta_tail_integral.samples(
    lambda rng: [
        Sample(rng.uniform(1, 3, size=(2, 1)), rng.uniform(0.5, 3, size=2), rng.uniform(0.2, 0.7, size=2)),
        Sample(np.array(2.5), rng.uniform(0.5, 3, size=2), np.array(0.5), i=1, j=1, m=1, k=1),
    ]
)
gamma_lower_integral.samples(
    lambda rng: [
        Sample(rng.uniform(1, 3, size=(2, 1)), rng.uniform(0.2, 0.7, size=2)),
        Sample(rng.uniform(1, 3, size=2), np.array(0.5), i=1, m=1),
    ]
)
gamma_upper_integral.samples(
    lambda rng: [
        Sample(rng.uniform(1, 3, size=(2, 1)), rng.uniform(2, 5, size=2)),
        Sample(rng.uniform(1, 3, size=2), np.array(3.5), i=1, p=1, q=1),
    ]
)
beta_tail_integral.special_points(lambda rng: [Sample(np.full(2, 2.0), np.array([1.0, 0.5]), np.zeros(2))])
gamma_lower_integral.special_points(lambda rng: [Sample(np.full(2, 2.0), np.zeros(2))])
gamma_upper_integral.special_points(lambda rng: [Sample(np.array([0.0, 1.0]), np.array([1.0, 1e300]))])
