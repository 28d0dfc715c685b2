"""Beta functions, complete and incomplete, with their inverses; `scipy.special`, "Gamma and related functions"."""

from typing import Any

import numpy as np
import scipy.special as sc
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator

from .beta_tail import beta_density, betainc_derivative
from .polygamma import polygamma_gap

Array = NDArray[Any]


@operator("(),()->()", batch="native")
def beta(a: Array, b: Array) -> Array:
    """Beta function, Γ(a) Γ(b) / Γ(a + b).

    Parameters
    ----------
    a, b : Tensor
        Real, broadcast against each other.

    Returns
    -------
    Tensor of the broadcast shape

    Notes
    -----
    The derivative in ``a`` is ``beta(a, b) (ψ(a) − ψ(a + b))``, of any order for positive ``a`` and ``b``.
    Elsewhere it is NaN.

    References
    ----------
    DLMF 5.12; `scipy.special.beta`.

    Examples
    --------
    >>> import torch
    >>> beta(torch.tensor([1.0, 2.0]), 3)
    tensor([0.3333, 0.0833])
    """
    return sc.beta(a, b)


@operator("(),()->()", batch="native")
def betaln(a: Array, b: Array) -> Array:
    """Logarithm of the absolute value of the beta function.

    Parameters
    ----------
    a, b : Tensor
        Real, broadcast against each other.

    Returns
    -------
    Tensor of the broadcast shape

    Notes
    -----
    The derivative in ``a`` is ``ψ(a) − ψ(a + b)``, of any order for positive ``a`` and ``b``, and exact where one of
    them is so large that the two all but cancel. Elsewhere it is NaN.

    References
    ----------
    DLMF 5.12; `scipy.special.betaln`.

    Examples
    --------
    >>> import torch
    >>> betaln(torch.tensor([1.0, 2.0]), 3)
    tensor([-1.0986, -2.4849])
    """
    return sc.betaln(a, b)


beta.partials(a=lambda a, b, out: -out * polygamma_gap(a, b), b=lambda a, b, out: -out * polygamma_gap(b, a))
betaln.partials(a=lambda a, b: -polygamma_gap(a, b), b=lambda a, b: -polygamma_gap(b, a))
for _complete in (beta, betaln):
    _complete.samples(lambda rng: [Sample(rng.uniform(0.5, 3, size=(2, 1)), rng.uniform(0.5, 3, size=3))])


@operator("(),(),()->()", batch="native")
def betainc(a: Array, b: Array, x: Array) -> Array:
    """Regularised incomplete beta function I, the beta distribution's probability of at most x.

    Parameters
    ----------
    a, b : Tensor
        Parameters, real and not negative.
    x : Tensor
        From 0 to 1; broadcast against the parameters.

    Returns
    -------
    Tensor of the broadcast shape
        NaN outside of the domain.

    Notes
    -----
    The derivative in ``x`` is the density ``x^(a-1) (1-x)^(b-1) / B(a, b)``. The derivative in ``a`` is the integral
    of ``(log t - psi(a) + psi(a + b))`` times the density from 0 to ``x`` (in ``b`` with ``1 - t`` for ``t``), by
    quadrature to rounding error. All three hold to any order. At ``x = 0`` the second and higher derivatives have
    their limits where these are finite.

    References
    ----------
    DLMF 8.17; `scipy.special.betainc`.

    Examples
    --------
    >>> import torch
    >>> a = torch.tensor(2.0, requires_grad=True)
    >>> betainc(a, 1, 0.5).backward()
    >>> a.grad
    tensor(-0.1733)
    """
    return sc.betainc(a, b, x)


@operator("(),(),()->()", batch="native")
def betaincc(a: Array, b: Array, x: Array) -> Array:
    """Complement of the regularised incomplete beta function, 1 − I, exact where it is small.

    Parameters
    ----------
    a, b : Tensor
        Parameters, real and not negative.
    x : Tensor
        From 0 to 1; broadcast against the parameters.

    Returns
    -------
    Tensor of the broadcast shape
        NaN outside of the domain.

    Notes
    -----
    Its derivatives are those of `betainc` with the sign changed, in ``a``, ``b`` and ``x`` to any order.

    References
    ----------
    DLMF 8.17; `scipy.special.betaincc`.

    Examples
    --------
    >>> import torch
    >>> betaincc(2, 1, torch.tensor([0.0, 0.5, 1.0]))
    tensor([1.0000, 0.7500, 0.0000])
    """
    return sc.betaincc(a, b, x)


