"""Derivatives of Legendre's elliptic integrals with respect to the parameter m, to any order.

Under the integral sign (DLMF 19.2.4, 19.2.5), with s = sin θ and (a)_n Pochhammer's symbol,

    ∂ⁿF/∂mⁿ = (½)_n  ∫ s^{2n} (1 − m s²)^{−½−n} dθ
    ∂ⁿE/∂mⁿ = (−½)_n ∫ s^{2n} (1 − m s²)^{½−n} dθ

which are of one sign, so that nothing cancels, while the formulas by F and E themselves (DLMF 19.4) divide differences
by m and by 1 − m. The first derivative is Carlson's R_D, known to SciPy. The others are integrated, after substitutions
tan θ = sinh x that make integrands analytic in a strip of half-width π/2 whatever m is: there the trapezoidal rule
(complete integrals, on the whole line) and Gauss-Legendre panels (incomplete ones) converge geometrically.

The complementary parameter p = 1 − m is what is passed, for close to m = 1 its digits are the ones that count.
"""

from math import ceil, pi
from typing import Any

import numpy as np
import scipy.special
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator

Array = NDArray[Any]

_GAUSS = np.polynomial.legendre.leggauss(40)
_NODES, _WEIGHTS = (_GAUSS[0] + 1) / 2, _GAUSS[1] / 2
_STEP = 0.2  # exp(−2π (π/2) / step) is 4e-22, times powers from poles of higher order
_TAIL = 40.0  # e^{−40} is left out beyond


@operator("(),()->()", batch="native")
def modulus_derivative(p: Array, phi: Array | None = None, *, kind: str, times: int = 1) -> Array:
    """Derivative of an elliptic integral with respect to its parameter, of any order.

    Parameters
    ----------
    p : Tensor
        Complementary parameter ``1 − m``, not negative.
    phi : Tensor, optional
        Amplitude in radians; without it the integral is complete.
    kind : str
        "k" for the first kind, "e" for the second.
    times : int
        How many times it is differentiated, at least once.

    Returns
    -------
    Tensor
        The derivative with respect to ``m``, in the promoted dtype.

    Notes
    -----
    Differentiable to any order: in `p` by one more of `times`, in `phi` by the integrand.

    References
    ----------
    DLMF 19.2, 19.18(i), 19.25(i).

    Examples
    --------
    >>> import torch
    >>> modulus_derivative(torch.tensor(1.0), kind="k")  # π/8
    tensor(0.3927)
    """
    p = np.asarray(p)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        wide = np.asarray(p, np.float64)
        result = _complete(wide, kind, times) if phi is None else _incomplete(wide, np.asarray(phi, float), kind, times)
    return result.astype(p.dtype)


def _complete(p: Array, kind: str, times: int) -> Array:
    if times == 1:
        return _by_carlson(kind, np.zeros_like(p), np.ones_like(p), p)
    reach = np.arcsinh(np.maximum(p, 1 / np.maximum(p, 1e-300)) ** 0.5) + _TAIL
    reach = np.where(np.isfinite(reach), reach, 0)
    result = np.zeros_like(p)
    for k in range(1, ceil(np.max(reach, initial=0) / _STEP)):
        # Half of the whole line, on which the integrand is even; it vanishes at 0. Each element ends at its own reach,
        # for where another's is much further its powers of sinh overflow.
        inside = np.where(k * _STEP <= reach, k * _STEP, 0.0)
        result += _STEP * _integrand(inside, p, kind, times)
    return _weight(kind, times) * np.where(p > 0, result, np.where(p == 0, np.inf, np.nan))


def _incomplete(p: Array, phi: Array, kind: str, times: int) -> Array:
    p, phi = np.broadcast_arrays(p, phi)
    turns = np.round(phi / pi)
    rest = phi - turns * pi
    sine, cosine = np.sin(np.abs(rest)), np.cos(rest)
    if times == 1:
        part = sine**3 * _by_carlson(kind, cosine**2, np.ones_like(p), cosine**2 + p * sine**2)
    else:
        part = _weight(kind, times) * _panels(p, sine / cosine, kind, times)
    whole = np.where(turns == 0, 0, _complete(p, kind, times))
    return np.sign(rest) * part + 2 * turns * np.where(turns == 0, 0, whole)


def _by_carlson(kind: str, cosine2: Array, one: Array, delta2: Array) -> Array:
    if kind == "k":
        return scipy.special.elliprd(cosine2, one, delta2) / 6
    return -scipy.special.elliprd(cosine2, delta2, one) / 6


def _weight(kind: str, times: int) -> float:
    """Pochhammer's symbol before the integral."""
    return float(scipy.special.poch(0.5 if kind == "k" else -0.5, times))


def _panels(p: Array, tangent: Array, kind: str, times: int) -> Array:
    end = np.arcsinh(tangent * np.maximum(p, 1) ** 0.5)
    unknown = np.isnan(end)
    end = np.where(np.isfinite(end), end, 0)  # at an infinite p every derivative vanishes
    panels = max(1, ceil(np.max(end, initial=0) / 2))
    total = np.zeros_like(end)
    for panel in range(panels):
        for node, weight in zip(_NODES, _WEIGHTS, strict=True):
            total += weight * _integrand((panel + node) / panels * end, p, kind, times)
    return np.where(unknown, np.nan, total * end / panels)


def _integrand(x: Array, p: Array, kind: str, times: int) -> Array:
    """With tan θ = sinh x where p ≤ 1, and tan θ = sinh x / √p beyond, where 1 + p tan² θ is the nearer pole."""
    sinh, cosh, root = np.sinh(x), np.cosh(x), p**0.5
    # Of s^{2n} (1 − m s²)^{∓½−n} dθ/dx, in quotients that stay finite where sinh² overflows.
    near = (1 / (1 / sinh**2 + p)) ** times
    far = p ** (-times - 0.5) * np.tanh(x) ** (2 * times)
    if kind == "k":
        near, far = near / np.hypot(1, root * sinh), far / np.hypot(1, sinh / root)
    else:
        pole = np.hypot(1, sinh / root)
        near, far = near * np.hypot(1, root * sinh) / cosh / cosh, far * (cosh / pole) ** 2 / pole
    return np.where(p <= 1, near, far)


def _by_amplitude(phi: Tensor, p: Tensor, kind: str, times: int) -> Tensor:
    sine2 = torch.sin(phi) ** 2
    delta2 = torch.cos(phi) ** 2 + p * sine2
    power = (-0.5 if kind == "k" else 0.5) - times
    return _weight(kind, times) * sine2**times * delta2**power


modulus_derivative.partials(
    p=lambda p, phi, kind, times: -modulus_derivative(p, phi, kind=kind, times=times + 1),
    phi=_by_amplitude,
)
modulus_derivative.samples(
    lambda rng: [
        Sample(rng.uniform(0.1, 2, size=2), kind="k"),
        Sample(rng.uniform(0.1, 2, size=(2, 1)), rng.uniform(-2, 5, size=2), kind="k"),
        Sample(rng.uniform(0.1, 2, size=2), rng.uniform(-1.5, 1.5, size=2), kind="e", times=2),
    ]
)
modulus_derivative.special_points(
    lambda rng: [
        Sample(np.ones(2), kind="e", times=2),
        Sample(np.array([1.0, 1.0, 0.0]), np.array([0, pi / 2, 1]), kind="k"),
    ]
)
