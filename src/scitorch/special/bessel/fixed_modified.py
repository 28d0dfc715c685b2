"""Modified Bessel functions of orders 0 and 1 of a real argument, plain and scaled."""

from typing import Any

import numpy as np
import scipy.special
import torch
from numpy.typing import NDArray

from scitorch.core import Sample, operator

from .modified import iv
from .slope import scaled_slope

Array = NDArray[Any]


@operator("()->()", batch="native")
def i0(x: Array) -> Array:
    """Modified Bessel function of the first kind of order 0.

    Parameters
    ----------
    x : Tensor
        Real argument.

    Returns
    -------
    Tensor
        ``I_0(x)``, even.

    Notes
    -----
    ``I_0' = I_1``, to any order, everywhere.

    References
    ----------
    DLMF 10.29.3; `scipy.special.i0`.

    Examples
    --------
    >>> import torch
    >>> i0(torch.tensor(2.0))
    tensor(2.2796)
    """
    return scipy.special.i0(x)


@operator("()->()", batch="native")
def i1(x: Array) -> Array:
    """Modified Bessel function of the first kind of order 1.

    Parameters
    ----------
    x : Tensor
        Real argument.

    Returns
    -------
    Tensor
        ``I_1(x)``, odd.

    Notes
    -----
    ``I_1' = (I_0 + I_2)/2``, to any order, everywhere.

    References
    ----------
    DLMF 10.29.1; `scipy.special.i1`.

    Examples
    --------
    >>> import torch
    >>> i1(torch.tensor(2.0))
    tensor(1.5906)
    """
    return scipy.special.i1(x)


@operator("()->()", batch="native")
def i0e(x: Array) -> Array:
    """Modified Bessel function of the first kind of order 0, scaled so that it doesn't overflow.

    Parameters
    ----------
    x : Tensor
        Real argument.

    Returns
    -------
    Tensor
        ``I_0(x) exp(−|x|)``, even, with a corner at 0.

    Notes
    -----
    With f for this function, ``f_0' = f_1 − sign(x) f_0``, at the corner the mean 0, to any order;
    for large ``x`` by the asymptotic series.

    References
    ----------
    DLMF 10.29.3; `scipy.special.i0e`.

    Examples
    --------
    >>> import torch
    >>> i0e(torch.tensor(2.0))
    tensor(0.3085)
    """
    return scipy.special.i0e(x)


@operator("()->()", batch="native")
def i1e(x: Array) -> Array:
    """Modified Bessel function of the first kind of order 1, scaled so that it doesn't overflow.

    Parameters
    ----------
    x : Tensor
        Real argument.

    Returns
    -------
    Tensor
        ``I_1(x) exp(−|x|)``, odd.

    Notes
    -----
    With f for this function, ``f_1' = (f_0 + f_2)/2 − sign(x) f_1``, to any order; for large
    ``x`` by the asymptotic series.

    References
    ----------
    DLMF 10.29.1; `scipy.special.i1e`.

    Examples
    --------
    >>> import torch
    >>> i1e(torch.tensor(2.0))
    tensor(0.2153)
    """
    return scipy.special.i1e(x)


@operator("()->()", batch="native")
def k0(x: Array) -> Array:
    """Modified Bessel function of the second kind of order 0.

    Parameters
    ----------
    x : Tensor
        Real argument.

    Returns
    -------
    Tensor
        ``K_0(x)``; inf at 0, NaN below.

    Notes
    -----
    ``K_0' = −K_1``, to any order, for ``x > 0``.

    References
    ----------
    DLMF 10.29.3; `scipy.special.k0`.

    Examples
    --------
    >>> import torch
    >>> k0(torch.tensor(2.0))
    tensor(0.1139)
    """
    return scipy.special.k0(x)


@operator("()->()", batch="native")
def k1(x: Array) -> Array:
    """Modified Bessel function of the second kind of order 1.

    Parameters
    ----------
    x : Tensor
        Real argument.

    Returns
    -------
    Tensor
        ``K_1(x)``; inf at 0, NaN below.

    Notes
    -----
    ``K_1' = −K_0 − K_1/x``, to any order, for ``x > 0``.

    References
    ----------
    DLMF 10.29.2; `scipy.special.k1`.

    Examples
    --------
    >>> import torch
    >>> k1(torch.tensor(2.0))
    tensor(0.1399)
    """
    return scipy.special.k1(x)


@operator("()->()", batch="native")
def k0e(x: Array) -> Array:
    """Modified Bessel function of the second kind of order 0, scaled so that it doesn't underflow.

    Parameters
    ----------
    x : Tensor
        Real argument.

    Returns
    -------
    Tensor
        ``K_0(x) exp(x)``; inf at 0, NaN below.

    Notes
    -----
    With f for this function, ``f_0' = f_0 − f_1``, to any order, for ``x > 0``; for large ``x`` by
    the asymptotic series.

    References
    ----------
    DLMF 10.29.3; `scipy.special.k0e`.

    Examples
    --------
    >>> import torch
    >>> k0e(torch.tensor(2.0))
    tensor(0.8416)
    """
    return scipy.special.k0e(x)


@operator("()->()", batch="native")
def k1e(x: Array) -> Array:
    """Modified Bessel function of the second kind of order 1, scaled so that it doesn't underflow.

    Parameters
    ----------
    x : Tensor
        Real argument.

    Returns
    -------
    Tensor
        ``K_1(x) exp(x)``; inf at 0, NaN below.

    Notes
    -----
    With f for this function, ``f_1' = f_1 − f_0 − f_1/x``, to any order, for ``x > 0``; for
    large ``x`` by the asymptotic series.

    References
    ----------
    DLMF 10.29.2; `scipy.special.k1e`.

    Examples
    --------
    >>> import torch
    >>> k1e(torch.tensor(2.0))
    tensor(1.0335)
    """
    return scipy.special.k1e(x)


# As for J, order 2 stands where a division by x would have no value at 0.
i0.partials(x=lambda x: i1(x))
i1.partials(x=lambda x: (i0(x) + iv(2, x)) / 2)
i0e.partials(x=lambda x: torch.sign(x) * scaled_slope(0, x.abs(), kind="ive"))
i1e.partials(x=lambda x: scaled_slope(1, x.abs(), kind="ive"))
k0.partials(x=lambda x: -k1(x))
k1.partials(x=lambda x, out: -k0(x) - out / x)
k0e.partials(x=lambda x: scaled_slope(0, x, kind="kve"))
k1e.partials(x=lambda x: scaled_slope(1, x, kind="kve"))

for _entire in (i0, i1, i0e, i1e):
    _entire.samples(lambda rng: [Sample(rng.normal(scale=3, size=(2, 2)))])
    _entire.special_points(lambda rng: [Sample(np.array([0.0, -1e-9, 40.0]))])
for _singular in (k0, k1, k0e, k1e):
    _singular.samples(lambda rng: [Sample(rng.uniform(0.5, 5, size=(2, 2)))])
    _singular.special_points(lambda rng: [Sample(np.array([1e-3, 40.0]))])
