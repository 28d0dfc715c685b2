"""Solutions are SciPy's; their derivatives those of an unrolled solver, and of differences of SciPy."""

import numpy as np
import pytest
import torch

from equations.problems import PROBLEMS

every_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=str)
VALUE = 1e-6  # relative, of solutions: two solvers that stop by different criteria
UNROLLED = 1e-5  # relative, of derivatives: both are taken at solutions that are exact to about 1e-8


def same(got, expected, tolerance):
    torch.testing.assert_close(got, expected, rtol=tolerance, atol=tolerance * max(1e-3, expected.abs().max().item()))


def differences(function, theta, step=1e-4):
    """Central ones, of fourth order."""
    columns = []
    for k in range(len(theta)):
        shift = np.zeros_like(theta)
        shift[k] = step
        ends = [np.asarray(function(theta + times * shift)) for times in (-2, -1, 1, 2)]
        columns.append((ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * step))
    return torch.tensor(np.stack(columns, -1))


@every_problem
def test_value_is_scipys(problem):
    same(problem.ours(problem.theta), torch.as_tensor(np.asarray(problem.scipy(problem.theta.numpy()))), VALUE)


@every_problem
def test_derivative_is_that_of_an_unrolled_solver(problem):
    same(torch.func.jacrev(problem.ours)(problem.theta), torch.func.jacrev(problem.unrolled)(problem.theta), UNROLLED)


@every_problem
def test_derivative_is_that_of_differences_of_scipy(problem):
    expected = differences(problem.scipy, problem.theta.numpy())
    same(torch.func.jacrev(problem.ours)(problem.theta), expected, problem.differences)


@every_problem
def test_forward_mode_and_plain_backward_agree_with_jacrev(problem):
    expected = torch.func.jacrev(problem.ours)(problem.theta)
    same(torch.func.jacfwd(problem.ours)(problem.theta), expected, 1e-9)
    theta = problem.theta.clone().requires_grad_()
    gradient = torch.autograd.grad(problem.ours(theta).sum(), theta)[0]
    same(gradient, expected.reshape(-1, len(theta)).sum(0), 1e-9)


@pytest.mark.parametrize("problem", [p for p in PROBLEMS if p.second], ids=str)
def test_second_derivative_is_that_of_an_unrolled_solver(problem):
    def ours(theta):
        return problem.ours(theta).square().sum()

    def unrolled(theta):
        return problem.unrolled(theta).square().sum()

    expected = torch.func.jacrev(torch.func.jacrev(unrolled))(problem.theta)
    same(torch.func.hessian(ours)(problem.theta), expected, 10 * UNROLLED)


@pytest.mark.parametrize("problem", PROBLEMS[::4], ids=str)
def test_vmap_solves_each(problem):
    theta = torch.stack([problem.theta, problem.theta * 1.01])
    same(torch.vmap(problem.ours)(theta), torch.stack([problem.ours(t) for t in theta]), 1e-9)
    jacobians = torch.vmap(torch.func.jacrev(problem.ours))(theta)
    same(jacobians, torch.stack([torch.func.jacrev(problem.ours)(t) for t in theta]), 1e-9)
