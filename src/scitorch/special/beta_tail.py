"""The beta distribution's density and the derivatives of its distribution function in the parameters."""

from typing import Any

import numpy as np
import scipy.special as sc
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator

from .polygamma import gap, polygamma, polygamma_gap, times
from .tails import FADED, by_items, deviance, faded, integral, moment, stirling_error

Array = NDArray[Any]

TINY = 1e-290  # stands for a parameter of zero: density and logarithms then give the limit


@operator("(),(),()->()", batch="native")
def beta_density(a: Array, b: Array, x: Array, *, p: int = 0, q: int = 0) -> Array:
    """Density of the beta distribution over powers, x^(a−1−p) (1−x)^(b−1−q) / B(a, b).

    Parameters
    ----------
    a, b, x : Tensor
        Real and broadcast, with ``a, b >= 0`` and ``0 <= x <= 1``.
    p, q : int
        By how much the powers of ``x`` and ``1 − x`` are lowered; the density itself has zeros.

    Returns
    -------
    Tensor of the broadcast shape

    Notes
    -----
    Differentiable in everything to any order: in ``x`` it gives the same function with one power lowered, in ``a`` and
    ``b`` logarithms and digamma functions.

    References
    ----------
    C. Loader, "Fast and accurate computation of binomial probabilities" (2000).

    Examples
    --------
    >>> import torch
    >>> beta_density(2.0, 1.0, torch.tensor([0.25, 0.5]))
    tensor([0.5000, 1.0000])
    """
    return by_items(lambda a, b, x: _power_density(a, b, x, 1 - x, 1 + p, 1 + q), a, b, x, spread=False)


beta_density.partials(
    a=lambda a, b, x, out, p, q: times(out, _score(a, b, x)(1, 0)),
    b=lambda a, b, x, out, p, q: times(out, _score(a, b, x)(0, 1)),
    x=lambda a, b, x, p, q: (
        times(a - 1 - p, beta_density(a, b, x, p=p + 1, q=q)) - times(b - 1 - q, beta_density(a, b, x, p=p, q=q + 1))
    ),
)


def _power_density(a: Array, b: Array, x: Array, y: Array, p: float, q: float) -> Array:
    """Compute x^(a−p) y^(b−q) / B(a, b) for y = 1 − x."""
    a, b, n = np.maximum(a, TINY), np.maximum(b, TINY), a + b
    # Where nothing can overflow the definition is simpler, and holds at x = 0 and 1.
    small, plain = np.maximum(a, b) < 20, x ** (a - p) * y ** (b - q) / sc.beta(a, b)
    if small.all():
        return plain
    # The two deviances together are a log(a/(nx)) + b log(b/(ny)), of which the large parts cancel.
    rest = a * y - b * x
    lost = (
        stirling_error(n) - stirling_error(a) - stirling_error(b) - deviance(a, n * x, rest) - deviance(b, n * y, -rest)
    )
    saddle = np.sqrt(a * b / (2 * np.pi * n)) * np.exp(lost) * x**-p * y**-q
    return np.where(small | (x == 0) | (y == 0), plain, saddle)


def _score(a: Any, b: Any, x: Any) -> Any:
    """∂ₐᵏ∂ᵦˡ of the density's logarithm, as a function of k and l, for tensors."""
    x = torch.as_tensor(x)

    def derivative(k: int, l: int) -> Tensor:
        if k and l:
            return polygamma(a + b, n=k + l - 1)
        constant = polygamma_gap(a, b, n=k - 1) if k else polygamma_gap(b, a, n=l - 1)
        if k + l > 1:
            return constant
        return constant + (torch.log(x) if k else torch.log1p(-x))

    return derivative


@operator("(),(),()->()", batch="native")
def betainc_derivative(a: Array, b: Array, x: Array, *, i: int, j: int) -> Array:
    """Derivative of the regularised incomplete beta function, i times in a and j times in b.

    Parameters
    ----------
    a, b, x : Tensor
        Real and broadcast, with ``a, b >= 0`` and ``0 <= x <= 1``.
    i, j : int
        Orders, not both zero.

    Returns
    -------
    Tensor of the broadcast shape
        NaN outside of the domain.

    Notes
    -----
    The integral of the density's derivative over the smaller tail, in the logarithm of the odds of ``t``, by Gauss
    quadrature with bisection to rounding error. Again differentiable to any order in everything.

    References
    ----------
    DLMF 8.17; see `scitorch.special.tails`.

    Examples
    --------
    >>> import torch
    >>> betainc_derivative(2.0, 1.0, torch.tensor(0.5), i=1, j=0)
    tensor(-0.1733)
    """
    return by_items(lambda a, b, x: _derivative(a, b, x, i, j), a, b, x)


