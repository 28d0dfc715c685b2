"""The gamma distribution's density and the derivatives of its distribution function in the shape."""

from typing import Any

import numpy as np
import scipy.special as sc
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator

from .polygamma import digamma_excess, polygamma, times
from .tails import FADED, by_items, deviance, faded, integral, moment, stirling_error

Array = NDArray[Any]

TINY = 1e-290  # stands for a shape of zero: density and logarithms then give the limit


@operator("(),()->()", batch="native")
def gamma_density(a: Array, x: Array, *, p: int = 0) -> Array:
    """Density of the gamma distribution over a power, x^(a−1−p) e^-x / Γ(a).

    Parameters
    ----------
    a, x : Tensor
        Real, not negative, broadcast against each other.
    p : int
        By how much the power of ``x`` is lowered; the density itself has zero.

    Returns
    -------
    Tensor of the broadcast shape

    Notes
    -----
    Differentiable in both to any order. In ``x`` the derivative is ``(a-1-p)`` times the same with ``p + 1``, minus
    itself; in ``a`` it is ``(log x - psi(a))`` times itself.

    References
    ----------
    C. Loader, "Fast and accurate computation of binomial probabilities" (2000).

    Examples
    --------
    >>> import torch
    >>> gamma_density(2.0, torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.3679])
    """
    return by_items(lambda a, x: _power_density(a, x, 1 + p), a, x, spread=False)


gamma_density.partials(
    a=lambda a, x, out: times(out, _score(a, x)(1, 0)),
    x=lambda a, x, out, p: times(a - 1 - p, gamma_density(a, x, p=p + 1)) - out,
)


def _power_density(a: Array, x: Array, p: float) -> Array:
    """Compute x^(a−p) e^-x / Γ(a)."""
    a = np.maximum(a, TINY)
    # Where nothing can overflow the definition is simpler, and holds at x = 0.
    small, plain = (a < 20) & (x < 20), x ** (a - p) * np.exp(-x) / sc.gamma(a)
    if small.all():
        return plain
    saddle = np.sqrt(a / (2 * np.pi)) * np.exp(-stirling_error(a) - deviance(a, x, a - x)) * x**-p
    return np.where(small | (x == 0), plain, saddle)


def _score(a: Any, x: Any) -> Any:
    """Derivatives of the density's logarithm in the shape by their order, for tensors."""

    def derivative(k: int, _: int) -> Tensor:
        return torch.log(torch.as_tensor(x)) - polygamma(a) if k == 1 else -polygamma(a, n=k - 1)

    return derivative


@operator("(),()->()", batch="native")
def gammainc_derivative(a: Array, x: Array, *, n: int) -> Array:
    """Derivative of the regularised lower incomplete gamma function, n times in its shape a.

    Parameters
    ----------
    a, x : Tensor
        Real, not negative, broadcast against each other.
    n : int
        Order, from 1 on.

    Returns
    -------
    Tensor of the broadcast shape
        NaN outside of the domain.

    Notes
    -----
    The integral of the density's derivative over the smaller tail, in the logarithm of ``t``, by Gauss quadrature with
    bisection to rounding error. Again differentiable to any order in both.

    References
    ----------
    DLMF 8.4; R. J. Moore, Algorithm AS 187 (1982); see `scitorch.special.tails`.

    Examples
    --------
    >>> import torch
    >>> gammainc_derivative(1.0, torch.tensor(1.0), n=1)
    tensor(-0.4317)
    """
    return by_items(lambda a, x: _derivative(a, x, n), a, x)


gammainc_derivative.partials(
    a=lambda a, x, n: gammainc_derivative(a, x, n=n + 1),
    x=lambda a, x, n: times(gamma_density(a, x), moment(_score(a, x), n)),
)


def _derivative(a: Array, x: Array, n: int) -> Array:
    """The integral over the smaller tail; at the ends of the domain the derivative is zero."""
    result = np.where((a >= 0) & (x >= 0), 0.0, np.nan)
    inner = (result == 0) & (x > 0) & np.isfinite(x) & np.isfinite(a)
    a, lower = np.maximum(a, TINY), sc.gammainc(a, x) < 0.5
    below, above = inner & lower, inner & ~lower
    result[below] = _tail(a[below], x[below], -1.0, n)
    result[above] = -_tail(a[above], x[above], 1.0, n)
    return result


def _tail(a: Array, x: Array, side: float, n: int) -> Array:
    """∫ of the density's n-th derivative in a over t = x eˢ above x (`side` 1), or t = x e⁻ˢ below (−1)."""

    def exponent(s: Array) -> Array:
        return side * a * s - x * np.expm1(side * s)

    # log t − ψ(a) as log(t/a) − (ψ(a) − log a): for large a the two parts are small.
    offset = (x - a) / a
    log_ratio = np.where(np.abs(offset) < 0.5, np.log1p(offset), np.log(x) - np.log(a))
    shift = log_ratio - digamma_excess(a)
    mode = np.maximum(-side * log_ratio, 0.0)
    peak = np.maximum(exponent(mode), 0.0)
    # Below, the exponent is at most x − a s. Above, half of x (eˢ − 1) exceeds FADED and the other half a s, since
    # eˢ/s > e^(s/2) > 1 + 2a/x.
    far = (FADED + x) / a if side < 0 else np.log1p(2 * FADED / x) + 2 * np.log1p(2 * a / x) + 1
    end = faded(exponent, lambda s: side * (a - x * np.exp(side * s)), peak, np.maximum(far, mode))
    constants = [-sc.polygamma(k, a) for k in range(1, n)]

    def integrand(k: Array, s: Array) -> Array:
        scores = [shift[k] + side * s, *(constant[k] for constant in constants)]
        weight = np.exp(side * a[k] * s - x[k] * np.expm1(side * s) - peak[k])
        return weight * moment(lambda order, _: scores[order - 1], n)

    bend = np.maximum(-side * np.log(x), 0.0)  # where t is one
    return integral(integrand, end, bend) * _power_density(a, x, 0) * np.exp(peak)


gamma_density.samples(
    lambda rng: [
        Sample(rng.uniform(0.5, 3, size=(2, 1)), rng.uniform(0.5, 3, size=2)),
        Sample(np.array(1.5), rng.uniform(0.5, 3, size=2), p=1),
    ]
)
gamma_density.special_points(lambda rng: [Sample(np.full(2, 3.0), np.array([0.0, 50.0]))])
gammainc_derivative.samples(
    lambda rng: [
        Sample(rng.uniform(0.5, 3, size=(2, 1)), rng.uniform(0.5, 3, size=2), n=1),
        Sample(np.array([0.5, 4.0]), rng.uniform(0.5, 3, size=2), n=2),
    ]
)
gammainc_derivative.special_points(lambda rng: [Sample(np.full(2, 2.0), np.array([0.0, 50.0]), n=1)])
