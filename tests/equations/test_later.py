"""A derivative is that of the function as it was when the equation was solved, whatever its variables became since.

In ordinary torch code it is: what an operation needs is saved when it runs. A loop that sums losses over several
batches, and only then differentiates, rebinds variables that its functions close over.
"""

import functools

import pytest
import torch
from torch.func import grad, jacrev, vmap

from scitorch.core.errors import ArgumentError
from scitorch.core.snapshot import snapshot
from scitorch.integrate import quad_vec, solve_ivp
from scitorch.optimize import fixed_point, least_squares, minimize, root
from scitorch.sparse.linalg import cg

DOUBLE = {"dtype": torch.float64}
ONES = torch.ones(2, **DOUBLE)
ROUNDS = (torch.tensor([1.0, 2.0], **DOUBLE), torch.tensor([3.0, 0.5], **DOUBLE))
ROUND = ROUNDS[0]

SOLVERS = {
    "cg": lambda f: cg(lambda x: (1 + f()) * x, ONES)[0],
    "fixed_point": lambda f: fixed_point(lambda x: torch.cos(x) * f() * 0.2, ONES),
    "least_squares": lambda f: least_squares(lambda x: x**3 + x - f(), ONES).x,
    "minimize": lambda f: minimize(lambda x: (x**4 / 4 + x**2 / 2 - f() * x).sum(), ONES, tol=1e-7).x,
    "quad_vec": lambda f: quad_vec(lambda x: torch.exp(-f() * x), 0, 1)[0],
    "root": lambda f: root(lambda x: x**3 + x - f(), ONES).x,
    "solve_ivp": lambda f: solve_ivp(lambda t, y: -f() * y, (0, 1), ONES).y[:, -1],
    "solve_ivp continuous": lambda f: solve_ivp(lambda t, y: -f() * y, (0, 1), ONES, adjoint="continuous").y[:, -1],
}
every_solver = pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)


def parameter():
    return torch.tensor([1.0, 2.0], **DOUBLE, requires_grad=True)


def solved(p, k):
    return root(lambda x: x**3 + x - p * k, ONES).x.sum()


def round_by_round(p, solve):
    return sum(torch.autograd.grad(solve(k), p)[0] for k in ROUNDS)


@every_solver
def test_variables_of_a_loop(solver):
    p = parameter()

    def summed():
        total = 0
        for k in ROUNDS:
            total = total + solver(lambda: p * k).sum()  # noqa: B023  as users write it
        return total

    expected = round_by_round(p, lambda k: solver(lambda: p * k).sum())
    torch.testing.assert_close(torch.autograd.grad(summed(), p)[0], expected, rtol=1e-9, atol=0)


@every_solver
def test_global_variables(solver, monkeypatch):
    p = parameter()
    total = 0
    for k in ROUNDS:
        monkeypatch.setitem(globals(), "ROUND", k)
        total = total + solver(lambda: p * ROUND).sum()
    expected = round_by_round(p, lambda k: solver(lambda: p * k).sum())
    torch.testing.assert_close(torch.autograd.grad(total, p)[0], expected, rtol=1e-9, atol=0)


def factor():
    return ROUND


def of_functions(p):
    """Functions that reach the variable in other ways."""
    k = ROUNDS[0]

    def nested():
        return k

    class Bound:
        def method(self, x):
            return x**3 + x - p * k

    yield lambda x: x**3 + x - p * nested()
    yield functools.partial(lambda within, x: x**3 + x - p * within(), nested)
    yield Bound().method
    yield lambda x: vmap(lambda x: x**3 + x - k[0] * p[0])(x)
    k = ROUNDS[1]


@pytest.mark.parametrize("index", range(4), ids=["nested", "partial", "method", "within"])
def test_functions_that_reach_a_variable(index):
    p = parameter()
    functions = of_functions(p)
    for _ in range(index):
        next(functions)
    total = root(next(functions), ONES).x.sum()
    expected = torch.autograd.grad(total, p, retain_graph=True)[0]
    list(functions)
    torch.testing.assert_close(torch.autograd.grad(total, p)[0], expected, rtol=0, atol=0)


def test_a_global_function(monkeypatch):
    p = parameter()
    total = root(lambda x: x**3 + x - p * factor(), ONES).x.sum()
    expected = torch.autograd.grad(total, p, retain_graph=True)[0]
    monkeypatch.setitem(globals(), "ROUND", ROUNDS[1])
    torch.testing.assert_close(torch.autograd.grad(total, p)[0], expected, rtol=0, atol=0)


def test_under_transforms_and_to_second_order():
    def summed(p):
        total = 0
        for k in ROUNDS:
            total = total + root(lambda x: x**3 + x - p * k, ONES).x.sum()  # noqa: B023  the same
        return total

    p = parameter()
    torch.testing.assert_close(grad(summed)(p.detach()), round_by_round(p, lambda k: solved(p, k)))
    expected = sum(jacrev(grad(lambda p: solved(p, k)))(p.detach()) for k in ROUNDS)  # noqa: B023  called at once
    torch.testing.assert_close(jacrev(grad(summed))(p.detach()), expected)


@every_solver
def test_a_tensor_changed_in_place(solver):
    p, k = parameter(), ROUNDS[0].clone()
    total = solver(lambda: p * k).sum()
    k.zero_()
    with pytest.raises(ArgumentError, match="the tensors that it had when the equation was solved, got one that has b"):
        torch.autograd.grad(total, p)


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(2, 2, **DOUBLE)

    def residual(self, x):
        return 3 * x - torch.tanh(self.linear(x)) - self.given

    def forward(self, given):
        self.given = given
        return root(self.residual, torch.zeros(2, **DOUBLE)).x


def test_an_attribute_set_to_another_tensor():
    layer = Layer()
    first, second = (layer(k).sum() for k in ROUNDS)
    torch.autograd.grad(second, layer.linear.weight)
    with pytest.raises(ArgumentError, match="got others: an object of which an attribute has been set since"):
        torch.autograd.grad(first, layer.linear.weight)


def test_what_a_function_makes_and_keeps():
    p, kept, calls = parameter(), [], 0

    def function(x):
        nonlocal calls
        calls += 1
        kept.append(grad(lambda x: (x**4 / 4 + x**2 / 2).sum())(x))
        return kept[-1] - p * ROUND

    solution = root(function, ONES).x.sum()
    made = calls
    assert made > 2  # the solver's calls count, those for a derivative may not
    got = torch.autograd.grad(solution, p)[0]
    torch.testing.assert_close(got, torch.autograd.grad(solved(p, ROUND), p)[0])


def test_a_snapshot_is_the_function_itself_where_nothing_can_change():
    assert snapshot(torch.nn.functional.relu) is torch.nn.functional.relu
    assert snapshot(3) == 3
    layer = Layer()
    assert snapshot(layer) is layer


def test_a_snapshot_of_a_function_that_calls_itself():
    def power(n):
        return 1 if n == 0 else 2 * power(n - 1)

    taken = snapshot(power)
    power_before, power = power, None
    assert taken(3) == 8
    assert taken is not power_before
    assert snapshot(taken) is taken
