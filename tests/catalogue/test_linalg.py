"""Accuracy against mpmath at 50 digits, repeated eigenvalues, and the modes that samples leave out."""

import itertools

import mpmath
import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.func import grad, jacfwd, jacrev

from scitorch import errors
from scitorch.linalg import (
    circulant,
    eigh_tridiagonal,
    expm,
    fractional_matrix_power,
    logm,
    polar,
    solve_banded,
    solve_continuous_are,
    solve_discrete_are,
    solve_toeplitz,
    solveh_banded,
    sqrtm,
    toeplitz,
)

JORDAN = [[2.0, 1.0, 0.0], [0.0, 2.0, 1.0], [0.0, 0.0, 2.0]]
MATRICES = {
    "ordinary": [[2.0, 0.3, -0.1], [0.4, 1.5, 0.2], [-0.3, 0.1, 3.0]],
    "identity": np.eye(3),
    "repeated": np.diag([2.0, 2.0, 5.0]),
    "Jordan block": JORDAN,
    "nearly repeated": [[2.0, 1.0, 0.0], [1e-9, 2.0, 1e-3], [0.0, 0.0, 2.0 + 1e-8]],
    "rotation": [[0.6, -1.2, 0.0], [1.2, 0.6, 0.0], [0.0, 0.0, 1.0]],
}
DIRECTION = np.array([[0.5, -1.0, 0.3], [0.8, 0.2, -0.6], [0.1, 0.9, -0.4]])
FUNCTIONS = {
    "sqrtm": (sqrtm, mpmath.sqrtm),
    "logm": (logm, mpmath.logm),
    "expm": (expm, mpmath.expm),
    "power": (lambda A: fractional_matrix_power(A, -1.3), lambda A: mpmath.expm(mpmath.mpf("-1.3") * mpmath.logm(A))),
}


def exact_derivative(function, A, E, order):
    """The derivative of a real matrix function in a direction, by differences at 200 digits of an exact function."""
    with mpmath.workdps(200):
        h = mpmath.mpf(10) ** -50
        A, E = mpmath.matrix(np.asarray(A).tolist()), mpmath.matrix(E.tolist())
        if order == 1:
            result = (function(A + h * E) - function(A - h * E)) / (2 * h)
        else:
            result = (function(A + h * E) - 2 * function(A) + function(A - h * E)) / h**2
        rows = [[float(mpmath.re(result[i, j])) for j in range(3)] for i in range(3)]
        return torch.tensor(rows, dtype=torch.double)


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize(("name", "matrix"), list(itertools.product(FUNCTIONS, MATRICES)))
def test_derivatives_to_twelve_digits(name, matrix, scale):
    """Forward, reverse, and second order; whatever the size of the gradient that comes in."""
    ours, theirs = FUNCTIONS[name]
    A, E = torch.tensor(np.asarray(MATRICES[matrix])), torch.tensor(DIRECTION)
    try:
        expected = exact_derivative(theirs, MATRICES[matrix], DIRECTION, 1)
    except (ValueError, ZeroDivisionError, mpmath.libmp.NoConvergence):
        pytest.skip("mpmath doesn't find the function here")
    _, forward = torch.func.jvp(ours, (A,), (scale * E,))
    assert (forward / scale - expected).abs().max() < 1e-12 * expected.abs().max()
    # In reverse: the derivative along E of ⟨G, f⟩ for each unit matrix G.
    jacobian = jacrev(lambda A: scale * ours(A))(A)
    reverse = (jacobian * E).sum((-2, -1)) / scale
    assert (reverse - expected).abs().max() < 1e-12 * expected.abs().max()


