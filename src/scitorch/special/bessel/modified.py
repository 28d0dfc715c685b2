"""Modified Bessel functions, of real order and real or complex argument, plain and scaled."""

from typing import Any

import numpy as np
import scipy.special
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator

from .order import in_order
from .slope import scaled_slope

Array = NDArray[Any]


@operator("(),()->()", batch="native", real=("v",))
def iv(v: Array, z: Array) -> Array:
    """Modified Bessel function of the first kind, of real order.

    Parameters
    ----------
    v : Tensor
        Order, real.
    z : Tensor
        Argument, real or complex; broadcasts with `v`.

    Returns
    -------
    Tensor
        ``I_v(z)`` in the promoted dtype; NaN for a real ``z < 0`` unless `v` is whole.

    Raises
    ------
    MissingDerivativeError
        If the derivative in `v` is asked for at a complex `z`.

    Notes
    -----
    ``∂/∂z = (I_{v−1} + I_{v+1})/2`` everywhere but at the branch point 0, for orders between 0
    and 1, where it is infinite. ``∂/∂v`` for real ``z > 0``, and its limit at 0, by contour
    integrals with a relative error of about 1e-14. Both to any order.

    References
    ----------
    DLMF 10.29.1, 10.32(ii); `scipy.special.iv`.

    Examples
    --------
    >>> import torch
    >>> iv(torch.tensor([0.0, 1.0]), torch.tensor(2.0))
    tensor([2.2796, 1.5906])
    """
    return scipy.special.iv(v, z)


@operator("(),()->()", batch="native", real=("v",))
def kv(v: Array, z: Array) -> Array:
    """Modified Bessel function of the second kind, of real order.

    Parameters
    ----------
    v : Tensor
        Order, real.
    z : Tensor
        Argument, real or complex; broadcasts with `v`.

    Returns
    -------
    Tensor
        ``K_v(z)`` in the promoted dtype; inf at 0, NaN for a real ``z < 0``.

    Raises
    ------
    MissingDerivativeError
        If the derivative in `v` is asked for at a complex `z`.

    Notes
    -----
    ``∂/∂z = −(K_{v−1} + K_{v+1})/2``; ``∂/∂v`` for real ``z > 0`` by the integral of
    ``t sinh(vt) exp(−z cosh t)``. Both to any order.

    References
    ----------
    DLMF 10.29.1, 10.32.9; `scipy.special.kv`.

    Examples
    --------
    >>> import torch
    >>> kv(torch.tensor([0.0, 1.0]), torch.tensor(2.0))
    tensor([0.1139, 0.1399])
    """
    return scipy.special.kv(v, z)


@operator("(),()->()", batch="native", real=("v",))
def ive(v: Array, z: Array) -> Array:
    """Modified Bessel function of the first kind, scaled so that it doesn't overflow.

    Parameters
    ----------
    v : Tensor
        Order, real.
    z : Tensor
        Argument, real or complex; broadcasts with `v`.

    Returns
    -------
    Tensor
        ``I_v(z) exp(−|Re z|)`` in the promoted dtype.

    Raises
    ------
    MissingDerivativeError
        If the derivative in `v` is asked for at a complex `z`.

    Notes
    -----
    For real ``z``, ``∂/∂z = (f_{v−1} + f_{v+1})/2 − sign(z) f_v``, for large ``z`` by the asymptotic
    series; of a complex ``z`` the function isn't holomorphic, and ``−sign(Re z)`` times the function
    belongs to the real part alone. ``∂/∂v`` as for `iv`. Both to any order; the second derivative
    in ``z`` loses as many digits as ``z`` has.

    References
    ----------
    DLMF 10.29.1; `scipy.special.ive`.

    Examples
    --------
    >>> import torch
    >>> ive(0.0, torch.tensor(300.0))
    tensor(0.0230)
    """
    return scipy.special.ive(v, z)


@operator("(),()->()", batch="native", real=("v",))
def kve(v: Array, z: Array) -> Array:
    """Modified Bessel function of the second kind, scaled so that it doesn't underflow.

    Parameters
    ----------
    v : Tensor
        Order, real.
    z : Tensor
        Argument, real or complex; broadcasts with `v`.

    Returns
    -------
    Tensor
        ``K_v(z) exp(z)`` in the promoted dtype.

    Raises
    ------
    MissingDerivativeError
        If the derivative in `v` is asked for at a complex `z`.

    Notes
    -----
    ``∂/∂z = f_v − (f_{v−1} + f_{v+1})/2``, for large real ``z`` by the asymptotic series. ``∂/∂v`` as
    for `kv`. Both to any order; the second derivative in ``z`` loses as many digits as ``z`` has.

    References
    ----------
    DLMF 10.29.1, 10.32.9; `scipy.special.kve`.

    Examples
    --------
    >>> import torch
    >>> kve(0.0, torch.tensor(300.0))
    tensor(0.0723)
    """
    return scipy.special.kve(v, z)


def _ive_argument(g: Tensor, v: Tensor, z: Tensor, out: Tensor) -> Tensor:
    """Of exp(−|x|) I_v(z), z = x + iy: df = slope dz − sign(x) f dx."""
    if not z.is_complex():
        return g * scaled_slope(v, z, kind="ive")
    slope = (ive(v - 1, z) + ive(v + 1, z)) / 2
    return g * slope.conj() - torch.sign(z.real) * (g.conj() * out).real


def _kve_argument(v: Tensor, z: Tensor, out: Tensor) -> Tensor:
    return out - (kve(v - 1, z) + kve(v + 1, z)) / 2 if z.is_complex() else scaled_slope(v, z, kind="kve")


iv.partials(v=in_order("iv", "iv"), z=lambda v, z: (iv(v - 1, z) + iv(v + 1, z)) / 2)
kv.partials(v=in_order("kv", "kv"), z=lambda v, z: -(kv(v - 1, z) + kv(v + 1, z)) / 2)
ive.partials(v=in_order("ive", "ive")).vjp(z=_ive_argument)
kve.partials(v=in_order("kve", "kve"), z=_kve_argument)


def _samples(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample(rng.uniform(-2, 4, size=(2, 1)), rng.uniform(0.5, 5, size=2)),
        Sample(1.5, rng.uniform(0.5, 3, size=2) * (1 + 0.7j)),
    ]


for _function in (iv, kv, ive, kve):
    _function.samples(_samples)
for _function in (iv, ive):
    _function.special_points(
        lambda rng: [
            Sample(0, np.zeros(2)),
            Sample(np.array([1.0, 2.0, 3.5]), np.zeros(3)),
            Sample(2, np.array([-1.5])),
        ]
    )
for _function in (kv, kve):
    _function.special_points(lambda rng: [Sample(np.array([0.0, 1.0, 30.0]), np.array([1e-3, 1.0, 30.0]))])
