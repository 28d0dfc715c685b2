"""Orthogonal polynomials by degree and argument, and the functions that they become for a degree between whole numbers.

Derivatives in the argument are polynomials of the next family (DLMF 18.9.19, 18.9.21, 18.9.23, 18.9.25), so that no
formula divides by 1 − x².
"""

from math import ceil, pi
from typing import Any

import numpy as np
import scipy.special
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, not_implemented, operator

Array = NDArray[Any]

_STEP = 0.2  # exp(−2π (π/2) / step) is 4e-22
_TAIL = 40.0  # e^{−40} is left out beyond


def _by_degree(function: Any, n: Array, *rest: Any) -> Array:
    """SciPy's function, by its recurrences where the degree is whole and by hypergeometric functions elsewhere.

    Both accept a whole degree; by its dtype SciPy knows which is meant, and the recurrences have more digits.
    """
    n, *others = np.broadcast_arrays(n, *rest)
    whole = n == np.round(n)
    if np.iscomplexobj(others[-1]):
        whole = np.zeros_like(whole)
    result = np.empty(n.shape, np.result_type(*others))
    result[whole] = function(n[whole].astype(np.int64), *(x[whole] for x in others))
    result[~whole] = function(n[~whole], *(x[~whole] for x in others))
    return result


@operator("(),()->()", batch="native", real=("n",))
def eval_legendre(n: Array, x: Array) -> Array:
    """Legendre polynomial, or Legendre function of real degree.

    Parameters
    ----------
    n : Tensor
        Degree, real.
    x : Tensor
        Argument, real or complex; broadcasts with `n`.

    Returns
    -------
    Tensor
        ``P_n(x)`` in the promoted dtype.

    Notes
    -----
    ``∂/∂x`` is the Gegenbauer polynomial ``C_{n−1}`` of parameter 3/2, to any order. ``∂/∂n`` for
    real ``x > −1`` by Mehler and Dirichlet's integral, to any order in `n`; its derivative in `x`
    isn't implemented. Between whole degrees SciPy's values, and with them ``∂/∂x``, lose digits for
    ``x < 0`` (7 are right for ``n = 25.5``); ``∂/∂n`` doesn't.

    References
    ----------
    DLMF 14.12.1, 18.9.19; `scipy.special.eval_legendre`.

    Examples
    --------
    >>> import torch
    >>> eval_legendre(2, torch.tensor(0.5))
    tensor(-0.1250)
    """
    return _by_degree(scipy.special.eval_legendre, n, x)


@operator("(),()->()", batch="native", real=("n",))
def eval_chebyt(n: Array, x: Array) -> Array:
    """Chebyshev polynomial of the first kind, or its continuation to real degrees.

    Parameters
    ----------
    n : Tensor
        Degree, real.
    x : Tensor
        Argument, real or complex; broadcasts with `n`.

    Returns
    -------
    Tensor
        ``T_n(x)`` in the promoted dtype.

    Notes
    -----
    ``∂/∂x`` is n times the Gegenbauer polynomial ``C_{n−1}`` of parameter 1, to any order.
    ``∂/∂n = −θ sin(nθ)`` with ``x = cos θ``, ``η sinh(nη)`` with ``x = cosh η``, and NaN for
    ``x < −1``; at ``x = 1`` its own derivative in `x` is not a limit but NaN.

    References
    ----------
    DLMF 18.5.1, 18.9.21; `scipy.special.eval_chebyt`.

    Examples
    --------
    >>> import torch
    >>> eval_chebyt(2, torch.tensor(0.5))
    tensor(-0.5000)
    """
    return _by_degree(scipy.special.eval_chebyt, n, x)


@operator("(),()->()", batch="native")
def eval_hermite(n: Array, x: Array) -> Array:
    """Physicist's Hermite polynomial.

    Parameters
    ----------
    n : Tensor or int
        Degree, whole (a fraction is cut off) and not negative.
    x : Tensor
        Real argument; broadcasts with `n`.

    Returns
    -------
    Tensor
        ``H_n(x)`` in the promoted dtype.

    Raises
    ------
    MissingDerivativeError
        If the derivative in `n` is asked for: degrees are whole numbers here.

    Notes
    -----
    ``∂/∂x = 2n H_{n−1}``, to any order.

    References
    ----------
    DLMF 18.9.25; `scipy.special.eval_hermite`.

    Examples
    --------
    >>> import torch
    >>> eval_hermite(2, torch.tensor(0.5))
    tensor(-1.)
    """
    return scipy.special.eval_hermite(np.asarray(n, np.int64), x)


