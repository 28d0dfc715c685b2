"""What all distributions here share: cumulative functions that are exact in either tail."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution


class Cumulative(Distribution):
    """A distribution whose distribution function and survival function are both exact where they are small.

    Subclasses give ``_tails``: the two of a value within the support.
    """

    def cdf(self, value: Tensor) -> Tensor:
        """Probability of at most `value`."""
        return self._tails(value)[0]()

    def sf(self, value: Tensor) -> Tensor:
        """Probability of more than `value`: 1 − cdf, exact where it is small."""
        return self._tails(value)[1]()

    def log_cdf(self, value: Tensor) -> Tensor:
        """Logarithm of `cdf`, exact near zero as well; minus infinity where `cdf` underflows."""
        below, above = self._tails(value)
        return _logarithm(below(), above())

    def log_sf(self, value: Tensor) -> Tensor:
        """Logarithm of `sf`, exact near zero as well; minus infinity where `sf` underflows."""
        below, above = self._tails(value)
        return _logarithm(above(), below())

    def _tails(self, value: Tensor) -> tuple[Callable[[], Tensor], Callable[[], Tensor]]:
        raise NotImplementedError

    def _checked(self, value: Any) -> Tensor:
        """Check the value against the support, as torch's own methods do."""
        if self._validate_args:
            self._validate_sample(value)
        return torch.as_tensor(value)


def _logarithm(p: Tensor, complement: Tensor) -> Tensor:
    """Log p from whichever of the two is the smaller; each branch is given harmless numbers where it isn't taken."""
    small = p < 0.5
    return torch.where(small, torch.where(small, p, 1).log(), torch.log1p(-torch.where(small, 0, complement)))
