"""Initial value problems: values are SciPy's; derivatives agree with unrolled steps and with differences of SciPy."""

import itertools

import numpy as np
import pytest
import scipy.integrate
import torch
from torch.autograd import forward_ad
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

import scitorch
from equations.ode_problems import PROBLEMS, lotka_volterra, robertson, van_der_pol
from scitorch.core.errors import ArgumentError, MissingDerivativeError, ShapeError, SolverError
from scitorch.integrate import solve_ivp

TIGHT = {"rtol": 1e-9, "atol": 1e-11}
EXPLICIT = ("RK45", "DOP853", "RK23")
EVERY = [
    *((method, "discrete") for method in EXPLICIT),
    *((m, "continuous") for m in (*EXPLICIT, "Radau", "BDF", "LSODA")),
]


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def same(a, b, tolerance=1e-7):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def numpy_function(problem):
    def fun(t, y, p):
        return problem.fun(torch.tensor(t), torch.tensor(y), torch.tensor(p)).numpy()

    return fun


def end(problem, method, adjoint):
    def of(y0, p):
        limits = {"rtol": 1e-8, "atol": 1e-13} if problem.stiff else {"rtol": 1e-10, "atol": 1e-12}
        return solve_ivp(problem.fun, problem.span, y0, method, args=(p,), adjoint=adjoint, **limits).y[:, -1]

    return of


def differences(problem):
    """Central differences of SciPy's own solution in y0 and p, by tight tolerances."""
    y0, p = np.array(problem.y0), np.array(problem.p)
    method = "Radau" if problem.stiff else "DOP853"
    limits = {"rtol": 1e-8, "atol": 1e-13} if problem.stiff else {"rtol": 1e-11, "atol": 1e-13}

    def solved(x):
        x0, p = x[: len(y0)], x[len(y0) :]
        return scipy.integrate.solve_ivp(numpy_function(problem), problem.span, x0, method, args=(p,), **limits).y[
            :, -1
        ]

    x = np.concatenate([y0, p])
    steps = 1e-4 * np.abs(x)
    if problem.stiff:  # each takes seconds, and their states at first are soon forgotten
        steps = 10 * np.where(np.arange(len(x)) < len(y0), 0, steps)
    columns = [
        (solved(x + h * e) - solved(x - h * e)) / (2 * h) if h else np.full(len(y0), np.nan)
        for h, e in zip(steps, np.eye(len(x)), strict=True)
    ]
    return torch.tensor(np.stack(columns, 1))


def runge_kutta(problem, steps=2000):
    """The classical method, unrolled."""
    t0, t1 = problem.span
    h = (t1 - t0) / steps

    def of(y, p):
        for k in range(steps):
            t = torch.tensor(t0 + k * h)
            a = problem.fun(t, y, p)
            b = problem.fun(t + h / 2, y + h / 2 * a, p)
            c = problem.fun(t + h / 2, y + h / 2 * b, p)
            y = y + h / 6 * (a + 2 * b + 2 * c + problem.fun(t + h, y + h * c, p))
        return y

    return of


def jacobian(of, problem):
    y0, p = problem.start().requires_grad_(), problem.parameters().requires_grad_()
    y = of(y0, p)
    rows = [torch.cat(torch.autograd.grad(part, (y0, p), retain_graph=True)) for part in y]
    return torch.stack(rows)


@pytest.mark.parametrize("problem", PROBLEMS, ids=str)
def test_derivatives_agree(problem):
    """Both adjoints, differences of SciPy, and unrolled steps: to 1e-6 of the largest, or as the problem says."""
    x = torch.cat([problem.start(), problem.parameters()])
    expected = differences(problem) * x
    known = ~expected.isnan().any(0)
    ways = [("Radau", "continuous")] if problem.stiff else [("RK45", "continuous"), ("DOP853", "discrete")]
    found = [jacobian(end(problem, *way), problem) * x for way in ways]
    if not problem.stiff:
        found.append(jacobian(runge_kutta(problem, 400), problem) * x)
    for jac in found:
        error = (jac - expected)[:, known].abs().amax() / expected[:, known].abs().amax()
        assert error < problem.tolerance