@pytest.mark.parametrize(("name", "matrix"), list(itertools.product(FUNCTIONS, MATRICES)))
def test_second_derivatives(name, matrix):
    ours, theirs = FUNCTIONS[name]
    A, E = torch.tensor(np.asarray(MATRICES[matrix])), torch.tensor(DIRECTION)
    try:
        expected = exact_derivative(theirs, MATRICES[matrix], DIRECTION, 2)
    except (ValueError, ZeroDivisionError, mpmath.libmp.NoConvergence):
        pytest.skip("mpmath doesn't find the function here")
    for first, second in itertools.product((jacfwd, jacrev), repeat=2):
        got = second(first(lambda t: ours(A + t * E)))(torch.tensor(0.0, dtype=torch.double))
        assert (got - expected).abs().max() < 1e-10 * max(expected.abs().max(), 1)


@pytest.mark.parametrize("function", [sqrtm, logm, lambda A: fractional_matrix_power(A, 0.3)])
def test_a_real_matrix_without_a_real_result(function):
    A = torch.diag(torch.tensor([-1.0, 2.0], dtype=torch.double))
    with pytest.raises(errors.KernelError, match="complex"):
        function(A)
    assert gradcheck(function, A.cdouble().requires_grad_() + 0.1j)


def test_whole_powers_need_no_logarithm():
    A = torch.diag(torch.tensor([-1.0, 0.0], dtype=torch.double)).requires_grad_()
    assert gradcheck(lambda A: fractional_matrix_power(A, 3), A)


def test_expm_where_the_norm_is_far_greater_than_the_eigenvalues():
    result = expm(torch.tensor([[1.0, 1e50], [0.0, -1.0]], dtype=torch.double))
    np.testing.assert_allclose(result[0], [np.e, 1e50 * np.sinh(1)], rtol=1e-14)


def closed_loop(e=None, s=None):
    """A stable problem of two states and one input."""
    a = torch.tensor([[0.2, 1.0], [-0.4, 0.1]], dtype=torch.double)
    b = torch.tensor([[0.3], [1.0]], dtype=torch.double)
    q, r = torch.tensor([[2.0, 0.3], [0.3, 1.0]], dtype=torch.double), torch.tensor([[0.7]], dtype=torch.double)
    return [x.requires_grad_() for x in (a, b, q, r, *(x for x in (e, s) if x is not None))]


@pytest.mark.parametrize("equation", [solve_continuous_are, solve_discrete_are])
def test_riccati_equations_hold(equation):
    a, b, q, r = closed_loop()
    x = equation(a, b, q, r)
    if equation is solve_continuous_are:
        residual = a.mH @ x + x @ a - x @ b @ torch.linalg.inv(r) @ b.mH @ x + q
    else:
        gain = torch.linalg.inv(r + b.mH @ x @ b) @ b.mH @ x @ a
        residual = a.mH @ x @ a - x - a.mH @ x @ b @ gain + q
    assert residual.abs().max() < 1e-13
    for y in (a, b, q, r):
        # The residual stays zero, so the gradient of any function of it is zero too.
        (gradient,) = torch.autograd.grad((residual * torch.eye(2)).sum(), y, retain_graph=True)
        assert gradient.abs().max() < 1e-12


@pytest.mark.parametrize("equation", [solve_continuous_are, solve_discrete_are])
def test_riccati_equations_refuse_what_is_not_hermitian(equation):
    a, b, q, r = (x.detach() for x in closed_loop())
    with pytest.raises(errors.ArgumentError, match="q: expected a symmetric or Hermitian matrix"):
        equation(a, b, q + torch.tensor([[0.0, 1.0], [0.0, 0.0]]), r)


def test_banded_and_toeplitz_systems_are_those_of_their_full_matrices():
    rng = np.random.default_rng(5)
    ab = torch.tensor(rng.normal(size=(4, 5)) + np.array([[0], [4], [0], [0]]), requires_grad=True)
    b = torch.tensor(rng.normal(size=5), requires_grad=True)
    full = sum(torch.diag(ab[1 - k, max(k, 0) : 5 + min(k, 0)], k) for k in range(-2, 2))
    check_same(solve_banded((2, 1), ab, b), torch.linalg.solve(full, b), (ab, b))
    upper = torch.tensor(rng.normal(size=(2, 5)) * 0.3 + np.array([[0], [2]]), requires_grad=True)
    full = torch.diag(upper[1]) + torch.diag(upper[0, 1:], 1) + torch.diag(upper[0, 1:], -1)
    check_same(solveh_banded(upper, b), torch.linalg.solve(full, b), (upper, b))
    c, r = (torch.tensor(rng.normal(size=5) * 0.3 + 2 * np.eye(5)[0], requires_grad=True) for _ in range(2))
    check_same(solve_toeplitz((c, r), b), torch.linalg.solve(toeplitz(c, r), b), (c, r, b))
    check_same(solve_toeplitz(c, b), torch.linalg.solve(toeplitz(c), b), (c, b))


