"""Special cases of `scitorch.optimize`, each with a stated behaviour; options, batches and modes of use."""

import numpy as np
import pytest
import scipy.optimize
import torch
from torch.func import grad, jacrev, vmap

from scitorch import optimize
from scitorch.core.errors import ArgumentError, KernelError, MissingDerivativeError, ShapeError, SolverError
from scitorch.optimize import Bounds, LinearConstraint, NonlinearConstraint

DOUBLE = {"dtype": torch.float64}


def tensor(*values):
    return torch.tensor(values, **DOUBLE)


def same(got, expected, tolerance=1e-7):
    torch.testing.assert_close(got, expected, rtol=tolerance, atol=tolerance)


# ---------------------------------------------------------------------------------------------------- what can go wrong

ONE = tensor(1.0)
FAILURES = {
    "root, no convergence": lambda **o: optimize.root(lambda x: x**2 + 1, ONE, **o).x,
    "root, NaN": lambda **o: optimize.root(lambda x: x * torch.nan, ONE, **o).x,
    "root, a minimum that is no root": lambda **o: optimize.root(lambda x: x**2 + 1, ONE, method="lm", **o).x,
    "root_scalar, same signs": lambda **o: optimize.root_scalar(lambda x: x**2 + 1, bracket=(-1.0, 2.0), **o).root,
    "root_scalar, no convergence": lambda **o: optimize.root_scalar(torch.cos, x0=1.0, maxiter=1, **o).root,
    "root_scalar, NaN": lambda **o: optimize.root_scalar(lambda x: x * torch.nan, x0=1.0, x1=2.0, **o).root,
    "fixed_point, no convergence": lambda **o: optimize.fixed_point(
        lambda x: 2 * x + 1, ONE, maxiter=2, method="iteration", **o
    ),
    "fixed_point, NaN": lambda **o: optimize.fixed_point(lambda x: x * torch.nan, ONE, maxiter=9, **o),
    "minimize, unbounded": lambda **o: optimize.minimize(lambda x: x.sum(), ONE, **o).x,
    "minimize, unbounded to infinity": lambda **o: (
        optimize.minimize(lambda x: -(x**2).sum(), ONE, method="L-BFGS-B", **o).x
    ),
    "minimize, NaN": lambda **o: optimize.minimize(lambda x: (x * torch.nan).sum(), ONE, method="Nelder-Mead", **o).x,
    "minimize, infeasible": lambda **o: (
        optimize.minimize(
            lambda x: x @ x, ONE, constraints=LinearConstraint([[1.0], [1.0]], [1.0, -torch.inf], [torch.inf, 0.0]), **o
        ).x
    ),
    "least_squares, no convergence": lambda **o: optimize.least_squares(lambda x: x.exp() - 9, ONE, max_nfev=1, **o).x,
    "curve_fit, no convergence": lambda **o: optimize.curve_fit(
        lambda t, a, b: a * torch.exp(-b * t), tensor(0, 1, 2), tensor(2, 1, 0.6), maxfev=2, **o
    )[0],
    "nnls, no convergence": lambda **o: optimize.nnls(
        torch.eye(4, **DOUBLE) + 0.1, torch.ones(4, **DOUBLE), maxiter=1, **o
    )[0],
    "linprog, infeasible": lambda **o: optimize.linprog(ONE, tensor(1.0)[None], tensor(-1.0), **o).x,
    "linprog, unbounded": lambda **o: optimize.linprog(-ONE, **o).x,
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # SciPy's, beside the failures
@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_raises_or_is_nan_in_its_derivatives(name):
    with pytest.raises(SolverError, match=r"solution: expected convergence, got .* Try another guess"):
        FAILURES[name]()
    FAILURES[name](check=False)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_after_a_failure_the_derivative_is_nan():
    p = torch.tensor(1.0, **DOUBLE, requires_grad=True)
    found = [
        optimize.root(lambda x: x**2 + p, ONE, check=False).x,
        optimize.root_scalar(lambda x: x**2 + p, bracket=(-1.0, 2.0), check=False).root,
        optimize.minimize(lambda x: (p * x).sum(), ONE, check=False).x,
        optimize.least_squares(lambda x: x.exp() - 9 * p, ONE, max_nfev=1, check=False).x,
        optimize.linprog(-ONE * p, check=False).x,
        optimize.fixed_point(lambda x: 2 * x + p, ONE, maxiter=2, method="iteration", check=False),
    ]
    for x in found:
        assert torch.autograd.grad(x.sum(), p)[0].isnan()


def test_the_error_holds_scipys_result_and_the_item():
    with pytest.raises(SolverError) as raised:
        optimize.root(lambda x, p: x**2 + p, torch.ones(3, 1, **DOUBLE), (tensor(-1.0, -2.0, 3.0)[:, None],))
    assert isinstance(raised.value.result, scipy.optimize.OptimizeResult)
    assert raised.value.item == (2,)
    with pytest.raises(SolverError, match=r"item \(1,\).*different signs"):
        optimize.root_scalar(lambda x: x, bracket=(tensor(-1.0, 1.0), tensor(2.0, 2.0)))


def degenerate(**options):
    """Solutions as functions of a parameter at which they have a kink or aren't unique."""
    zero = torch.zeros(2, **DOUBLE)
    free = NonlinearConstraint(lambda x: x[:1], 0.0, torch.inf)
    return {
        "a double root": lambda p: optimize.root(lambda x: (x - p) ** 2, p.detach(), **options).x,
        "dependent equations": lambda p: (
            optimize.root(lambda x: (x - p).sum() * torch.ones(2, **DOUBLE), zero + 0.5, **options).x
        ),
        "a touching root": lambda p: optimize.root_scalar(lambda x: (x - p[0]) ** 3, x0=p.detach()[0], **options).root,
        "f' is one": lambda p: optimize.fixed_point(lambda x: x + 0 * p, zero, **options),
        "a flat minimum": lambda p: optimize.minimize(lambda x: ((x - p) ** 4).sum(), p.detach(), **options).x,
        "a weakly active bound": lambda p: (
            optimize.minimize(lambda x: ((x - p) ** 2).sum(), zero + 1, bounds=Bounds(0.0, 3.0), **options).x
        ),
        "a weakly active constraint": lambda p: (
            optimize.minimize(lambda x: ((x - p) ** 2).sum(), zero + 1, constraints=free, **options).x
        ),
        "a fit at its bound": lambda p: (
            optimize.least_squares(lambda x: x - p, zero + 1, bounds=(0.0, 3.0), method="dogbox", **options).x
        ),
        "nnls at zero": lambda p: optimize.nnls(torch.eye(2, **DOUBLE), p, **options)[0],
        "dependent columns": lambda p: (
            optimize.lsq_linear(torch.ones(3, 2, **DOUBLE), torch.cat([p, p[:1]]), **options).x
        ),
        "an LP that isn't unique": lambda p: (
            optimize.linprog(p - 1, torch.ones(1, 2, **DOUBLE), tensor(1.0), **options).x
        ),
        "an LP with one constraint too many": lambda p: (
            optimize.linprog(
                tensor(-1.0, -2.0),
                tensor(1.0, 1.0, 1.0, 0.0, 0.0, 1.0).view(3, 2),
                torch.cat([p.sum()[None] + 2, p + 1]),
                **options,
            ).x
        ),
    }


@pytest.mark.parametrize("name", degenerate())
def test_a_degenerate_solution_has_a_value_and_no_derivative(name):
    p = torch.zeros(2, **DOUBLE, requires_grad=True)
    x = degenerate()[name](p)
    assert x.isfinite().all()
    with pytest.raises(SolverError, match="derivative: expected an equation that determines its solution"):
        x.sum().backward()
    p.grad = None
    degenerate(check=False)[name](p).sum().backward()
    assert p.grad.isnan().any()


def test_a_function_of_numpy_serves_until_a_derivative_is_asked_for():
    p = tensor(2.0).requires_grad_()
    value = lambda p: p.detach().numpy()
    found = {
        "root": optimize.root(lambda x: x.numpy() ** 3 - 2, ONE).x,
        "root_scalar": optimize.root_scalar(lambda x: x.numpy() ** 3 - 2, bracket=(0 * ONE[0], 3 * ONE[0])).root[None],
        "minimize": optimize.minimize(
            lambda x: (x.numpy() ** 3 - 6 * x.numpy())[0], ONE, method="Nelder-Mead", tol=1e-9
        ).x,
        "least_squares": optimize.least_squares(lambda x: np.append(x.numpy() ** 3 - 2, 0), ONE).x,
    }
    assert torch.allclose(found.pop("minimize"), tensor(2**0.5))
    for x in found.values():
        assert torch.allclose(x, tensor(2 ** (1 / 3)))
    for x in (
        optimize.root(lambda x, p: x.numpy() ** 3 - value(p), ONE, (p,)).x,
        optimize.minimize(lambda x, p: ((x.numpy() - value(p)) ** 2).sum(), ONE, (p,)).x,
        optimize.least_squares(lambda x, p: x.numpy() - value(p), ONE, args=(p,)).x,
    ):
        with pytest.raises(MissingDerivativeError, match="torch operations"):
            x.sum().backward()


def test_scalar_problems_and_no_unknowns():
    assert optimize.root(lambda x: x**3 - 8, 1.0).x.shape == (1,)  # as SciPy
    assert optimize.minimize(lambda x: (x - 3) ** 2, 0.0).fun.shape == ()
    assert optimize.root_scalar(lambda x: x**3 - 8, x0=1.0).root.dtype is torch.float32  # the default dtype
    assert optimize.fixed_point(torch.cos, 0.5).shape == ()
    empty = torch.zeros(0, **DOUBLE, requires_grad=True)
    for x in (
        optimize.root(lambda x: x - empty, empty).x,
        optimize.fixed_point(lambda x: x / 2 + empty, empty),
        optimize.minimize(lambda x: (x - empty).sum(), empty).x,
        optimize.least_squares(lambda x: torch.cat([x, empty]), empty).x,
    ):
        assert x.shape == (0,)
    assert optimize.nnls(torch.zeros(2, 0, **DOUBLE), tensor(3.0, 4.0))[1] == 5


# -------------------------------------------------------------------------------------------------------------- options


@pytest.mark.parametrize(
    "method",
    [
        "hybr",
        "lm",
        "broyden1",
        "broyden2",
        "anderson",
        "diagbroyden",
        "krylov",
        "df-sane",
        "linearmixing",
        "excitingmixing",
    ],
)
def test_every_method_of_root(method):
    mixing = {"linearmixing": {"alpha": 0.5}, "excitingmixing": {"alpha": 0.3}}
    options = {"jac_options": mixing[method], "fatol": 1e-9} if method in mixing else None
    p = tensor(0.4, 0.9)
    solution = lambda p: optimize.root(lambda x: p - x - 0.1 * x**3, p * 0 + 0.5, method=method, options=options).x
    x = solution(p)
    same(x + 0.1 * x**3, p, 1e-4)
    same(jacrev(solution)(p), torch.diag(1 / (1 + 0.3 * x**2)), 1e-6)


METHODS = "Nelder-Mead Powell CG BFGS Newton-CG L-BFGS-B TNC COBYLA COBYQA SLSQP trust-constr dogleg trust-ncg"
METHODS += " trust-krylov trust-exact"


@pytest.mark.filterwarnings("ignore::UserWarning")  # of trust-constr, beside a linear function
@pytest.mark.parametrize("method", METHODS.split())
def test_every_method_of_minimize(method):
    def function(x, p):
        return (x - p).square().sum() + 0.1 * x.sum() ** 2

    p, exact = tensor(0.4, 0.9), 2 * torch.eye(2, **DOUBLE) + 0.2
    solution = lambda p: optimize.minimize(function, torch.zeros(2, **DOUBLE), (p,), method, tol=1e-7).x
    same(solution(p), torch.linalg.solve(exact, 2 * p), 1e-3)
    same(jacrev(solution)(p), 2 * torch.linalg.inv(exact), 1e-6)


@pytest.mark.parametrize(
    "method", ["bisect", "brentq", "brenth", "ridder", "toms748", "newton", "secant", "halley", None]
)
@pytest.mark.parametrize("slopes", [None, True, "callable"])
def test_every_method_of_root_scalar(method, slopes):
    given = {"bracket": (0.0, 5.0)} if method not in ("newton", "secant", "halley") else {"x0": 1.5}
    given |= {"x1": 2.0} if method == "secant" else {}
    function = lambda x, p: x**3 - p
    if slopes is True and method in ("newton", "halley"):
        function = lambda x, p: (x**3 - p, 3 * x**2, 6 * x)[: 3 if method == "halley" else 2]
        given |= {"fprime": True} | ({"fprime2": True} if method == "halley" else {})
    elif slopes == "callable" and method in ("newton", "halley"):
        given |= {"fprime": lambda x, p: 3 * x**2}
        given |= {"fprime2": lambda x, p: 6 * x} if method == "halley" else {}
    solution = lambda p: optimize.root_scalar(function, (p,), method, **given).root
    p = torch.tensor(8.0, **DOUBLE)
    same(torch.stack([solution(p), grad(solution)(p), grad(grad(solution))(p)]), tensor(2.0, 1 / 12, -1 / 144))


def test_a_derivative_of_the_users_serves_the_solver_alone():
    p = tensor(0.4, 0.9)
    calls = []

    def jac(x, p):
        calls.append(x)
        return torch.diag(3 * x**2)

    paired = lambda x, p: (x**3 - p, torch.diag(3 * x**2))
    for solution in (
        lambda p: optimize.root(lambda x, p: x**3 - p, p * 0 + 1, (p,), jac=jac).x,
        lambda p: optimize.root(paired, p * 0 + 1, (p,), jac=True).x,
        lambda p: optimize.least_squares(lambda x, p: x**3 - p, p * 0 + 1, jac, args=(p,)).x,
        lambda p: (
            optimize.minimize(
                lambda x: ((x**4 / 4 - p * x).sum(), x**3 - p),
                p * 0 + 1,
                jac=True,
                hess=lambda x: jac(x, p),
                method="trust-exact",
                tol=1e-7,
            ).x
        ),
    ):
        same(jacrev(solution)(p), torch.diag(p ** (-2 / 3) / 3), 1e-5)
    assert calls


def test_callbacks_get_tensors():
    seen = []
    p = tensor(0.4, 0.9)
    optimize.root(lambda x: x + x**3 - p, p, method="broyden1", callback=lambda x, f: seen.append((x, f)))
    optimize.minimize(lambda x: (x - p).square().sum(), p * 0, callback=lambda xk: seen.append((xk,)))
    optimize.minimize(
        lambda x: (x - p).square().sum(),
        p * 0,
        callback=lambda intermediate_result: seen.append((intermediate_result.x,)),
    )
    assert len({len(arguments) for arguments in seen}) == 2
    assert all(isinstance(x, torch.Tensor) for arguments in seen for x in arguments)


def test_limits_have_derivatives():
    def solution(low, matrix, total):
        conditions = [LinearConstraint(matrix, total, total)]
        begin = torch.full((3,), 0.4, **DOUBLE)
        return optimize.minimize(
            lambda x: x.square().sum(), begin, bounds=Bounds(low, torch.inf), constraints=conditions, tol=1e-14
        ).x

    low, matrix, total = tensor(0.6, -1.0, -1.0), torch.ones(1, 3, **DOUBLE), tensor(1.0)

    def expected(low, matrix, total):
        a, rest = matrix[0], total[0] - matrix[0, 0] * low[0]
        return torch.stack([low[0], a[1] * rest / (a[1] ** 2 + a[2] ** 2), a[2] * rest / (a[1] ** 2 + a[2] ** 2)])

    for got, right in zip(
        jacrev(solution, (0, 1, 2))(low, matrix, total), jacrev(expected, (0, 1, 2))(low, matrix, total), strict=True
    ):
        same(got, right, 1e-6)
    pairs = optimize.minimize(
        lambda x: (x - 2).square().sum(), torch.zeros(2, **DOUBLE), bounds=[(None, total[0]), (0, None)]
    )
    same(pairs.x, tensor(1.0, 2.0), 1e-6)


@pytest.mark.parametrize("loss", ["linear", "soft_l1", "huber", "cauchy", "arctan"])
def test_the_cost_is_scipys_in_every_loss(loss):
    fun = lambda x: torch.stack([x[0] - 3, x[0] ** 2, x[1] + 2, x[0] * x[1]])
    got = optimize.least_squares(fun, tensor(1.0, 1.0), loss=loss, f_scale=0.7)
    right = scipy.optimize.least_squares(lambda x: fun(torch.tensor(x)).numpy(), [1.0, 1.0], loss=loss, f_scale=0.7)
    same(got.cost, torch.tensor(right.cost))
    scale = torch.tensor(0.7, **DOUBLE, requires_grad=True)
    x = optimize.least_squares(fun, tensor(1.0, 1.0), loss=loss, f_scale=scale, xtol=1e-15, ftol=1e-15, gtol=1e-13).x
    if loss != "linear":
        ends = [
            optimize.least_squares(fun, x.detach(), loss=loss, f_scale=0.7 + h, xtol=1e-15, ftol=1e-15, gtol=1e-13).x
            for h in (-1e-3, 1e-3)
        ]
        same(torch.autograd.grad(x.sum(), scale)[0], (ends[1] - ends[0]).sum() / 2e-3, 1e-4)


SIGMA = np.diag([0.1, 0.2, 0.1, 0.3, 0.2]) + 0.01


@pytest.mark.parametrize("sigma", [None, np.sqrt(np.diag(SIGMA)), SIGMA], ids=["none", "deviations", "covariance"])
@pytest.mark.parametrize("absolute", [True, False])
@pytest.mark.parametrize("options", [{}, {"method": "trf"}, {"bounds": (0.0, [3.0, 0.6])}], ids=["lm", "trf", "bounds"])
def test_curve_fit_and_its_covariance(sigma, absolute, options):
    times, data = np.arange(5.0), np.array([2.1, 1.1, 0.5, 0.3, 0.1])
    tight = {"ftol": 1e-14, "xtol": 1e-14, "gtol": 1e-14}
    right = scipy.optimize.curve_fit(
        lambda t, a, b: a * np.exp(-b * t), times, data, None, sigma, absolute, **options, **tight
    )

    def fit(data):
        weights = None if sigma is None else torch.tensor(sigma)
        return optimize.curve_fit(
            lambda t, a, b: a * torch.exp(-b * t),
            torch.tensor(times),
            data,
            None,
            weights,
            absolute,
            **options,
            **tight,
        )

    for got, expected in zip(fit(torch.tensor(data)), right, strict=True):
        same(got, torch.tensor(expected), 1e-5)
    for k in range(2):
        jacobian = jacrev(lambda data, k=k: fit(data)[k])(torch.tensor(data))
        steps = 1e-4 * torch.eye(5, **DOUBLE)
        ends = torch.stack(
            [fit(torch.tensor(data) + step)[k] - fit(torch.tensor(data) - step)[k] for step in steps], -1
        )
        same(jacobian, ends / 2e-4, 2e-4)


def test_an_assignment_and_its_cost():
    rng = np.random.default_rng(0)
    cost = torch.tensor(rng.normal(size=(3, 4, 5)), requires_grad=True)
    rows, columns = optimize.linear_sum_assignment(cost)
    for k in range(3):
        right = scipy.optimize.linear_sum_assignment(cost[k].detach().numpy())
        assert rows[k].tolist() == right[0].tolist()
        assert columns[k].tolist() == right[1].tolist()
    least = cost[torch.arange(3)[:, None], rows, columns].sum()
    gradient = torch.autograd.grad(least, cost)[0]
    assert gradient.sum() == 12
    assert (gradient[0, rows[0], columns[0]] == 1).all()
    assert optimize.linear_sum_assignment(cost[0], maximize=True)[1].tolist() != columns[0].tolist()
    with pytest.raises(KernelError, match="infeasible"):
        optimize.linear_sum_assignment(torch.full((2, 2), torch.inf))


WRONG = [
    (ArgumentError, lambda: optimize.root(torch.sin, torch.ones(2, dtype=torch.complex64))),
    (ArgumentError, lambda: optimize.fixed_point(torch.sin, ONE, method="newton")),
    (ArgumentError, lambda: optimize.root_scalar(torch.sin)),
    (ArgumentError, lambda: optimize.root_scalar(torch.sin, x0=1.0, method="regula falsi")),
    (ArgumentError, lambda: optimize.root_scalar(torch.sin, bracket=(1.0, 2.0, 3.0))),
    (ArgumentError, lambda: optimize.minimize(torch.sum, ONE, method="BFGS", bounds=Bounds(0, 1))),
    (
        ArgumentError,
        lambda: optimize.minimize(torch.sum, ONE, method="L-BFGS-B", constraints={"type": "eq", "fun": torch.sum}),
    ),
    (ArgumentError, lambda: optimize.minimize(torch.sum, ONE, constraints={"type": "equal", "fun": torch.sum})),
    (ShapeError, lambda: optimize.minimize(torch.sum, ONE, bounds=[(0, 1), (0, 1)])),
    (ShapeError, lambda: optimize.minimize(torch.sum, ONE, bounds=Bounds(torch.zeros(3), 1))),
    (ArgumentError, lambda: optimize.least_squares(torch.sin, ONE, loss="quadratic")),
    (ArgumentError, lambda: optimize.curve_fit(lambda t, *p: t, ONE, ONE)),
    (ArgumentError, lambda: optimize.curve_fit(lambda t, a: a * t, ONE, ONE, nan_policy="omit")),
    (ArgumentError, lambda: optimize.curve_fit(lambda t, a: a * t, ONE, ONE, method="trf", loss="huber")),
    (ShapeError, lambda: optimize.curve_fit(lambda t, a: a * t, ONE, ONE, sigma=torch.ones(3))),
    (ArgumentError, lambda: optimize.nnls(torch.eye(2), torch.ones(2), atol=1e-3)),
    (ShapeError, lambda: optimize.nnls(torch.eye(2), torch.ones(3))),
    (ArgumentError, lambda: optimize.lsq_linear(torch.eye(2).to_sparse(), torch.ones(2))),
    (ArgumentError, lambda: optimize.linprog(torch.ones(2), integrality=2)),
    (ArgumentError, lambda: optimize.linprog(torch.ones(2), method="simplex")),
    (ArgumentError, lambda: optimize.linprog(torch.ones(2), A_ub=torch.eye(2))),
    (ShapeError, lambda: optimize.linprog(torch.ones(2), torch.eye(3), torch.ones(3))),
    (ShapeError, lambda: optimize.root(lambda x, p: x - p, torch.ones(3, 2), (torch.ones(2),))),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_what_cannot_be_taken_is_named(number):
    error, call = WRONG[number]
    with pytest.raises(error, match=r"^\w+, [\w, ]+: expected .*, got "):
        call()


# ------------------------------------------------------------------------------------------------------- batches, modes


def test_batches_are_independent_problems():
    p = (torch.rand(2, 3, 2, **DOUBLE) + 0.5).requires_grad_()
    shared = torch.tensor(2.0, **DOUBLE, requires_grad=True)
    begin = torch.ones(2, 3, 2, **DOUBLE)
    for x in (
        optimize.root(lambda x, p: x**3 - shared * p, begin, (p,)).x,
        optimize.minimize(
            lambda x, p: (x**4 / 4 - shared * p * x).sum(), begin, (p,), method="trust-exact", tol=1e-7
        ).x,
        optimize.least_squares(lambda x, p: x**3 - shared * p, begin, args=(p,)).x,
        optimize.fixed_point(lambda x, p: (x + 2 * (shared * p / x) ** 0.5) / 3, begin, (p,), xtol=1e-12),
    ):
        exact = (shared * p) ** (1 / 3)
        same(x, exact, 1e-6)
        for got, right in zip(
            torch.autograd.grad(x.sum(), (p, shared), retain_graph=True),
            torch.autograd.grad(exact.sum(), (p, shared)),
            strict=True,
        ):
            same(got, right, 1e-5)
    result = optimize.root(lambda x, p: x**3 - p, begin, (p,))
    assert result.success.shape == result.nfev.shape == (2, 3)
    assert result.message == "The solution converged."


def test_thousands_of_scalar_roots_at_once():
    p = torch.linspace(1, 100, 10_000, **DOUBLE).requires_grad_()
    found = optimize.root_scalar(lambda x, p: x**3 - p, (p,), bracket=(torch.zeros_like(p), torch.full_like(p, 10)))
    same(found.root, p ** (1 / 3), 1e-10)
    same(torch.autograd.grad(found.root.sum(), p)[0], p.detach() ** (-2 / 3) / 3, 1e-10)
    assert found.converged.all()
    # A problem without a root among them.
    q = tensor(1.0, -1.0).requires_grad_()
    found = optimize.root_scalar(lambda x, q: x**2 - q, (q,), bracket=(q.detach() * 0, q.detach() * 0 + 3), check=False)
    assert found.converged.tolist() == [True, False]
    assert torch.autograd.grad(found.root.sum(), q)[0].isnan().tolist() == [False, True]


def test_vmap_takes_batches_of_everything():
    b = torch.rand(3, 2, **DOUBLE) + 1
    A = torch.eye(2, **DOUBLE) + 0.1
    same(vmap(lambda b: optimize.nnls(A, b)[0])(b), optimize.nnls(A.expand(3, 2, 2), b)[0])
    same(vmap(lambda b: optimize.linprog(-b, A, tensor(1, 1)).x)(b), optimize.linprog(-b, A, tensor(1, 1)).x)
    same(vmap(lambda c: optimize.lsq_linear(A, c, (0, 1)).x)(b), optimize.lsq_linear(A, b, (0, 1)).x)


def test_float32_in_float32_out():
    p = torch.tensor([0.4, 0.9], requires_grad=True)
    for x in (
        optimize.root(lambda x: x**3 - p, torch.ones(2)).x,
        optimize.minimize(lambda x: (x**4 / 4 - p * x).sum(), torch.ones(2), method="trust-exact").x,
        optimize.least_squares(lambda x: x**3 - p, torch.ones(2)).x,
        optimize.nnls(torch.eye(2), p)[0],
        optimize.linprog(-p, torch.eye(2), p).x,
        optimize.curve_fit(lambda t, a, b: a * t + b, torch.arange(3.0), torch.cat([p, p[:1]]))[0],
    ):
        assert x.dtype is torch.float32
        assert torch.autograd.grad(x.sum(), p)[0].dtype is torch.float32


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # of Dynamo
def test_the_graph_breaks_around_a_solver():
    def function(p):
        return 3 * optimize.root(lambda x: x**3 - 2 * p, torch.ones(2, **DOUBLE)).x.sum()

    p = tensor(0.4, 0.9).requires_grad_()
    compiled = torch.compile(function, backend="aot_eager")
    same(torch.autograd.grad(compiled(p), p)[0], torch.autograd.grad(function(p), p)[0])


NONE = torch.zeros(0, 2)


@pytest.mark.parametrize(
    "call",
    [
        lambda: optimize.root(lambda x: x, NONE),
        lambda: optimize.minimize(torch.sum, NONE),
        lambda: optimize.least_squares(lambda x: x, NONE),
        lambda: optimize.fixed_point(torch.cos, NONE),
        lambda: optimize.root_scalar(torch.sin, bracket=(NONE[:, 0], NONE[:, 0] + 3)),
        lambda: optimize.curve_fit(lambda t, a: a * t, torch.ones(0, 2), NONE, NONE[:, :1]),
        lambda: optimize.linprog(NONE, torch.eye(2), torch.ones(2)),
        lambda: optimize.lsq_linear(torch.eye(2), NONE),
        lambda: optimize.nnls(torch.eye(2), NONE),
    ],
    ids=[
        "root",
        "minimize",
        "least_squares",
        "fixed_point",
        "root_scalar",
        "curve_fit",
        "linprog",
        "lsq_linear",
        "nnls",
    ],
)
def test_no_problems(call):
    with pytest.raises(ShapeError, match=r"problems: expected at least one, got leading dimensions \(0,\)"):
        call()


COMPLEX = torch.ones(2) + 1j


@pytest.mark.parametrize(
    "call",
    [
        lambda: optimize.linprog(COMPLEX, torch.eye(2), torch.ones(2)),
        lambda: optimize.linprog(torch.ones(2), torch.diag(COMPLEX), torch.ones(2)),
        lambda: optimize.minimize(torch.sum, torch.ones(2), bounds=Bounds(COMPLEX, 3.0)),
        lambda: optimize.minimize(torch.sum, torch.ones(2), constraints=LinearConstraint(torch.diag(COMPLEX), 0, 0)),
        lambda: optimize.curve_fit(lambda t, a: a * t, torch.ones(2), torch.ones(2), sigma=COMPLEX),
    ],
    ids=["c", "A_ub", "bounds", "constraints", "sigma"],
)
def test_complex_numbers_where_real_ones_must_be(call):
    """Their imaginary parts would be dropped."""
    with pytest.raises(ArgumentError, match="complex64"):
        call()


def test_many_unknowns_make_no_matrix():
    n = 20_000
    slope = torch.linspace(0, 1, n, **DOUBLE)
    p = torch.tensor(1.3, **DOUBLE, requires_grad=True)
    x = optimize.root(
        lambda x: 3 * x + 0.5 * torch.sin(torch.roll(x, 1)) - p * slope,
        slope * 0,
        method="krylov",
        options={"fatol": 1e-10},
    ).x
    got = torch.autograd.grad(x.sum(), p)[0]
    q = p.detach().requires_grad_()
    y = slope * 0
    for _ in range(40):
        y = (q * slope - 0.5 * torch.sin(torch.roll(y, 1))) / 3
    same(got, torch.autograd.grad(y.sum(), q)[0], 1e-6)