@pytest.mark.parametrize(("method", "adjoint"), EVERY)
def test_values_are_scipys(method, adjoint):
    problem = PROBLEMS[3]
    t_eval = np.linspace(0.5, 6, 7)
    for times in (None, t_eval):
        found = solve_ivp(
            problem.fun, problem.span, problem.start(), method, times, args=(problem.parameters(),), adjoint=adjoint
        )
        expected = scipy.integrate.solve_ivp(
            numpy_function(problem), problem.span, problem.y0, method, times, args=(np.array(problem.p),)
        )
        if method == "LSODA":  # its Jacobian is ours, to rounding, where SciPy's are differences
            same(found.y, torch.tensor(expected.y), 1e-3)
        else:
            tolerance = 1e-3 if method in ("Radau", "BDF") else 1e-10
            same(found.y, torch.tensor(expected.y), tolerance)
        same(found.t, torch.tensor(expected.t), 1e-2 if method in ("Radau", "BDF", "LSODA") else 1e-12)
        assert (found.status, found.message, found.success) == (0, expected.message, True)


def linear(t, y, p):
    return -p * y * t


def linear_solution(t0, t1, y0, p):
    return y0 * torch.exp(-p * (t1**2 - t0**2) / 2)


@pytest.mark.parametrize(("method", "adjoint"), EVERY)
def test_ends_of_the_time_span(method, adjoint):
    """Gradient and Hessian in t0, t1, y0 and p, to 1e-5; forwards and backwards in time."""

    def ours(x):
        return solve_ivp(linear, (x[0], x[1]), x[2:3], method, args=(x[3],), adjoint=adjoint, **TIGHT).y[0, -1]

    def closed(x):
        return linear_solution(*x)

    for x in (torch.tensor([0.3, 1.7, 0.9, 1.3]), torch.tensor([1.2, 0.3, 0.9, 1.3])):
        for derived in (grad, hessian):
            same(derived(ours)(x), derived(closed)(x), 1e-5)


@pytest.mark.parametrize(
    ("method", "adjoint"), [("RK45", "discrete"), ("DOP853", "continuous"), ("Radau", "continuous")]
)
def test_orders_and_modes(method, adjoint):
    """Every nesting to order two, and one of order three, against the closed form, to 1e-6."""

    def ours(p):
        return solve_ivp(linear, (0.3, 1.2), torch.ones(1), method, args=(p,), adjoint=adjoint, **TIGHT).y[0, -1]

    def closed(p):
        return linear_solution(0.3, 1.2, 1.0, p)

    p = torch.tensor(1.3)
    nestings = [*itertools.product((jacrev, jacfwd), repeat=2), (jacrev, jacfwd, jacrev), (jacfwd,), (jacrev,)]
    for nesting in nestings:
        a, b = ours, closed
        for transform in nesting:
            a, b = transform(a), transform(b)
        same(a(p), b(p), 1e-6)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(p, torch.tensor(1.0))
        same(forward_ad.unpack_dual(ours(dual)).tangent, forward_ad.unpack_dual(closed(dual)).tangent, 1e-6)
    q = p.clone().requires_grad_()
    (first,) = torch.autograd.grad(ours(q), q, create_graph=True)
    (second,) = torch.autograd.grad(first, q)
    same(second, grad(grad(closed))(p), 1e-6)


@pytest.mark.parametrize(("method", "adjoint"), [("RK45", "discrete"), ("RK45", "continuous"), ("BDF", "continuous")])
def test_batches(method, adjoint):
    """Problems with steps of their own; tensors of args along; through vmap with every derivative."""
    times = torch.tensor([0.5, 1.1, 1.6])
    y0, p = torch.tensor([[1.0], [0.5], [2.0]]), torch.tensor([0.3, 1.0, 4.0])

    def ours(y0, p):
        return solve_ivp(linear, (0.3, 1.6), y0, method, times, args=(p,), adjoint=adjoint, **TIGHT).y[0]

    def closed(y0, p):
        return linear_solution(0.3, times, y0[0], p)

    for w in (vmap, lambda f: vmap(jacrev(f, 1)), lambda f: vmap(jacfwd(f)), lambda f: jacrev(vmap(f), 1)):
        same(w(ours)(y0, p), w(closed)(y0, p), 1e-6)
    q = p.clone().requires_grad_()
    found = solve_ivp(linear, (0.3, 1.6), y0, method, times, args=(q,), adjoint=adjoint, **TIGHT)
    assert found.y.shape == (3, 1, 3)
    assert found.nfev.shape == found.status.shape == (3,)
    same(found.y[:, 0], vmap(closed)(y0, p), 1e-6)
    same(torch.autograd.grad(found.y.sum(), q)[0], grad(lambda p: vmap(closed)(y0, p).sum())(p), 1e-6)
    with pytest.raises(ArgumentError, match="t_eval"):
        solve_ivp(linear, (0.3, 1.6), y0, args=(p,))
    with pytest.raises(ArgumentError, match="t_eval"):
        vmap(lambda y0: solve_ivp(lambda t, y: -y, (0, 1), y0).y)(y0)
    with pytest.raises(ShapeError, match="closes over"):
        solve_ivp(linear, (0.3, 1.6), y0, t_eval=times, args=(torch.ones(2),))


