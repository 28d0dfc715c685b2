"""Distribution functions' derivatives in their parameters against mpmath, distributions' methods against SciPy."""

import mpmath as mp
import numpy as np
import pytest
import scipy.stats
import torch
from torch.autograd import grad

from scitorch import special, stats
from scitorch.special.beta_tail import beta_density
from scitorch.special.gamma_tail import gamma_density

EXACT = 1e-13


def slope(function, arguments, k):
    """The derivative of mpmath's function in its k-th argument, at 60 digits."""
    with mp.workdps(60):
        exact = [mp.mpf(x) for x in arguments]
        return mp.diff(lambda x: function(*exact[:k], x, *exact[k + 1 :]), exact[k])


def ours(function, arguments, k):
    tensors = [torch.tensor(x, dtype=torch.double) for x in arguments]
    tensors[k].requires_grad_()
    return grad(function(*tensors), tensors[k])[0].item()


def check(function, reference, arguments, k, bound=EXACT):
    expected = slope(reference, arguments, k)
    assert abs(ours(function, arguments, k) - expected) <= bound * abs(expected)


def beta_below(a, b, x):
    return mp.betainc(a, b, 0, x, regularized=True)


def gamma_below(a, x):
    return mp.gammainc(a, 0, x, regularized=True)


def student_below(df, t):
    return mp.mpf(1) / 2 + mp.sign(t) * (mp.mpf(1) / 2 - beta_below(df / 2, mp.mpf(1) / 2, df / (df + t * t)) / 2)


@pytest.mark.parametrize(
    "point", [(2.0, 3.0, 0.4), (0.5, 0.5, 0.9), (1e-3, 1e-3, 0.4), (30.0, 1.0, 0.9), (5.0, 5.0, 1e-8)]
)
@pytest.mark.parametrize("k", [0, 1, 2])
def test_betainc(point, k):
    check(special.betainc, beta_below, point, k)


@pytest.mark.parametrize("parameter", [0.0, 1e-3, 2.5, 19.0, 20.0, 300.0])
@pytest.mark.parametrize("function", [beta_density, lambda a, b, x: gamma_density(a, b * x)])
def test_a_density_of_one_parameter_is_that_of_many(function, parameter):
    """However the arguments are broadcast, and whichever of its formulas they share a chunk with."""
    x = torch.linspace(0, 1, 5001, dtype=torch.double)
    others = torch.tensor([[2.0], [25.0]], dtype=torch.double)
    one = torch.tensor(parameter, dtype=torch.double)
    together = function(one, others, x)
    for other, row in zip(others[:, 0], together, strict=True):
        torch.testing.assert_close(function(one, other, x), row, rtol=1e-14, atol=0)
        torch.testing.assert_close(function(one.expand_as(x), other, x), row, rtol=1e-14, atol=0)


@pytest.mark.parametrize("point", [(1.0, 1.0), (0.5, 8.0), (1e-3, 1e-3), (30.0, 80.0), (100.0, 99.0), (3.0, 1e-8)])
@pytest.mark.parametrize("k", [0, 1])
def test_gammainc(point, k):
    check(special.gammainc, gamma_below, point, k)


@pytest.mark.parametrize("point", [(1.0, 1.0), (0.5, -3.0), (0.01, 2.0), (30.0, -8.0), (1e5, 1.5), (3.0, 1e-8)])
@pytest.mark.parametrize("k", [0, 1])
def test_stdtr(point, k):
    check(special.stdtr, student_below, point, k)


@pytest.mark.parametrize("point", [(2.0, 1.5), (1.05, 0.1), (12.0, 300.0)])
@pytest.mark.parametrize("k", [0, 1])
def test_zeta(point, k):
    check(special.zeta, mp.zeta, point, k)


@pytest.mark.parametrize("x", [-7.5, -2.0, 0.0, 0.5, 3.0])
def test_riemann_zeta(x):
    check(special.zeta, mp.zeta, (x,), 0)