betainc_derivative.partials(
    a=lambda a, b, x, i, j: betainc_derivative(a, b, x, i=i + 1, j=j),
    b=lambda a, b, x, i, j: betainc_derivative(a, b, x, i=i, j=j + 1),
    x=lambda a, b, x, i, j: times(beta_density(a, b, x), moment(_score(a, b, x), i, j)),
)


def _derivative(a: Array, b: Array, x: Array, i: int, j: int) -> Array:
    """Choose the tail: the smaller one, as the upper tail of x is the lower one of 1 − x with a and b exchanged."""
    result = np.where((a >= 0) & (b >= 0) & (x >= 0) & (x <= 1), 0.0, np.nan)
    inner = (result == 0) & (x > 0) & (x < 1)
    lower = sc.betainc(a, b, x) < 0.5
    a, b, y = np.maximum(a, TINY), np.maximum(b, TINY), 1 - x
    below, above = inner & lower, inner & ~lower
    result[below] = _lower_tail(a[below], b[below], x[below], y[below], i, j)
    result[above] = -_lower_tail(b[above], a[above], y[above], x[above], j, i)
    return result


def _lower_tail(a: Array, b: Array, x: Array, y: Array, i: int, j: int) -> Array:
    """∫₀ˣ ∂ₐⁱ∂ᵦʲ f(t) dt for the density f, with y = 1 − x.

    With t/(1−t) = e^-s x/y the measure dt becomes t (1−t) ds, and s runs from 0 up; f t (1−t) is log-concave in s.
    """

    def logarithms(x: Array, y: Array, s: Array) -> tuple[Array, Array]:
        """log(t/x) and log((1−t)/y), each from that of x and y which is smaller."""
        by_x = x <= y
        # Beyond 600 e^s overflows, and log1p(y expm1(s)) is s + log y.
        w = -np.log1p(np.where(by_x, x, y) * np.expm1(np.where(by_x, -s, np.minimum(s, 600.0))))
        u = np.where(by_x, w - s, w - np.maximum(s - 600.0, 0.0))
        return u, np.where(by_x, w, u + s)

    def exponent(s: Array) -> Array:
        u, v = logarithms(x, y, s)
        return a * u + b * v

    log_x = np.where(x < 0.5, np.log(x), np.log1p(-y))
    log_y = np.where(y < 0.5, np.log(y), np.log1p(-x))
    mode = np.maximum(log_x - log_y - np.log(a) + np.log(b), 0.0)
    peak = np.maximum(exponent(mode), 0.0)
    # The exponent is at most −a s − (a + b) log y.
    end = faded(
        exponent,
        lambda s: -a + (a + b) * x * np.exp(logarithms(x, y, s)[0]),
        peak,
        np.maximum((FADED - (a + b) * log_y) / a, mode),
    )
    constants = {(k, 0): gap(k - 1, a, b) for k in range(1, i + 1)}
    constants |= {(0, l): gap(l - 1, b, a) for l in range(1, j + 1)}
    constants |= {(k, l): sc.polygamma(k + l - 1, a + b) for k in range(1, i + 1) for l in range(1, j + 1)}

    def integrand(k: Array, s: Array) -> Array:
        u, v = logarithms(x[k], y[k], s)
        scores = {order: constant[k] for order, constant in constants.items()}
        if i:
            scores[1, 0] = scores[1, 0] + log_x[k] + u
        if j:
            scores[0, 1] = scores[0, 1] + log_y[k] + v
        return np.exp(a[k] * u + b[k] * v - peak[k]) * moment(lambda k, l: scores[k, l], i, j)

    # The scale goes in at the end, in one exponential where it could overflow.
    return integral(integrand, end, np.maximum(log_x - log_y, 0.0)) * _power_density(a, b, x, y, 0, 0) * np.exp(peak)


beta_density.samples(
    lambda rng: [
        Sample(rng.uniform(0.5, 3, size=(2, 1)), rng.uniform(0.5, 3, size=2), rng.uniform(0.2, 0.7, size=2)),
        Sample(np.array(1.5), np.array(2.5), rng.uniform(0.2, 0.7, size=2), p=1, q=2),
    ]
)
beta_density.special_points(lambda rng: [Sample(np.full(3, 3.0), np.full(3, 3.0), np.array([0.0, 0.5, 1.0]))])
betainc_derivative.samples(
    lambda rng: [
        Sample(rng.uniform(0.5, 3, size=(2, 1)), rng.uniform(0.5, 3, size=2), rng.uniform(0.2, 0.7, size=2), i=1, j=0),
        Sample(np.array([0.5, 4.0]), np.array(2.5), rng.uniform(0.2, 0.7, size=2), i=1, j=1),
    ]
)
betainc_derivative.special_points(
    lambda rng: [Sample(np.full(3, 2.0), np.full(3, 3.0), np.array([0.0, 0.5, 1.0]), i=0, j=1)]
)
