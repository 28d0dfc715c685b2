"""Incomplete gamma functions with their inverses; `scipy.special`, "Gamma and related functions"."""

from typing import Any

import numpy as np
import scipy.special as sc
from numpy.typing import NDArray

from scitorch.core import Sample, operator

from .gamma_tail import gamma_density, gammainc_derivative

Array = NDArray[Any]


@operator("(),()->()", batch="native")
def gammainc(a: Array, x: Array) -> Array:
    """Regularised lower incomplete gamma function P, the gamma distribution's probability of at most x.

    Parameters
    ----------
    a : Tensor
        Shape, real and not negative.
    x : Tensor
        Real and not negative; broadcast against the shape.

    Returns
    -------
    Tensor of the broadcast shape
        NaN outside of the domain.

    Notes
    -----
    The derivative in ``x`` is the density ``x^(a-1) e^-x / Gamma(a)``. The derivative in ``a`` is the integral of
    ``(log t - psi(a))`` times the density from 0 to ``x``, by quadrature to rounding error. Both hold to any order;
    `torch.special.gammainc` has none in ``a``.

    References
    ----------
    DLMF 8.2; R. J. Moore, Algorithm AS 187 (1982); `scipy.special.gammainc`.

    Examples
    --------
    >>> import torch
    >>> a = torch.tensor(1.0, requires_grad=True)
    >>> gammainc(a, 1.0).backward()
    >>> a.grad
    tensor(-0.4317)
    """
    return sc.gammainc(a, x)


@operator("(),()->()", batch="native")
def gammaincc(a: Array, x: Array) -> Array:
    """Regularised upper incomplete gamma function Q = 1 − P, exact where it is small.

    Parameters
    ----------
    a : Tensor
        Shape, real and not negative.
    x : Tensor
        Real and not negative; broadcast against the shape.

    Returns
    -------
    Tensor of the broadcast shape
        NaN outside of the domain.

    Notes
    -----
    Its derivatives are those of `gammainc` with the sign changed, in ``a`` and ``x`` to any order.

    References
    ----------
    DLMF 8.2; `scipy.special.gammaincc`.

    Examples
    --------
    >>> import torch
    >>> gammaincc(1.0, torch.tensor([0.0, 1.0]))
    tensor([1.0000, 0.3679])
    """
    return sc.gammaincc(a, x)


@operator("(),()->()", batch="native")
def gammaincinv(a: Array, y: Array) -> Array:
    """Inverse of `gammainc` in x: the gamma distribution's quantile.

    Parameters
    ----------
    a : Tensor
        Shape, real and positive.
    y : Tensor
        Probability, from 0 to 1; broadcast against the shape.

    Returns
    -------
    Tensor of the broadcast shape
        The ``x`` with ``gammainc(a, x) = y``.

    Notes
    -----
    From the implicit function theorem, with the density ``f`` at ``x``: the derivative in ``y`` is ``1 / f``, in ``a``
    that of `gammainc` over ``-f``, to any order. Near ``y = 1`` the inverse itself is ill-conditioned: `gammainccinv`
    takes the small complement.

    References
    ----------
    DLMF 8.2; `scipy.special.gammaincinv`.

    Examples
    --------
    >>> import torch
    >>> gammaincinv(1.0, torch.tensor(0.5))
    tensor(0.6931)
    """
    return sc.gammaincinv(a, y)


@operator("(),()->()", batch="native")
def gammainccinv(a: Array, y: Array) -> Array:
    """Inverse of `gammaincc` in x: the point above which the gamma distribution has probability y.

    Parameters
    ----------
    a : Tensor
        Shape, real and positive.
    y : Tensor
        Probability, from 0 to 1; broadcast against the shape.

    Returns
    -------
    Tensor of the broadcast shape
        The ``x`` with ``gammaincc(a, x) = y``.

    Notes
    -----
    From the implicit function theorem, with the density ``f`` at ``x``: the derivative in ``y`` is ``-1 / f``, in
    ``a`` that of `gammainc` over ``-f``, to any order.

    References
    ----------
    DLMF 8.2; `scipy.special.gammainccinv`.

    Examples
    --------
    >>> import torch
    >>> gammainccinv(1.0, torch.tensor(0.5))
    tensor(0.6931)
    """
    return sc.gammainccinv(a, y)


gammainc.partials(
    a=lambda a, x: gammainc_derivative(a, x, n=1),
    x=lambda a, x: gamma_density(a, x),
)
gammaincc.partials(
    a=lambda a, x: -gammainc_derivative(a, x, n=1),
    x=lambda a, x: -gamma_density(a, x),
)
gammaincinv.partials(y=lambda a, out: 1 / gamma_density(a, out))
gammainccinv.partials(y=lambda a, out: -1 / gamma_density(a, out))
for _inverse in (gammaincinv, gammainccinv):
    _inverse.partials(a=lambda a, out: -gammainc_derivative(a, out, n=1) / gamma_density(a, out))
for _function in (gammainc, gammaincc):
    _function.samples(lambda rng: [Sample(rng.uniform(0.5, 3, size=(2, 1)), rng.uniform(0.5, 3, size=2))])
    _function.special_points(lambda rng: [Sample(np.array([0.0, 1.0, 2.0, 1.0]), np.array([1.0, 0.0, 0.0, 700.0]))])
for _function in (gammaincinv, gammainccinv):
    _function.samples(lambda rng: [Sample(rng.uniform(0.5, 3, size=(2, 1)), rng.uniform(0.2, 0.7, size=2))])
