"""Integrals: values and derivatives against closed forms; the rules for samples against SciPy's."""

import itertools

import numpy as np
import pytest
import scipy.integrate
import torch
from torch.func import grad, hessian, jacfwd, jacrev, vmap

from scitorch.core.errors import ArgumentError, ShapeError, SolverError
from scitorch.integrate import (
    cumulative_simpson,
    cumulative_trapezoid,
    fixed_quad,
    odeint,
    quad,
    quad_vec,
    simpson,
    trapezoid,
)

INF = torch.inf


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def same(a, b, tolerance=1e-9):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


INTEGRALS = {
    "exponential": (lambda x, p: torch.exp(-p * x), 0, INF, lambda p: 1 / p),
    "to the left": (lambda x, p: torch.exp(p * x), -INF, 0, lambda p: 1 / p),
    "backwards from infinity": (lambda x, p: torch.exp(-p * x), INF, 0, lambda p: -1 / p),
    "Gauss": (lambda x, p: torch.exp(-p * x**2), -INF, INF, lambda p: torch.sqrt(torch.pi / p)),
    "Gauss, backwards": (lambda x, p: torch.exp(-p * x**2), INF, -INF, lambda p: -torch.sqrt(torch.pi / p)),
    "Cauchy": (lambda x, p: 1 / (p**2 + x**2), -INF, INF, lambda p: torch.pi / p),
    "power": (lambda x, p: x**p, 0, 1, lambda p: 1 / (1 + p)),
    "singular": (lambda x, p: x ** (p - 1.7), 0, 1, lambda p: 1 / (p - 0.7)),
    "logarithm": (lambda x, p: torch.log(p * x), 0, 1, lambda p: torch.log(p) - 1),
    "backwards": (lambda x, p: torch.sin(p * x), 2, 1, lambda p: (torch.cos(2 * p) - torch.cos(p)) / p),
    "gamma": (lambda x, p: x ** (p - 1) * torch.exp(-x), 0, INF, lambda p: torch.exp(torch.lgamma(p))),
}


@pytest.mark.parametrize("function", [quad, quad_vec])
@pytest.mark.parametrize("name", INTEGRALS)
def test_closed_forms(function, name):
    """Value and derivatives to order two in every mode, to 1e-8 (to which SciPy integrates)."""
    f, a, b, closed = INTEGRALS[name]

    def ours(p):
        return function(f, a, b, args=(p,))[0]

    p = torch.tensor(1.3)
    for derived in (lambda f: f, grad, jacfwd, lambda f: grad(grad(f)), lambda f: jacfwd(jacrev(f))):
        same(derived(ours)(p), derived(closed)(p), 1e-8)


def sine(x):
    return quad(lambda s: torch.sin(x[2] * s), x[0], x[1])[0]


def sine_closed(x):
    return (torch.cos(x[2] * x[0]) - torch.cos(x[2] * x[1])) / x[2]


def test_limits():
    """Limits and a parameter that the function closes over: to order three, and in batches."""
    x = torch.tensor([0.2, 1.5, 0.7])
    for derived in (jacrev, jacfwd, hessian, lambda f: jacrev(jacrev(jacfwd(f)))):
        same(derived(sine)(x), derived(sine_closed)(x))
    batch = torch.stack([x, x + 0.5, x * 20])
    for derived in (vmap, lambda f: vmap(jacrev(f)), lambda f: vmap(hessian(f)), lambda f: jacrev(vmap(f))):
        same(derived(sine)(batch), derived(sine_closed)(batch), 1e-8)
    y = x.clone().requires_grad_()
    same(torch.autograd.grad(sine(y), y)[0], grad(sine_closed)(x))


def test_arrays_and_points():
    powers = torch.tensor([1.0, 2.0])
    same(quad_vec(lambda x: x**powers, 0, 1)[0], 1 / (powers + 1))
    same(jacrev(lambda q: quad_vec(lambda x: x**q, 0, 1)[0])(powers), torch.diag(-1 / (powers + 1) ** 2), 1e-8)
    p = torch.tensor(0.3, requires_grad=True)
    for f in (quad, quad_vec):
        y, _ = f(lambda x: torch.abs(x - p), 0, 1, points=[0.3])
        same(y, torch.tensor(0.29))
        same(torch.autograd.grad(y, p)[0], torch.tensor(-0.4))


def test_failures_and_refusals():
    with pytest.raises(SolverError, match="quad, func: expected an integral that converges, got"):
        quad(lambda x: 1 / x, 0, 1)
    p = torch.tensor(1.0, requires_grad=True)
    y, _ = quad(lambda x: p / x, 0, 1, check=False)
    assert torch.autograd.grad(y, p)[0].isnan()
    for options in ({"weight": "cos", "wvar": 2}, {"full_output": 1}, {"complex_func": True}, {"maxp1": 10}):
        with pytest.raises(ArgumentError):
            quad(torch.cos, 0, 1, **options)
    for options in ({"workers": 2}, {"full_output": True}):
        with pytest.raises(ArgumentError):
            quad_vec(torch.cos, 0, 1, **options)
    with pytest.raises(ArgumentError):
        fixed_quad(torch.cos, 0, INF)


