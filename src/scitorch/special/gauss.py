"""Derivatives of Gauss' hypergeometric function."""

from collections.abc import Callable
from functools import partial
from math import factorial
from typing import Any

import numpy as np
import scipy.special as sc
from numpy.typing import NDArray

from scitorch.core import Sample, operator

from .jets import (
    DOUBLE,
    Jet,
    Linear,
    Order,
    best,
    highest,
    highest_of_product,
    linear,
    multiplied,
    orders_to,
    parts_of,
    series,
    values,
)
from .pairs import Pair
from .tails import FADED, integral_and_size, moment

Array = NDArray[Any]

FADES = 0.96  # modulus up to which the series is sure to be summed by so many terms
TERMS = 2000


@operator("(),(),(),()->()", batch="native", real=("a", "b", "c"))
def hyp2f1_derivative(a: Array, b: Array, c: Array, z: Array, *, i: int, j: int, k: int, m: int) -> Array:
    """Derivative of Gauss' hypergeometric function, i times in a, j times in b, k times in c, m in z.

    Parameters
    ----------
    a, b, c : Tensor
        Real parameters, ``c`` not zero nor a negative integer.
    z : Tensor
        Real, at most one, or complex; broadcast against the parameters.
    i, j, k, m : int
        Orders.

    Returns
    -------
    Tensor of the broadcast shape
        NaN where no method has nine digits: those that there are need ``|z| < 0.96``, ``|z / (z - 1)| < 0.96``, or
        real ``z < 1`` with ``c > b > 0`` or ``c > a > 0`` (also ``z = 1`` where the function is finite there).

    Notes
    -----
    The series, or that of Pfaff's transformation, differentiated term by term: in doubles where nothing cancels, else
    with 32 digits. Near its circle of convergence Euler's integral, differentiated under the sign. Bounds of the error
    decide. The derivative in ``z`` is ``a b / c`` times the function of ``a + 1, b + 1, c + 1``. Again differentiable
    to any order in everything.

    References
    ----------
    DLMF 15.2.1, 15.5.1, 15.6.1, 15.8.1; see `scitorch.special.jets`.

    Examples
    --------
    >>> import torch
    >>> hyp2f1_derivative(1.0, 1.0, 1.0, torch.tensor([0.0, 0.5]), i=1, j=0, k=0, m=0)
    tensor([0.0000, 1.3863])
    """
    most = (i, j, k)
    swapped = (j, i, k)

    def in_b(method: Callable[..., tuple[Array, Array]]) -> Callable[..., tuple[Array, Array]]:
        return lambda a, b, c, z: method(b, a, c, z, most=swapped, m=m)

    return best(
        [
            (_inside, partial(_direct, most=most, m=m, precise=False)),
            (_inside, partial(_direct, most=most, m=m, precise=True)),
            (_beside, partial(_pfaff, most=most, m=m, precise=False)),
            (_beside, partial(_pfaff, most=most, m=m, precise=True)),
            (_beside, in_b(partial(_pfaff, precise=True))),
            (_between, partial(_euler, most=most, m=m)),
            (lambda a, b, c, z: _between(b, a, c, z), in_b(_euler)),
            # On the circle of convergence the series may be short, too, where c is large.
            (lambda a, b, c, z: np.abs(z) <= 1, partial(_direct, most=most, m=m, precise=True)),
        ],
        a,
        b,
        c,
        z,
    )


def _inside(a: Array, b: Array, c: Array, z: Array) -> Array:  # noqa: ARG001  all of them take the same arguments
    return np.abs(z) <= FADES


def _beside(a: Array, b: Array, c: Array, z: Array) -> Array:  # noqa: ARG001  as above
    return np.abs(z / (z - 1)) <= FADES


def _between(a: Array, b: Array, c: Array, z: Array) -> Array:  # noqa: ARG001  as above
    return (c > b) & (b > 0) & np.isreal(z) & (np.real(z) <= 1)


