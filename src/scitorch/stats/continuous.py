"""Continuous distributions."""

from functools import partial
from math import log

import torch
import torch.distributions as D
from torch import Tensor

from scitorch.special import (
    betainccinv,
    betaincinv,
    gammaincinv,
    stdtr,
    stdtrit,
)

from .cumulative import Cumulative
from .tails import Tail, Tails, beta_below, beta_tails, gamma_tails


class Beta(Cumulative, D.Beta):
    """Beta distribution with its cumulative functions, differentiable in everything to any order.

    As `torch.distributions.Beta`, with `cdf`, `sf`, `icdf`, `log_cdf` and `log_sf`.

    Attributes
    ----------
    concentration1, concentration0 : Tensor
        Positive; often called alpha and beta.

    See Also
    --------
    scitorch.special.betainc : What `cdf` is, with the derivatives.

    References
    ----------
    `scipy.stats.beta`.

    Examples
    --------
    >>> import torch
    >>> Beta(torch.tensor(2.0), torch.tensor(1.0)).cdf(torch.tensor([0.25, 0.5]))
    tensor([0.0625, 0.2500])
    """

    def _tails(self, value: Tensor) -> Tails:
        x = self._checked(value).clamp(0, 1)
        return beta_tails(self.concentration1, self.concentration0, x)

    def icdf(self, value: Tensor) -> Tensor:
        """Quantile: where the distribution function is `value`."""
        return betaincinv(self.concentration1, self.concentration0, value)


class StudentT(Cumulative, D.StudentT):
    """Student's t distribution with its cumulative functions, differentiable in everything to any order.

    As `torch.distributions.StudentT`, with `cdf`, `sf`, `icdf`, `log_cdf` and `log_sf`.

    Attributes
    ----------
    df : Tensor
        Degrees of freedom, positive.
    loc, scale : Tensor
        In units of the value.

    See Also
    --------
    scitorch.special.stdtr : What `cdf` is, with the derivatives.

    References
    ----------
    `scipy.stats.t`.

    Examples
    --------
    >>> import torch
    >>> StudentT(torch.tensor(1.0)).cdf(torch.tensor([0.0, 1.0]))
    tensor([0.5000, 0.7500])
    """

    def _tails(self, value: Tensor) -> Tails:
        t = (self._checked(value) - self.loc) / self.scale
        return self._below(t), self._below(-t)

    def _below(self, t: Tensor) -> Tail:
        """The standard distribution's lower tail: for negative t half a beta distribution's at df / (df + t²)."""
        half, root = torch.full_like(t, 0.5), self.df.sqrt()
        # Of a fraction that plays no part: its logarithm comes from the odds.
        beta = beta_below(self.df / 2, half, t, root, -t, power=2)
        return Tail(partial(stdtr, self.df, t), lambda deep: beta.logarithm(deep) - log(2))

    def icdf(self, value: Tensor) -> Tensor:
        """Quantile: where the distribution function is `value`."""
        return self.loc + self.scale * stdtrit(self.df, value)


class Gamma(Cumulative, D.Gamma):
    """Gamma distribution with its cumulative functions, differentiable in everything to any order.

    As `torch.distributions.Gamma`, whose `cdf` has no derivative in the concentration, with `cdf`, `sf`, `icdf`,
    `log_cdf` and `log_sf`.

    Attributes
    ----------
    concentration : Tensor
        Shape, positive.
    rate : Tensor
        In units of one over the value, positive.

    See Also
    --------
    scitorch.special.gammainc : What `cdf` is, with the derivatives.

    References
    ----------
    `scipy.stats.gamma`, with ``scale = 1 / rate``.

    Examples
    --------
    >>> import torch
    >>> Gamma(torch.tensor(1.0), torch.tensor(1.0)).sf(torch.tensor([0.0, 1.0]))
    tensor([1.0000, 0.3679])
    """

    def _tails(self, value: Tensor) -> Tails:
        x = self.rate * self._checked(value).clamp(min=0)
        return gamma_tails(self.concentration, x)

    def icdf(self, value: Tensor) -> Tensor:
        """Quantile: where the distribution function is `value`."""
        return gammaincinv(self.concentration, value) / self.rate


class Chi2(D.Chi2, Gamma):
    """Chi-squared distribution with its cumulative functions, differentiable in everything to any order.

    As `torch.distributions.Chi2`, with the methods of `Gamma`.

    Attributes
    ----------
    df : Tensor
        Degrees of freedom, positive.

    See Also
    --------
    scitorch.special.gammainc : What `cdf` is, with the derivatives.

    References
    ----------
    `scipy.stats.chi2`.

    Examples
    --------
    >>> import torch
    >>> Chi2(torch.tensor(2.0)).cdf(torch.tensor([0.0, 2.0]))
    tensor([0.0000, 0.6321])
    """


class FisherSnedecor(Cumulative, D.FisherSnedecor):
    """Fisher and Snedecor's F distribution with its cumulative functions, differentiable in everything to any order.

    As `torch.distributions.FisherSnedecor`, with `cdf`, `sf`, `icdf`, `log_cdf` and `log_sf`.

    Attributes
    ----------
    df1, df2 : Tensor
        Degrees of freedom of numerator and denominator, positive.

    See Also
    --------
    scitorch.special.betainc : What `cdf` is, of ``df1 x / (df1 x + df2)``.

    References
    ----------
    `scipy.stats.f`.

    Examples
    --------
    >>> import torch
    >>> FisherSnedecor(torch.tensor(2.0), torch.tensor(2.0)).cdf(torch.tensor([1.0, 3.0]))
    tensor([0.5000, 0.7500])
    """

    def _tails(self, value: Tensor) -> Tails:
        x = self.df1 * self._checked(value).clamp(min=0)
        total = x + self.df2
        # Each tail from the fraction that is small in it, so that no 1 − fraction rounds.
        return (
            beta_below(self.df1 / 2, self.df2 / 2, x / total, x, self.df2),
            beta_below(self.df2 / 2, self.df1 / 2, self.df2 / total, self.df2, x),
        )

    def icdf(self, value: Tensor) -> Tensor:
        """Quantile: where the distribution function is `value`."""
        fraction = betaincinv(self.df1 / 2, self.df2 / 2, value)
        rest = betainccinv(self.df2 / 2, self.df1 / 2, value)
        return self.df2 / self.df1 * fraction / rest