@operator("(),(),()->()", batch="native")
def betaincinv(a: Array, b: Array, y: Array) -> Array:
    """Inverse of `betainc` in x: the beta distribution's quantile.

    Parameters
    ----------
    a, b : Tensor
        Parameters, real and positive.
    y : Tensor
        Probability, from 0 to 1; broadcast against the parameters.

    Returns
    -------
    Tensor of the broadcast shape
        The ``x`` with ``betainc(a, b, x) = y``.

    Notes
    -----
    From the implicit function theorem, with the density ``f`` at ``x``: the derivative in ``y`` is ``1 / f``, in ``a``
    that of `betainc` over ``-f``, to any order. Near ``y = 1`` the inverse itself is ill-conditioned: `betainccinv`
    takes the small complement.

    References
    ----------
    DLMF 8.17; `scipy.special.betaincinv`.

    Examples
    --------
    >>> import torch
    >>> betaincinv(2, 1, torch.tensor(0.25))
    tensor(0.5000)
    """
    return sc.betaincinv(a, b, y)


@operator("(),(),()->()", batch="native")
def betainccinv(a: Array, b: Array, y: Array) -> Array:
    """Inverse of `betaincc` in x: the point above which the beta distribution has probability y.

    Parameters
    ----------
    a, b : Tensor
        Parameters, real and positive.
    y : Tensor
        Probability, from 0 to 1; broadcast against the parameters.

    Returns
    -------
    Tensor of the broadcast shape
        The ``x`` with ``betaincc(a, b, x) = y``.

    Notes
    -----
    From the implicit function theorem, with the density ``f`` at ``x``: the derivative in ``y`` is ``-1 / f``, in
    ``a`` that of `betainc` over ``-f``, to any order.

    References
    ----------
    DLMF 8.17; `scipy.special.betainccinv`.

    Examples
    --------
    >>> import torch
    >>> betainccinv(2, 1, torch.tensor(0.75))
    tensor(0.5000)
    """
    return sc.betainccinv(a, b, y)


betainc.partials(
    a=lambda a, b, x: betainc_derivative(a, b, x, i=1, j=0),
    b=lambda a, b, x: betainc_derivative(a, b, x, i=0, j=1),
    x=lambda a, b, x: beta_density(a, b, x),
)
betaincc.partials(
    a=lambda a, b, x: -betainc_derivative(a, b, x, i=1, j=0),
    b=lambda a, b, x: -betainc_derivative(a, b, x, i=0, j=1),
    x=lambda a, b, x: -beta_density(a, b, x),
)


def _from_nearer_end(a: Any, b: Any, x: Tensor, rest: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Density at x, and what the distribution function changes by in a and in b, with `rest` for 1 − x.

    A quantile that is rounded to a double near one has lost its distance from one, on which all three depend: there
    they are taken from the mirrored distribution, of which that distance is the quantile.
    """
    mirrored = x > 0.5
    p, q, at = torch.where(mirrored, b, a), torch.where(mirrored, a, b), torch.where(mirrored, rest, x)
    in_p, in_q = betainc_derivative(p, q, at, i=1, j=0), betainc_derivative(p, q, at, i=0, j=1)
    return beta_density(p, q, at), torch.where(mirrored, -in_q, in_p), torch.where(mirrored, -in_p, in_q)


@betaincinv.vjp
def _betaincinv_vjp(g: Tensor, a: Any, b: Any, y: Any, out: Tensor) -> dict[str, Tensor]:
    density, in_a, in_b = _from_nearer_end(a, b, out, betainccinv(b, a, y))
    return {"a": -g * in_a / density, "b": -g * in_b / density, "y": g / density}


@betainccinv.vjp
def _betainccinv_vjp(g: Tensor, a: Any, b: Any, y: Any, out: Tensor) -> dict[str, Tensor]:
    density, in_a, in_b = _from_nearer_end(a, b, out, betaincinv(b, a, y))
    return {"a": -g * in_a / density, "b": -g * in_b / density, "y": -g / density}


for _incomplete in (betainc, betaincc, betaincinv, betainccinv):
    _incomplete.samples(
        lambda rng: [
            Sample(rng.uniform(0.5, 3, size=(2, 1)), rng.uniform(0.5, 3, size=2), rng.uniform(0.2, 0.7, size=2)),
        ]
    )
for _incomplete in (betainc, betaincc):
    _incomplete.special_points(
        lambda rng: [
            Sample(np.array([0.0, 1.0, 2.0, 1.5]), np.array([2.0, 1.0, 1.5, 0.0]), np.array([0.25, 0.0, 1.0, 0.5]))
        ]
    )
