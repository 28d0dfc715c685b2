"""Bessel functions of both kinds and Hankel functions, of real order and real or complex argument."""

from typing import Any

import numpy as np
import scipy.special
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator

from .order import in_order

Array = NDArray[Any]


@operator("(),()->()", batch="native", real=("v",))
def jv(v: Array, z: Array) -> Array:
    """Bessel function of the first kind, of real order.

    Parameters
    ----------
    v : Tensor
        Order, real.
    z : Tensor
        Argument, real or complex; broadcasts with `v`.

    Returns
    -------
    Tensor
        ``J_v(z)`` in the promoted dtype; NaN for a real ``z < 0`` unless `v` is whole.

    Raises
    ------
    MissingDerivativeError
        If the derivative in `v` is asked for at a complex `z`.

    Notes
    -----
    ``∂/∂z = (J_{v−1} − J_{v+1})/2`` everywhere but at the branch point 0, for orders between 0
    and 1, where it is infinite. ``∂/∂v`` for real ``z > 0``, and its limit at 0, by contour
    integrals with an error of about 1e-14 of the modulus. Both to any order.

    References
    ----------
    DLMF 10.6.1, 10.9(ii); `scipy.special.jv`.

    Examples
    --------
    >>> import torch
    >>> jv(torch.tensor([0.0, 1.0]), torch.tensor(2.0))
    tensor([0.2239, 0.5767])
    """
    return scipy.special.jv(v, z)


@operator("(),()->()", batch="native", real=("v",))
def yv(v: Array, z: Array) -> Array:
    """Bessel function of the second kind, of real order.

    Parameters
    ----------
    v : Tensor
        Order, real.
    z : Tensor
        Argument, real or complex; broadcasts with `v`.

    Returns
    -------
    Tensor
        ``Y_v(z)`` in the promoted dtype; −inf at 0, NaN for a real ``z < 0``.

    Raises
    ------
    MissingDerivativeError
        If the derivative in `v` is asked for at a complex `z`.

    Notes
    -----
    ``∂/∂z = (Y_{v−1} − Y_{v+1})/2``; ``∂/∂v`` for real ``z > 0`` by contour integrals. Both to
    any order.

    References
    ----------
    DLMF 10.6.1, 10.9(ii); `scipy.special.yv`.

    Examples
    --------
    >>> import torch
    >>> yv(torch.tensor([0.0, 1.0]), torch.tensor(2.0))
    tensor([ 0.5104, -0.1070])
    """
    return scipy.special.yv(v, z)


@operator("(),()->()", batch="native", real=("v",))
def jve(v: Array, z: Array) -> Array:
    """Bessel function of the first kind, scaled so that it doesn't overflow off the real axis.

    Parameters
    ----------
    v : Tensor
        Order, real.
    z : Tensor
        Argument, real or complex; broadcasts with `v`.

    Returns
    -------
    Tensor
        ``J_v(z) exp(−|Im z|)`` in the promoted dtype.

    Raises
    ------
    MissingDerivativeError
        If the derivative in `v` is asked for at a complex `z`.

    Notes
    -----
    As for `jv`. Of a complex ``z`` the function isn't holomorphic: beside the derivative of
    ``J_v`` there is ``−sign(Im z)`` times the function for the imaginary part (0 on the real axis).

    References
    ----------
    DLMF 10.6.1; `scipy.special.jve`.

    Examples
    --------
    >>> import torch
    >>> jve(0.0, torch.tensor(300j)).real
    tensor(0.0230)
    """
    return scipy.special.jve(v, z)


@operator("(),()->()", batch="native", real=("v",))
def yve(v: Array, z: Array) -> Array:
    """Bessel function of the second kind, scaled so that it doesn't overflow off the real axis.

    Parameters
    ----------
    v : Tensor
        Order, real.
    z : Tensor
        Argument, real or complex; broadcasts with `v`.

    Returns
    -------
    Tensor
        ``Y_v(z) exp(−|Im z|)`` in the promoted dtype.

    Raises
    ------
    MissingDerivativeError
        If the derivative in `v` is asked for at a complex `z`.

    Notes
    -----
    As for `yv`, with the scale's own derivative as for `jve`.

    References
    ----------
    DLMF 10.6.1; `scipy.special.yve`.

    Examples
    --------
    >>> import torch
    >>> yve(0.0, torch.tensor(300j)).imag
    tensor(0.0230)
    """
    return scipy.special.yve(v, z)