@pytest.mark.parametrize(
    "point", [(2.5, 3.0, 4.0), (-3.0, 0.7, -5.0), (0.3, -2.5, 8.0), (-20.3, 1.5, 10.0), (0.5, 3.0, -800.0)]
)
@pytest.mark.parametrize("k", [0, 1])
def test_hyp1f1(point, k):
    check(special.hyp1f1, mp.hyp1f1, point, k)


@pytest.mark.parametrize(
    "point",
    [
        (2.5, 3.0, 0.6, 0.7),
        (-2.0, 0.7, 3.5, -0.9),
        (1.0, 3.0, -1.5, 0.5),
        (0.3, 0.7, 3.5, -50.0),
        (0.3, 0.7, 3.5, 0.9999),
        (40.0, 30.0, 3.0, 0.5),
    ],
)
@pytest.mark.parametrize("k", [0, 1, 2])
def test_hyp2f1(point, k):
    check(special.hyp2f1, mp.hyp2f1, point, k)


def test_hypergeometric_functions_of_complex_numbers():
    """The derivative in a parameter of the real part."""
    z = 0.3 + 2j
    a = torch.tensor(1.5, dtype=torch.double, requires_grad=True)
    expected = mp.diff(lambda a: mp.hyp1f1(a, 2.5, z), 1.5).real
    assert grad(special.hyp1f1(a, 2.5, torch.tensor(z, dtype=torch.complex128)).real, a)[0].item() == pytest.approx(
        float(expected), rel=EXACT
    )


@pytest.mark.parametrize(
    ("function", "point"),
    [
        (special.hyp1f1, (-200.5, 1.0, 200.0)),
        (special.hyp2f1, (2.0, 3.0, 1.0, -1e4)),
        (special.hyp1f1, (1.0, -2.0, 1.0)),
    ],
)
def test_without_digits_a_derivative_is_nan(function, point):
    """Terms that cancel beyond 32 digits; no method; a pole."""
    assert np.isnan(ours(function, point, 0))


def test_hypergeometric_derivatives_of_any_order():
    """∂ₐ∂ₓ of Kummer's function, whichever is first; it is e^x where a = b."""
    a, x = tensor(1.0), tensor(2.0)
    value = special.hyp1f1(a, 1.0, x)
    in_a, in_x = grad(value, (a, x), create_graph=True)
    expected = mp.diff(lambda a, x: mp.hyp1f1(a, 1, x), (1, 2), (1, 1))
    assert grad(in_a, x)[0].item() == pytest.approx(float(expected), rel=EXACT)
    assert grad(in_x, a)[0].item() == pytest.approx(float(expected), rel=EXACT)


def test_a_parameter_of_zero_is_a_limit():
    """The distribution function is one there, and its slope an exponential integral."""
    assert ours(special.gammainc, (0.0, 2.0), 0) == pytest.approx(float(-mp.e1(2)), rel=EXACT)


@pytest.mark.parametrize("name", ["betainc", "gammainc", "stdtr"])
def test_a_complement_has_the_opposite_derivative(name):
    """Also where the value itself has rounded to one."""
    point = {"betainc": (2.0, 3.0, 1e-30), "gammainc": (3.0, 1e-30), "stdtr": (3.0, -1e30)}[name]
    if name == "stdtr":
        pair = ours(special.stdtr, point, 0), ours(special.stdtr, (3.0, 1e30), 0)
    else:
        pair = ours(getattr(special, name), point, 0), ours(getattr(special, name + "c"), point, 0)
    assert pair[0] == -pair[1] != 0


def test_quantile_next_to_one():
    """Its distance from one, 5e-13 of which a double has four digits, doesn't spoil the derivative: I_x(a, 1) = xᵃ."""
    a, y = 200.0, 1e-10
    expected = -np.exp(np.log1p(-y) / a) * np.log1p(-y) / a**2
    assert ours(special.betainccinv, (a, 1.0, y), 0) == pytest.approx(expected, rel=EXACT)


# Distributions

POSITIVE = torch.tensor([0.3, 1.0, 2.5], dtype=torch.double)
COUNTS = torch.tensor([0.0, 1.0, 4.0, 9.0], dtype=torch.double)


