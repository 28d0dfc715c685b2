"""What results hold beside the solution: SciPy's fields, with derivatives where there are any."""

import copy
import pickle

import numpy as np
import pytest
import scipy.optimize
import torch
from torch.func import jacrev, vmap

from scitorch import optimize
from scitorch.core.errors import ArgumentError, SolverError
from scitorch.optimize import Bounds, NonlinearConstraint

DOUBLE = {"dtype": torch.float64}
METHODS = ("Powell", "CG", "BFGS", "L-BFGS-B", "TNC", "COBYQA", "SLSQP", "trust-constr", "dogleg", "Newton-CG")


def tensor(*values):
    return torch.tensor(values, **DOUBLE)


def same(got, expected, tolerance=1e-6):
    torch.testing.assert_close(got, torch.as_tensor(expected).to(got.dtype), rtol=tolerance, atol=tolerance)


def bowl(x):
    return ((x - 1) ** 2).sum() + x[0] ** 4 / 4


def made(method):
    """SciPy's own call, with the derivatives that ours makes."""
    slope = lambda x: 2 * (x - 1) + np.array([x[0] ** 3, 0])
    bend = lambda x: np.diag([2 + 3 * x[0] ** 2, 2])
    options = {} if method in ("Powell", "COBYQA") else {"jac": slope}
    options |= {"hess": bend} if method in ("dogleg", "Newton-CG", "trust-constr") else {}
    return scipy.optimize.minimize(lambda x: ((x - 1) ** 2).sum() + x[0] ** 4 / 4, [2.0, 2.5], method=method, **options)


@pytest.mark.parametrize("method", METHODS)
def test_minimize_has_scipys_fields(method):
    theirs, ours = made(method), optimize.minimize(bowl, tensor(2.0, 2.5), method=method)
    for name in set(theirs) - {"x", "fun", "message", "method", "success", "execution_time"}:
        got, expected = getattr(ours, name), theirs[name]
        if isinstance(expected, list):
            assert len(got) == len(expected)
        else:
            expected = expected.todense() if hasattr(expected, "todense") else expected
            same(got, expected, 1e-4)
    with pytest.raises(AttributeError, match="no 'nonsense' for this method"):
        ours.nonsense  # noqa: B018  the access is what is tested


@pytest.mark.parametrize("method", ["hybr", "lm", "df-sane"])
def test_root_has_scipys_fields(method):
    options = {} if method == "df-sane" else {"jac": lambda x: np.diag(3 * x**2)}
    theirs = scipy.optimize.root(lambda x: x**3 - 1, [2.0, 3.0], method=method, **options)
    ours = optimize.root(lambda x: x**3 - 1, tensor(2.0, 3.0), method=method)
    names = set(theirs) - {"x", "message", "success", "method"}
    for name in names:
        same(getattr(ours, name), theirs[name])
    assert set(ours.details) == names - {"fun", "status", "nfev", "njev", "nhev", "nit"}
    assert not any(t.requires_grad for t in ours.details.values())


def test_gradient_and_hessian_have_derivatives():
    def at_bound(p):
        fun = lambda x: ((x - p) ** 2).sum() + p[0] * x[1] ** 2
        return optimize.minimize(fun, p.detach(), bounds=Bounds(0.0, 0.5)).jac

    p = tensor(1.0, 3.0)  # x is (1/2, 1/2): the gradient there is (1 - 2 p_0, 1 - 2 p_1 + p_0)
    same(at_bound(p), tensor(-1.0, -4.0))
    same(jacrev(at_bound)(p), tensor([-2.0, 0.0], [1.0, -2.0]))

    def hessian(p):
        return optimize.minimize(lambda x: (x**4).sum() / 4 - p @ x, tensor(1.0, 1.0), method="trust-exact").hess

    # x = p^(1/3), the Hessian 3 x^2
    same(jacrev(hessian)(tensor(1.0, 8.0)).diagonal().diagonal(), tensor(2.0, 1.0))


