"""Krylov solvers: matrices, functions that use tensors, preconditioners, failures."""

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.func import grad, hessian, jacfwd, jvp, vmap

from catalogue.grid_sparse import as_tuple, normal, sparse
from scitorch.core.errors import ArgumentError, MissingDerivativeError, ShapeError, SolverError
from scitorch.sparse import linalg
from scitorch.sparse.linalg import cg, gmres, minres

METHODS = ["cg", "bicgstab", "gmres", "minres"]
EXACT = 1e-13
every_method = pytest.mark.parametrize("method", METHODS)


def symmetric(n, density=0.2):
    matrix = sparse(n, density=density)
    return (matrix + matrix.T + 4 * scipy.sparse.eye_array(n)).tocsr()


@every_method
def test_values_are_scipys(method):
    matrix, b, x0 = symmetric(20), normal(20), normal(20)
    M = scipy.sparse.diags_array(1 / matrix.diagonal()).tocsr()
    theirs, info = getattr(scipy.sparse.linalg, method)(matrix, b, x0, M=M)
    x, ours = getattr(linalg, method)(as_tuple(matrix), torch.as_tensor(b), torch.as_tensor(x0), M=as_tuple(M))
    np.testing.assert_array_equal(x, theirs)
    assert ours == info == 0


@every_method
def test_derivatives_of_a_matrix(method):
    """In every mode and to second order, against differences."""
    matrix = symmetric(5)
    data, b = torch.as_tensor(matrix.data).requires_grad_(), torch.as_tensor(normal(5)).requires_grad_()

    def solve(data, b):
        # A matrix that stays symmetric, as two of the methods ask for.
        places = matrix.tocoo()
        rows, cols = torch.as_tensor(places.coords[0]), torch.as_tensor(places.coords[1])
        dense = torch.zeros(5, 5, dtype=torch.double).index_put((rows, cols), data)
        data = ((dense + dense.mT) / 2)[rows, cols]
        return getattr(linalg, method)((data, matrix.indices, matrix.indptr, matrix.shape), b, rtol=EXACT)[0]

    assert gradcheck(solve, (data, b), check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(solve, (data, b), check_fwd_over_rev=True, atol=1e-4)


@every_method
def test_derivatives_are_those_of_the_direct_solver(method):
    matrix = symmetric(30)
    data, b = torch.as_tensor(matrix.data).requires_grad_(), torch.as_tensor(normal(30)).requires_grad_()
    A = (data, matrix.indices, matrix.indptr, matrix.shape)
    weights = torch.linspace(1, 2, 30, dtype=torch.double)
    M = as_tuple(scipy.sparse.diags_array(1 / matrix.diagonal()).tocsr())
    expected = torch.autograd.grad(linalg.spsolve(A, b) @ weights, [data, b])
    x, _ = getattr(linalg, method)(A, b, rtol=EXACT, M=M)
    torch.testing.assert_close(torch.autograd.grad(x @ weights, [data, b]), expected, rtol=1e-9, atol=1e-10)


@every_method
def test_a_function_may_use_tensors(method):
    """The gradient reaches tensors that the function closes over, to second order, as through a dense solve."""
    dense, b = torch.as_tensor(symmetric(6).toarray()), torch.as_tensor(normal(6))
    scale = torch.linspace(1, 2, 6, dtype=torch.double)

    def matrix_of(scale):
        return scale[:, None] * dense * scale

    def ours(scale):
        return getattr(linalg, method)(lambda v: scale * (dense @ (scale * v)), b, rtol=EXACT)[0].pow(3).sum()

    def expected(scale):
        return torch.linalg.solve(matrix_of(scale), b).pow(3).sum()

    for transform in (grad, hessian, lambda f: lambda s: vmap(grad(f))(torch.stack([s, s + 1]))):
        torch.testing.assert_close(transform(ours)(scale), transform(expected)(scale), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(jacfwd(ours)(scale), grad(expected)(scale), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("method", ["bicgstab", "gmres"])
def test_a_function_without_symmetry_is_transposed(method):
    """Against weights in general position: bicgstab breaks down on unit vectors."""
    dense, b = torch.as_tensor(sparse(6).toarray()).requires_grad_(), torch.as_tensor(normal(6)).requires_grad_()
    weights = torch.as_tensor(normal(6))

    def solve(dense, b):
        return getattr(linalg, method)(lambda v: dense @ v, b, rtol=1e-11)[0]

    expected = torch.autograd.grad(torch.linalg.solve(dense, b) @ weights, [dense, b])
    torch.testing.assert_close(
        torch.autograd.grad(solve(dense, b) @ weights, [dense, b]), expected, rtol=1e-7, atol=1e-8
    )
    tangents = torch.as_tensor(normal(6, 6)), torch.as_tensor(normal(6))
    _, pushed = jvp(solve, (dense.detach(), b.detach()), tangents)
    along = sum((g * t).sum() for g, t in zip(expected, tangents, strict=True))
    torch.testing.assert_close(pushed @ weights, along, rtol=1e-7, atol=1e-8)


def test_a_function_that_is_a_module():
    layer = torch.nn.Linear(4, 4, bias=False).double()
    with torch.no_grad():
        layer.weight.copy_(torch.as_tensor(symmetric(4).toarray()))
    x, info = gmres(layer, torch.ones(4, dtype=torch.double), rtol=EXACT)
    x.sum().backward()
    assert info == 0
    w = torch.linalg.solve(layer.weight.T, torch.ones(4, dtype=torch.double))
    torch.testing.assert_close(layer.weight.grad, -torch.outer(w, x).detach())


@every_method
def test_a_preconditioner_that_is_a_function(method):
    matrix = symmetric(8)
    data, b = torch.as_tensor(matrix.data).requires_grad_(), torch.as_tensor(normal(8))
    diagonal = torch.as_tensor(matrix.diagonal()).requires_grad_()
    A = (data, matrix.indices, matrix.indptr, matrix.shape)
    x, _ = getattr(linalg, method)(A, b, M=lambda v: v / diagonal, rtol=EXACT)
    got = torch.autograd.grad(x.sum(), [data, diagonal], allow_unused=True)
    torch.testing.assert_close(got[0], torch.autograd.grad(linalg.spsolve(A, b).sum(), data)[0])
    assert got[1] is None  # the solution doesn't depend on it


@every_method
def test_float32_is_solved_in_float64(method):
    matrix, b = symmetric(6), torch.as_tensor(normal(6)).float()
    data, indices, indptr, shape = as_tuple(matrix)
    dense = torch.as_tensor(matrix.toarray()).float()
    for A in ((data.float(), indices, indptr, shape), lambda v: dense @ v):
        x, _ = getattr(linalg, method)(A, b, rtol=1e-12)
        assert x.dtype == torch.float32
        torch.testing.assert_close(x, torch.linalg.solve(dense.double(), b.double()).float(), rtol=1e-6, atol=1e-7)


def test_batches():
    matrix = symmetric(6)
    data = torch.as_tensor(matrix.data * np.linspace(1, 2, 3)[:, None, None])
    b = torch.as_tensor(normal(2, 6))
    x, info = cg((data, matrix.indices, matrix.indptr, matrix.shape), b, rtol=EXACT)
    assert x.shape == (3, 2, 6)
    assert info.shape == (3, 2)
    assert not info.any()
    expected = np.linalg.solve(matrix.toarray(), b.numpy().T).T / np.linspace(1, 2, 3)[:, None, None]
    np.testing.assert_allclose(x, expected, rtol=1e-9)


def test_callbacks():
    matrix, b = symmetric(12), normal(12)
    for method, options in (("cg", {}), ("gmres", {"callback_type": "pr_norm"}), ("gmres", {"callback_type": "x"})):
        ours, theirs = [], []
        getattr(scipy.sparse.linalg, method)(matrix, b, callback=lambda s, t=theirs: t.append(np.copy(s)), **options)
        getattr(linalg, method)(as_tuple(matrix), torch.as_tensor(b), callback=ours.append, **options)
        assert len(ours) == len(theirs) > 0
        np.testing.assert_allclose(torch.as_tensor(ours[-1]), theirs[-1], rtol=1e-6, atol=1e-9)


@every_method
@pytest.mark.parametrize("form", ["matrix", "function"])
def test_no_convergence(method, form):
    matrix = symmetric(40, density=0.3)
    data, b = torch.as_tensor(matrix.data).requires_grad_(), torch.as_tensor(normal(40)).requires_grad_()
    dense = torch.as_tensor(matrix.toarray())
    A = (data, matrix.indices, matrix.indptr, matrix.shape) if form == "matrix" else (lambda v: dense @ v)
    strict = "check_info" if method == "minres" else "check"
    options = {"maxiter": 2, "rtol": EXACT} | ({"restart": 2} if method == "gmres" else {})
    with pytest.raises(SolverError, match="iterations") as raised:
        getattr(linalg, method)(A, b, **options)
    x, info = getattr(linalg, method)(A, b, **options, **{strict: False})
    np.testing.assert_allclose(raised.value.result[0], x.detach())
    assert info > 0
    assert x.isfinite().all()
    assert torch.autograd.grad(x.sum(), b)[0].isnan().all()
    if form == "matrix":
        _, tangent = jvp(
            lambda b: getattr(linalg, method)(A, b, **options, **{strict: False})[0], (b.detach(),), (b.detach(),)
        )
        assert tangent.isnan().all()


def test_a_singular_matrix():
    A = (torch.tensor([1.0, 0.0], dtype=torch.double), [0, 1], [0, 1, 2], (2, 2))
    with pytest.raises(SolverError):
        cg(A, torch.ones(2, dtype=torch.double), maxiter=20)


def test_shifted_systems():
    matrix = symmetric(7)
    data, b = torch.as_tensor(matrix.data).requires_grad_(), torch.as_tensor(normal(7)).requires_grad_()
    A = (data, matrix.indices, matrix.indptr, matrix.shape)
    x, _ = minres(A, b, shift=0.5, rtol=EXACT)
    shifted = torch.as_tensor((matrix - 0.5 * scipy.sparse.eye_array(7)).toarray())
    torch.testing.assert_close(x, torch.linalg.solve(shifted, b))
    torch.testing.assert_close(torch.autograd.grad(x.sum(), b)[0], torch.linalg.solve(shifted, torch.ones_like(b)))


def test_no_unknowns():
    x, info = cg((torch.zeros(0), [], [0], (0, 0)), torch.zeros(0))
    assert x.shape == (0,)
    assert info == 0


def test_sparse_tensors_have_first_derivatives_alone():
    A = torch.as_tensor(symmetric(4).toarray()).to_sparse_csr().requires_grad_()
    x, _ = cg(A, torch.ones(4, dtype=torch.double), rtol=EXACT)
    with pytest.raises(MissingDerivativeError, match=r"\(data, indices, indptr, shape\)"):
        torch.autograd.grad(x.sum(), A, create_graph=True)
    (gradient,) = torch.autograd.grad(cg(A, torch.ones(4, dtype=torch.double), rtol=EXACT)[0].sum(), A)
    assert gradient.layout == torch.sparse_csr


def test_what_is_refused():
    A, b = as_tuple(symmetric(4)), torch.ones(4, dtype=torch.double)
    for call, error, said in [
        (lambda: cg(A, np.ones(4)), ArgumentError, "as_tensor"),
        (lambda: cg(A, b[:3]), ShapeError, "3 rows"),
        (lambda: cg(A, b, M=as_tuple(symmetric(3))), ShapeError, "M"),
        (lambda: cg(torch.eye(4), b), ArgumentError, "to_sparse_csr"),
        (lambda: cg(lambda v: v, torch.ones(2, 4)), ShapeError, "vmap"),
        (lambda: cg(lambda v: v, b + 0j), ArgumentError, "real"),
        (lambda: minres(A, b + 0j), ArgumentError, "gmres"),
        (lambda: minres(A, b, show=True), ArgumentError, "show"),
        (lambda: gmres(A, b, callback_type="nonsense"), ArgumentError, "callback_type"),
    ]:
        with pytest.raises(error, match=said):
            call()


def test_a_function_that_maps_over_tensors_of_its_scope():
    """No other tensor could take the place of such ones: refused, in eager code and under transforms."""
    b, scale = torch.ones(2), torch.tensor([2.0, 3.0])

    def solved(scale):
        return cg(lambda x: vmap(torch.mul)(scale, x), b)[0].sum()

    with pytest.raises(ArgumentError, match="tensors with a derivative only where torch operations take them"):
        solved(scale.clone().requires_grad_())
    with pytest.raises(ArgumentError, match="tensors with a derivative only where torch operations take them"):
        grad(solved)(scale)
    torch.testing.assert_close(cg(lambda x: vmap(torch.mul)(scale, x), b)[0], b / scale)
