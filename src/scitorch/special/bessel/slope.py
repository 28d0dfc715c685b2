"""The derivative in the argument of scaled modified Bessel functions, without the loss of its recurrence."""

from typing import Any

import numpy as np
import scipy.special
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator

from .order import order_derivative

Array = NDArray[Any]

_TERMS = 20


@operator("(),()->()", batch="native")
def scaled_slope(v: Array, z: Array, *, kind: str) -> Array:
    """Derivative of a scaled modified Bessel function with respect to its argument.

    Parameters
    ----------
    v : Tensor
        Order, real.
    z : Tensor
        Argument, real; broadcasts with `v`.
    kind : str
        Which function: "ive" or "kve".

    Returns
    -------
    Tensor
        In the promoted dtype.

    Notes
    -----
    The recurrence is a difference of nearly equal numbers, which loses as many digits as ``z`` has:
    it is evaluated in double precision whatever the dtype, and for ``z > 30 + 2v²`` the asymptotic
    series (DLMF 10.40.1, 10.40.2) takes its place, term by term differentiated, whose twentieth
    term is below rounding there. Differentiable to any order; in `z` by the recurrence, of slopes.

    References
    ----------
    DLMF 10.29.1, 10.40(i).

    Examples
    --------
    >>> import torch
    >>> scaled_slope(0.0, torch.tensor(1e6), kind="ive") * 1e9  # −(8π)^{−1/2} z^{−3/2}
    tensor(-0.1995)
    """
    order, argument = np.asarray(v, np.float64), np.asarray(z, np.float64)
    function = scipy.special.ive if kind == "ive" else scipy.special.kve
    neighbours = (function(order - 1, argument) + function(order + 1, argument)) / 2
    value = function(order, argument)
    near = neighbours - np.sign(argument) * value if kind == "ive" else value - neighbours
    far = argument > 30 + 2 * order**2
    result = np.where(far, _asymptotic(order, np.where(far, argument, 1e3 + 2 * order**2), kind), near)
    return result.astype(np.result_type(z))


def _asymptotic(v: Array, z: Array, kind: str) -> Array:
    """d/dz of (2πz)^{−1/2} Σ (∓1)^k a_k z^{−k} (I above, K below, with π/2 for 1/(2π))."""
    term, total = np.ones_like(v * z), np.zeros_like(v * z)
    for k in range(_TERMS):
        total -= (k + 0.5) * term
        term = term * (4 * v * v - (2 * k + 1) ** 2) / (8 * (k + 1) * z) * (-1 if kind == "ive" else 1)
    return total / z * np.sqrt((1 / (2 * np.pi) if kind == "ive" else np.pi / 2) / z)


def _by_argument(v: Tensor, z: Tensor, out: Tensor, kind: str) -> Tensor:
    neighbours = (scaled_slope(v - 1, z, kind=kind) + scaled_slope(v + 1, z, kind=kind)) / 2
    return neighbours - torch.sign(z) * out if kind == "ive" else out - neighbours


def _by_order(v: Tensor, z: Tensor, kind: str) -> Tensor:
    below, at, above = (order_derivative(v + step, z, kind=kind) for step in (-1, 0, 1))
    return (below + above) / 2 - torch.sign(z) * at if kind == "ive" else at - (below + above) / 2


scaled_slope.partials(v=_by_order, z=_by_argument)
scaled_slope.samples(
    lambda rng: [
        Sample(rng.uniform(-2, 4, size=(2, 1)), rng.uniform(0.5, 5, size=2), kind="ive"),
        Sample(rng.uniform(-2, 4, size=2), np.array([2.0, 70.0]), kind="kve"),
    ]
)
scaled_slope.special_points(lambda rng: [Sample(0, np.array([0.0, 1e9]), kind="ive")])
