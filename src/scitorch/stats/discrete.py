"""Discrete distributions, on whole numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special as sc
import torch.distributions as D
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator, zero

from .cumulative import Cumulative
from .tails import Tails, beta_tails, gamma_tails

Array = NDArray[Any]

_DISTRIBUTION_FUNCTIONS: dict[str, Callable[[Array, Array, Array], Array]] = {
    "binomial": lambda k, n, p: sc.betaincc(k + 1, np.maximum(n - k, 0), p),
    "negative_binomial": lambda k, r, p: sc.betaincc(k + 1, r, p),
    "poisson": lambda k, rate, _: sc.gammaincc(k + 1, rate),
}


@operator("(),(),()->()", batch="native")
def discrete_quantile(q: Array, a: Array, b: Array, *, family: str) -> Array:
    """Quantile of a distribution on 0, 1, 2, …: the first of them whose distribution function reaches q.

    Parameters
    ----------
    q : Tensor
        Probability, from 0 to 1.
    a, b : Tensor
        Parameters, broadcast against it: count and probability, or the rate and anything.
    family : str
        "binomial", "negative_binomial" or "poisson".

    Returns
    -------
    Tensor of the broadcast shape
        Whole numbers; infinity at one where the support has no end; NaN outside of the domain.

    Notes
    -----
    A staircase: the derivatives are zero.

    References
    ----------
    `scipy.stats.binom.ppf`, which has −1 at ``q = 0`` where this has 0, the support's first.

    Examples
    --------
    >>> import torch
    >>> discrete_quantile(torch.tensor([0.1, 0.5]), 10, 0.5, family="binomial")
    tensor([3., 5.])
    """
    q, a, b = np.broadcast_arrays(*[np.asarray(x, dtype=np.float64) for x in (q, a, b)])
    reaches = _DISTRIBUTION_FUNCTIONS[family]
    with np.errstate(all="ignore"):
        end = a if family == "binomial" else np.full_like(q, np.inf)
        low, high = np.full_like(q, -1.0), np.minimum(np.full_like(q, 1.0), end)
        # Doubling, then bisection: reaches(low) < q <= reaches(high) all along.
        while np.any(short := (reaches(high, a, b) < q) & (high < end) & (q < 1)):
            low, high = np.where(short, high, low), np.where(short, np.minimum(2 * high, end), high)
        while np.any(high - low > 1):
            middle = np.ceil((low + high) / 2)
            enough = reaches(middle, a, b) >= q
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        known = (q >= 0) & (q <= 1) & ~np.isnan(reaches(high, a, b))
    return np.where(known, np.where(q == 1, end, high), np.nan)


discrete_quantile.partials(q=zero, a=zero, b=zero)
discrete_quantile.samples(
    lambda rng: [
        Sample(np.array([[0.2], [0.7]]), np.array([10.0, 20.0]), np.array(0.31), family="binomial"),
        Sample(np.array([0.3, 0.61]), np.array(7.3), np.array(0.0), family="poisson"),
    ]
)


class Binomial(Cumulative, D.Binomial):
    """Binomial distribution with its cumulative functions, differentiable in the parameters to any order.

    As `torch.distributions.Binomial`, with `cdf`, `sf`, `icdf`, `log_cdf` and `log_sf`.

    Attributes
    ----------
    total_count : Tensor
        Number of trials.
    probs, logits : Tensor
        Probability of success, or its log odds.

    Notes
    -----
    With ``k`` successes ``cdf`` is ``betaincc(k + 1, total_count - k, probs)``. It is a staircase in the value, whose
    derivative is zero, and ``icdf`` is one in everything.

    References
    ----------
    DLMF 8.17.24; `scipy.stats.binom`.

    Examples
    --------
    >>> import torch
    >>> Binomial(2, torch.tensor(0.5)).cdf(torch.tensor([0.0, 1.0, 2.0]))
    tensor([0.2500, 0.7500, 1.0000])
    """

    def _tails(self, value: Tensor) -> Tails:
        k = self._checked(value).floor()
        # Below zero nothing, from the last on everything: the first parameter zero is a point mass at zero.
        below, above = beta_tails((k + 1).clamp(min=0), (self.total_count - k).clamp(min=0), self.probs)
        return above, below  # of the parameter, whose distribution is mirrored

    def icdf(self, value: Tensor) -> Tensor:
        """Quantile: the first number of which the distribution function is at least `value`."""
        return discrete_quantile(value, self.total_count, self.probs, family="binomial")


class NegativeBinomial(Cumulative, D.NegativeBinomial):
    """Negative binomial distribution with its cumulative functions, differentiable in the parameters to any order.

    As `torch.distributions.NegativeBinomial`, with `cdf`, `sf`, `icdf`, `log_cdf` and `log_sf`.

    Attributes
    ----------
    total_count : Tensor
        Number of failures at which the trials stop; need not be whole.
    probs, logits : Tensor
        Probability of success, or its log odds.

    Notes
    -----
    With ``k`` successes ``cdf`` is ``betaincc(k + 1, total_count, probs)``. It is a staircase in the value, whose
    derivative is zero, and ``icdf`` is one in everything.

    References
    ----------
    DLMF 8.17.24; `scipy.stats.nbinom`, which counts failures before successes: its ``p`` is ``1 - probs``.

    Examples
    --------
    >>> import torch
    >>> NegativeBinomial(1, torch.tensor(0.5)).cdf(torch.tensor([0.0, 1.0]))
    tensor([0.5000, 0.7500])
    """

    def _tails(self, value: Tensor) -> Tails:
        below, above = beta_tails((self._checked(value).floor() + 1).clamp(min=0), self.total_count, self.probs)
        return above, below  # of the parameter, whose distribution is mirrored

    def icdf(self, value: Tensor) -> Tensor:
        """Quantile: the first number of which the distribution function is at least `value`."""
        return discrete_quantile(value, self.total_count, self.probs, family="negative_binomial")


class Poisson(Cumulative, D.Poisson):
    """Poisson distribution with its cumulative functions, differentiable in the rate to any order.

    As `torch.distributions.Poisson`, with `cdf`, `sf`, `icdf`, `log_cdf` and `log_sf`.

    Attributes
    ----------
    rate : Tensor
        Expected number.

    Notes
    -----
    ``cdf`` of ``k`` is ``gammaincc(k + 1, rate)``. It is a staircase in the value, whose derivative is zero, and
    ``icdf`` is one in everything.

    References
    ----------
    DLMF 8.4.10; `scipy.stats.poisson`.

    Examples
    --------
    >>> import torch
    >>> Poisson(torch.tensor(1.0)).cdf(torch.tensor([0.0, 1.0]))
    tensor([0.3679, 0.7358])
    """

    def _tails(self, value: Tensor) -> Tails:
        below, above = gamma_tails((self._checked(value).floor() + 1).clamp(min=0), self.rate)
        return above, below  # of the parameter, whose distribution is mirrored

    def icdf(self, value: Tensor) -> Tensor:
        """Quantile: the first number of which the distribution function is at least `value`."""
        return discrete_quantile(value, self.rate, 0.0, family="poisson")