def test_an_empty_interval():
    b = torch.tensor(0.5, requires_grad=True)
    for f in (quad, quad_vec):
        y, _ = f(torch.cos, 0.5, b)
        same(y, torch.tensor(0.0))
        same(torch.autograd.grad(y, b)[0], torch.cos(b.detach()))


def test_fixed_quad():
    b = torch.tensor(1.2)
    for n in (3, 5):
        expected = scipy.integrate.fixed_quad(np.cos, 0.1, 1.2, n=n)
        same(fixed_quad(torch.cos, 0.1, b, n=n)[0], torch.tensor(expected[0]), 1e-14)
    same(grad(lambda b: fixed_quad(torch.cos, 0.1, b, n=12)[0])(b), torch.cos(b))


def shapes():
    return [((7,), -1), ((6,), 0), ((3, 8), 1), ((5, 4), 0), ((2,), 0), ((3,), 0), ((1,), 0), ((4, 2), 0)]


@pytest.mark.parametrize("name", ["trapezoid", "simpson", "cumulative_trapezoid", "cumulative_simpson"])
def test_samples(name):
    ours = {f.__name__: f for f in (trapezoid, simpson, cumulative_trapezoid, cumulative_simpson)}[name]
    scipys, rng = getattr(scipy.integrate, name), np.random.default_rng(0)
    for shape, axis in shapes():
        y, x = rng.normal(size=shape), np.sort(rng.uniform(size=shape), axis)
        given = [{}, {"x": np.sort(rng.uniform(size=shape[axis]))}, {"x": x}, {"dx": 0.3}]
        starts = [{}, {"initial": 0}] if "cumulative" in name else [{}]
        for options, start in itertools.product(given, starts):
            tensors = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
            expected = torch.as_tensor(scipys(y, axis=axis, **options, **start))
            same(ours(torch.tensor(y), axis=axis, **tensors, **start), expected, 1e-12)


@pytest.mark.parametrize("rule", [trapezoid, simpson, cumulative_trapezoid, cumulative_simpson])
@pytest.mark.parametrize("count", [5, 6])
def test_samples_differentiate(rule, count):
    y = torch.randn(2, count, requires_grad=True)
    x = torch.rand(count).cumsum(0).requires_grad_()
    assert torch.autograd.gradcheck(lambda y, x: rule(y, x=x), (y, x))
    assert torch.autograd.gradgradcheck(lambda y, x: rule(y, x=x), (y, x))


def test_samples_that_do_not_fit():
    y = torch.ones(4)
    with pytest.raises(ShapeError):
        simpson(y, torch.ones(3))
    with pytest.raises(ArgumentError):
        cumulative_simpson(y, x=torch.ones(4))
    with pytest.raises(ArgumentError):
        cumulative_trapezoid(y, initial=1)


def test_odeint():
    """SciPy's values to the default tolerances; derivatives in the rate and the times; repeated times."""
    t = torch.tensor([0.0, 1, 1, 2])
    y = odeint(lambda y, t, k: -k * y, torch.ones(2), t, (torch.tensor(0.5),))
    expected = scipy.integrate.odeint(lambda y, t: -0.5 * y, [1, 1], t.numpy())
    same(y, torch.tensor(expected), 1e-7)
    k, t = torch.tensor(0.5, requires_grad=True), torch.tensor([0.0, 1, 2], requires_grad=True)
    y = odeint(lambda t, y, k: -k * y, torch.tensor(1.0), t, (k,), tfirst=True)
    by_k, by_t = torch.autograd.grad(y[-1, 0], (k, t))
    decay = np.exp(-1)
    same(by_k, torch.tensor(-2 * decay), 1e-6)
    same(by_t, torch.tensor([0.5 * decay, 0, -0.5 * decay]), 1e-6)
    for options in ({"tcrit": [1.0]}, {"mxstep": 10}, {"full_output": True}):
        with pytest.raises(ArgumentError):
            odeint(lambda y, t: -y, torch.ones(1), t, **options)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_values_in_the_dtype_of_the_function(dtype):
    """With numbers as limits; single precision is computed in double."""
    rates = torch.tensor([1.0, 2.0], dtype=dtype, requires_grad=True)
    y = quad_vec(lambda x: torch.exp(-rates * x), 0, torch.inf, epsabs=1e-12, epsrel=1e-12)[0]
    assert y.dtype is dtype
    torch.testing.assert_close(y.detach(), 1 / rates.detach())
    torch.testing.assert_close(torch.autograd.grad(y.sum(), rates)[0], -1 / rates.detach() ** 2)
