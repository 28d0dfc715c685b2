"""What SciPy refuses comes in the form of all errors here; what a function of the user's raises stays what it is."""

import numpy as np
import pytest
import torch

from scitorch import integrate, optimize
from scitorch.core.errors import ArgumentError, MissingDerivativeError, RefusedError, ShapeError, SolverError

DOUBLE = {"dtype": torch.float64}
X, EYE, TIMES = torch.ones(2, **DOUBLE), torch.eye(2, **DOUBLE), torch.linspace(0, 1, 5, **DOUBLE)
UNKNOWN = {"method": "no such"}


def shifted(x):
    return x - 1


def line(t, a, b):
    return a * t + b


def decay(t, y):
    return -y


REFUSED = {
    "root, method": (lambda: optimize.root(shifted, X, **UNKNOWN), "Unknown solver no such"),
    "root, no method": (lambda: optimize.root(shifted, X, method=3), "AttributeError"),
    "root, values": (lambda: optimize.root(lambda x: x[:1], X), r"Shape should be \(2,\)"),
    "root, Jacobian": (lambda: optimize.root(shifted, X, jac=lambda x: EYE[:1]), r"Shape should be \(2, 2\)"),
    "root, krylov": (lambda: optimize.root(lambda x: x[:1], X, method="krylov"), "square matrix"),
    "fixed_point, values": (lambda: optimize.fixed_point(lambda x: torch.ones(3, **DOUBLE), X), "broadcast"),
    "root_scalar, option": (lambda: optimize.root_scalar(shifted, x0=0.0, options={"no": 1}), "keyword"),
    "minimize, method": (lambda: optimize.minimize(torch.sum, X, **UNKNOWN), "Unknown solver"),
    "minimize, values": (lambda: optimize.minimize(shifted, X), "must return a scalar"),
    "minimize, bounds": (lambda: optimize.minimize(torch.sum, X, bounds=[(1, 0), (1, 0)]), "upper bound is less"),
    "least_squares, method": (lambda: optimize.least_squares(shifted, X, **UNKNOWN), "must be 'trf'"),
    "least_squares, guess": (lambda: optimize.least_squares(shifted, X, bounds=(2.0, 3.0)), "outside of"),
    "curve_fit, method": (lambda: optimize.curve_fit(line, TIMES, TIMES, **UNKNOWN), "must be 'trf'"),
    "curve_fit, data": (lambda: optimize.curve_fit(line, TIMES, TIMES[:3]), "broadcast"),
    "curve_fit, few data": (lambda: optimize.curve_fit(line, TIMES[:1], TIMES[:1]), "must not exceed"),
    "curve_fit, NaN": (lambda: optimize.curve_fit(line, TIMES, TIMES * np.nan), "infs or NaNs"),
    "curve_fit, option": (lambda: optimize.curve_fit(line, TIMES, TIMES, no=1), "keyword"),
    "nnls, NaN": (lambda: optimize.nnls(EYE, X * np.nan), "infs or NaNs"),
    "lsq_linear, method": (lambda: optimize.lsq_linear(EYE, X, **UNKNOWN), "must be 'trf' or 'bvls'"),
    "lsq_linear, bounds": (lambda: optimize.lsq_linear(EYE, X, (1, 0)), "strictly less"),
    "linprog, NaN": (lambda: optimize.linprog(X * np.nan), "must not contain"),
    "solve_ivp, t_eval": (lambda: integrate.solve_ivp(decay, (0, 1), X, t_eval=TIMES + 1), "not within"),
    "solve_ivp, atol": (lambda: integrate.solve_ivp(decay, (0, 1), X, atol=np.ones(3)), "wrong shape"),
    "solve_ivp, t_span": (lambda: integrate.solve_ivp(decay, (0, 1, 2), X), "too many values"),
    "solve_ivp, events": (lambda: integrate.solve_ivp(decay, (0, 1), X, events=lambda t, y: y), "reshape"),
    "quad, limit": (lambda: integrate.quad(shifted, 0.0, 1.0, limit=-1), "Invalid 'limit'"),
    "quad_vec, norm": (lambda: integrate.quad_vec(shifted, 0.0, 1.0, norm="no such"), "KeyError: 'no such'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_scipy_refuses(case):
    call, said = REFUSED[case]
    solver = case.partition(",")[0]
    form = rf"{solver}, arguments: expected values and shapes that scipy\.\w+\.{solver} takes, got .*{said}"
    with pytest.raises(RefusedError, match=form) as raised:
        call()
    assert isinstance(raised.value, ArgumentError)
    assert isinstance(raised.value, ValueError)
    assert raised.value.__cause__ is not None


SOLVERS = {
    "root": lambda f: optimize.root(f, X),
    "root_scalar": lambda f: optimize.root_scalar(f, bracket=(0.0, 3.0)),
    "minimize": lambda f: optimize.minimize(f, X),
    "least_squares": lambda f: optimize.least_squares(f, X),
    "solve_ivp": lambda f: integrate.solve_ivp(lambda t, y: f(y), (0, 1), X),
    "quad": lambda f: integrate.quad(f, 0.0, 1.0),
}


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    "error",
    [lambda x: int("a word"), lambda x: x.nonsense, lambda x: np.linalg.inv(np.ones(3))],
    ids=["value", "attribute", "in NumPy"],
)
def test_what_a_function_raises_stays_what_it_is(solver, error):
    with pytest.raises((ValueError, AttributeError)) as raised:
        SOLVERS[solver](error)
    assert not isinstance(raised.value, ArgumentError)
    assert "takes, got" not in str(raised.value)


SAMPLES, END = torch.ones(3, **DOUBLE), torch.tensor([0.0, 1.0], **DOUBLE)
WRONG = {
    "fixed_quad, func": lambda: integrate.fixed_quad(None, 0, 1),
    "fixed_quad, n": lambda: integrate.fixed_quad(torch.sin, 0, 1, n=2.5),
    "fixed_quad, a, b": lambda: integrate.fixed_quad(torch.sin, "0", 1),
    "simpson, y": lambda: integrate.simpson([1.0, 2.0, 3.0]),
    "simpson, x": lambda: integrate.simpson(SAMPLES, x="x"),
    "simpson, dx": lambda: integrate.simpson(SAMPLES, dx="dx"),
    "simpson, axis": lambda: integrate.simpson(SAMPLES, axis=1),
    "trapezoid, y": lambda: integrate.trapezoid(torch.tensor(1.0)),
    "cumulative_trapezoid, axis": lambda: integrate.cumulative_trapezoid(SAMPLES, axis="0"),
    "cumulative_simpson, y": lambda: integrate.cumulative_simpson(None),
    "odeint, y0": lambda: integrate.odeint(lambda y, t: -y, [1.0], END),
    "odeint, t": lambda: integrate.odeint(lambda y, t: -y, X, [0.0, 1.0]),
    "odeint, func": lambda: integrate.odeint(lambda y, t: -y[:1], X, END),
    "odeint, args": lambda: integrate.odeint(lambda y, t, p: -y, X[:, None], END, (SAMPLES,)),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_has_the_wrong_type(case):
    with pytest.raises((ArgumentError, ShapeError), match=rf"^{case}: expected .*, got .*"):
        WRONG[case]()


def test_errors_of_odeint_are_its_own():
    with pytest.raises(SolverError, match=r"^odeint, func: .*, got The function's values are not finite\. Try"):
        integrate.odeint(lambda y, t: y * torch.nan, X, END)
    with pytest.raises(ShapeError, match=r"^odeint, t: expected the shape \(times,\)"):
        integrate.odeint(lambda y, t: -y, X, END[:0])
    with pytest.raises(RefusedError, match=r"^odeint, arguments: .*scipy\.integrate\.odeint takes"):
        integrate.odeint(lambda y, t: -y, X, END, rtol="small")
    y = integrate.odeint(lambda y, t: -y.detach().numpy(), X.clone().requires_grad_(), END)
    with pytest.raises(MissingDerivativeError, match=r"^odeint, func: "):
        y.sum().backward()


def test_a_bracketing_method_needs_a_bracket():
    with pytest.raises(ArgumentError, match='root_scalar, bracket: expected two ends, for method="brentq", got None'):
        optimize.root_scalar(shifted, x0=0.0, method="brentq")


def test_residuals_that_are_not_finite_at_first():
    with pytest.raises(SolverError, match=r"got numbers that aren't finite \(Residuals are not finite"):
        optimize.least_squares(lambda x: x * np.nan, X)
    assert optimize.least_squares(lambda x: x * np.nan, X, check=False).x.isnan().all()