def test_a_function_of_numpy_has_scipys_gradient():
    found = optimize.minimize(lambda x: float(((x.numpy() - 1) ** 2).sum()), tensor(2.0))
    assert found.jac.shape == (1,)
    same(found.jac, tensor(0.0), 1e-4)


def test_constraints_of_trust_constr():
    disc = NonlinearConstraint(lambda x: (x @ x)[None], 0.0, 1.0)
    found = optimize.minimize(lambda x: -x.sum(), tensor(0.1, 0.2), method="trust-constr", constraints=disc)
    assert [v.shape for v in found.v] == [(1,)]
    same(found.grad, tensor(-1.0, -1.0))
    same(found.constr[0], tensor(1.0), 1e-4)


def test_batches_have_all_fields_for_each_problem():
    p = torch.arange(1.0, 7.0, **DOUBLE).view(3, 2)
    found = optimize.minimize(lambda x, p: ((x - p) ** 2).sum(), torch.zeros(3, 2, **DOUBLE), (p,))
    assert found.hess_inv.shape == (3, 2, 2)
    assert found.jac.shape == (3, 2)
    mapped = vmap(lambda p: optimize.root(lambda x: x**3 - p, torch.ones(2, **DOUBLE)).fjac)(p)
    alone = [optimize.root(lambda x, q=q: x**3 - q, torch.ones(2, **DOUBLE)).fjac for q in p]
    same(mapped, torch.stack(alone))
    assert optimize.minimize(lambda x: x.sum(), torch.zeros(3, 0, **DOUBLE)).details == {}


def test_results_are_copied_and_pickled():
    found = optimize.root(lambda x: x - 1, tensor(0.0, 0.0))
    for other in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        same(other.fjac, found.fjac)


@pytest.mark.parametrize("loss", ["linear", "soft_l1"])
def test_least_squares_has_gradient_and_optimality(loss):
    theirs = scipy.optimize.least_squares(
        lambda x: np.array([x[0] - 3, x[0] * x[1] - 2]), [1.0, 1.0], bounds=(0, 2), loss=loss, xtol=1e-14
    )
    target = tensor(3.0, 2.0)

    def fit(target):
        def residuals(x):
            return torch.stack([x[0], x[0] * x[1]]) - target

        return optimize.least_squares(residuals, tensor(1.0, 1.0), bounds=(0.0, 2.0), loss=loss, xtol=1e-14)

    found = fit(target)
    same(found.grad, theirs.grad)
    same(found.optimality, theirs.optimality)
    assert not found.optimality.requires_grad
    if loss == "linear":  # at the bound x_0 = 2, its gradient is 2 - target_0
        same(jacrev(lambda t: fit(t).grad)(target)[0], tensor(-1.0, 0.0))
    batch = optimize.least_squares(lambda x, t: x - t, torch.zeros(3, 2, **DOUBLE), args=(torch.ones(3, 2, **DOUBLE),))
    assert (batch.grad.shape, batch.optimality.shape) == ((3, 2), (3,))


def test_lsq_linear_has_gradient_and_optimality():
    A, b = torch.eye(3, 2, **DOUBLE) + 1, tensor(1.0, 5.0, 2.0)
    theirs = scipy.optimize.lsq_linear(A.numpy(), b.numpy(), (0, 1))
    found = optimize.lsq_linear(A, b, (0, 1))
    same(found.optimality, theirs.optimality)
    same(found.grad, A.T @ (A @ found.x - b))


COSTS, WEIGHTS, LIMIT = tensor(-5.0, -4.0, -3.0), tensor([2.0, 3.0, 1.0], [4.0, 1.0, 2.0]), tensor(5.5, 11.3)


def test_linprog_has_scipys_sensitivities():
    bounds = [(0, 1.5), (0, None), (0.25, None)]
    theirs = scipy.optimize.linprog(*(t.numpy() for t in (COSTS, WEIGHTS, LIMIT)), bounds=bounds)
    found = optimize.linprog(COSTS, WEIGHTS, LIMIT, bounds=bounds)
    for kind in ("ineqlin", "eqlin", "lower", "upper"):
        same(getattr(found, kind).residual, theirs[kind].residual)
        same(getattr(found, kind).marginals, theirs[kind].marginals)


