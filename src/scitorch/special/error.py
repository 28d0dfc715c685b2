"""The error function's relatives: scaled, imaginary, Dawson's integral, Faddeeva's function, Voigt's profile.

All derivatives follow from w' = 2i/√π − 2zw (DLMF 7.10.2). For a large z both terms are nearly equal, and only the
first of z² digits of their difference are lost to rounding; there w ~ i/(√π z) Σ (2k−1)!! q^k with q = 1/(2z²)
(DLMF 7.12.1), of which the sum from k = 1 on is what is left of the difference.
"""

from typing import Any

import numpy as np
import scipy.special
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator

Array = NDArray[Any]

_ROOT_PI = float(np.sqrt(np.pi))
_FAR = 50.0  # |z|², where the smallest term of the asymptotic series is e^{−50}
_TERMS = 22


@operator("()->()", batch="native")
def erfcx(x: Array) -> Array:
    """Complementary error function, scaled so that it doesn't underflow.

    Parameters
    ----------
    x : Tensor
        Argument, real or complex.

    Returns
    -------
    Tensor
        ``exp(x²) erfc(x)``.

    Notes
    -----
    ``2x erfcx(x) − 2/√π``, for large arguments in the right half-plane by its asymptotic series.
    To any order.

    References
    ----------
    DLMF 7.10, 7.12.1; `scipy.special.erfcx`.

    Examples
    --------
    >>> import torch
    >>> erfcx(torch.tensor(1.0))
    tensor(0.4276)
    """
    return scipy.special.erfcx(x)


@operator("()->()", batch="native")
def erfi(z: Array) -> Array:
    """Imaginary error function.

    Parameters
    ----------
    z : Tensor
        Argument, real or complex.

    Returns
    -------
    Tensor
        ``−i erf(iz)``.

    Notes
    -----
    ``2 exp(z²)/√π``, to any order.

    References
    ----------
    DLMF 7.2.1; `scipy.special.erfi`.

    Examples
    --------
    >>> import torch
    >>> erfi(torch.tensor(1.0))
    tensor(1.6504)
    """
    return scipy.special.erfi(z)


@operator("()->()", batch="native")
def dawsn(x: Array) -> Array:
    """Dawson's integral.

    Parameters
    ----------
    x : Tensor
        Argument, real or complex.

    Returns
    -------
    Tensor
        ``exp(−x²)`` times the integral of ``exp(t²)`` from 0 to `x`.

    Notes
    -----
    ``1 − 2x D(x)``, for large arguments around the real axis by its asymptotic series. To any
    order.

    References
    ----------
    DLMF 7.2.5, 7.12.1; `scipy.special.dawsn`.

    Examples
    --------
    >>> import torch
    >>> dawsn(torch.tensor(1.0))
    tensor(0.5381)
    """
    return scipy.special.dawsn(x)


@operator("()->()", batch="native", dtype="complex")
def wofz(z: Array) -> Array:
    """Faddeeva's function w.

    Parameters
    ----------
    z : Tensor
        Argument, real or complex.

    Returns
    -------
    Tensor
        ``exp(−z²) erfc(−iz)``, complex.

    Notes
    -----
    ``2i/√π − 2z w(z)``, for large arguments in the upper half-plane by its asymptotic series. To
    any order.

    References
    ----------
    DLMF 7.2.3, 7.10.2, 7.12.1; `scipy.special.wofz`.

    Examples
    --------
    >>> import torch
    >>> wofz(torch.tensor(1.0))
    tensor(0.3679+0.6072j)
    """
    return scipy.special.wofz(z)


@operator("(),(),()->()", batch="native")
def voigt_profile(x: Array, sigma: Array, gamma: Array) -> Array:
    """Voigt's profile, a normal distribution convolved with a Cauchy distribution.

    Parameters
    ----------
    x : Tensor
        Distance from the centre.
    sigma : Tensor
        Standard deviation of the normal distribution, not negative.
    gamma : Tensor
        Half-width of the Cauchy distribution, not negative.

    Returns
    -------
    Tensor
        The density at `x`, in the promoted dtype; the Cauchy density for ``sigma = 0``, the normal
        one for ``gamma = 0``. All arguments broadcast.

    Notes
    -----
    ``V = Re w(u/(σ√2))/(σ√(2π))`` with ``u = x + iγ``. With G the derivative in u of the complex
    function, ``∂V/∂x = Re G`` and ``∂V/∂γ = −Im G``; V solves the heat equation in σ²/2, so that
    ``∂V/∂σ = σ Re dG/du``, which has its limit 0 at ``σ = 0``. To any order.

    References
    ----------
    DLMF 7.19; `scipy.special.voigt_profile`.

    Examples
    --------
    >>> import torch
    >>> voigt_profile(torch.tensor(1.0), torch.tensor(1.0), torch.tensor(0.5))
    tensor(0.2002)
    """
    return scipy.special.voigt_profile(x, sigma, gamma)


