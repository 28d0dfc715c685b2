"""Spherical Bessel functions of whole order."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Operator, Sample, not_implemented, operator

Array = NDArray[Any]


def spherical_jn(n: Any, z: Any, derivative: bool = False) -> Tensor:
    """Spherical Bessel function of the first kind.

    Parameters
    ----------
    n : Tensor or int
        Order, whole (a fraction is cut off, as in SciPy) and not negative.
    z : Tensor
        Argument, real or complex; broadcasts with `n`.
    derivative : bool
        Whether to give the derivative in `z` instead of the function.

    Returns
    -------
    Tensor
        ``j_n(z)`` or ``j_n'(z)`` in the promoted dtype.

    Raises
    ------
    MissingDerivativeError
        If the derivative in `n` is asked for: orders are whole numbers here.

    Notes
    -----
    ``(2n+1) j_n' = n j_{n−1} − (n+1) j_{n+1}``, to any order.

    References
    ----------
    DLMF 10.51; `scipy.special.spherical_jn`.

    Examples
    --------
    >>> import torch
    >>> spherical_jn(1, torch.tensor(2.0))
    tensor(0.4354)
    """
    return _by_argument(n, z, _jn, "j") if derivative else _jn(n, z)


def spherical_yn(n: Any, z: Any, derivative: bool = False) -> Tensor:
    """Spherical Bessel function of the second kind.

    Parameters
    ----------
    n : Tensor or int
        Order, whole (a fraction is cut off, as in SciPy) and not negative.
    z : Tensor
        Argument, real or complex; broadcasts with `n`.
    derivative : bool
        Whether to give the derivative in `z` instead of the function.

    Returns
    -------
    Tensor
        ``y_n(z)`` or ``y_n'(z)`` in the promoted dtype.

    Raises
    ------
    MissingDerivativeError
        If the derivative in `n` is asked for: orders are whole numbers here.

    Notes
    -----
    ``(2n+1) y_n' = n y_{n−1} − (n+1) y_{n+1}``, to any order.

    References
    ----------
    DLMF 10.51; `scipy.special.spherical_yn`.

    Examples
    --------
    >>> import torch
    >>> spherical_yn(1, torch.tensor(2.0))
    tensor(-0.3506)
    """
    return _by_argument(n, z, _yn, "y") if derivative else _yn(n, z)


def spherical_in(n: Any, z: Any, derivative: bool = False) -> Tensor:
    """Modified spherical Bessel function of the first kind.

    Parameters
    ----------
    n : Tensor or int
        Order, whole (a fraction is cut off, as in SciPy) and not negative.
    z : Tensor
        Argument, real or complex; broadcasts with `n`.
    derivative : bool
        Whether to give the derivative in `z` instead of the function.

    Returns
    -------
    Tensor
        ``i_n(z)`` or ``i_n'(z)`` in the promoted dtype.

    Raises
    ------
    MissingDerivativeError
        If the derivative in `n` is asked for: orders are whole numbers here.

    Notes
    -----
    ``(2n+1) i_n' = n i_{n−1} + (n+1) i_{n+1}``, to any order.

    References
    ----------
    DLMF 10.51; `scipy.special.spherical_in`.

    Examples
    --------
    >>> import torch
    >>> spherical_in(1, torch.tensor(2.0))
    tensor(0.9744)
    """
    return _by_argument(n, z, _in, "i") if derivative else _in(n, z)


def spherical_kn(n: Any, z: Any, derivative: bool = False) -> Tensor:
    """Modified spherical Bessel function of the second kind.

    Parameters
    ----------
    n : Tensor or int
        Order, whole (a fraction is cut off, as in SciPy) and not negative.
    z : Tensor
        Argument, real or complex; broadcasts with `n`.
    derivative : bool
        Whether to give the derivative in `z` instead of the function.

    Returns
    -------
    Tensor
        ``k_n(z)`` or ``k_n'(z)`` in the promoted dtype.

    Raises
    ------
    MissingDerivativeError
        If the derivative in `n` is asked for: orders are whole numbers here.

    Notes
    -----
    ``(2n+1) k_n' = −n k_{n−1} − (n+1) k_{n+1}``, to any order.

    References
    ----------
    DLMF 10.51; `scipy.special.spherical_kn`.

    Examples
    --------
    >>> import torch
    >>> spherical_kn(1, torch.tensor(2.0))
    tensor(0.1594)
    """
    return _by_argument(n, z, _kn, "k") if derivative else _kn(n, z)


_SIGNS = {"j": (1, -1), "y": (1, -1), "i": (1, 1), "k": (-1, -1)}  # of the neighbours in (2n + 1) f_n'


def _by_argument(n: Any, z: Any, function: Operator, letter: str) -> Tensor:
    """The derivative in z, of neighbours in the order: unlike f_n/z, they have limits at 0 where the function has."""
    n = torch.trunc(n) if isinstance(n, Tensor) and n.is_floating_point() else n
    lower = n.clamp(min=1) - 1 if isinstance(n, Tensor) else max(n, 1) - 1  # at n = 0 it has no weight
    below, above = _SIGNS[letter]
    return (below * n * function(lower, z) + above * (n + 1) * function(n + 1, z)) / (2 * n + 1)


def _define(letter: str, spherical: Callable[..., Any]) -> Operator:
    """The operator of one kind, of which the public function is a shell that takes the option by position."""

    def kernel(n: Array, z: Array) -> Array:
        return spherical(np.asarray(n, np.int64), z)

    define = operator("(),()->()", batch="native", real=("n",), name=f"spherical_{letter}n")
    return define(kernel).partials(
        n=not_implemented("orders are whole numbers"), z=lambda n, z: _by_argument(n, z, _FUNCTIONS[letter], letter)
    )


_jn = _define("j", scipy.special.spherical_jn)
_yn = _define("y", scipy.special.spherical_yn)
_in = _define("i", scipy.special.spherical_in)
_kn = _define("k", scipy.special.spherical_kn)
_FUNCTIONS = {"j": _jn, "y": _yn, "i": _in, "k": _kn}

for _function in _FUNCTIONS.values():
    _function.samples(
        lambda rng: [
            Sample(np.array([[0.0], [1.0], [3.0]]), rng.uniform(0.5, 4, size=2)),
            Sample(2, rng.uniform(0.5, 3, size=2) * (1 + 0.7j)),
        ]
    )
for _function in (_jn, _in):
    _function.special_points(lambda rng: [Sample(np.arange(4.0), np.zeros(4))])