@pytest.mark.parametrize("integrality", [(1, 0, 0), 1, (0, 1, 1)])
def test_linprog_in_whole_numbers(integrality):
    def solve(c, A, b):
        found = optimize.linprog(c, A, b, integrality=integrality)
        return torch.cat([found.x, found.fun[None]])

    def scipys(c, A, b):
        arrays = (t.numpy() for t in (c, A, b))
        found = scipy.optimize.linprog(*arrays, integrality=np.broadcast_to(integrality, 3))
        return torch.tensor([*found.x, found.fun], **DOUBLE)

    given = (COSTS, WEIGHTS, LIMIT)
    same(solve(*given), scipys(*given))
    for k, derivative in enumerate(jacrev(solve, (0, 1, 2))(*given)):
        steps = 1e-4 * torch.eye(given[k].numel(), **DOUBLE).view(-1, *given[k].shape)
        moved = [[scipys(*given[:k], given[k] + s * step, *given[k + 1 :]) for s in (1, -1)] for step in steps]
        expected = torch.stack([(up - down) / 2e-4 for up, down in moved], -1).view_as(derivative)
        same(derivative, expected, 1e-5)


def test_what_whole_numbers_do_not_have():
    tight = tensor(4.0).requires_grad_()
    found = optimize.linprog(tensor(-1.0, -2.0), torch.ones(1, 2, **DOUBLE), tight, integrality=1)
    same(found.x.detach(), tensor(0.0, 4.0))
    with pytest.raises(SolverError, match="derivative: expected an equation that determines"):
        found.fun.backward()
    for wrong in (2, (1, 0), "all"):
        with pytest.raises(ArgumentError, match="linprog, integrality: expected 0 or 1, or 3 of them, got"):
            optimize.linprog(COSTS, WEIGHTS, LIMIT, integrality=wrong)
    with pytest.raises(SolverError, match="convergence"):
        optimize.linprog(-tensor(1.0), tensor([2.0], [-2.0]), tensor(1.5, -0.5), integrality=1)


@pytest.mark.parametrize("method", ["lm", "trf"])
@pytest.mark.parametrize("kind", ["none", "deviations", "covariance"])
def test_curve_fit_with_full_output(method, kind):
    t, y = torch.linspace(0, 2, 6, **DOUBLE), tensor(2.0, 1.3, 1.1, 0.5, 0.6, 0.2)
    sigma = {"none": None, "deviations": 1 + t, "covariance": torch.diag(1 + t) + 0.1}[kind]
    options = {"method": method, "full_output": True}
    arrays = None if sigma is None else sigma.numpy()
    theirs = scipy.optimize.curve_fit(
        lambda t, a, b: a * np.exp(-b * t), t.numpy(), y.numpy(), (1.0, 1.0), arrays, **options
    )

    def fit(y):
        return optimize.curve_fit(lambda t, a, b: a * torch.exp(-b * t), t, y, (1.0, 1.0), sigma, **options)

    popt, pcov, infodict, message, ier = fit(y)
    same(popt, theirs[0])
    same(pcov, theirs[1])
    assert set(infodict) - {"njev"} == set(theirs[2])  # "lm" counts Jacobians where it is given them
    same(infodict["fvec"], theirs[2]["fvec"], 1e-5)
    assert (message, ier.item()) == theirs[3:]
    slope = jacrev(lambda y: fit(y)[2]["fvec"])(y)
    ends = [fit(y + s * 1e-5 * torch.eye(6, **DOUBLE)[2])[2]["fvec"] for s in (1, -1)]
    same(slope[:, 2], (ends[0] - ends[1]) / 2e-5, 1e-4)
    if method == "lm":
        assert infodict["fjac"].shape == (2, 6)
        assert not infodict["fjac"].requires_grad
