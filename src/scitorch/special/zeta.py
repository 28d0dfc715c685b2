"""Zeta functions; `scipy.special`, "Other special functions"."""

from math import factorial
from typing import Any

import numpy as np
import scipy.special as sc
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator

from .polygamma import BERNOULLI
from .tails import moment

Array = NDArray[Any]

TERMS = 20  # summed one by one before Euler and Maclaurin's formula: then its 12 corrections are exact to rounding


@operator("(),()->()", batch="native")
def hurwitz_zeta(x: Array, q: Array, *, n: int = 0) -> Array:
    """Hurwitz' zeta function, differentiated n times in its exponent.

    Parameters
    ----------
    x : Tensor
        Exponent, real and above one.
    q : Tensor
        Real and positive; broadcast against the exponent.
    n : int
        Order of the derivative in ``x``.

    Returns
    -------
    Tensor of the broadcast shape
        NaN for ``x`` below one.

    Notes
    -----
    SciPy's value for ``n = 0``; beyond, the sum of ``(-log(k + q))**n (k + q)**-x`` by Euler and Maclaurin's formula,
    differentiated term by term. The derivative in ``q`` is that of ``-x zeta(x + 1, q)``.

    References
    ----------
    DLMF 25.11.1, 25.11.17, 25.2.9; `scipy.special.zeta`.

    Examples
    --------
    >>> import torch
    >>> hurwitz_zeta(torch.tensor(2.0), 1.0, n=1)
    tensor(-0.9375)
    """
    if n == 0:
        return sc.zeta(x, q)
    x, q = np.broadcast_arrays(np.asarray(x, dtype=np.float64), q)
    with np.errstate(all="ignore"):
        return np.where((x > 1) & (q > 0), factorial(n) * _euler_maclaurin(x, q, n)[n], np.nan)


@operator("()->()", batch="native")
def riemann_zeta(x: Array, *, n: int = 0) -> Array:
    """Riemann's zeta function, differentiated n times.

    Parameters
    ----------
    x : Tensor
        Real or complex, not one.
    n : int
        Order of the derivative.

    Returns
    -------
    Tensor of the same shape

    Notes
    -----
    SciPy's value for ``n = 0``; beyond, Euler and Maclaurin's formula where the real part is above -1/4, and
    elsewhere the reflection formula, differentiated as power series. Complex arguments take time in proportion to their
    imaginary part.

    References
    ----------
    DLMF 25.2.9, 25.4.1; `scipy.special.zeta`.

    Examples
    --------
    >>> import torch
    >>> riemann_zeta(torch.tensor([0.0, 2.0]), n=1)
    tensor([-0.9189, -0.9375])
    """
    if n == 0:
        return sc.zeta(x)
    x = np.asarray(x, dtype=np.result_type(x, np.float64))
    with np.errstate(all="ignore"):
        # From the pole of zeta(1 - x) at x = 0 the formulas part well before either loses digits.
        left = np.real(x) < -0.25
        coefficients = _euler_maclaurin(np.where(left, 1 - x, x), np.ones_like(x), n)
        return factorial(n) * np.where(left, _reflected(x, coefficients)[n], coefficients[n])


def _euler_maclaurin(s: Array, q: Array, n: int) -> list[Array]:
    """Coefficients of the power series of zeta(s + ε, q) in ε, up to order n."""
    terms = TERMS + int(np.max(np.abs(np.imag(s)), initial=0))

    def power(base: Array) -> list[Array]:
        """The power base^-(s + ε)."""
        return [base**-s * (-np.log(base)) ** k / factorial(k) for k in range(n + 1)]

    end = q + terms
    rest = power(end)
    # (end)^(1-s) / (s − 1) + (end)^-s / 2
    pole = [(-1) ** k / (s - 1) ** (k + 1) for k in range(n + 1)]
    factor = [end * p for p in pole]
    factor[0] = factor[0] + 0.5
    rising = [np.ones_like(s), *[np.zeros_like(s)] * n]
    for m, B in enumerate(BERNOULLI, 1):
        for j in (2 * m - 3, 2 * m - 2):  # s (s+1) … (s+2m−2)
            if j >= 0:
                rising = [(s + j) * c + (rising[k - 1] if k else 0) for k, c in enumerate(rising)]
        scale = B / factorial(2 * m) * end ** (1 - 2 * m)
        factor = [f + scale * c for f, c in zip(factor, rising, strict=True)]
    total = _product(rest, factor)
    for k in reversed(range(terms)):
        total = [t + p for t, p in zip(total, power(q + k), strict=True)]
    return total