def _asymptotic(q: Tensor, power: int = 0) -> Tensor:
    """Σ_{k≥0} (2k+1)!! q^k, of whose terms each is multiplied `power` times by −2(k+1), …, as powers of z are."""
    coefficients = np.cumprod(2.0 * np.arange(_TERMS) + 1)
    if power:
        coefficients = coefficients * -(2.0 * np.arange(_TERMS) + 2)
    total = torch.zeros_like(q)
    for coefficient in coefficients[::-1].tolist():
        total = total * q + coefficient
    return total


def _apart(z: Tensor, far: Tensor) -> tuple[Tensor, Tensor]:
    """`z` where it isn't far and where it is, with a harmless point in the other's place."""
    return torch.where(far, 0, z), torch.where(far, z, 8)


def _erfcx_slope(x: Tensor) -> Tensor:
    square = (x * x).real
    far = (x.abs() ** 2 > _FAR) & ((x.real > 0) | (square < -_FAR))
    near, away = _apart(x, far)
    q = -1 / (2 * away * away)
    return torch.where(far, 2 / _ROOT_PI * q * _asymptotic(q), 2 * near * erfcx(near) - 2 / _ROOT_PI)


def _dawsn_slope(x: Tensor) -> Tensor:
    far = (x * x).real > _FAR
    near, away = _apart(x, far)
    q = 1 / (2 * away * away)
    return torch.where(far, -q * _asymptotic(q), 1 - 2 * near * dawsn(near))


def _wofz_slope(z: Tensor) -> Tensor:
    z = z + 0j
    far = (z.abs() ** 2 > _FAR) & ((z.imag > 0) | ((z * z).real > _FAR))
    near, away = _apart(z, far)
    q = 1 / (2 * away * away)
    return torch.where(far, -2j / _ROOT_PI * q * _asymptotic(q), 2j / _ROOT_PI - 2 * near * wofz(near))


def _voigt_slopes(x: Tensor, sigma: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor]:
    """G and dG/du; for a small sigma by series in q = σ²/u², whose every term is regular at σ = 0."""
    u = x + 1j * gamma
    far = u.abs() ** 2 > 2 * _FAR * sigma**2
    away, width = torch.where(far, u, 1), torch.where(far, sigma, 0)
    q = (width / away) ** 2
    near, spread = torch.where(far, 0, u), torch.where(far, 1, sigma)
    z = near / (spread * 2**0.5)
    w = wofz(z)
    slope = 2j / _ROOT_PI - 2 * z * w
    first = torch.where(far, -1j / torch.pi * _asymptotic(q) / away**2, slope / (2 * _ROOT_PI * spread**2))
    second = torch.where(
        far,
        -1j / torch.pi * _asymptotic(q, 1) / away**3,
        (-2 * w - 2 * z * slope) / (2 * _ROOT_PI * 2**0.5 * spread**3),
    )
    return first, second


erfcx.partials(x=_erfcx_slope)
erfi.partials(z=lambda z: 2 / _ROOT_PI * torch.exp(z * z))
dawsn.partials(x=_dawsn_slope)
wofz.partials(z=_wofz_slope)
voigt_profile.partials(
    x=lambda x, sigma, gamma: _voigt_slopes(x, sigma, gamma)[0].real,
    sigma=lambda x, sigma, gamma: sigma * _voigt_slopes(x, sigma, gamma)[1].real,
    gamma=lambda x, sigma, gamma: -_voigt_slopes(x, sigma, gamma)[0].imag,
)

for _function in (erfcx, erfi, dawsn, wofz):
    _function.samples(
        lambda rng: [
            Sample(rng.normal(size=(2, 2))),
            Sample(rng.normal(size=2) + 1j * rng.normal(size=2)),
        ]
    )
for _function in (erfcx, dawsn, wofz):
    _function.special_points(lambda rng: [Sample(np.array([0.0, 7.0, 8.0, 1e9]))])
voigt_profile.samples(
    lambda rng: [Sample(rng.normal(size=(2, 1, 1)), rng.uniform(0.05, 2, size=(2, 1)), rng.uniform(0.1, 2, size=2))]
)
voigt_profile.special_points(
    lambda rng: [Sample(np.array([1.0, 1.0, 0.0]), np.array([0.0, 1.0, 1.0]), np.array([1.0, 0.0, 0.5]))]
)
