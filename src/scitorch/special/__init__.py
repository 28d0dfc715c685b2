"""Special functions, elementwise, under SciPy's names."""

from scitorch.special.beta import beta, betainc, betaincc, betainccinv, betaincinv, betaln
from scitorch.special.gamma import gammainc, gammaincc, gammainccinv, gammaincinv
from scitorch.special.hypergeometric import hyp1f1, hyp2f1
from scitorch.special.statistical import stdtr, stdtrit
from scitorch.special.zeta import zeta

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
    "hyp1f1",
    "hyp2f1",
    "stdtr",
    "stdtrit",
    "zeta",
]