def _reflected(s: Array, mirrored: list[Array]) -> list[Array]:
    """The same for zeta(s) = 2 (2π)^(s−1) sin(πs/2) Γ(1−s) zeta(1−s), from the coefficients at 1 − s."""
    orders = range(len(mirrored))
    powers = [2 * (2 * np.pi) ** (s - 1) * np.log(2 * np.pi) ** k / factorial(k) for k in orders]
    # Reduced by its period exactly, so that the zeros at negative even numbers are zeros.
    angle = np.pi / 2 * (s - 4 * np.round(np.real(s) / 4))
    even = np.where((np.imag(s) == 0) & (np.real(s) % 2 == 0), 0, np.sin(angle))
    odd = np.where((np.imag(s) == 0) & (np.real(s) % 2 == 1), 0, np.cos(angle))
    waves = [even, odd, -even, -odd]
    sines = [(np.pi / 2) ** k * waves[k % 4] / factorial(k) for k in orders]
    r = 1 - s
    polygammas = [sc.digamma(r), *[_polygamma(k, r) for k in orders[1:]]]
    gammas = [
        (-1) ** k * sc.gamma(r) * moment(lambda order, _: polygammas[order - 1], k) / factorial(k) for k in orders
    ]
    zetas = [(-1) ** k * c for k, c in enumerate(mirrored)]
    return _product(_product(powers, sines), _product(gammas, zetas))


def _polygamma(k: int, r: Array) -> Array:
    """Take ψ⁽ᵏ⁾ from the sum of (r + j)^-(k+1), in which r may be complex."""
    whole = np.full_like(r, k + 1.0)
    return (-1) ** (k + 1) * factorial(k) * _euler_maclaurin(whole, r, 0)[0]


def _product(f: list[Array], g: list[Array]) -> list[Array]:
    """The product of two power series."""
    return [sum((f[j] * g[k - j] for j in range(k + 1)), start=np.zeros_like(f[0])) for k in range(len(f))]


hurwitz_zeta.partials(
    x=lambda x, q, n: hurwitz_zeta(x, q, n=n + 1),
    q=lambda x, q, n: -(x * hurwitz_zeta(x + 1, q, n=n) + (n * hurwitz_zeta(x + 1, q, n=n - 1) if n else 0)),
)
riemann_zeta.partials(x=lambda x, n: riemann_zeta(x, n=n + 1))
hurwitz_zeta.samples(
    lambda rng: [
        Sample(rng.uniform(2, 4, size=(2, 1)), rng.uniform(0.5, 2, size=2)),
        Sample(rng.uniform(2, 4, size=2), rng.uniform(0.5, 2, size=2), n=1),
    ]
)
riemann_zeta.samples(
    lambda rng: [
        Sample(rng.uniform(2, 4, size=(2, 2))),
        Sample(np.array([2.5, -1.5]), n=2),
        Sample(rng.uniform(2, 3, size=2) + 1j * rng.normal(size=2)),
    ]
)
riemann_zeta.special_points(lambda rng: [Sample(np.array([0.0, 0.5, -2.0, -3.0]))])


def zeta(x: Tensor | complex, q: Tensor | float | None = None) -> Tensor:
    """Zeta function, of Riemann or, with ``q``, of Hurwitz: the sum of ``(k + q)**-x`` from ``k = 0`` on.

    Parameters
    ----------
    x : Tensor
        Exponent: with ``q`` real and above one, without it real or complex.
    q : Tensor, optional
        Real and positive; broadcast against ``x``. Without it one, and the function continued to ``x < 1``.

    Returns
    -------
    Tensor of the broadcast shape

    Notes
    -----
    The derivative in ``q`` is ``-x * zeta(x + 1, q)``; the one in ``x`` comes from Euler and Maclaurin's formula,
    differentiated term by term. Both hold to any order.

    References
    ----------
    DLMF 25.11, 25.2; `scipy.special.zeta`.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor(2.0, requires_grad=True)
    >>> zeta(x).backward()
    >>> x.grad
    tensor(-0.9375)
    """
    return riemann_zeta(x) if q is None else hurwitz_zeta(x, q)