def falling(t, y, g):
    return torch.stack([y[1], -g])


def ground(t, y, g):
    return y[0]


def never(t, y, g):
    return y[0] + 1e6


ground.terminal, ground.direction = True, -1


@pytest.mark.parametrize(("method", "adjoint"), EVERY)
def test_events(method, adjoint):
    """The time of an impact and the speed then, with gradient and Hessian, to 1e-6; another event never happens."""

    def ours(x):
        found = solve_ivp(
            falling, (0, 9), x[:2], method, events=[ground, never], args=(x[2],), adjoint=adjoint, **TIGHT
        )
        assert found.status == 1
        assert len(found.t_events[1]) == len(found.y_events[1]) == 0
        return torch.stack([found.t_events[0][0], found.y_events[0][0, 1], found.t[-1], found.y[1, -1]])

    def closed(x):
        t = (x[1] + torch.sqrt(x[1] ** 2 + 2 * x[2] * x[0])) / x[2]
        return torch.stack([t, x[1] - x[2] * t, t, x[1] - x[2] * t])

    x = torch.tensor([5.0, 2.0, 9.81])
    for derived in (lambda f: f, jacrev, jacfwd, hessian):
        same(derived(ours)(x), derived(closed)(x), 1e-6)


@pytest.mark.parametrize(("method", "adjoint"), EVERY)
def test_times_and_dense_output(method, adjoint):
    """The derivative in the time is the right-hand side, to 1e-4 of continuous extensions of low order."""
    times = torch.tensor([0.3, 0.5, 1.1, 1.7], requires_grad=True)
    p = torch.tensor(1.3, requires_grad=True)
    options = {"args": (p,), "adjoint": adjoint, "dense_output": True, **TIGHT}
    found = solve_ivp(linear, (0.3, 1.7), torch.ones(1), method, times, **options)
    dense = found.sol(times)
    expected = linear_solution(0.3, times, torch.ones(1), p)
    for y in (found.y[0], dense[0]):
        same(y, expected, 1e-6)
        a, b = (torch.autograd.grad(y.sum(), (times, p), retain_graph=True) for y in (y, expected))
        same(a[0][1:], b[0][1:], 1e-4)
        same(a[1], b[1], 1e-6)
    assert found.sol(0.7).shape == (1,)


def test_closures_and_modules():
    net = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    scale = torch.tensor(0.7, requires_grad=True)
    found = []
    for way in (end_of_net, unrolled_net):
        loss = way(net, scale).square().sum()
        found.append(torch.autograd.grad(loss, [*net.parameters(), scale]))
    for a, b in zip(*found, strict=True):
        same(a, b, 1e-6)


def end_of_net(net, scale):
    return solve_ivp(lambda t, y: scale * net(y), (0, 1), torch.ones(2), **TIGHT).y[:, -1]


def unrolled_net(net, scale):
    y, h = torch.ones(2), 0.01
    for _ in range(100):
        a = scale * net(y)
        b = scale * net(y + h / 2 * a)
        c = scale * net(y + h / 2 * b)
        y = y + h / 6 * (a + 2 * b + 2 * c + scale * net(y + h * c))
    return y


def test_branches_on_values():
    """What torch.vmap refuses is evaluated point by point."""
    p = torch.tensor(1.3, requires_grad=True)
    found = solve_ivp(lambda t, y: -p * y if t < 1 else -2 * p * y, (0, 2), torch.ones(1), max_step=0.02, **TIGHT)
    (g,) = torch.autograd.grad(found.y[0, -1], p)
    same(g, torch.tensor(-3 * np.exp(-3.9)), 1e-4)  # steps lie across the jump


