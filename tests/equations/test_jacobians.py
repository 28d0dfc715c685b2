"""Jacobians for solvers are those of `torch.func`, and cost no further evaluation of the function."""

import numpy as np
import pytest
import scipy.optimize
import torch

from scitorch.core.errors import ArgumentError
from scitorch.core.jacobians import Linearised, jacobian
from scitorch.optimize import curve_fit, least_squares, nnls, root

DOUBLE = {"dtype": torch.float64}
MANY = torch.linspace(0.1, 2, 700, **DOUBLE)  # more values than are pulled back at once
X = torch.tensor([0.3, 1.2, 0.7], **DOUBLE)


FUNCTIONS = {
    "as many": lambda x: x**2 * x.sum(),
    "a number": lambda x: x.prod(),
    "itself": lambda x: x,
    "a matrix": lambda x: x[:, None] * x,
    "constant": lambda x: torch.ones(4, **DOUBLE),
    "none": lambda x: x[:0],
    "many": lambda x: x[0] * torch.exp(-x[1] * MANY) + x[2],
    "many in two dimensions": lambda x: torch.cat([x, MANY * x.prod()]).view(1, -1),
    "many of one": lambda x: MANY * x[1],
    "many constant": lambda x: 2 * MANY,
    "many infinite": lambda x: torch.where(MANY > 1, x[0] / 0, x[1]),
    "without a graph": lambda x: x.detach() * x[0],
}


def same(got, expected):
    torch.testing.assert_close(got, expected, rtol=1e-13, atol=1e-13, equal_nan=True)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_is_that_of_torch_func(name):
    function = FUNCTIONS[name]
    with torch.no_grad():
        made = jacobian(function, X)
    assert not made.requires_grad
    same(made, torch.func.jacfwd(function)(X))


@pytest.mark.parametrize("m", [2, 5, 700])
def test_several_points(m):
    def function(a, b, c):
        return a * MANY[:m] + b[0] * b[1]

    points = torch.tensor(1.5, **DOUBLE), X[:2], torch.tensor(2.0, **DOUBLE)
    expected = torch.func.jacfwd(function, (0, 1, 2))(*points)
    same(Linearised(function).jacobian(*points), torch.cat([e.view(m, -1) for e in expected], 1))


@pytest.mark.parametrize("m", [3, 700])
def test_a_point_is_evaluated_once(m):
    points = []

    def function(x):
        points.append(x)
        return x[0] * torch.exp(-x[1] * MANY[:m])

    linearised = Linearised(function)
    value, first = linearised.value(X), linearised.jacobian(X)
    assert not value.requires_grad
    same(linearised.jacobian(X.clone()), first)
    assert len(points) == 1
    assert not torch.equal(linearised.jacobian(2 * X), first)
    assert len(points) == 2
    linearised.value(X * torch.nan), linearised.value(X * torch.nan)
    assert len(points) == 4


class OfNumpy(torch.autograd.Function):
    """A backward pass that leaves no graph, which autograd doesn't notice."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return torch.from_numpy(np.cos(x.detach().numpy()) * g.detach().numpy())


class Once(OfNumpy):
    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        return g * ctx.saved_tensors[0].cos()


@pytest.mark.parametrize("function", [OfNumpy, Once])
@pytest.mark.parametrize("rest", [0.0, 1.0])
def test_a_backward_pass_without_a_graph_is_not_left_out(function, rest):
    if function is Once:
        same(jacobian(lambda x: function.apply(x) + rest * x, X), torch.diag(X.cos() + rest))
    with pytest.raises(RuntimeError, match="setup_context"):  # PyTorch's own words: it has no forward mode either
        jacobian(lambda x: MANY * (function.apply(x)[0] + rest * x[0]), X)


def test_a_fit_evaluates_its_function_as_often_as_the_solver_asks_for_values():
    calls = []

    def line(x, a, b):
        calls.append(1)
        return a * torch.exp(-b * x)

    with torch.no_grad():
        _, _, infodict, _, _ = curve_fit(line, MANY, 2 * torch.exp(-MANY), full_output=True)
    assert len(calls) <= infodict["nfev"] + 2  # whether it is one of torch operations, and at the solution


@pytest.mark.parametrize("method", ["lm", "trf", "dogbox"])
@pytest.mark.parametrize("m", [20, 700])
@pytest.mark.parametrize("weighted", ["no", "sigma", "covariance"])
def test_fits_are_scipys_with_exact_jacobians(method, m, weighted):
    x = MANY[:m]
    y = 2 * torch.exp(-1.3 * x) + 0.01 * torch.sin(40 * x)
    sigma = {"no": None, "sigma": 1 + x, "covariance": torch.diag(1 + x)}[weighted]

    def exact(x, a, b):
        e = np.exp(-b * x)
        return np.stack([e, -a * x * e], 1)

    options = {"method": method, "sigma": None if sigma is None else sigma.numpy(), "jac": exact}
    expected, spread = scipy.optimize.curve_fit(lambda x, a, b: a * np.exp(-b * x), x.numpy(), y.numpy(), **options)
    for differentiated in (False, True):
        data = y.clone().requires_grad_(differentiated)
        popt, pcov = curve_fit(lambda x, a, b: a * torch.exp(-b * x), x, data, sigma=sigma, method=method)
        torch.testing.assert_close(popt.detach(), torch.tensor(expected), rtol=1e-6, atol=1e-8)
        torch.testing.assert_close(pcov.detach(), torch.tensor(spread), rtol=1e-4, atol=1e-12)
        assert pcov.requires_grad == differentiated


def test_a_function_that_keeps_its_buffer():
    """What it returned before is not what it returns now: solvers get copies, or read what they get at once."""
    buffer = torch.empty(700, **DOUBLE)

    def kept(x, a, b):
        value = a * torch.exp(-b * x)
        buffer.copy_(value.detach())
        return value if value.requires_grad else buffer

    y = 2 * torch.exp(-1.3 * MANY)
    popt, _ = curve_fit(kept, MANY, y)
    torch.testing.assert_close(popt, torch.tensor([2.0, 1.3], **DOUBLE), rtol=1e-7, atol=0)
    few = torch.empty(2, **DOUBLE)
    found = root(lambda x: few.copy_(x**2 - 2) if not x.requires_grad else x**2 - 2, torch.ones(2, **DOUBLE))
    same(found.x, torch.full((2,), 2.0, **DOUBLE).sqrt())


def test_the_residuals_of_a_function_of_numpy():
    found = least_squares(lambda x: np.asarray(x) - 1, torch.zeros(2, **DOUBLE))
    same(found.x, torch.ones(2, **DOUBLE))


def test_data_that_are_changed_before_the_derivative():
    """Problems of data alone aren't searched for tensors; what they had when solved is asked for all the same."""
    A, b = torch.eye(2, **DOUBLE) * 2, torch.ones(2, **DOUBLE).requires_grad_()
    x, _ = nnls(A, b)
    A.mul_(2)
    with pytest.raises(ArgumentError, match="changed in place since"):
        x.sum().backward()
