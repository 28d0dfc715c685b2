"""Hypergeometric functions; `scipy.special`, "Hypergeometric functions"."""

from typing import Any

import numpy as np
import scipy.special as sc
from numpy.typing import NDArray

from scitorch.core import Sample, operator

from .gauss import hyp2f1_derivative
from .kummer import hyp1f1_derivative

Array = NDArray[Any]


@operator("(),(),()->()", batch="native", real=("a", "b"))
def hyp1f1(a: Array, b: Array, x: Array) -> Array:
    """Confluent hypergeometric function of Kummer, 1F1(a; b; x).

    Parameters
    ----------
    a, b : Tensor
        Real parameters, ``b`` not zero nor a negative integer.
    x : Tensor
        Real or complex; broadcast against the parameters.

    Returns
    -------
    Tensor of the broadcast shape

    Notes
    -----
    The derivative in ``x`` is ``a / b * hyp1f1(a + 1, b + 1, x)``, to any order. Those in the parameters are sums of
    differentiated series with known bounds of their error, to any order; NaN where no bound leaves nine digits, which
    is where ``a`` is far below zero beside a large ``x`` (`hyp1f1_derivative`).

    References
    ----------
    DLMF 13.3.15; `scipy.special.hyp1f1`.

    Examples
    --------
    >>> import torch
    >>> hyp1f1(1.0, 1.0, torch.tensor([0.0, 1.0]))
    tensor([1.0000, 2.7183])
    """
    return sc.hyp1f1(a, b, x)


@operator("(),(),(),()->()", batch="native", real=("a", "b", "c"))
def hyp2f1(a: Array, b: Array, c: Array, z: Array) -> Array:
    """Hypergeometric function of Gauss, 2F1(a, b; c; z).

    Parameters
    ----------
    a, b, c : Tensor
        Real parameters, ``c`` not zero nor a negative integer.
    z : Tensor
        Real, at most one, or complex with the cut from one to infinity; broadcast against the parameters.

    Returns
    -------
    Tensor of the broadcast shape

    Notes
    -----
    The derivative in ``z`` is ``a * b / c * hyp2f1(a + 1, b + 1, c + 1, z)``, to any order; how exact it is depends on
    SciPy's function, which is exact to about 1e-12 and less near ``|z| = 1``. Those in the parameters are sums of
    differentiated series, or differentiated integrals, with known bounds of their error, to any order; NaN where no
    bound leaves nine digits, and where none of the methods serves: that is, where neither ``|z|`` nor ``|z / (z - 1)|``
    is below 0.96, and neither ``a`` nor ``b`` is between 0 and ``c`` or ``z`` isn't real (`hyp2f1_derivative`).

    References
    ----------
    DLMF 15.5.1; `scipy.special.hyp2f1`.

    Examples
    --------
    >>> import torch
    >>> hyp2f1(1.0, 1.0, 2.0, torch.tensor([0.0, 0.5]))
    tensor([1.0000, 1.3863])
    """
    return sc.hyp2f1(a, b, c, z)


hyp1f1.partials(
    a=lambda a, b, x: hyp1f1_derivative(a, b, x, i=1, j=0, m=0),
    b=lambda a, b, x: hyp1f1_derivative(a, b, x, i=0, j=1, m=0),
    x=lambda a, b, x: a / b * hyp1f1(a + 1, b + 1, x),
)
hyp2f1.partials(
    a=lambda a, b, c, z: hyp2f1_derivative(a, b, c, z, i=1, j=0, k=0, m=0),
    b=lambda a, b, c, z: hyp2f1_derivative(a, b, c, z, i=0, j=1, k=0, m=0),
    c=lambda a, b, c, z: hyp2f1_derivative(a, b, c, z, i=0, j=0, k=1, m=0),
    z=lambda a, b, c, z: a * b / c * hyp2f1(a + 1, b + 1, c + 1, z),
)


def _complex(rng: np.random.Generator) -> Array:
    return rng.uniform(-0.5, 0.5, size=2) + 1j * rng.uniform(-0.5, 0.5, size=2)


hyp1f1.samples(
    lambda rng: [
        Sample(rng.uniform(0.5, 2, size=(2, 1)), rng.uniform(0.5, 2, size=2), rng.normal(size=2)),
        Sample(np.array(0.5), np.array(1.5), _complex(rng)),
    ]
)
hyp2f1.samples(
    lambda rng: [
        Sample(rng.uniform(0.5, 2, size=(2, 1)), np.array(0.7), rng.uniform(0.5, 2, size=2), rng.uniform(-0.6, 0.6, 2)),
        Sample(np.array(0.5), np.array(0.7), np.array(1.5), _complex(rng)),
    ]
)
hyp1f1.special_points(lambda rng: [Sample(np.array([0.0, 1.0, -2.0]), np.array(2.0), np.array([0.0, 0.0, 3.0]))])
hyp2f1.special_points(
    lambda rng: [Sample(np.array([0.0, 1.0, -2.0]), np.array(0.5), np.array(2.0), np.array([0.0, 0.0, 0.9]))]
)
