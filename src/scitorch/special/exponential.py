"""Exponential integrals."""

from typing import Any

import numpy as np
import scipy.special
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, not_implemented, operator

Array = NDArray[Any]


@operator("()->()", batch="native")
def expi(x: Array) -> Array:
    """Exponential integral Ei, as a principal value on the positive axis.

    Parameters
    ----------
    x : Tensor
        Argument, real or complex.

    Returns
    -------
    Tensor
        ``Ei(x)``, the integral of ``exp(t)/t`` from −∞ to `x`; −inf at 0.

    Notes
    -----
    ``Ei' = exp(x)/x``, to any order, but at 0.

    References
    ----------
    DLMF 6.2.5; `scipy.special.expi`.

    Examples
    --------
    >>> import torch
    >>> expi(torch.tensor(1.0))
    tensor(1.8951)
    """
    return scipy.special.expi(x)


@operator("()->()", batch="native")
def exp1(z: Array) -> Array:
    """Exponential integral E_1.

    Parameters
    ----------
    z : Tensor
        Argument, real or complex, with the negative axis as cut.

    Returns
    -------
    Tensor
        ``E_1(z)``, the integral of ``exp(−t)/t`` from `z` to ∞; inf at 0, NaN for a real
        ``z < 0``, where the value is complex.

    Notes
    -----
    ``E_1' = −exp(−z)/z``, to any order, but at 0.

    References
    ----------
    DLMF 6.2.1; `scipy.special.exp1`.

    Examples
    --------
    >>> import torch
    >>> exp1(torch.tensor(1.0))
    tensor(0.2194)
    """
    return scipy.special.exp1(z)


@operator("(),()->()", batch="native")
def expn(n: Array, x: Array) -> Array:
    """Generalized exponential integral E_n of whole order.

    Parameters
    ----------
    n : Tensor or int
        Order, whole (a fraction is cut off) and not negative.
    x : Tensor
        Real argument, not negative; broadcasts with `n`.

    Returns
    -------
    Tensor
        ``E_n(x)``, the integral of ``exp(−xt)/t^n`` from 1 to ∞, in the promoted dtype.

    Raises
    ------
    MissingDerivativeError
        If the derivative in `n` is asked for: orders are whole numbers here.

    Notes
    -----
    ``∂/∂x = −E_{n−1}``, and ``−exp(−x)(1 + 1/x)/x`` for ``n = 0``, to any order; at 0 it is
    ``−1/(n−2)`` for ``n > 2``, infinite below.

    References
    ----------
    DLMF 8.19.13; `scipy.special.expn`.

    Examples
    --------
    >>> import torch
    >>> expn(2, torch.tensor(1.0))
    tensor(0.1485)
    """
    return scipy.special.expn(np.asarray(n, np.int64), x)


def _expn_argument(n: Tensor, x: Tensor) -> Tensor:
    """E_{n−1}, or where that has a negative order its closed form, each kept from points where it has no value."""
    whole = torch.trunc(n)
    elementary = whole < 1
    inside = torch.where(elementary, x, 1)
    return torch.where(elementary, -torch.exp(-inside) * (1 + 1 / inside) / inside, -expn(whole.clamp(min=1) - 1, x))


expi.partials(x=lambda x: torch.exp(x) / x)
exp1.partials(z=lambda z: -torch.exp(-z) / z)
expn.partials(n=not_implemented("orders are whole numbers"), x=_expn_argument)

expi.samples(
    lambda rng: [
        Sample(rng.uniform(0.3, 4, size=(2, 2)) * np.array([-1, 1])),
        Sample(rng.normal(size=2) + 1j * rng.uniform(0.5, 2, size=2)),
    ]
)
expi.special_points(lambda rng: [Sample(np.array([1e-8, 0.372507410781367, -30.0]))])  # the second is a zero
exp1.samples(
    lambda rng: [
        Sample(rng.uniform(0.3, 4, size=(2, 2))),
        Sample(rng.normal(size=2) + 1j * rng.uniform(0.5, 2, size=2)),
    ]
)
exp1.special_points(lambda rng: [Sample(np.array([1e-8, 30.0]))])
expn.samples(lambda rng: [Sample(np.array([[0.0], [1.0], [4.0]]), rng.uniform(0.3, 4, size=2))])
expn.special_points(lambda rng: [Sample(np.array([3.0, 4.0]), np.zeros(2))])
