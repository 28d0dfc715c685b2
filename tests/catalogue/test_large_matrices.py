"""Exponentials and roots of the sizes from which a derivative shares with the value what it can."""

import numpy as np
import pytest
import scipy.linalg
import torch
from torch.func import jacfwd, jvp, vjp, vmap

from scitorch import errors
from scitorch.linalg import expm, exponential, matrix_equations, schur, solve_sylvester, sqrtm
from scitorch.linalg.matrix_functions import expm_frechet

N = 70
RNG = np.random.default_rng(12)


def normal(*shape, dtype=np.float64):
    x = RNG.normal(size=shape) + (1j * RNG.normal(size=shape) if np.dtype(dtype).kind == "c" else 0)
    return x.astype(dtype)


def full(scale=1.0, dtype=np.float64, n=N):
    return (scale / np.sqrt(n) * normal(n, n, dtype=dtype)).astype(dtype)


def exact_exponential(A):
    """By Taylor's series in extended precision."""
    dtype = np.result_type(A, np.longdouble)
    halvings = max(0, int(np.ceil(np.log2(np.abs(A).sum(0).max())))) + 6
    A = A.astype(dtype) / np.longdouble(2) ** halvings
    total = term = np.eye(len(A), dtype=dtype)
    for k in range(1, 20):
        term = term @ A / k
        total = total + term
    for _ in range(halvings):
        total = total @ total
    return total


def error(x, exact):
    return float(np.linalg.norm((x - exact).astype(complex)) / np.linalg.norm(exact.astype(complex)))


ORTHOGONAL = np.linalg.qr(normal(N, N))[0]
RATES = RNG.uniform(size=(N, N)) / 10
FAMILIES = {
    **{f"random, {scale}": full(scale) for scale in (1e-3, 0.05, 0.3, 1.4, 5.0)},
    **{f"orthogonal, {scale}": scale * ORTHOGONAL for scale in (2.9, 4.7)},
    "skew": 4 * (ORTHOGONAL - ORTHOGONAL.T),
    "complex": full(1.5, complex),
    "all eigenvalues to the left": full() - 5 * np.eye(N),
    "rates": RATES - np.diag(RATES.sum(1)),
    "one large row": np.vstack((30 * full()[:1], full()[1:])),
    "zero": np.zeros((N, N)),
}


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="there is no extended precision")
@pytest.mark.parametrize("name", FAMILIES)
def test_exponential_and_derivative_in_extended_precision(name):
    A, E = FAMILIES[name], normal(N, N)
    a, e = torch.as_tensor(A), torch.as_tensor(E.astype(A.dtype))
    exact = exact_exponential(np.block([[A, E], [np.zeros_like(A), A]]) + np.finfo(float).tiny)
    value, derivative = exact[:N, :N], exact[:N, N:]
    bound = 4e-15
    assert error(exponential.Exponential(A).value(), value) < bound
    assert error(expm_frechet(a, e).numpy(), derivative) < bound
    assert error(expm(a).numpy(), value) < max(bound, 2 * error(scipy.linalg.expm(A), value))


@pytest.mark.parametrize(
    ("n", "dtype", "scale"),
    [
        *((65, dtype, scale) for dtype in (np.float32, np.complex64, np.complex128) for scale in (0.1, 1.0, 8.0)),
        (130, np.float64, 1.0),
        (330, np.float64, 1.0),  # of which nothing is kept
    ],
)
def test_values_are_scipys(n, dtype, scale):
    A, E = full(scale, dtype, n), normal(n, n, dtype=dtype)
    tolerance = 1e-5 if np.finfo(dtype).bits == 32 else 1e-13
    double = np.result_type(dtype, np.float64)
    ours = expm_frechet(torch.as_tensor(A), torch.as_tensor(E)).numpy()
    theirs = scipy.linalg.expm_frechet(A.astype(double), E.astype(double), compute_expm=False)
    assert error(expm(torch.as_tensor(A)).numpy(), scipy.linalg.expm(A)) < tolerance
    assert error(ours, theirs) < tolerance


def test_triangular_and_special_matrices_are_left_to_scipy():
    not_finite = full()
    not_finite[3, 4] = np.inf
    for A in (np.triu(full(5)), np.tril(full(5)), np.diag(normal(N)), np.zeros((N, N)), full(100)):
        assert error(expm(torch.as_tensor(A)).numpy(), scipy.linalg.expm(A)) < 1e-12
    with pytest.raises(errors.KernelError, match="infs or NaNs"):
        expm_frechet(torch.as_tensor(not_finite), torch.eye(N, dtype=torch.double))


@pytest.mark.parametrize("order", ["C", "F", "strided", "expanded"])
def test_any_order_of_the_elements(order):
    A, E = full(), normal(N, N)
    expected = scipy.linalg.expm_frechet(A, E, compute_expm=False)
    if order == "F":
        A, E = np.asfortranarray(A), np.asfortranarray(E)
    elif order == "strided":
        A, E = (np.repeat(np.repeat(x, 2, 0), 2, 1)[::2, ::2] for x in (A, E))
    elif order == "expanded":
        E = torch.as_tensor(E[0]).expand(N, N)
        expected = scipy.linalg.expm_frechet(A, E.numpy(), compute_expm=False)
    np.testing.assert_allclose(expm_frechet(torch.as_tensor(A), torch.as_tensor(E)), expected, rtol=1e-11, atol=1e-12)


