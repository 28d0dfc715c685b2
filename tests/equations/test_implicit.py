"""The implicit function theorem itself: every nesting, closures of every kind, both ways to solve."""

import functools
import itertools

import pytest
import scipy.optimize
import torch
from torch.autograd import forward_ad
from torch.func import grad, hessian, jacfwd, jacrev, vmap

from scitorch.core.border import array_function
from scitorch.core.errors import ArgumentError, MissingDerivativeError, SolverError
from scitorch.core.implicit import implicit

DOUBLE = {"dtype": torch.float64}
MIX = torch.tensor([[3.0, 1.0], [0.5, 2.0]], **DOUBLE)
POINT = torch.tensor([1.7, 0.3], **DOUBLE)
GUESS = torch.tensor([1.0, 1.3], **DOUBLE)


def same(got, expected, tolerance=1e-8):
    torch.testing.assert_close(got, expected, rtol=tolerance, atol=tolerance)


def root(function, x0, args=(), method="lm", **options):
    def solve(x0, args):
        f = array_function(function, torch.float64, x0.device, *args)
        r = scipy.optimize.root(f, x0.double().numpy(), method=method, tol=1e-14)
        return torch.tensor(r.x), torch.tensor(True), torch.tensor(r.nfev)

    return implicit("root", solve, lambda y, x0, args: function(y, *args), x0, (x0, args), **options)


def closed(p):
    """What `closing` and `given` solve for."""
    return torch.stack([p[0] ** (1 / 3), torch.exp(p[1])])


def system(x, p):
    return MIX @ torch.stack([x[0] ** 3 - p[0], torch.log(x[1]) - p[1]])


def closing(p):
    return root(lambda x: system(x, p), GUESS)[0]


def given(p):
    return root(system, GUESS, (p,))[0]


NESTINGS = [t for order in (1, 2, 3) for t in itertools.product((jacrev, jacfwd), repeat=order)]


@pytest.mark.parametrize("solution", [closing, given])
@pytest.mark.parametrize("nesting", NESTINGS, ids=lambda nesting: " of ".join(t.__name__ for t in nesting))
def test_every_nesting_to_order_three(solution, nesting):
    ours, expected = solution, closed
    for transform in nesting:
        ours, expected = transform(ours), transform(expected)
    same(ours(POINT), expected(POINT), 1e-6)


@pytest.mark.parametrize("solution", [closing, given])
def test_backward_of_backward_of_backward(solution):
    found = []
    for function in (solution, closed):
        p = POINT.clone().requires_grad_()
        value = function(p).square()
        for _ in range(3):
            (value,) = torch.autograd.grad(value.sum(), p, create_graph=True)
            found.append(value)
    for got, expected in zip(found[:3], found[3:], strict=True):
        same(got, expected, 1e-6)


def test_vmap_outside_inside_and_twice():
    points = torch.rand(5, 2, **DOUBLE) + 0.5
    same(vmap(closing)(points), vmap(closed)(points))
    same(vmap(jacrev(closing))(points), vmap(jacrev(closed))(points))
    same(vmap(hessian(closing))(points), vmap(hessian(closed))(points), 1e-6)
    same(jacrev(vmap(closing))(points), jacrev(vmap(closed))(points))
    twice = points.expand(3, 5, 2).clone()
    same(vmap(vmap(closing))(twice), vmap(vmap(closed))(twice))
    same(vmap(closing, 1)(points.mT), vmap(closed)(points))


def test_dual_tensors():
    with forward_ad.dual_level():
        tangents = [
            forward_ad.unpack_dual(function(forward_ad.make_dual(POINT, torch.ones(2, **DOUBLE)))).tangent
            for function in (closing, given, closed)
        ]
    same(tangents[0], tangents[2])
    same(tangents[1], tangents[2])


def test_dual_tensors_that_the_gradient_of_a_function_closes_over():
    def minimum(p):
        return root(lambda x: grad(lambda x: (x**4).sum() / 4 - (x * p).sum())(x), GUESS)[0]

    with forward_ad.dual_level():
        tangent = forward_ad.unpack_dual(minimum(forward_ad.make_dual(POINT, GUESS))).tangent
    same(tangent, POINT ** (-2 / 3) / 3 * GUESS)


def test_float32_problems_are_solved_in_double_precision():
    p = torch.tensor([0.4, -0.2], requires_grad=True)
    layer = torch.nn.Linear(2, 2)
    x = root(lambda x: layer(x * 0.1) + x - p, torch.zeros(2))[0]
    assert x.dtype is torch.float32
    x.sum().backward()
    exact = torch.linalg.inv(torch.eye(2, **DOUBLE) + 0.1 * layer.weight.detach().double())
    same(p.grad, exact.sum(0).float(), 1e-6)
    same(layer.bias.grad, -p.grad, 1e-6)
    assert layer.weight.grad.dtype is torch.float32


