"""Eigenvalues and singular values of sparse matrices, and where they have no derivative."""

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
import torch
from torch.autograd import gradcheck, gradgradcheck

from catalogue.grid_sparse import as_tuple, sparse
from scitorch.core.errors import ArgumentError, RefusedError, ShapeError, SolverError
from scitorch.sparse.linalg import eigsh, svds

RNG = np.random.default_rng(43)


def hermitian(n, dtype=np.float64):
    half = sparse(n, dtype)
    return (half + half.conj().T + scipy.sparse.diags_array(2.0 * np.arange(n))).tocsr()


def dense_of(data, matrix):
    rows, cols = map(torch.as_tensor, matrix.tocoo().coords)
    return torch.zeros(matrix.shape, dtype=data.dtype).index_put((rows, cols), data)


def projectors(v):
    """What doesn't depend on the vectors' phases."""
    return torch.einsum("ik,jk->ijk", v, v.conj())


def weighted(w, P):
    weights = torch.linspace(1, 2, 2 * P.numel(), dtype=torch.double).view(*P.shape, 2)
    return w.square().sum() + (torch.view_as_real(P + 0j) * weights).sum()


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_eigenpairs_and_their_derivatives(dtype):
    """Of the Hermitian part, as `torch.linalg.eigh` has them: to first order to 1e-9, to second by differences."""
    matrix = hermitian(7, dtype)
    data = torch.as_tensor(matrix.data).requires_grad_()

    def ours(data):
        w, v = eigsh((data, matrix.indices, matrix.indptr, matrix.shape), k=3, which="LA")
        return w, projectors(v)

    def dense(data):
        A = dense_of(data, matrix)
        w, v = torch.linalg.eigh((A + A.mH) / 2)
        return w[-3:], projectors(v[:, -3:])

    torch.testing.assert_close(ours(data), dense(data), rtol=1e-10, atol=1e-10)
    got, expected = (torch.autograd.grad(weighted(*f(data)), data)[0] for f in (ours, dense))
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9)
    assert gradcheck(ours, data, check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(lambda data: weighted(*ours(data)), data, check_fwd_over_rev=True, atol=1e-4)


@pytest.mark.parametrize("which", ["LM", "SM", "LA", "SA", "BE"])
@pytest.mark.parametrize("sigma", [None, 3.3])
def test_values_are_scipys(which, sigma):
    if which == "SM" and sigma is not None:
        pytest.skip("the farthest from sigma converge slowly")
    matrix = hermitian(30)
    theirs, vectors = scipy.sparse.linalg.eigsh(matrix.tocsc(), 4, which=which, sigma=sigma)
    w, v = eigsh(as_tuple(matrix), 4, which=which, sigma=sigma)
    np.testing.assert_allclose(w, np.sort(theirs), rtol=1e-9)
    np.testing.assert_allclose(abs((v.numpy() * vectors[:, np.argsort(theirs)]).sum(0)), 1, rtol=1e-6)


def test_shift_invert_has_the_same_derivatives():
    matrix = hermitian(12)
    data = torch.as_tensor(matrix.data).requires_grad_()
    A = (data, matrix.indices, matrix.indptr, matrix.shape)
    smallest = np.linalg.eigvalsh(matrix.toarray())[0]
    gradients = []
    for options in ({"which": "SA"}, {"sigma": smallest - 0.1}, {"sigma": smallest - 0.1, "mode": "cayley"}):
        w, v = eigsh(A, 2, **options)
        gradients.append(torch.autograd.grad(weighted(w, projectors(v)), data)[0])
    for gradient in gradients[1:]:
        torch.testing.assert_close(gradient, gradients[0], rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize(("m", "n"), [(6, 9), (9, 6), (7, 7)])
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_singular_triplets_and_their_derivatives(m, n, dtype):
    matrix = sparse(9, dtype)[:m, :n].tocsr()
    data = torch.as_tensor(matrix.data).requires_grad_()

    def ours(data):
        u, s, vh = svds((data, matrix.indices, matrix.indptr, matrix.shape), k=3)
        return s, torch.einsum("ik,kj->ijk", u, vh)

    def dense(data):
        u, s, vh = torch.linalg.svd(dense_of(data, matrix))
        u, s, vh = u[:, :3].flip(1), s[:3].flip(0), vh[:3].flip(0)
        return s, torch.einsum("ik,kj->ijk", u, vh)

    torch.testing.assert_close(ours(data), dense(data), rtol=1e-9, atol=1e-9)
    got, expected = (torch.autograd.grad(weighted(*f(data)), data)[0] for f in (ours, dense))
    torch.testing.assert_close(got, expected, rtol=1e-8, atol=1e-8)
    assert gradcheck(ours, data, check_forward_ad=True)


def test_singular_values_alone():
    matrix = sparse(20)
    s = svds(as_tuple(matrix), 3, which="LM", return_singular_vectors=False)
    np.testing.assert_allclose(s, np.linalg.svd(matrix.toarray())[1][:3][::-1], rtol=1e-10)


def test_batches():
    matrix = hermitian(8)
    data = torch.as_tensor(matrix.data * np.array([[1.0], [2.0]]))
    w, v = eigsh((data, matrix.indices, matrix.indptr, matrix.shape), 2)
    assert (w.shape, v.shape) == ((2, 2), (2, 8, 2))
    torch.testing.assert_close(w[1], 2 * w[0])


def test_float32():
    matrix = hermitian(8)
    data, *rest = as_tuple(matrix)
    w, v = eigsh((data.float(), *rest), 2)
    assert w.dtype == v.dtype == torch.float32
    torch.testing.assert_close(w, eigsh((data.float().double(), *rest), 2)[0].float())


REPEATED = ([0, 1, 2, 3], [0, 1, 2, 3, 4], (4, 4))


def test_a_repeated_eigenvalue_has_no_vector_with_a_derivative():
    data = torch.tensor([1.0, 3, 3, 2], dtype=torch.double, requires_grad=True)
    w, v = eigsh((data, *REPEATED), 2)
    (gradient,) = torch.autograd.grad(w.sum(), data, retain_graph=True)  # the sum of both has one
    torch.testing.assert_close(gradient, torch.tensor([0.0, 1, 1, 0], dtype=torch.double))
    with pytest.raises(SolverError, match="singular"):
        torch.autograd.grad(v[1].sum(), data)
    w, v = eigsh((data, *REPEATED), 2, check=False)
    gradient = torch.autograd.grad(v[1].sum(), data)[0]
    assert gradient.isnan().any()


def test_no_convergence():
    matrix = hermitian(60)
    data = torch.as_tensor(matrix.data).requires_grad_()
    A = (data, matrix.indices, matrix.indptr, matrix.shape)
    with pytest.raises(SolverError, match="No convergence") as raised:
        eigsh(A, 3, which="SM", maxiter=1, ncv=5)
    assert raised.value.result is not None
    w, _ = eigsh(A, 3, which="SM", maxiter=1, ncv=5, check=False)
    assert w.isnan().all()
    assert torch.autograd.grad(w.sum(), data)[0].isnan().all()


def test_a_large_matrix_is_never_dense():
    """The lowest mode of a membrane with 40 000 points: eigenvalue and vector, their gradients checked along one."""
    n = 200
    line = scipy.sparse.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(n, n))
    eye = scipy.sparse.eye_array(n)
    matrix = (scipy.sparse.kron(line, eye) + 1.3 * scipy.sparse.kron(eye, line)).tocsr()
    data = torch.as_tensor(matrix.data).requires_grad_()
    w, v = eigsh((data, matrix.indices, matrix.indptr, matrix.shape), 1, sigma=0.0)
    (gradient,) = torch.autograd.grad(w.sum() + v.pow(4).sum(), data)
    half = scipy.sparse.csr_array((RNG.normal(size=matrix.nnz), matrix.indices, matrix.indptr), matrix.shape)
    direction = ((half + half.T) / 2).tocsr()
    values = []
    for step in (1e-6, -1e-6):
        s, u = scipy.sparse.linalg.eigsh((matrix + step * direction).tocsc(), 1, sigma=0.0)
        values.append(s.sum() + (u**4).sum())
    along = gradient.numpy() @ half.data
    np.testing.assert_allclose(along, (values[0] - values[1]) / 2e-6, rtol=1e-4)


def mass(n, dtype=np.float64):
    """A positive definite matrix."""
    half = sparse(n, dtype)
    return (half @ half.conj().T + 2 * scipy.sparse.eye_array(n)).tocsr()


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("sigma", [None, 0.3])
def test_generalised_eigenpairs_and_their_derivatives(dtype, sigma):
    """Of the Hermitian parts, as a Cholesky factor of M and `torch.linalg.eigh` have them."""
    A, M = hermitian(7, dtype), mass(7, dtype)
    options = {"which": "LA"} if sigma is None else {"sigma": sigma}

    def ours(a, m):
        w, v = eigsh((a, A.indices, A.indptr, A.shape), 2, (m, M.indices, M.indptr, M.shape), **options)
        return weighted(w, projectors(v))

    with torch.no_grad():
        w, _ = eigsh(as_tuple(A), 2, as_tuple(M), **options)

    def theirs(a, m):
        dense, metric = ((x + x.mH) / 2 for x in (dense_of(a, A), dense_of(m, M)))
        inverse = torch.linalg.inv(torch.linalg.cholesky(metric))
        values, vectors = torch.linalg.eigh(inverse @ dense @ inverse.mH)
        chosen = (values.detach()[:, None] - w).abs().argmin(0)
        return weighted(values[chosen], projectors((inverse.mH @ vectors)[:, chosen]))

    given = [torch.as_tensor(matrix.data).requires_grad_() for matrix in (A, M)]
    torch.testing.assert_close(ours(*given), theirs(*given))
    for got, expected in zip(
        torch.autograd.grad(ours(*given), given), torch.autograd.grad(theirs(*given), given), strict=True
    ):
        torch.testing.assert_close(got, expected, rtol=1e-8, atol=1e-8)
    if dtype is np.float64:
        assert gradgradcheck(ours, given, atol=1e-4)


def test_generalised_eigenpairs_of_a_batch_and_in_single_precision():
    A, M = hermitian(6), mass(6)
    data = torch.as_tensor(A.data) * torch.tensor([1.0, 1.5], dtype=torch.double)[:, None]
    other = as_tuple(M)
    w, v = eigsh((data, A.indices, A.indptr, A.shape), 2, other)
    for k in range(2):
        alone = eigsh((data[k], A.indices, A.indptr, A.shape), 2, other)
        torch.testing.assert_close((w[k], v[k]), alone)
    single, _ = eigsh((data[0].float(), A.indices, A.indptr, A.shape), 2, (other[0].float(), *other[1:]))
    torch.testing.assert_close(single, w[0].float(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["u", "vh"])
def test_singular_vectors_of_one_side(kind):
    A = as_tuple(hermitian(6))
    u, s, vh = svds(A, 2)
    left, values, right = svds(A, 2, return_singular_vectors=kind)
    torch.testing.assert_close(values, s)
    assert (right if kind == "u" else left) is None
    torch.testing.assert_close(left if kind == "u" else right, u if kind == "u" else vh)


def test_what_is_refused():
    A = as_tuple(hermitian(5))
    for call, error, said in [
        (lambda: eigsh(A, 2, M=torch.eye(5)), ArgumentError, "M: expected a torch.sparse_csr"),
        (lambda: eigsh(A, 2, M=as_tuple(hermitian(4))), ShapeError, "M: expected the shape of A"),
        (lambda: eigsh(A, 2, M=A, mode="cayley", sigma=0.1), ArgumentError, 'mode: expected "normal", with M'),
        (lambda: eigsh(A, 2, ncv=1), RefusedError, "eigsh, arguments: .* ncv"),
        (lambda: eigsh(A, 2, M=A, ncv=1), RefusedError, "eigsh, arguments: .* ncv"),
        (lambda: svds(A, 2, ncv=1), RefusedError, "svds, arguments: .* ncv"),
        (lambda: eigsh(A, 2, OPinv=A), ArgumentError, "OPinv"),
        (lambda: eigsh(A, 2, rng=0), ArgumentError, "rng"),
        (lambda: eigsh(A, 5), ArgumentError, "1 to 4"),
        (lambda: eigsh(A, 2, which="LR"), ArgumentError, "which"),
        (lambda: eigsh(A, 2, mode="buckling"), ArgumentError, "mode"),
        (lambda: eigsh(A, 2, v0=torch.ones(3)), ShapeError, "v0"),
        (lambda: svds(A, 2, solver="propack"), ArgumentError, "solver"),
        (lambda: svds(A, 2, return_singular_vectors="v"), ArgumentError, "return_singular_vectors"),
        (lambda: svds(A, 5), ArgumentError, "k"),
    ]:
        with pytest.raises(error, match=said):
            call()