def _ahead(a: Array, b: Array, c: Array, m: int, precise: bool) -> tuple[list[Linear], list[Linear]]:
    """Of the m-th derivative: (a)ₘ (b)ₘ over (c)ₘ."""
    above = linear(a, (1, 0, 0), precise).rising(m) + linear(b, (0, 1, 0), precise).rising(m)
    return above, linear(c, (0, 0, 1), precise).rising(m)


def _direct(a: Array, b: Array, c: Array, z: Array, most: Order, m: int, precise: bool) -> tuple[Array, Array]:
    above = [linear(a, (1, 0, 0), precise).raised(m), linear(b, (0, 1, 0), precise).raised(m)]
    below = [linear(c, (0, 0, 1), precise).raised(m)]
    ahead = _ahead(a, b, c, m, precise)
    return highest(series(above, below, parts_of(z, precise), most, 1.0, ahead, TERMS), most)


def _pfaff(a: Array, b: Array, c: Array, z: Array, most: Order, m: int, precise: bool) -> tuple[Array, Array]:
    """(1−z)^-a F(a, c−b; c; z/(z−1))."""
    re, *im = parts_of(z, precise=True)
    if im:
        y = im[0]
        below = (re - 1.0) * (re - 1.0) + y * y
        w = [(re * re - re + y * y) / below, -y / below]
    else:
        w = [re / (re - 1.0)]
    above = [linear(a, (1, 0, 0), precise).raised(m), linear(Pair(c) - b, (0, -1, 1), precise)]
    w = w if precise else [part.high for part in w]
    jets = series(above, [linear(c, (0, 0, 1), precise).raised(m)], w, most, 1.0, _ahead(a, b, c, m, precise), TERMS)
    log = np.log1p(-z)
    factor: Jet = {(k, 0, 0): (-log) ** k / factorial(k) for k in range(most[0] + 1)}
    value, bound = highest_of_product(values(jets), jets.bound, factor, most, 4 * DOUBLE * (1 + np.abs((a + m) * log)))
    power = np.exp(-(a + m) * log)
    return value * power, bound * np.abs(power)


def _euler(a: Array, b: Array, c: Array, z: Array, most: Order, m: int) -> tuple[Array, Array]:
    """∂ᵐ in z of ∫ t^(b−1) (1−t)^(c−b−1) (1−zt)^-a dt / B(b, c−b), for real z, over the log odds s of t.

    A derivative in z brings a factor (a)ₘ tᵐ (1−zt)^-m, of which the powers raise the parameters.
    """
    i, j, k = most
    z, d = np.real(z), c - b

    def constant(k: int, l: int) -> Array:
        """∂ᵏ in b and ∂ˡ in c of −log B(b, c−b)."""
        own = -sc.polygamma(k - 1, b) if l == 0 else sc.polygamma(l - 1, c) if k == 0 else 0.0
        return own - (-1) ** k * sc.polygamma(k + l - 1, d)

    constants = {order: constant(*order) for order in orders_to((j, k)) if any(order)}
    # Taylor coefficients of (a)ₘ, times those of (1−zt)^-a.
    rising: Jet = {(r,): np.full_like(a, float(r == 0)) for r in range(i + 1)}
    for factor in linear(a, (1,), precise=False).rising(m):
        rising = multiplied(rising, factor.value, factor.slopes)
    log_constant, a, b = sc.betaln(b, d), a + m, b + m
    peak, edges = _peak_and_edges(a, b, d, z)

    def integrand(item: Array, s: Array) -> Array:
        log_t, log_rest, log_w = _logarithms(z[item], s)
        scores = {order: value[item] for order, value in constants.items()}
        if j:
            scores[1, 0] = scores[1, 0] + log_t - log_rest
        if k:
            scores[0, 1] = scores[0, 1] + log_rest
        weight = np.exp(b[item] * log_t + d[item] * log_rest - a[item] * log_w - peak[item])
        in_a = sum(rising[r,][item] * (-log_w) ** (i - r) * (factorial(i) / factorial(i - r)) for r in range(i + 1))
        return weight * in_a * moment(lambda k, l: scores[k, l], j, k)

    value, size = integral_and_size(integrand, edges)
    large = np.abs(peak) + np.abs(log_constant) + np.abs(a) + b + d
    scale = np.exp(peak - log_constant)
    return value * scale, size * scale * DOUBLE * (64 + 4 * large)


