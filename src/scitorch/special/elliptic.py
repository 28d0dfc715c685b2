"""Legendre's elliptic integrals and Jacobi's elliptic functions, of the parameter m = k²."""

from math import pi
from typing import Any

import numpy as np
import scipy.special
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator

from .modulus import modulus_derivative

Array = NDArray[Any]


@operator("()->()", batch="native")
def ellipk(m: Array) -> Array:
    """Complete elliptic integral of the first kind.

    Parameters
    ----------
    m : Tensor
        Parameter, real, at most 1.

    Returns
    -------
    Tensor
        ``K(m)``; inf at 1, NaN beyond.

    Notes
    -----
    ``K' = R_D(0, 1, 1−m)/6`` with Carlson's integral, which has no difference in it; higher
    derivatives under the integral sign. At ``m = 0`` it is ``π/8``.

    References
    ----------
    DLMF 19.2.8, 19.4.1, 19.25.1; `scipy.special.ellipk`.

    Examples
    --------
    >>> import torch
    >>> ellipk(torch.tensor(0.5))
    tensor(1.8541)
    """
    return scipy.special.ellipk(m)


@operator("()->()", batch="native")
def ellipkm1(p: Array) -> Array:
    """Complete elliptic integral of the first kind around m = 1.

    Parameters
    ----------
    p : Tensor
        Complementary parameter ``1 − m``, not negative.

    Returns
    -------
    Tensor
        ``K(1 − p)``; inf at 0, NaN below.

    Notes
    -----
    ``∂/∂p = −R_D(0, 1, p)/6``, to full accuracy for the smallest `p`, and to any order.

    References
    ----------
    DLMF 19.2.8, 19.25.1; `scipy.special.ellipkm1`.

    Examples
    --------
    >>> import torch
    >>> ellipkm1(torch.tensor(1e-20))
    tensor(24.4121)
    """
    return scipy.special.ellipkm1(p)


@operator("()->()", batch="native")
def ellipe(m: Array) -> Array:
    """Complete elliptic integral of the second kind.

    Parameters
    ----------
    m : Tensor
        Parameter, real, at most 1.

    Returns
    -------
    Tensor
        ``E(m)``; NaN beyond 1.

    Notes
    -----
    ``E' = −R_D(0, 1−m, 1)/6``, to any order; ``−π/8`` at 0, infinite at 1.

    References
    ----------
    DLMF 19.2.8, 19.4.2, 19.25.1; `scipy.special.ellipe`.

    Examples
    --------
    >>> import torch
    >>> ellipe(torch.tensor(0.5))
    tensor(1.3506)
    """
    return scipy.special.ellipe(m)


@operator("(),()->()", batch="native")
def ellipkinc(phi: Array, m: Array) -> Array:
    """Incomplete elliptic integral of the first kind.

    Parameters
    ----------
    phi : Tensor
        Amplitude, in radians.
    m : Tensor
        Parameter, real, at most 1; broadcasts with `phi`.

    Returns
    -------
    Tensor
        ``F(phi, m)`` in the promoted dtype; NaN for ``m > 1``.

    Notes
    -----
    ``∂/∂phi = (1 − m sin² phi)^{−1/2}``; ``∂/∂m = sin³ phi R_D(cos² phi, 1, 1 − m sin² phi)/6`` for
    ``|phi| ≤ π/2``, and ``2 K'`` more for each half turn. Both to any order.

    References
    ----------
    DLMF 19.2.4, 19.4.5, 19.25.5; `scipy.special.ellipkinc`.

    Examples
    --------
    >>> import torch
    >>> ellipkinc(torch.tensor(1.0), torch.tensor(0.5))
    tensor(1.0832)
    """
    return scipy.special.ellipkinc(phi, m)


@operator("(),()->()", batch="native")
def ellipeinc(phi: Array, m: Array) -> Array:
    """Incomplete elliptic integral of the second kind.

    Parameters
    ----------
    phi : Tensor
        Amplitude, in radians.
    m : Tensor
        Parameter, real, at most 1; broadcasts with `phi`.

    Returns
    -------
    Tensor
        ``E(phi, m)`` in the promoted dtype; NaN for ``m > 1``.

    Notes
    -----
    ``∂/∂phi = (1 − m sin² phi)^{1/2}``; ``∂/∂m = −sin³ phi R_D(cos² phi, 1 − m sin² phi, 1)/6`` for
    ``|phi| ≤ π/2``, and ``2 E'`` more for each half turn. Both to any order.

    References
    ----------
    DLMF 19.2.5, 19.4.6, 19.25.9; `scipy.special.ellipeinc`.

    Examples
    --------
    >>> import torch
    >>> ellipeinc(torch.tensor(1.0), torch.tensor(0.5))
    tensor(0.9273)
    """
    return scipy.special.ellipeinc(phi, m)


