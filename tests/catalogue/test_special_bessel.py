"""What Bessel functions and their neighbours promise beyond rules and values: closed forms, limits, refusals."""

import math

import pytest
import torch

from scitorch import errors, special
from scitorch.special.bessel.order import order_derivative

POINTS = torch.tensor([1e-9, 1e-3, 0.7, 2.0, 15.0, 300.0], dtype=torch.double)


def slope(function, *arguments, argument=0):
    return torch.func.grad(lambda *arguments: function(*arguments).sum(), argument)(*arguments)


def test_order_derivatives_at_order_zero():
    """DLMF 10.15.3, 10.15.4, 10.38.3, 10.38.4."""
    zero = torch.zeros_like(POINTS)
    torch.testing.assert_close(slope(special.jv, zero, POINTS), math.pi / 2 * special.y0(POINTS), rtol=1e-12, atol=0)
    torch.testing.assert_close(slope(special.yv, zero, POINTS), -math.pi / 2 * special.j0(POINTS), rtol=1e-12, atol=0)
    torch.testing.assert_close(slope(special.iv, zero, POINTS), -special.k0(POINTS), rtol=1e-12, atol=1e-17)
    assert torch.equal(slope(special.kv, zero, POINTS), zero)


def test_order_derivative_at_order_one_half():
    """DLMF 10.38.7: of K_½ the derivative is a closed form with E_1."""
    half = torch.full_like(POINTS, 0.5)
    expected = torch.sqrt(math.pi / (2 * POINTS)) * torch.exp(POINTS) * special.exp1(2 * POINTS)
    torch.testing.assert_close(slope(special.kv, half, POINTS), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("kind", ["jv", "yv", "iv", "kv", "ive", "kve"])
def test_derivatives_in_order_and_argument_commute(kind):
    """The recurrence of the contour's means against the contour of the recurrence."""
    function = getattr(special, kind)
    v = torch.tensor([0.0, 0.4, 2.0, -1.3, 7.0], dtype=torch.double)
    z = torch.tensor([0.5, 3.0, 2.0, 1.1, 7.0], dtype=torch.double)
    first = slope(lambda v, z: slope(function, v, z, argument=1), v, z)
    second = slope(lambda v, z: slope(function, v, z), v, z, argument=1)
    torch.testing.assert_close(first, second, rtol=1e-11, atol=1e-13)


def test_third_derivative_in_order_is_the_difference_of_seconds():
    v, z, step = torch.tensor([0.3, 2.0, -0.8]).double(), torch.tensor([1.0, 5.0, 2.0]).double(), 1e-3
    third = order_derivative(v, z, kind="yv", times=3)
    around = [order_derivative(v + k * step, z, kind="yv", times=2) for k in (-2, -1, 1, 2)]
    numerical = (8 * (around[2] - around[1]) - (around[3] - around[0])) / (12 * step)
    torch.testing.assert_close(third, numerical, rtol=1e-9, atol=1e-9)


def test_limits_at_zero():
    v, z = torch.tensor([1.0, 2.5], dtype=torch.double), torch.zeros(2, dtype=torch.double)
    for function in (special.jv, special.iv, special.ive):
        assert torch.equal(slope(function, v, z), z)
        assert slope(function, v, z, argument=1).tolist() == [0.5, 0.0]
    assert slope(special.j1, z).tolist() == [0.5, 0.5]
    assert slope(special.spherical_jn, torch.tensor([1.0, 2.0]).double(), z, argument=1)[0] == pytest.approx(1 / 3)
    assert slope(special.ellipk, z)[0] == pytest.approx(math.pi / 8)
    assert slope(special.ellipe, z)[0] == pytest.approx(-math.pi / 8)
    assert slope(lambda x: special.lambertw(x).real, z).tolist() == [1.0, 1.0]


def test_the_order_is_real_and_so_must_be_the_argument():
    v, z = torch.tensor(1.5, requires_grad=True), torch.tensor(1 + 1j)
    with pytest.raises(errors.MissingDerivativeError, match=r"^jv, v: expected a real z .*, got a complex z"):
        special.jv(v, z).abs().backward()
    assert slope(special.jv, torch.tensor([1.0]), torch.tensor([-1.0])).isnan()


def test_scaled_functions_of_complex_numbers_are_not_holomorphic():
    """Each scale depends on one part alone: the gradient is that of the product written out."""
    z = torch.tensor([0.7 + 0.4j, -1.2 - 2.0j], dtype=torch.complex128, requires_grad=True)
    for scaled, plain, part in ((special.jve, special.jv, "imag"), (special.ive, special.iv, "real")):
        ours, written = scaled(1.5, z), plain(1.5, z) * torch.exp(-getattr(z, part).abs())
        for side in ("real", "imag"):
            a, b = (torch.autograd.grad(getattr(f, side).sum(), z, retain_graph=True)[0] for f in (ours, written))
            torch.testing.assert_close(a, b)


@pytest.mark.parametrize("m", [0.0, 1e-12, 0.3, 0.999])
def test_amplitude_inverts_the_integral(m):
    u, m = torch.tensor([0.2, 1.0, -3.0]).double(), torch.tensor(m).double()
    back = lambda u, m: special.ellipkinc(special.ellipj(u, m)[3], m)
    torch.testing.assert_close(back(u, m), u)
    torch.testing.assert_close(slope(back, u, m), torch.ones_like(u))
    torch.testing.assert_close(slope(back, u, m, argument=1), torch.zeros_like(m), rtol=0, atol=1e-12)


def test_error_functions_far_out():
    """Where the plain formulas would be differences of equal numbers."""
    x = torch.tensor([1e5, 1e8, 1e12], dtype=torch.double)
    torch.testing.assert_close(slope(special.erfcx, x), -1 / (math.sqrt(math.pi) * x**2), rtol=1e-9, atol=0)
    torch.testing.assert_close(slope(special.dawsn, x), -1 / (2 * x**2), rtol=1e-9, atol=0)


def test_voigt_profile_without_width():
    """Cauchy's density for sigma = 0, with all its derivatives; the normal one for gamma = 0."""
    x, zero, one = (torch.tensor([value], dtype=torch.double) for value in (0.8, 0.0, 1.0))
    cauchy = lambda x, gamma: gamma / (math.pi * (x**2 + gamma**2))
    torch.testing.assert_close(slope(special.voigt_profile, x, zero, one), slope(cauchy, x, one))
    assert slope(special.voigt_profile, x, zero, one, argument=1) == 0
    normal = lambda x: torch.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    torch.testing.assert_close(slope(special.voigt_profile, x, one, zero), slope(normal, x))


@pytest.mark.parametrize(
    "function", [special.ellipk, special.ellipe, lambda m: special.ellipkinc(torch.ones_like(m), m)]
)
def test_elements_of_an_elliptic_integral_know_nothing_of_each_other(function):
    """Close to m = 1 more nodes are needed, outside of the domain none: neither may spoil the others."""
    m = torch.tensor([1.0, 2.0, -math.inf, math.nan, 1 - 2**-52, 0.3, -0.5, -1e6, 0.0], dtype=torch.double)
    second = torch.func.vmap(torch.func.grad(torch.func.grad(function)))
    together = second(m)
    alone = torch.stack([second(x[None])[0] for x in m])
    torch.testing.assert_close(together, alone, rtol=1e-13, atol=0, equal_nan=True)
    assert together[4:].isfinite().all()
    assert together[3].isnan()