def check_same(ours, theirs, inputs):
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    pairs = [
        torch.autograd.grad((x**3).sum(), inputs, allow_unused=True, materialize_grads=True) for x in (ours, theirs)
    ]
    for a, b in zip(*pairs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("make", [toeplitz, circulant])
def test_structured_matrices_have_every_derivative(make):
    c = torch.randn(2, 3, dtype=torch.cdouble, generator=torch.Generator().manual_seed(3)).requires_grad_()
    assert gradcheck(make, c, check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(make, c)


@pytest.mark.parametrize("shape", [(3, 2), (2, 3), (2, 2)])
@pytest.mark.parametrize("side", ["right", "left"])
def test_polar_decomposition(shape, side):
    a = torch.randn(*shape, dtype=torch.cdouble, generator=torch.Generator().manual_seed(4)).requires_grad_()
    u, p = polar(a, side)
    torch.testing.assert_close(u @ p if side == "right" else p @ u, a)
    assert gradcheck(lambda a: polar(a, side), a, check_forward_ad=True)
    assert gradgradcheck(lambda a: polar(a, side), a)


def test_polar_decomposition_with_equal_singular_values():
    """Where rules through the singular vectors divide by zero."""
    q = torch.linalg.qr(torch.randn(3, 3, dtype=torch.double, generator=torch.Generator().manual_seed(6)))[0]
    assert gradcheck(polar, (3 * q).requires_grad_())


def test_functions_of_repeated_eigenvalues():
    """The sum of exponentials is smooth where two tridiagonal blocks share all eigenvalues."""
    d = torch.tensor([1.0, 2.0, 1.0, 2.0], dtype=torch.double, requires_grad=True)
    e = torch.tensor([0.5, 0.0, 0.5], dtype=torch.double, requires_grad=True)

    def trace(d, e):
        w, v = eigh_tridiagonal(d, e)
        return ((v * w.exp()[..., None, :]) @ v.mT)[0, 0]

    full = torch.diag(d) + torch.diag(e, 1) + torch.diag(e, -1)
    ours = torch.autograd.grad(trace(d, e), (d, e))
    theirs = torch.autograd.grad(torch.matrix_exp(full)[0, 0], (d, e))
    torch.testing.assert_close(ours[0], theirs[0])
    # Along the middle element the matrix exponential's gradient is zero by symmetry.
    torch.testing.assert_close(ours[1], theirs[1])
    assert grad(lambda d: eigh_tridiagonal(d, e.detach(), eigvals_only=True).exp().sum())(d).isfinite().all()


def test_a_selection_by_values_is_refused():
    with pytest.raises(errors.ArgumentError, match='eigh_tridiagonal, select: expected "a", or "i"'):
        eigh_tridiagonal(torch.ones(3), torch.ones(2), select="v", select_range=(0.0, 1.0))


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_exponential_of_large_matrices(dtype):
    """Above the size from which the derivative has a method of its own: as PyTorch's exponential, to second order."""
    generator = torch.Generator().manual_seed(0)
    A, E, D = (torch.randn(40, 40, dtype=dtype, generator=generator) / 6 for _ in range(3))

    def second(exponential):
        leaf = A.clone().requires_grad_()
        (first,) = torch.autograd.grad(exponential(leaf), leaf, E, create_graph=True)
        return first.detach(), torch.autograd.grad(first, leaf, D)[0]

    for ours, theirs in zip(second(expm), second(torch.linalg.matrix_exp), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-11)
