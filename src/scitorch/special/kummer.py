"""Derivatives of Kummer's confluent hypergeometric function."""

from functools import partial
from math import factorial, prod
from typing import Any

import numpy as np
import scipy.special as sc
from numpy.typing import NDArray

from scitorch.core import Sample, operator

from .jets import DOUBLE, Linear, Order, best, highest, highest_of_product, linear, orders_to, parts_of, series, values
from .pairs import Pair
from .tails import moment

Array = NDArray[Any]

FAR = 300.0  # modulus from which the asymptotic series serves


@operator("(),(),()->()", batch="native", real=("a", "b"))
def hyp1f1_derivative(a: Array, b: Array, x: Array, *, i: int, j: int, m: int) -> Array:
    """Derivative of Kummer's confluent hypergeometric function, i times in a, j times in b, m times in x.

    Parameters
    ----------
    a, b : Tensor
        Real parameters, ``b`` not zero nor a negative integer.
    x : Tensor
        Real or complex; broadcast against the parameters.
    i, j, m : int
        Orders.

    Returns
    -------
    Tensor of the broadcast shape
        NaN where no method has nine digits, as for ``a`` far below zero beside a large ``x``.

    Notes
    -----
    The series, or that of Kummer's transformation, differentiated term by term: in doubles where nothing cancels, else
    with 32 digits, or the asymptotic series for ``x < -300``. Bounds of the error decide. The derivative in ``x`` is
    ``a / b`` times the function of ``a + 1, b + 1``. Again differentiable to any order in everything.

    References
    ----------
    DLMF 13.2.2, 13.2.39, 13.3.15, 13.7.2; see `scitorch.special.jets`.

    Examples
    --------
    >>> import torch
    >>> hyp1f1_derivative(1.0, 1.0, torch.tensor([0.0, 1.0]), i=1, j=0, m=0)
    tensor([0.0000, 2.1654])
    """
    most = (i, j)

    def series_of(sign: int, above: Linear, a: Array, b: Array, x: Array, precise: bool) -> tuple[Array, Array]:
        one, other = linear(a, (1, 0), precise), linear(b, (0, 1), precise)
        ahead = one.rising(m), other.rising(m)
        return highest(series([above], [other.raised(m)], parts_of(sign * x, precise), most, 0.0, ahead), most)

    def direct(a: Array, b: Array, x: Array, precise: bool) -> tuple[Array, Array]:
        return series_of(1, linear(a, (1, 0), precise).raised(m), a, b, x, precise)

    def mirrored(a: Array, b: Array, x: Array, precise: bool) -> tuple[Array, Array]:
        value, bound = series_of(-1, linear(Pair(b) - a, (-1, 1), precise), a, b, x, precise)
        return value * np.exp(x), bound * np.exp(np.real(x))

    return best(
        [
            (_right, partial(direct, precise=False)),
            (_left, partial(mirrored, precise=False)),
            (_far_left, partial(_asymptotic, most=most, m=m)),
            (_right, partial(direct, precise=True)),
            (_left, partial(mirrored, precise=True)),
            (_right, partial(mirrored, precise=True)),
            (_left, partial(direct, precise=True)),
        ],
        a,
        b,
        x,
    )


def _right(a: Array, b: Array, x: Array) -> Array:  # noqa: ARG001  as all that say where a method serves
    return np.real(x) >= 0


def _left(a: Array, b: Array, x: Array) -> Array:  # noqa: ARG001  as above
    return np.real(x) < 0


def _far_left(a: Array, b: Array, x: Array) -> Array:
    return np.isreal(x) & (np.real(x) < -FAR) & (b > np.maximum(a, 0))


def _asymptotic(a: Array, b: Array, x: Array, most: Order, m: int) -> tuple[Array, Array]:
    """Γ(b)/Γ(b−a) z^-a Σ (a)ₙ (a−b+1)ₙ/n! z^-n at z = −x (DLMF 13.7.2), without the part that is as small as e^x."""
    z = -np.real(x)
    log_z = np.log(z)
    ahead = linear(a, (1, 0), precise=False).rising(m), linear(b, (0, 1), precise=False).rising(m)
    a, b = a + m, b + m  # of the m-th derivative
    above = [linear(a, (1, 0), precise=False), linear(a - b + 1, (1, -1), precise=False)]
    jets = series(above, [], [1 / z], most, 0.0, ahead, terms=128)

    def logarithm(k: int, l: int) -> Array:
        """∂ₐᵏ∂ᵦˡ of log Γ(b) − log Γ(b−a) − a log z."""
        own = sc.polygamma(l - 1, b) if k == 0 else 0.0
        return own - (-1) ** k * sc.polygamma(k + l - 1, b - a) - (log_z if (k, l) == (1, 0) else 0)

    factor = {order: moment(logarithm, *order) / prod(map(factorial, order)) for order in orders_to(most)}
    lead = np.exp(sc.gammaln(b) - sc.gammaln(b - a) - a * log_z)
    # What is left out, over the leading term; each derivative may bring a logarithm.
    lost = np.exp((2 * a - b) * log_z - z + sc.gammaln(b - a) - sc.gammaln(a)) * (1 + log_z) ** sum(most)
    rounding = 4 * DOUBLE * (1 + np.abs(a * log_z) + np.abs(sc.gammaln(b)) + np.abs(sc.gammaln(b - a)))
    value, bound = highest_of_product(values(jets), jets.bound, factor, most, lost + rounding)
    return value * lead, bound * lead


hyp1f1_derivative.partials(
    a=lambda a, b, x, i, j, m: hyp1f1_derivative(a, b, x, i=i + 1, j=j, m=m),
    b=lambda a, b, x, i, j, m: hyp1f1_derivative(a, b, x, i=i, j=j + 1, m=m),
    x=lambda a, b, x, i, j, m: hyp1f1_derivative(a, b, x, i=i, j=j, m=m + 1),
)


def _complex(rng: np.random.Generator) -> Array:
    return rng.uniform(-0.5, 0.5, size=2) + 1j * rng.uniform(-0.5, 0.5, size=2)


hyp1f1_derivative.samples(
    lambda rng: [
        Sample(rng.uniform(0.5, 2, size=(2, 1)), rng.uniform(0.5, 2, size=2), rng.normal(size=2), i=1, j=0, m=0),
        Sample(np.array(0.5), np.array(1.5), _complex(rng), i=0, j=1, m=1),
    ]
)
hyp1f1_derivative.special_points(
    lambda rng: [Sample(np.array([0.0, -2.0]), np.array(2.0), np.array([0.0, 3.0]), i=0, j=1, m=0)]
)