LAYER = torch.nn.Linear(2, 2, **DOUBLE)


def test_modules_and_globals_get_gradients():
    root(lambda x: LAYER(x) * 0.1 + x - 1, GUESS)[0].sum().backward()

    def expected(weight):
        return torch.linalg.solve(torch.eye(2, **DOUBLE) + 0.1 * weight, 1 - 0.1 * LAYER.bias.detach()).sum()

    same(LAYER.weight.grad, grad(expected)(LAYER.weight.detach()))
    LAYER.zero_grad()


GLOBAL = torch.nn.Linear(2, 2, **DOUBLE)


class Holder:
    """Not a module, but callable."""

    def __init__(self, net):
        self.nets = {"net": [net]}

    def __call__(self, x):
        return self.nets["net"][0](x)


class Plain:
    """An object whose attribute a function uses."""

    def __init__(self, net):
        self.net = net

    def function(self):
        return lambda x: self.net(x)


def through_globals(x):
    return GLOBAL(x)


def within(x):
    return vmap(lambda x: GLOBAL(x))(x[None])[0]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: GLOBAL(x),
        through_globals,
        GLOBAL.forward,
        functools.partial(lambda net, x: net(x), GLOBAL),
        Holder(GLOBAL),
        Plain(GLOBAL).function(),
        within,
    ],
    ids=["global", "function", "method", "partial", "callable object", "object", "function within"],
)
def test_parameters_of_a_functional_call(function):
    """The derivative is computed when that call is over, and the module has its own parameters again."""

    class Outer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = GLOBAL

        def forward(self, b):
            return root(lambda x: 3 * x + 0.3 * torch.tanh(function(x)) - b, torch.zeros(2, **DOUBLE))[0]

    outer, b = Outer(), torch.tensor([1.0, 2.0], **DOUBLE)
    own = dict(
        zip(("net.weight", "net.bias"), torch.autograd.grad(outer(b).sum(), list(outer.parameters())), strict=True)
    )
    values = {name: p.detach().clone() for name, p in outer.named_parameters()}
    called = lambda values: torch.func.functional_call(outer, values, b).sum()
    for name, gradient in grad(called)(values).items():
        same(gradient, own[name])
    leaves = {name: p.requires_grad_() for name, p in values.items()}
    for gradient, expected in zip(torch.autograd.grad(called(leaves), leaves.values()), own.values(), strict=True):
        same(gradient, expected)


HIDDEN = {"name": "GLOBAL"}


def test_parameters_that_cannot_be_given_back_are_refused():
    """A module that no search finds: its own parameters, which nobody asked about, would leave a gradient of zero."""

    class Outer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = GLOBAL

        def forward(self, b):
            return root(lambda x: 3 * x + torch.tanh(globals()[HIDDEN["name"]](x)) - b, torch.zeros(2, **DOUBLE))[0]

    outer = Outer()
    values = {name: p.detach().clone() for name, p in outer.named_parameters()}
    with pytest.raises(ArgumentError, match="the parameters that it had when the equation was solved"):
        grad(lambda values: torch.func.functional_call(outer, values, GUESS).sum())(values)


def energy(x, p):
    return (x**4).sum() / 4 - (x * p).sum()


@pytest.mark.parametrize(
    "solution",
    [
        lambda p: root(lambda x: grad(lambda x: energy(x, p))(x), GUESS)[0],
        lambda p: root(grad(energy), GUESS, (p,))[0],
    ],
    ids=["closed over in the transform", "in args"],
)
def test_a_gradient_as_the_equation(solution):
    same(jacrev(jacfwd(solution))(POINT), jacrev(jacfwd(lambda p: p ** (1 / 3)))(POINT), 1e-6)


def test_a_tensor_hidden_in_a_transform_gets_its_gradient_or_is_refused():
    def solution(p):
        return root(lambda x: grad(energy)(x, p), GUESS)[0]

    p = POINT.clone().requires_grad_()
    same(torch.autograd.grad(solution(p).sum(), p)[0], grad(lambda p: (p ** (1 / 3)).sum())(POINT))
    with pytest.raises(ArgumentError, match="passing it in args"):
        jacrev(jacfwd(solution))(POINT)


def test_a_tensor_hidden_in_a_function_is_refused():
    class Times(torch.autograd.Function):
        @staticmethod
        def forward(x, p):
            return x * p

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            x, p = ctx.saved_tensors
            return g * p, g * x

    with pytest.raises(ArgumentError, match="passing it in args"):
        jacrev(lambda p: root(lambda x: Times.apply(x, p) - 1, torch.ones(2, **DOUBLE))[0])(POINT)