@operator("(),()->()", batch="native", real=("n",))
def eval_laguerre(n: Array, x: Array) -> Array:
    """Laguerre polynomial, or its continuation to real degrees.

    Parameters
    ----------
    n : Tensor
        Degree, real.
    x : Tensor
        Argument, real or complex; broadcasts with `n`.

    Returns
    -------
    Tensor
        ``L_n(x)`` in the promoted dtype.

    Raises
    ------
    MissingDerivativeError
        If the derivative in `n` is asked for.

    Notes
    -----
    ``∂/∂x`` is minus the generalized Laguerre polynomial of degree ``n − 1`` and parameter 1, to any
    order.

    References
    ----------
    DLMF 18.9.23; `scipy.special.eval_laguerre`.

    Examples
    --------
    >>> import torch
    >>> eval_laguerre(2, torch.tensor(0.5))
    tensor(0.1250)
    """
    return _by_degree(scipy.special.eval_laguerre, n, x)


@operator("(),(),()->()", batch="native", real=("n", "alpha"))
def eval_gegenbauer(n: Array, alpha: Array, x: Array) -> Array:
    """Gegenbauer (ultraspherical) polynomial, or its continuation to real degrees.

    Parameters
    ----------
    n, alpha : Tensor
        Degree and parameter, real.
    x : Tensor
        Argument, real or complex; all arguments broadcast.

    Returns
    -------
    Tensor
        ``C_n(x)`` of parameter `alpha`, in the promoted dtype.

    Raises
    ------
    MissingDerivativeError
        If the derivative in `n` or `alpha` is asked for.

    Notes
    -----
    ``∂/∂x`` is ``2α`` times that of degree ``n − 1`` and parameter ``α + 1``, to any order.

    References
    ----------
    DLMF 18.9.19; `scipy.special.eval_gegenbauer`.

    Examples
    --------
    >>> import torch
    >>> eval_gegenbauer(2, 1.5, torch.tensor(0.5))
    tensor(0.3750)
    """
    value = _by_degree(scipy.special.eval_gegenbauer, n, alpha, x)
    # Derivatives step below degree 0, where the polynomial is 0.
    return np.where((n < 0) & (n == np.round(n)), 0, value)


@operator("(),(),()->()", batch="native", real=("n", "alpha"))
def eval_genlaguerre(n: Array, alpha: Array, x: Array) -> Array:
    """Generalized Laguerre polynomial, or its continuation to real degrees.

    Parameters
    ----------
    n, alpha : Tensor
        Degree and parameter, real.
    x : Tensor
        Argument, real or complex; all arguments broadcast.

    Returns
    -------
    Tensor
        ``L_n(x)`` of parameter `alpha`, in the promoted dtype.

    Raises
    ------
    MissingDerivativeError
        If the derivative in `n` or `alpha` is asked for.

    Notes
    -----
    ``∂/∂x`` is minus that of degree ``n − 1`` and parameter ``α + 1``, to any order.

    References
    ----------
    DLMF 18.9.23; `scipy.special.eval_genlaguerre`.

    Examples
    --------
    >>> import torch
    >>> eval_genlaguerre(2, 1.0, torch.tensor(0.5))
    tensor(1.6250)
    """
    value = _by_degree(scipy.special.eval_genlaguerre, n, alpha, x)
    return np.where((n < 0) & (n == np.round(n)), 0, value)


@operator("(),()->()", batch="native")
def legendre_degree_derivative(n: Array, x: Array, *, times: int = 1) -> Array:
    """Derivative of the Legendre function with respect to its degree, of any order.

    Parameters
    ----------
    n : Tensor
        Degree, real.
    x : Tensor
        Real argument above −1; broadcasts with `n`.
    times : int
        How many times the function is differentiated.

    Returns
    -------
    Tensor
        In the promoted dtype; −inf or NaN at −1 and below, where the function isn't real.

    Notes
    -----
    Mehler and Dirichlet's integral, ``P_n(cos θ) = (√2/π) ∫ cos((n + ½)φ) (cos φ − cos θ)^{−1/2} dφ``
    from 0 to θ, differentiated under the integral sign. With ``sin(φ/2) = sin(θ/2) sin ψ`` and
    ``tan ψ = sinh y`` the integrand is analytic around the whole line of y, for which the
    trapezoidal rule converges geometrically.

    References
    ----------
    DLMF 14.12.1.

    Examples
    --------
    >>> import torch
    >>> legendre_degree_derivative(torch.tensor(0.0), torch.tensor(0.5))  # ln((1 + x)/2)
    tensor(-0.2877)
    """
    dtype = np.result_type(x)
    n, x = np.broadcast_arrays(np.asarray(n, np.float64), np.asarray(x, np.float64))
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        return np.asarray(_mehler(n, x, times), dtype)