@operator("(),()->()", batch="native", real=("v",), dtype="complex")
def hankel1(v: Array, z: Array) -> Array:
    """Hankel function of the first kind, an outgoing wave.

    Parameters
    ----------
    v : Tensor
        Order, real.
    z : Tensor
        Argument, real or complex; broadcasts with `v`.

    Returns
    -------
    Tensor
        ``J_v(z) + i Y_v(z)``, complex.

    Raises
    ------
    MissingDerivativeError
        If the derivative in `v` is asked for at a complex `z`.

    Notes
    -----
    ``∂/∂z = (H_{v−1} − H_{v+1})/2``; ``∂/∂v`` for real ``z > 0`` by contour integrals. Both to
    any order.

    References
    ----------
    DLMF 10.6.1, 10.9.18; `scipy.special.hankel1`.

    Examples
    --------
    >>> import torch
    >>> hankel1(0.0, torch.tensor(2.0))
    tensor(0.2239+0.5104j)
    """
    return scipy.special.hankel1(v, z)


@operator("(),()->()", batch="native", real=("v",), dtype="complex")
def hankel2(v: Array, z: Array) -> Array:
    """Hankel function of the second kind, an incoming wave.

    Parameters
    ----------
    v : Tensor
        Order, real.
    z : Tensor
        Argument, real or complex; broadcasts with `v`.

    Returns
    -------
    Tensor
        ``J_v(z) − i Y_v(z)``, complex.

    Raises
    ------
    MissingDerivativeError
        If the derivative in `v` is asked for at a complex `z`.

    Notes
    -----
    ``∂/∂z = (H_{v−1} − H_{v+1})/2``; ``∂/∂v`` for real ``z > 0`` by contour integrals. Both to
    any order.

    References
    ----------
    DLMF 10.6.1, 10.9.18; `scipy.special.hankel2`.

    Examples
    --------
    >>> import torch
    >>> hankel2(0.0, torch.tensor(2.0))
    tensor(0.2239-0.5104j)
    """
    return scipy.special.hankel2(v, z)


def _between(function: Any) -> Any:
    """The rule of every cylinder function: half the difference of its neighbours in the order."""
    return lambda v, z: (function(v - 1, z) - function(v + 1, z)) / 2


def _scaled(function: Any) -> Any:
    """The same for a function times exp(−|y|), z = x + iy: df = slope dz − sign(y) f dy."""

    def rule(g: Tensor, v: Tensor, z: Tensor, out: Tensor) -> Tensor:
        slope = (function(v - 1, z) - function(v + 1, z)) / 2
        if not z.is_complex():
            return g * slope
        return g * slope.conj() - 1j * torch.sign(z.imag) * (g.conj() * out).real

    return rule


jv.partials(v=in_order("jv", "jv"), z=_between(jv))
yv.partials(v=in_order("yv", "yv"), z=_between(yv))
jve.partials(v=in_order("jve", "jv")).vjp(z=_scaled(jve))
yve.partials(v=in_order("yve", "yv")).vjp(z=_scaled(yve))
_parts = {sign: (in_order(name, "jv"), in_order(name, "yv")) for sign, name in ((1, "hankel1"), (-1, "hankel2"))}
hankel1.partials(v=lambda v, z: _parts[1][0](v, z) + 1j * _parts[1][1](v, z), z=_between(hankel1))
hankel2.partials(v=lambda v, z: _parts[-1][0](v, z) - 1j * _parts[-1][1](v, z), z=_between(hankel2))


def _samples(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample(rng.uniform(-2, 4, size=(2, 1)), rng.uniform(0.5, 5, size=2)),
        Sample(1.5, rng.uniform(0.5, 3, size=2) * (1 + 0.7j)),
    ]


for _function in (jv, yv, jve, yve, hankel1, hankel2):
    _function.samples(_samples)
for _function in (jv, jve):
    _function.special_points(
        lambda rng: [
            Sample(0, np.zeros(2)),
            Sample(np.array([1.0, 2.0, 3.5]), np.zeros(3)),
            Sample(2, np.array([-1.5])),
        ]
    )
for _function in (yv, yve, hankel1, hankel2):
    _function.special_points(lambda rng: [Sample(np.array([0.0, 1.0, 30.0]), np.array([1e-3, 1.0, 30.0]))])