def _logarithms(z: Array, s: Array) -> tuple[Array, Array, Array]:
    """Of t, 1−t and 1−zt, for the log odds s of t."""
    log_t, log_rest = -np.logaddexp(0, -s), -np.logaddexp(0, s)
    zt = z * np.exp(log_t)
    far = np.logaddexp(-s, np.log(1 - z)) - np.logaddexp(0, -s)
    return log_t, log_rest, np.where(zt < 0.5, np.log1p(-np.minimum(zt, 0.5)), far)


def _peak_and_edges(a: Array, b: Array, d: Array, z: Array) -> tuple[Array, Array]:
    """The largest exponent b log t + d log(1−t) − a log(1−zt), and panels that get smaller towards its peaks."""
    # The slope is zero where b(1−t) − d t + a z t(1−t)/(1−zt) is: a quadratic equation in t.
    half, square = -(b + d + (b - a) * z) / 2, (b + d - a) * z
    root = half - np.copysign(np.sqrt(np.maximum(half * half - square * b, 0)), -half)
    turns = np.clip([-root / square, -b / root], np.finfo(float).tiny, 1 - DOUBLE)
    turns = np.where(np.isnan(turns), 0.5, turns)
    peaks = np.sort(np.log(turns) - np.log1p(-turns), axis=0)
    log_t, log_rest, log_w = _logarithms(z, peaks)
    peak = np.max(b * log_t + d * log_rest - a * log_w, axis=0)
    # Bounds of −a log(1−zt): below t = 1/2; above it; above it, and unless a and z are negative, rise · (s + log 2).
    start, fall, rise = np.maximum(-a * np.log1p(-z / 2), 0), np.maximum(-a * np.log(1 - z), 0), np.maximum(a, 0)
    low = np.minimum(-(FADED - peak + start) / b, 0)
    slower = (d > rise) & ((a >= 0) | (z >= 0))
    high = np.fmin((FADED - peak + fall) / d, np.where(slower, (FADED - peak + rise) / (d - rise), np.inf))
    span = high - low
    ladder = [p + side * span * 4.0**-step for p in peaks for step in range(1, 9) for side in (-1, 1)]
    return peak, np.sort(np.clip([low, *peaks, *ladder, high], low, high), axis=0)


hyp2f1_derivative.partials(
    a=lambda a, b, c, z, i, j, k, m: hyp2f1_derivative(a, b, c, z, i=i + 1, j=j, k=k, m=m),
    b=lambda a, b, c, z, i, j, k, m: hyp2f1_derivative(a, b, c, z, i=i, j=j + 1, k=k, m=m),
    c=lambda a, b, c, z, i, j, k, m: hyp2f1_derivative(a, b, c, z, i=i, j=j, k=k + 1, m=m),
    z=lambda a, b, c, z, i, j, k, m: hyp2f1_derivative(a, b, c, z, i=i, j=j, k=k, m=m + 1),
)


def _complex(rng: np.random.Generator) -> Array:
    return rng.uniform(-0.2, 0.2, size=2) + 1j * rng.uniform(-0.2, 0.2, size=2)


hyp2f1_derivative.samples(
    lambda rng: [
        Sample(
            np.array([[0.6], [2.0]]), np.array(0.7), np.array([0.8, 1.7]), rng.uniform(-0.3, 0.3, 2), i=1, j=0, k=0, m=0
        ),
        Sample(np.array(0.5), np.array(0.7), np.array(1.5), _complex(rng), i=0, j=0, k=1, m=1),
    ]
)
hyp2f1_derivative.special_points(
    lambda rng: [Sample(np.array([0.0, -2.0]), np.array(0.5), np.array(2.0), np.array([0.0, 0.9]), i=1, j=0, k=0, m=0)]
)