def _mehler(n: Array, x: Array, times: int) -> Array:
    """The integral over y ≥ 0; beyond x = 1, θ and φ are imaginary, and sinh y = √p tan ψ keeps the strip wide."""
    p, c = (1 + x) / 2, np.abs(1 - x) / 2
    scale = np.maximum(p, 1)
    # cos((n + ½)φ) grows off the real line: the step shrinks with the degree.
    step = _STEP / (1 + np.max(np.abs(n), initial=0) / 10)
    inside = x <= 1
    end = np.arcsinh(np.sqrt(np.maximum(p, 1 / np.maximum(p, 1e-300)))) + _TAIL
    total = np.zeros_like(x)
    for k in range(ceil(np.max(end, initial=0) / step)):
        sinh2 = np.sinh(min(k * step, 300.0)) ** 2
        sine = np.sqrt(c * sinh2 / (scale + sinh2))  # sin(φ/2), or sinh
        angle = 2 * np.where(inside, np.arcsin(np.minimum(sine, 1)), np.arcsinh(sine))
        wave = np.where(inside, np.cos((n + 0.5) * angle + times * pi / 2), _cosh((n + 0.5) * angle, times))
        width = np.where(inside, 1 + p * sinh2, p + sinh2)
        total += (0.5 if k == 0 else 1) * angle**times * wave / np.sqrt(width)
    return np.where(x > -1, 2 / pi * step * total, np.nan)


def _cosh(x: Array, times: int) -> Array:
    """Its derivative of that order."""
    return np.sinh(x) if times % 2 else np.cosh(x)


def _legendre_degree(n: Tensor, x: Tensor) -> Tensor:
    return legendre_degree_derivative(n, x)


def _chebyshev_degree(n: Tensor, x: Tensor) -> Tensor:
    outside = x > 1
    # Each branch is kept from the other's points, and the NaN of acos stands below −1.
    theta, eta = torch.acos(torch.where(outside, 0, x)), torch.acosh(torch.where(outside, x, 2))
    return torch.where(outside, eta * torch.sinh(n * eta), -theta * torch.sin(n * theta))


_WHOLE = not_implemented("degrees are whole numbers")
_CONFLUENT = not_implemented("no method of known error for derivatives in the parameters of 1F1")
_GAUSS = not_implemented("no method of known error for derivatives in the parameters of 2F1")

eval_legendre.partials(n=_legendre_degree, x=lambda n, x: eval_gegenbauer(n - 1, 1.5, x))
legendre_degree_derivative.partials(
    n=lambda n, x, times: legendre_degree_derivative(n, x, times=times + 1),
    x=not_implemented("the mixed derivative in degree and argument loses its digits around x = 1"),
)
eval_chebyt.partials(n=_chebyshev_degree, x=lambda n, x: n * eval_gegenbauer(n - 1, 1.0, x))
eval_hermite.partials(n=_WHOLE, x=lambda n, x: 2 * torch.trunc(n) * eval_hermite((n - 1).clamp(min=0), x))
eval_laguerre.partials(n=_CONFLUENT, x=lambda n, x: -eval_genlaguerre(n - 1, 1.0, x))
eval_gegenbauer.partials(n=_GAUSS, alpha=_GAUSS, x=lambda n, alpha, x: 2 * alpha * eval_gegenbauer(n - 1, alpha + 1, x))
eval_genlaguerre.partials(n=_CONFLUENT, alpha=_CONFLUENT, x=lambda n, alpha, x: -eval_genlaguerre(n - 1, alpha + 1, x))


def _degrees(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample(np.array([[0.0], [1.0], [4.0]]), rng.uniform(-0.7, 0.8, size=2)),
        Sample(2.6, rng.uniform(0, 0.8, 2)),
    ]


for _function in (eval_legendre, eval_chebyt, eval_laguerre):
    _function.samples(_degrees)
    _function.samples(lambda rng: [Sample(3, rng.normal(size=2) + 1j * rng.normal(size=2))])
    _function.special_points(lambda rng: [Sample(3, np.array([1.0, -1.0, 0.0]))])
eval_legendre.special_points(lambda rng: [Sample(np.array([0.0, 2.5]), np.array([1.0, 1.0]))])
eval_hermite.samples(lambda rng: [Sample(np.array([[0.0], [1.0], [4.0]]), rng.normal(size=2))])
for _function in (eval_gegenbauer, eval_genlaguerre):
    _function.samples(
        lambda rng: [
            Sample(np.array([[0.0], [1.0], [4.0]]), np.array(1.5), rng.uniform(-0.7, 0.8, size=2)),
            Sample(2.6, 0.7, rng.uniform(0, 0.8, size=2)),
        ]
    )
legendre_degree_derivative.samples(
    lambda rng: [
        Sample(rng.uniform(-1, 4, size=(2, 1)), rng.uniform(-0.7, 2, size=3)),
        Sample(rng.uniform(-1, 4, size=2), rng.uniform(-0.7, 2, size=2), times=2),
    ]
)