def test_another_branch_at_the_solution_uses_other_tensors():
    q = torch.tensor([8.0, 27.0], **DOUBLE)

    def solution(p, q):
        def solve(x0):
            return torch.tensor([2.0, 3.0], **DOUBLE), torch.tensor(True)

        def residual(x, x0):
            return x**3 - (p if x.sum() < 3 else q)

        return implicit("root", solve, residual, GUESS, (GUESS,))[0]

    first, second = jacrev(solution, (0, 1))(POINT, q)
    same(first, torch.zeros(2, 2, **DOUBLE))
    same(second, torch.diag(1 / (3 * q ** (2 / 3))))
    r = q.clone().requires_grad_()
    same(torch.autograd.grad(solution(POINT, r).sum(), r)[0], 1 / (3 * q ** (2 / 3)))


SLOPE = torch.linspace(0, 1, 800, **DOUBLE)


def unrolled(p):
    x = SLOPE * 0
    for _ in range(60):
        x = (p * SLOPE - 0.5 * torch.sin(torch.roll(x, 1))) / 3
    return x


@pytest.mark.parametrize(
    "derivative",
    [
        jacfwd,
        lambda f: grad(lambda p: f(p).square().sum()),
        lambda f: jacfwd(grad(lambda p: f(p).square().sum())),
        lambda f: grad(grad(lambda p: f(p).square().sum())),
    ],
    ids=["jacfwd", "grad", "jacfwd of grad", "grad of grad"],
)
def test_many_unknowns_without_a_matrix(derivative):
    solution = unrolled(torch.tensor(1.3, **DOUBLE))

    def solve(x0):
        return solution.clone(), torch.tensor(True)

    def by_krylov(p):
        def residual(x, x0):
            return 3 * x + 0.5 * torch.sin(torch.roll(x, 1)) - p * SLOPE

        return implicit("root", solve, residual, SLOPE * 0, (SLOPE * 0,))[0]

    p = torch.tensor(1.3, **DOUBLE)
    same(derivative(by_krylov)(p), derivative(unrolled)(p), 1e-7)


def test_a_function_of_numpy_has_no_derivative():
    def cube(x, p):
        return x.detach().numpy() ** 3 - p.detach().numpy()

    p = POINT.clone().requires_grad_()
    x = root(cube, GUESS, (p,))[0]
    same(x.detach(), POINT ** (1 / 3))
    with pytest.raises(MissingDerivativeError, match=r"root, function: expected a function of torch operations"):
        x.sum().backward()


@pytest.mark.parametrize("ok", [True, False], ids=["a singular Jacobian", "not ok"])
@pytest.mark.parametrize("check", [True, False])
def test_where_there_is_no_derivative(ok, check):
    p = POINT.clone().requires_grad_()

    def solve(p):
        return p.detach().clone(), torch.tensor(ok)

    def residual(y, p):
        return (y - p) @ torch.ones(2, 2, **DOUBLE) if ok else y - p

    y, _ = implicit("root", solve, residual, GUESS, (p,), check=check)
    if check:
        with pytest.raises(SolverError, match=r"root, derivative: .* Try check=False, for NaN"):
            y.sum().backward()
    else:
        assert torch.autograd.grad(y.sum(), p)[0].isnan().all()


def test_units_make_no_matrix_singular():
    """A Jacobian of condition 1e40 whose unknowns have other units."""
    units = torch.tensor([1e-20, 1e20], **DOUBLE)

    def solution(p):
        return implicit("root", lambda p: (p * units, torch.tensor(True)), lambda y, p: y / units - p, p, (p,))[0]

    same(jacrev(solution)(POINT), torch.diag(units))


def test_no_unknowns():
    p = torch.zeros(0, **DOUBLE, requires_grad=True)
    y = implicit("root", lambda p: (p.detach().clone(), torch.tensor(True)), lambda y, p: y - p, p, (p,))[0]
    assert torch.autograd.grad(y.sum(), p)[0].shape == (0,)


def test_a_batch_may_be_solved_at_once():
    calls = []

    def solve(p):
        raise AssertionError

    def together(residual, p):
        calls.append(p.shape)
        assert residual(p, torch.arange(len(p))).abs().max() > 0
        return p ** (1 / 3), torch.ones(len(p), dtype=torch.bool)

    def solution(p):
        return implicit("root", solve, lambda y, p: y**3 - p * MIX[0, 0] / 3, p, (p,), together=together)[0]

    points = torch.rand(5, **DOUBLE) + 0.5
    same(vmap(solution)(points), points ** (1 / 3))
    assert calls == [(5,)]
    same(vmap(grad(grad(solution)))(points), -2 / 9 * points ** (-5 / 3))
