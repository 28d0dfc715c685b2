"""The checker finds nothing wrong with any function that solves an equation or integrates.

Solvers are held to tolerances near rounding: what their own would leave undone is no mistake of a derivative.
"""

import pytest
import torch

from scitorch import check, integrate, optimize
from scitorch.optimize import Bounds

TIGHT = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15}
NO_FUNCTIONS = {  # results and constraints
    "Bounds",
    "LeastSquaresResult",
    "LinearConstraint",
    "LinearProgramResult",
    "NonlinearConstraint",
    "OdeResult",
    "OdeSolution",
    "OptimizeResult",
    "RootResults",
    "Sensitivity",
}
ELSEWHERE = {  # checked with tolerances and steps of their own
    "solve_ivp": "test_solve_ivp.py",
}


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


def decay(t, rate, start):
    return start * torch.exp(-rate * t)


def inconsistent(x, p):
    return torch.stack([x[0] - p[0], x[1] ** 2 - p[1], x[0] * x[1]])


def bowl(x, p):
    return (x**4 / 4 + x**2 / 2 - p * x).sum()


def on_a_circle(p, method):
    """The point of the unit circle in the direction of p."""
    circle = optimize.NonlinearConstraint(lambda x: x.square().sum(), 1.0, 1.0)
    start = torch.full_like(p, 0.7)
    return optimize.minimize(lambda x: -(x * p).sum(), start, method=method, constraints=circle, tol=1e-13).x


MATRIX = tensor(0.9, -0.3, 0.2, 1.1, 0.5, 0.4, -0.7, 0.8, 0.1, 0.6).view(5, 2)
VECTOR = tensor(0.4, -1.2, 0.7, 1.5, -0.2)
TIMES = torch.linspace(0, 2, 8, dtype=torch.float64)
OBSERVED = 2 * torch.exp(-TIMES) + 0.05 * torch.sin(9 * TIMES)