@pytest.mark.parametrize("method", ["RK45", "Radau"])
def test_many_states(method):
    """More than have matrices: heat conduction on 60 points, against the matrix exponential, to 1e-6."""
    n = 60

    def fun(t, y, k):
        padded = torch.cat([y[:1], y, y[-1:]])
        return k * (padded[2:] - 2 * y + padded[:-2])

    y0, k = torch.linspace(0, 1, n) ** 2, torch.tensor(0.8)
    laplacian = torch.diag(torch.ones(n - 1), 1) + torch.diag(torch.ones(n - 1), -1) - 2 * torch.eye(n)
    laplacian[0, 0] = laplacian[-1, -1] = -1

    def ours(k):
        return solve_ivp(fun, (0, 3), y0, method, args=(k,), rtol=1e-8, atol=1e-10).y[:5, -1]

    def closed(k):
        return (torch.linalg.matrix_exp(3 * k * laplacian) @ y0)[:5]

    for derived in (jacrev, jacfwd):
        same(derived(ours)(k), derived(closed)(k), 1e-6)


def test_single_precision():
    p = torch.tensor(1.3, dtype=torch.float32, requires_grad=True)
    found = solve_ivp(linear, (0.3, 1.2), torch.ones(1, dtype=torch.float32), args=(p,), **TIGHT)
    assert found.y.dtype == found.t.dtype == torch.float32
    (g,) = torch.autograd.grad(found.y[0, -1], p)
    assert g.dtype is torch.float32
    same(g.double(), grad(lambda p: linear_solution(0.3, 1.2, 1.0, p))(torch.tensor(1.3)), 1e-6)


# ------------------------------------------------------------------------------------------------------ special cases


def test_an_empty_time_span():
    t1 = torch.tensor(0.3, requires_grad=True)
    found = solve_ivp(linear, (0.3, t1), torch.ones(1), args=(torch.tensor(1.3),))
    same(found.y, torch.ones(1, 2))
    same(torch.autograd.grad(found.y[0, -1], t1)[0], torch.tensor(-0.39))


def test_no_states():
    p = torch.tensor(1.3, requires_grad=True)
    found = solve_ivp(linear, (0.3, 1), torch.ones(0), args=(p,))
    assert found.y.shape == (0, 2)
    assert torch.autograd.grad(found.y.sum(), p, allow_unused=True)[0] in (None, 0)


def test_a_number_for_a_state_is_refused():
    with pytest.raises(ShapeError, match=r"y0\[None\]"):
        solve_ivp(linear, (0, 1), torch.tensor(1.0), args=(torch.tensor(1.3),))


@pytest.mark.parametrize("method", ["RK45", "Radau", "BDF", "LSODA"])
@pytest.mark.parametrize("case", ["NaN at first", "NaN later", "blows up"])
def test_failures(method, case):
    q = torch.tensor(1.0, requires_grad=True)
    fun = {
        "NaN at first": lambda t, y: q * y * torch.nan,
        "NaN later": lambda t, y: torch.where(t > 1, torch.nan, q) * y,
        "blows up": lambda t, y: q * y**2,
    }[case]
    with pytest.raises(SolverError, match=r"solve_ivp, fun: expected .* got .*(not finite|step size)"):
        solve_ivp(fun, (0, 2), torch.ones(1), method)
    found = solve_ivp(fun, (0, 2), torch.ones(1), method, check=False)
    assert found.status == -1
    assert not found.success
    assert found.message
    if found.y.shape[1] > 1:
        assert torch.autograd.grad(found.y[0, -1], q)[0].isnan()


def test_numpy_functions_serve_without_derivatives():
    for times in (None, torch.tensor([0.5, 1.0])):
        found = solve_ivp(lambda t, y: -np.asarray(y), (0, 1), torch.ones(1), t_eval=times, **TIGHT)
        same(found.y[0, -1], torch.tensor(np.exp(-1)))
        y0 = torch.ones(1, requires_grad=True)
        found = solve_ivp(lambda t, y: -np.asarray(y), (0, 1), y0, t_eval=times, **TIGHT)
        with pytest.raises(MissingDerivativeError, match="torch operations"):
            found.y[0, -1].backward()


@pytest.mark.parametrize("adjoint", ["discrete", "continuous"])
def test_pullbacks_outlive_their_vjp(adjoint):
    def pulled(p):
        return vjp(lambda p: solve_ivp(linear, (0.3, 1.2), torch.ones(1), args=(p,), adjoint=adjoint, **TIGHT).y, p)

    p = torch.tensor(1.3)
    shape = pulled(p)[0].shape
    weights = torch.zeros(shape)
    weights[0, -1] = 1
    found = jvp(lambda p: pulled(p)[1](weights)[0], (p,), (torch.tensor(1.0),))[1]
    same(found, grad(grad(lambda p: linear_solution(0.3, 1.2, 1.0, p)))(p), 1e-6)


