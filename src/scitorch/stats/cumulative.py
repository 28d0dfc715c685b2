"""What all distributions here share: cumulative functions that are exact in either tail."""

from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from .tails import Tails, log_of


class Cumulative(Distribution):
    """A distribution whose distribution function and survival function are both exact where they are small.

    Subclasses give ``_tails``: the two of a value within the support.
    """

    def cdf(self, value: Tensor) -> Tensor:
        """Probability of at most `value`."""
        return self._tails(value)[0].probability()

    def sf(self, value: Tensor) -> Tensor:
        """Probability of more than `value`: 1 − cdf, exact where it is small."""
        return self._tails(value)[1].probability()

    def log_cdf(self, value: Tensor) -> Tensor:
        """Logarithm of `cdf`, exact with its derivatives near zero, and where `cdf` underflows."""
        below, above = self._tails(value)
        return log_of(below, above)

    def log_sf(self, value: Tensor) -> Tensor:
        """Logarithm of `sf`, exact with its derivatives near zero, and where `sf` underflows."""
        below, above = self._tails(value)
        return log_of(above, below)

    def _tails(self, value: Tensor) -> Tails:
        raise NotImplementedError

    def _checked(self, value: Any) -> Tensor:
        """Check the value against the support, as torch's own methods do."""
        if self._validate_args:
            self._validate_sample(value)
        return torch.as_tensor(value)
