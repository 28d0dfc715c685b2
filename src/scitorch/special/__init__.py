"""Special functions, elementwise, under SciPy's names."""

from scitorch.special.beta import beta, betainc, betaincc, betainccinv, betaincinv, betaln
from scitorch.special.gamma import gammainc, gammaincc, gammainccinv, gammaincinv
from scitorch.special.statistical import stdtr, stdtrit

__all__ = [
    "beta",
    "betainc",
    "betaincc",
    "betainccinv",
    "betaincinv",
    "betaln",
    "gammainc",
    "gammaincc",
    "gammainccinv",
    "gammaincinv",
    "stdtr",
    "stdtrit",
]