@operator("(),()->(),(),(),()", batch="native")
def ellipj(u: Array, m: Array) -> tuple[Array, ...]:
    """Jacobi's elliptic functions and their amplitude.

    Parameters
    ----------
    u : Tensor
        Argument, real.
    m : Tensor
        Parameter, between 0 and 1; broadcasts with `u`.

    Returns
    -------
    sn, cn, dn, ph : Tensor
        ``sin ph``, ``cos ph``, ``(1 − m sn²)^{1/2}`` and the amplitude ``ph``, for which
        ``F(ph, m) = u``; NaN for an `m` outside.

    Notes
    -----
    ``∂ph/∂u = dn`` and, by the implicit function theorem, ``∂ph/∂m = −dn ∂F(ph, m)/∂m``; the
    others follow by the chain rule. Both to any order.

    References
    ----------
    DLMF 22.13.1, 22.16.1; `scipy.special.ellipj`.

    Examples
    --------
    >>> import torch
    >>> sn, cn, dn, ph = ellipj(torch.tensor(1.0), torch.tensor(0.5))
    >>> sn
    tensor(0.8030)
    """
    return scipy.special.ellipj(u, m)


def _delta2(phi: Tensor, m: Tensor) -> Tensor:
    """The radicand 1 − m sin² phi, which in this form keeps its digits where it is small."""
    return torch.cos(phi) ** 2 + (1 - m) * torch.sin(phi) ** 2


def _jacobi_argument(m: Tensor, out: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    sn, cn, dn, _ph = out
    return cn * dn, -sn * dn, -m * sn * cn, dn


def _jacobi_parameter(m: Tensor, out: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    sn, cn, dn, ph = out
    turned = -dn * modulus_derivative(1 - m, ph, kind="k")
    return cn * turned, -sn * turned, -(sn / 2 + m * cn * turned) * sn / dn, turned


ellipk.partials(m=lambda m: modulus_derivative(1 - m, kind="k"))
ellipkm1.partials(p=lambda p: -modulus_derivative(p, kind="k"))
ellipe.partials(m=lambda m: modulus_derivative(1 - m, kind="e"))
ellipkinc.partials(
    phi=lambda phi, m: torch.rsqrt(_delta2(phi, m)), m=lambda phi, m: modulus_derivative(1 - m, phi, kind="k")
)
ellipeinc.partials(
    phi=lambda phi, m: torch.sqrt(_delta2(phi, m)), m=lambda phi, m: modulus_derivative(1 - m, phi, kind="e")
)
ellipj.partials(u=_jacobi_argument, m=_jacobi_parameter)

for _complete in (ellipk, ellipe):
    _complete.samples(lambda rng: [Sample(rng.uniform(-2, 0.8, size=(2, 2)))])
    _complete.special_points(lambda rng: [Sample(np.array([0.0, -1e6, 1 - 1e-10]))])
ellipkm1.samples(lambda rng: [Sample(rng.uniform(0.1, 2, size=(2, 2)))])
ellipkm1.special_points(lambda rng: [Sample(np.array([1.0, 1e-3]))])
for _incomplete in (ellipkinc, ellipeinc):
    _incomplete.samples(lambda rng: [Sample(rng.uniform(-2, 5, size=(2, 1)), rng.uniform(-2, 0.8, size=2))])
    _incomplete.special_points(
        lambda rng: [Sample(np.array([0.0, pi / 2, 1.0, 1.0, 3.0]), np.array([0.5, 0.5, 0.0, 1.0, 0.0]))]
    )
ellipj.samples(lambda rng: [Sample(rng.uniform(-3, 4, size=(2, 1)), rng.uniform(0.1, 0.8, size=2))])
ellipj.special_points(lambda rng: [Sample(np.array([1.0, 1.0, 0.0, -2.0]), np.array([0.0, 1.0, 0.5, 1e-9]))])