def tensor(x):
    return torch.tensor(x, dtype=torch.double, requires_grad=True)


CONTINUOUS = {
    "Beta": ((2.0, 0.7), lambda a, b: scipy.stats.beta(a, b), POSITIVE / 3),
    "StudentT": ((3.0, 0.5, 2.0), lambda df, loc, scale: scipy.stats.t(df, loc, scale), POSITIVE - 1),
    "Gamma": ((2.0, 0.7), lambda a, rate: scipy.stats.gamma(a, scale=1 / rate), POSITIVE),
    "Chi2": ((3.0,), lambda df: scipy.stats.chi2(df), POSITIVE),
    "FisherSnedecor": ((3.0, 5.0), lambda m, n: scipy.stats.f(m, n), POSITIVE),
}
DISCRETE = {
    "Binomial": ((9.0, 0.3), lambda n, p: scipy.stats.binom(n, p), COUNTS),
    "NegativeBinomial": ((2.5, 0.3), lambda r, p: scipy.stats.nbinom(r, 1 - p), COUNTS),
    "Poisson": ((2.5,), lambda rate: scipy.stats.poisson(rate), COUNTS),
}
ALL = CONTINUOUS | DISCRETE
METHODS = {"cdf": "cdf", "sf": "sf", "log_cdf": "logcdf", "log_sf": "logsf"}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("method", METHODS)
def test_methods_are_scipys(name, method):
    parameters, theirs, values = ALL[name]
    result = getattr(getattr(stats, name)(*map(tensor, parameters)), method)(values)
    expected = getattr(theirs(*parameters), METHODS[method])(values.numpy())
    np.testing.assert_allclose(result.detach(), expected, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("name", ALL)
def test_quantiles_are_scipys(name):
    parameters, theirs, _ = ALL[name]
    p = torch.tensor([1e-6, 0.2, 0.5, 0.99], dtype=torch.double)
    result = getattr(stats, name)(*map(tensor, parameters)).icdf(p)
    np.testing.assert_allclose(result.detach(), theirs(*parameters).ppf(p.numpy()), rtol=1e-11)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("method", METHODS)
def test_gradients_in_the_parameters(name, method):
    """By central differences; the slope of a density in the value is `log_prob`'s exponential."""
    parameters, _, values = ALL[name]
    values = values[:3] if name == "Binomial" else values  # the last is certain, and its logarithm minus infinity
    fixed = parameters[:1] if name == "Binomial" else ()
    function = lambda *free: getattr(getattr(stats, name)(*fixed, *free), method)(values)
    assert torch.autograd.gradcheck(function, [tensor(x) for x in parameters[len(fixed) :]])


@pytest.mark.parametrize("name", CONTINUOUS)
def test_density_and_inverse(name):
    parameters, _, values = CONTINUOUS[name]
    distribution, x = getattr(stats, name)(*map(tensor, parameters)), values.clone().requires_grad_()
    p = distribution.cdf(x)
    (density,) = grad(p.sum(), x)
    torch.testing.assert_close(density, distribution.log_prob(values).exp().detach(), rtol=1e-12, atol=0)
    p = p.detach().requires_grad_()
    back = distribution.icdf(p)
    torch.testing.assert_close(back.detach(), values, rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(grad(back.sum(), p)[0], 1 / density, rtol=1e-11, atol=0)


def test_expanded_and_batched():
    chi2 = stats.Chi2(POSITIVE).expand((2, 3))
    assert type(chi2) is stats.Chi2
    assert chi2.cdf(POSITIVE).shape == (2, 3)


def test_values_outside_of_the_support():
    with pytest.raises(ValueError, match="within the support"):
        stats.Beta(1.0, 1.0).cdf(torch.tensor(2.0))
    for distribution in (
        stats.Beta(2.0, 1.0, validate_args=False),
        stats.Binomial(2, torch.tensor(0.5), validate_args=False),
    ):
        assert distribution.cdf(torch.tensor([-1.0, 3.0])).tolist() == [0, 1]
