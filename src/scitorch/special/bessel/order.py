"""The operator of the derivatives in the order, and its rules."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, errors, operator

from .contours import differentiate_in_order

Array = NDArray[Any]


@operator("(),()->()", batch="native")
def order_derivative(v: Array, z: Array, *, kind: str, times: int = 1) -> Array:
    """Derivative of a Bessel function with respect to its order, of any order.

    Parameters
    ----------
    v : Tensor
        Order, real.
    z : Tensor
        Argument, real; broadcasts with `v`.
    kind : str
        Which function: "jv", "yv", "iv", "kv", "ive" or "kve".
    times : int
        How many times it is differentiated, at least once.

    Returns
    -------
    Tensor
        In the promoted dtype; NaN for ``z < 0``, where the derivative isn't real.

    Notes
    -----
    By integrals along contours of steepest descent, see ``contours.py`` beside this file; errors
    are of the order of 1e-14, relative to the modulus where the function oscillates.
    Differentiable to any order in both arguments: ``v`` by one more of `times`, ``z`` by the
    recurrences of the functions, which hold for derivatives in ``v``, too.

    References
    ----------
    DLMF 10.9(ii), 10.15, 10.32(ii), 10.38.

    Examples
    --------
    >>> import torch
    >>> order_derivative(torch.tensor(0.0), torch.tensor(2.0), kind="jv")  # π/2 Y_0(2)
    tensor(0.8017)
    """
    return differentiate_in_order(kind, times, v, z).astype(z.dtype)


def _by_argument(v: Tensor, z: Tensor, out: Tensor, kind: str, times: int) -> Tensor:
    below, above = (order_derivative(v + step, z, kind=kind, times=times) for step in (-1, 1))
    if kind in {"jv", "yv"}:
        return (below - above) / 2
    if kind in {"iv", "ive"}:
        return (below + above) / 2 - (torch.sign(z) * out if kind == "ive" else 0)
    return (out if kind == "kve" else 0) - (below + above) / 2


order_derivative.partials(
    v=lambda v, z, kind, times: order_derivative(v, z, kind=kind, times=times + 1),
    z=_by_argument,
)
order_derivative.samples(
    lambda rng: [
        Sample(rng.uniform(-2, 4, size=3), rng.uniform(0.5, 5, size=3), kind="jv"),
        Sample(rng.uniform(-2, 4, size=(2, 1)), rng.uniform(1, 5, size=2), kind="yv", times=2),
        Sample(rng.uniform(-2, 4, size=2), rng.uniform(0.5, 5, size=2), kind="ive"),
        Sample(rng.uniform(0, 4, size=2), rng.uniform(0.5, 5, size=2), kind="kve"),
    ]
)
order_derivative.special_points(
    lambda rng: [
        Sample(np.array([0.0, 1.0, 2.5]), np.array([1.0, 1.0, 2.5]), kind="jv"),
        Sample(np.array([1.5, 3.0]), np.zeros(2), kind="iv"),
        Sample(np.array([0.0, 1.0]), np.ones(2), kind="kv"),
    ]
)


def in_order(name: str, kind: str) -> Callable[[Tensor, Tensor], Tensor]:
    """The partial derivative in the order of the function `name`, where its argument is real."""

    def partial(v: Tensor, z: Tensor) -> Tensor:
        if z.is_complex():
            raise errors.MissingDerivativeError(
                name, "v", "a real z for the derivative with respect to 'v'", "a complex z", "z.real, or v.detach()"
            )
        return order_derivative(v, z, kind=kind)

    return partial
