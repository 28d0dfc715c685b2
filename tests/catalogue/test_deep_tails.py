"""Logarithms of probabilities that underflow, with their derivatives to the second order, against mpmath."""

import mpmath as mp
import pytest
import torch
from torch.autograd import grad

from scitorch import stats
from scitorch.special.tail_integrals import beta_tail_integral, gamma_lower_integral, gamma_upper_integral

DIGITS, STEP = 140, mp.mpf(10) ** -20
HALF = mp.mpf(1) / 2


def gamma_below(a, x):
    return a * mp.log(x) - x - mp.loggamma(a + 1) + mp.log(mp.hyp1f1(1, a + 1, x))


def gamma_above(a, x):
    return mp.log(mp.gammainc(a, x)) - mp.loggamma(a)


def beta_below(a, b, x):
    return a * mp.log(x) + b * mp.log(1 - x) - mp.log(a * mp.beta(a, b)) + mp.log(mp.hyp2f1(a + b, 1, a + 1, x))


def student_above(df, loc, scale, x):
    return beta_below(df / 2, HALF, df / (df + ((x - loc) / scale) ** 2)) - mp.log(2)


TAILS = [
    (stats.Gamma, "log_sf", (2.0, 0.7, 3500.0), lambda a, rate, x: gamma_above(a, rate * x)),
    (stats.Gamma, "log_sf", (30.0, 1.0, 1e5), lambda a, rate, x: gamma_above(a, rate * x)),
    (stats.Gamma, "log_cdf", (3.0, 2.0, 1e-120), lambda a, rate, x: gamma_below(a, rate * x)),
    (stats.Gamma, "log_cdf", (3000.0, 2.0, 500.0), lambda a, rate, x: gamma_below(a, rate * x)),
    (stats.Chi2, "log_sf", (5.0, 4700.0), lambda df, x: gamma_above(df / 2, x / 2)),
    (stats.Beta, "log_cdf", (3.0, 3.0, 1e-120), beta_below),
    (stats.Beta, "log_cdf", (3000.0, 2000.0, 0.2), beta_below),
    (stats.Beta, "log_sf", (2.0, 300.0, 0.9996), lambda a, b, x: beta_below(b, a, 1 - x)),
    (stats.StudentT, "log_sf", (300.0, 0.5, 2.0, 1e5), student_above),
    (stats.StudentT, "log_cdf", (700.0, 0.0, 1.0, -1e5), student_above),
    (stats.FisherSnedecor, "log_sf", (3.0, 50.0, 1e40), lambda m, n, x: beta_below(n / 2, m / 2, n / (n + m * x))),
    (
        stats.FisherSnedecor,
        "log_cdf",
        (300.0, 50.0, 1e-8),
        lambda m, n, x: beta_below(m / 2, n / 2, m * x / (n + m * x)),
    ),
    (stats.Poisson, "log_sf", (1.5, 3000.0), lambda rate, k: gamma_below(k + 1, rate)),
    (stats.Poisson, "log_cdf", (2500.0, 3.0), lambda rate, k: gamma_above(k + 1, rate)),
]


def slopes(reference, point, k):
    """First and second derivative by differences of so many digits that 60 remain."""
    step = STEP * abs(point[k] or 1)
    below, here, above = (reference(*point[:k], point[k] + s * step, *point[k + 1 :]) for s in (-1, 0, 1))
    return (above - below) / (2 * step), (above + below - 2 * here) / step**2


@pytest.mark.parametrize(("family", "method", "point", "reference"), TAILS)
def test_logarithms_of_what_underflows(family, method, point, reference):
    inputs = [torch.tensor(x, dtype=torch.double, requires_grad=True) for x in point]
    value = getattr(family(*inputs[:-1]), method)(inputs[-1])
    discrete = family is stats.Poisson
    wanted = inputs[:-1] if discrete else inputs
    gradients = grad(value, wanted, create_graph=True)
    with mp.workdps(DIGITS):
        exact = [mp.mpf(x) for x in point]
        assert value.item() == pytest.approx(float(reference(*exact)), rel=1e-13)
        assert value < -745
        for k, (x, gradient) in enumerate(zip(wanted, gradients, strict=True)):
            first, second = slopes(reference, exact, k)
            assert gradient.item() == pytest.approx(float(first), rel=1e-13)
            if abs(float(second)) > 1e-250:
                assert grad(gradient, x, retain_graph=True)[0].item() == pytest.approx(float(second), rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_branches_meet(dtype):
    """From one side to the other of where the logarithm is no longer that of a probability."""
    threshold = torch.finfo(dtype).tiny ** 0.25
    x = (-torch.tensor(threshold, dtype=torch.double).log() + torch.linspace(-1e-4, 1e-4, 3)).to(dtype)
    torch.testing.assert_close(stats.Gamma(x.new_ones(()), x.new_ones(())).log_sf(x), -x)


def test_at_the_ends():
    x = torch.tensor(0.0, dtype=torch.double, requires_grad=True)
    value = stats.Beta(2.0, 3.0).log_cdf(x)
    assert value == -torch.inf
    assert grad(value, x)[0] == torch.inf
    assert stats.Binomial(9, torch.tensor(0.5)).log_sf(torch.tensor(9.0)) == -torch.inf


def test_integrals_over_a_long_range():
    """It hides where the integrand changes."""
    small, x = torch.tensor(1e-6, dtype=torch.double), torch.tensor(1e-4, dtype=torch.double)
    below = gamma_lower_integral(1e-3, torch.tensor(0.5, dtype=torch.double))
    assert below.item() == pytest.approx(float(1000 * mp.hyp1f1(1, 1.001, 0.5)), rel=1e-13)
    beta = beta_tail_integral(1e-3, 5.0, small)
    assert beta.item() == pytest.approx(float(1000 * mp.hyp2f1(1, -4, 1.001, -1e-6)), rel=1e-13)
    above = mp.gammainc(1e-8, 1e-4) * mp.mpf(1e-4) ** (1 - 1e-8) * mp.exp(1e-4)
    assert gamma_upper_integral(1e-8, x).item() == pytest.approx(float(above), rel=1e-13)
