"""Bessel functions of orders 0 and 1 of a real argument, which SciPy computes faster than those of any order."""

from typing import Any

import numpy as np
import scipy.special
from numpy.typing import NDArray

from scitorch.core import Sample, operator

from .cylinder import jv

Array = NDArray[Any]


@operator("()->()", batch="native")
def j0(x: Array) -> Array:
    """Bessel function of the first kind of order 0.

    Parameters
    ----------
    x : Tensor
        Real argument.

    Returns
    -------
    Tensor
        ``J_0(x)``, even.

    Notes
    -----
    ``J_0' = −J_1``, to any order, everywhere.

    References
    ----------
    DLMF 10.6.3; `scipy.special.j0`.

    Examples
    --------
    >>> import torch
    >>> j0(torch.tensor(2.0))
    tensor(0.2239)
    """
    return scipy.special.j0(x)


@operator("()->()", batch="native")
def j1(x: Array) -> Array:
    """Bessel function of the first kind of order 1.

    Parameters
    ----------
    x : Tensor
        Real argument.

    Returns
    -------
    Tensor
        ``J_1(x)``, odd.

    Notes
    -----
    ``J_1' = (J_0 − J_2)/2``, to any order, everywhere.

    References
    ----------
    DLMF 10.6.1; `scipy.special.j1`.

    Examples
    --------
    >>> import torch
    >>> j1(torch.tensor(2.0))
    tensor(0.5767)
    """
    return scipy.special.j1(x)


@operator("()->()", batch="native")
def y0(x: Array) -> Array:
    """Bessel function of the second kind of order 0.

    Parameters
    ----------
    x : Tensor
        Real argument.

    Returns
    -------
    Tensor
        ``Y_0(x)``; −inf at 0, NaN below.

    Notes
    -----
    ``Y_0' = −Y_1``, to any order, for ``x > 0``.

    References
    ----------
    DLMF 10.6.3; `scipy.special.y0`.

    Examples
    --------
    >>> import torch
    >>> y0(torch.tensor(2.0))
    tensor(0.5104)
    """
    return scipy.special.y0(x)


@operator("()->()", batch="native")
def y1(x: Array) -> Array:
    """Bessel function of the second kind of order 1.

    Parameters
    ----------
    x : Tensor
        Real argument.

    Returns
    -------
    Tensor
        ``Y_1(x)``; −inf at 0, NaN below.

    Notes
    -----
    ``Y_1' = Y_0 − Y_1/x``, to any order, for ``x > 0``.

    References
    ----------
    DLMF 10.6.2; `scipy.special.y1`.

    Examples
    --------
    >>> import torch
    >>> y1(torch.tensor(2.0))
    tensor(-0.1070)
    """
    return scipy.special.y1(x)


# Where 0 belongs to the domain, order 2 is better than a division by x, which at 0 has no value and near it, from the
# third derivative on, no digits.
j0.partials(x=lambda x: -j1(x))
j1.partials(x=lambda x: (j0(x) - jv(2, x)) / 2)
y0.partials(x=lambda x: -y1(x))
y1.partials(x=lambda x, out: y0(x) - out / x)

for _entire in (j0, j1):
    _entire.samples(lambda rng: [Sample(rng.normal(scale=3, size=(2, 2)))])
    _entire.special_points(lambda rng: [Sample(np.array([0.0, -1e-9, 40.0]))])
for _singular in (y0, y1):
    _singular.samples(lambda rng: [Sample(rng.uniform(0.5, 5, size=(2, 2)))])
    _singular.special_points(lambda rng: [Sample(np.array([1e-3, 40.0]))])
