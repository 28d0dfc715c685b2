"""Distributions of torch.distributions with the cumulative functions they lack."""

from scitorch.stats.continuous import Beta, Chi2, FisherSnedecor, Gamma, StudentT
from scitorch.stats.discrete import Binomial, NegativeBinomial, Poisson

__all__ = [
    "Beta",
    "Binomial",
    "Chi2",
    "FisherSnedecor",
    "Gamma",
    "NegativeBinomial",
    "Poisson",
    "StudentT",
]