def test_steps_too_coarse_for_a_derivative():
    """Jumps of a relaxation oscillator: SciPy's own states would give a derivative that is wrong by a factor."""
    problem = next(problem for problem in PROBLEMS if problem.fun is van_der_pol)

    def solved(check=True, **limits):
        p = problem.parameters().requires_grad_()
        found = solve_ivp(problem.fun, problem.span, problem.start(), "BDF", args=(p,), check=check, **limits)
        return found.y, torch.autograd.grad(found.y[0, -1], p)[0]

    with pytest.raises(SolverError, match=r"solve_ivp, derivative: expected steps .* smaller rtol"):
        solved(rtol=1e-6, atol=1e-9)
    y, derivative = solved(check=False, rtol=1e-6, atol=1e-9)
    assert y.isfinite().all()
    assert derivative.isnan().all()
    assert solved(rtol=1e-8, atol=1e-12)[1].isfinite().all()


def swinging(t, y, p):
    return torch.stack([y[1], -p * torch.sin(y[0])])


@pytest.mark.parametrize(
    ("order", "options"),
    [
        (2, {"first_step": 0.1, "max_step": 0.1, "rtol": 1e-2, "atol": 1e-2}),
        (1, {"method": "DOP853", "adjoint": "continuous", "rtol": 1e-12, "atol": 1e-13}),
    ],
    ids=["steps held", "tight tolerances"],
)
def test_the_checker_finds_nothing(order, options):
    report = scitorch.check(
        lambda y0: solve_ivp(lambda t, y: swinging(t, y, y0[0]), (0, 0.2), y0, **options).y[..., -1],
        torch.tensor([0.5, 0.1]),
        mode="quick",
        order=order,
        progress=False,
    )
    assert report.ok, report


def test_the_checker_sees_steps_that_depend_on_the_input():
    """Derivatives hold the steps constant: at SciPy's own tolerances that is another number, by less than them."""
    report = scitorch.check(
        lambda p: solve_ivp(swinging, (0, 1), torch.tensor([0.5, 0.1]), args=(p,)).y[..., -1],
        torch.tensor(1.3),
        mode="quick",
        order=1,
        progress=False,
    )
    assert {finding.property for finding in report.findings} <= {"gradient", "forward mode", "dtypes"}
    assert "gradient" in {finding.property for finding in report.findings}


def test_no_problems():
    found = solve_ivp(linear, (0, 1), torch.ones(0, 2), t_eval=torch.tensor([0.5, 1.0]), args=(torch.ones(0),))
    assert found.y.shape == (0, 2, 2)
    assert found.status.shape == found.nfev.shape == (0,)


def test_options():
    p = torch.tensor([0.04, 3e7, 1e4])
    y0 = torch.tensor([1.0, 0, 0])

    def jac(t, y, p):
        return jacrev(lambda y: robertson(t, y, p))(y)

    own = solve_ivp(robertson, (0, 40), y0, "BDF", args=(p,), jac=jac)
    same(own.y, solve_ivp(robertson, (0, 40), y0, "BDF", args=(p,)).y, 1e-12)
    assert len(solve_ivp(linear, (0, 1), torch.ones(1), args=(p[0],), max_step=0.1).t) > 10
    wrong = {"method": "Euler"}, {"vectorized": True}, {"adjoint": "wrong"}, {"method": "BDF", "adjoint": "discrete"}
    for options in wrong:
        with pytest.raises(ArgumentError):
            solve_ivp(robertson, (0, 40), y0, args=(p,), **options)


def test_lists_of_numbers_as_values():
    p = torch.tensor([0.9, 0.5, 0.2, 0.8])
    fun = lambda t, y: [p[0] * y[0] - p[1] * y[0] * y[1], p[2] * y[0] * y[1] - p[3] * y[1]]
    y0 = torch.tensor([3.0, 1.0])
    same(solve_ivp(fun, (0, 1), y0).y, solve_ivp(lotka_volterra, (0, 1), y0, args=(p,)).y)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")  # Dynamo's own
def test_the_graph_breaks():
    p = torch.tensor(1.3, requires_grad=True)

    def loss(p):
        return (2 * solve_ivp(linear, (0.3, 1.2), torch.ones(1), args=(p,), **TIGHT).y[0, -1]).square()

    same(torch.autograd.grad(torch.compile(loss, backend="aot_eager")(p), p), torch.autograd.grad(loss(p), p))