CALLS = {
    "curve_fit": (
        lambda y: optimize.curve_fit(decay, TIMES.to(y.dtype), y, p0=torch.ones_like(y[:2]), **TIGHT)[0],
        OBSERVED,
    ),
    "curve_fit covariance": (
        lambda y: optimize.curve_fit(decay, TIMES.to(y.dtype), y, p0=torch.ones_like(y[:2]), **TIGHT)[1],
        OBSERVED,
    ),
    "curve_fit abscissae": (
        lambda t: optimize.curve_fit(decay, t, OBSERVED.to(t.dtype), p0=torch.ones_like(t[:2]), **TIGHT)[0],
        TIMES + 0.1,
    ),
    "fixed_point": (
        lambda p: optimize.fixed_point(lambda x: torch.cos(x) * p, torch.full_like(p, 0.5), xtol=1e-14),
        tensor(0.9, 0.7),
    ),
    "least_squares": (
        lambda p: optimize.least_squares(inconsistent, torch.ones_like(p), args=(p,), **TIGHT).x,
        tensor(1.2, 2.0),
    ),
    "least_squares at a bound": (
        lambda p: optimize.least_squares(inconsistent, p * 0.1, bounds=(0.0, 0.8), args=(p,), **TIGHT).x,
        tensor(1.2, 2.0),
    ),
    "least_squares soft_l1": (
        lambda p: optimize.least_squares(inconsistent, torch.ones_like(p), args=(p,), loss="soft_l1", **TIGHT).x,
        tensor(1.2, 2.0),
    ),
    "linear_sum_assignment": (
        lambda cost: cost[optimize.linear_sum_assignment(cost)].sum(),
        tensor(4.0, 1.0, 3.0, 2.0, 0.5, 5.0, 3.0, 2.5, 2.0).view(3, 3),
    ),
    "linprog": (
        lambda c, bounds: optimize.linprog(c, c.new_tensor([[1.0, 1.0], [2.0, 1.0]]), bounds).x,
        tensor(-1.0, -2.0),
        tensor(4.0, 6.0),
    ),
    "linprog cost": (
        lambda c, matrix, bounds: optimize.linprog(c, matrix, bounds).fun,
        tensor(-1.0, -0.7),
        tensor(1.0, 1.0, 2.0, 1.0).view(2, 2),
        tensor(4.0, 6.0),
    ),
    "lsq_linear": (lambda a, b: optimize.lsq_linear(a, b).x, MATRIX, VECTOR),
    "lsq_linear at a bound": (
        lambda a, b: optimize.lsq_linear(a, b, bounds=(-0.1, 0.5), tol=1e-15).x,
        MATRIX,
        VECTOR,
    ),
    "minimize": (
        lambda p: optimize.minimize(bowl, torch.ones_like(p), args=(p,), tol=1e-12).x,
        tensor(0.4, 0.9),
    ),
    "minimize value": (
        lambda p: optimize.minimize(lambda x: bowl(x, p), torch.ones_like(p), tol=1e-10).fun,
        tensor(0.4, 0.9),
    ),
    "minimize at a bound": (
        lambda p: (
            optimize.minimize(
                lambda x: (x - p).square().sum(),
                torch.zeros_like(p),
                method="SLSQP",
                bounds=Bounds(0.0, 0.5),
                tol=1e-14,
            ).x
        ),
        tensor(0.4, 0.9),
    ),
    "minimize on a circle": (lambda p: on_a_circle(p, "SLSQP"), tensor(0.6, 0.9)),
    "nnls": (lambda p: optimize.nnls(torch.eye(2, dtype=p.dtype) + 0.2, p)[0], tensor(0.4, 0.9)),
    "nnls at a bound": (lambda a, b: optimize.nnls(a, b)[0], MATRIX, VECTOR),
    "root": (
        lambda p: optimize.root(lambda x: x**3 - p, torch.ones_like(p), tol=1e-13).x,
        tensor(0.4, 0.9),
    ),
    "root_scalar": (
        lambda p: optimize.root_scalar(lambda x: x**3 + x - p, bracket=(p * 0, p + 1), xtol=1e-15, rtol=1e-15).root,
        tensor(2.0)[0],
    ),
    "root_scalar newton": (
        lambda p: optimize.root_scalar(lambda x: torch.exp(x) - p, x0=p * 0.25, method="newton", xtol=1e-14).root,
        tensor(2.0)[0],
    ),
    "cumulative_simpson": (lambda y: integrate.cumulative_simpson(y, dx=0.5), VECTOR),
    "cumulative_simpson abscissae": (
        lambda y, x: integrate.cumulative_simpson(y, x=x),
        VECTOR,
        tensor(0.0, 0.4, 1.1, 1.3, 2.2),
    ),
    "cumulative_trapezoid": (lambda y, x: integrate.cumulative_trapezoid(y, x), VECTOR, TIMES[:5]),
    "fixed_quad": (
        lambda a, b, p: integrate.fixed_quad(lambda x: torch.exp(-p * x), a, b)[0],
        tensor(0.1)[0],
        tensor(1.1)[0],
        tensor(1.3)[0],
    ),
    "odeint": (
        lambda y0: integrate.odeint(lambda y, t: -y * y0.sum(), y0, y0.new_tensor([0.0, 0.5]), rtol=1e-12, atol=1e-13),
        tensor(0.4, 0.9),
    ),
    "quad": (
        lambda a, b, p: integrate.quad(lambda x: torch.exp(-p * x**2), a, b, epsabs=1e-14, epsrel=1e-14)[0],
        tensor(0.1)[0],
        tensor(1.1)[0],
        tensor(1.3)[0],
    ),
    "quad_vec": (
        lambda p: integrate.quad_vec(lambda x: torch.exp(-p * x), 0.0, 1.0, epsabs=1e-13)[0],
        tensor(1.0, 2.0),
    ),
    "simpson": (lambda y, x: integrate.simpson(y, x=x), VECTOR, TIMES[:5]),
    "trapezoid": (lambda y, x: integrate.trapezoid(y, x), VECTOR, TIMES[:5]),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_the_checker_finds_nothing(name):
    function, *arguments = CALLS[name]
    report = check(function, *arguments, mode="quick", progress=False)
    assert report.ok, str(report)


def test_every_function_is_checked():
    checked = {name.split()[0] for name in CALLS} | set(ELSEWHERE)
    public = {*optimize.__all__, *integrate.__all__} - NO_FUNCTIONS
    assert checked == public