@pytest.fixture
def counted(monkeypatch):
    """How often the shared part was made, and a Schur form."""
    calls = []
    init, decomposed = exponential.Exponential.__init__, schur.decomposed
    monkeypatch.setattr(exponential.Exponential, "__init__", lambda self, A: calls.append("exp") or init(self, A))
    monkeypatch.setattr(schur, "decomposed", lambda A: calls.append("Schur") or decomposed(A))
    return calls


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize(("function", "center"), [(expm, 0), (sqrtm, 3)])
def test_the_value_and_all_derivatives_share_their_work(function, center, dtype, counted):
    A = torch.as_tensor(full()).to(dtype) + center * torch.eye(N, dtype=dtype) + 0.1
    E = torch.as_tensor(normal(3, N, N)).to(dtype)
    _, pull = vjp(function, A)
    pulled = vmap(lambda e: pull(e)[0])(E)
    pushed = [jvp(function, (A,), (e,))[1] for e in E]
    assert len(counted) <= 4  # one for each value
    for k in range(3):
        # The derivative and its adjoint, from one another.
        left, right = (pulled[k].conj() * E[0]).sum(), (E[k].conj() * pushed[0]).sum()
        torch.testing.assert_close(left, right, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("function", [expm, sqrtm])
def test_a_matrix_that_changes_in_place_is_worked_out_again(function):
    A = torch.as_tensor(full(0.5)) + 3 * torch.eye(N)
    for _ in range(2):
        A.mul_(1.25)
        leaf = A.clone().requires_grad_()
        function(leaf).trace().backward()
        X = scipy.linalg.expm(A.numpy()).T if function is expm else np.linalg.inv(2 * scipy.linalg.sqrtm(A.numpy())).T
        np.testing.assert_allclose(leaf.grad, X, rtol=1e-11, atol=1e-11 * np.abs(X).max())


@pytest.mark.parametrize("function", [expm, sqrtm])
def test_batches_and_second_order(function):
    A = torch.as_tensor(np.stack([full(0.7), full(0.4)])) + 2 * torch.eye(N)
    E, D = (torch.as_tensor(normal(N, N)) for _ in range(2))
    torch.testing.assert_close(function(A), torch.stack([function(a) for a in A]), rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(vmap(function)(A), function(A), rtol=1e-13, atol=1e-13)
    second = jacfwd(jacfwd(lambda s, t: function(A[0] + s * E + t * D), 0), 1)(*torch.zeros(2, dtype=torch.double))

    def slope(t):
        return jvp(function, (A[0] + t * D,), (E,))[1]

    h = 1e-4
    torch.testing.assert_close(
        second, (slope(h) - slope(-h)) / (2 * h), rtol=1e-5, atol=1e-6 * second.abs().max().item()
    )
    leaf = A[0].clone().requires_grad_()
    (first,) = torch.autograd.grad((function(leaf) * D).sum(), leaf, create_graph=True)
    (reverse,) = torch.autograd.grad((first * E).sum(), leaf)
    torch.testing.assert_close((reverse * D).sum(), (second * D).sum(), rtol=1e-9, atol=1e-9)


def rotations(*angles):
    """A block of two for each angle: complex-conjugate pairs."""
    return scipy.linalg.block_diag(*([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]] for a in angles))


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_root_of_matrices_with_and_without_complex_pairs(dtype, kept, monkeypatch):
    if not kept:
        monkeypatch.setattr(schur, "_kept", schur.Kept(0))
        monkeypatch.setattr(schur, "keep", lambda form: None)
    pairs = ORTHOGONAL @ rotations(*np.linspace(0, 3, N // 2)) @ ORTHOGONAL.T
    for matrix in (
        pairs,
        full(dtype=dtype) + 3 * np.eye(N),
        ORTHOGONAL @ np.diag(np.arange(1.0, N + 1)) @ ORTHOGONAL.T,
    ):
        A = matrix.astype(dtype)
        leaf = torch.as_tensor(A).requires_grad_()
        X = sqrtm(leaf)
        G = torch.as_tensor(normal(N, N, dtype=dtype))
        X.backward(G)
        rtol = 2e-3 if dtype == np.float32 else 1e-10
        torch.testing.assert_close(X.detach(), torch.as_tensor(scipy.linalg.sqrtm(A)), rtol=rtol, atol=rtol)
        X = X.detach()
        expected = solve_sylvester(X.mH, X.mH, G)
        torch.testing.assert_close(leaf.grad, expected, rtol=rtol, atol=rtol * expected.abs().max().item())


def test_roots_that_are_scipys_alone():
    """Triangular and singular matrices, those that are not finite, and those without a real root."""
    triangular = np.triu(full()) + 3 * np.eye(N)
    np.testing.assert_array_equal(sqrtm(torch.as_tensor(triangular)), scipy.linalg.sqrtm(triangular))
    with pytest.warns(scipy.linalg.LinAlgWarning, match="singular"):
        sqrtm(torch.zeros(N, N))
    negative = ORTHOGONAL @ np.diag(np.arange(-1.5, N - 2)) @ ORTHOGONAL.T
    with pytest.raises(errors.KernelError, match="complex"):
        sqrtm(torch.as_tensor(negative))
    root = sqrtm(torch.as_tensor(negative).cdouble())
    torch.testing.assert_close(root @ root, torch.as_tensor(negative).cdouble())
    not_finite = full()
    not_finite[0, 0] = np.nan
    with pytest.raises(errors.KernelError):
        sqrtm(torch.as_tensor(not_finite))


def test_the_equation_of_one_matrix_near_where_it_has_no_solution():
    a = torch.diag(torch.tensor([1.0, -1.0, 2.0], dtype=torch.double))
    with pytest.raises(errors.KernelError, match="infs or NaNs"):
        matrix_equations.solve_anticommutator(a * torch.nan, a)
