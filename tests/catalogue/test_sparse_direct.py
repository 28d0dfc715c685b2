"""Sparse LU: values, derivatives, the factorisation's reuse, memory, and what is refused."""

import gc
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.func import grad, hessian, jacfwd, jacrev, vmap

from catalogue.grid_sparse import as_tuple, normal, sparse
from scitorch.core.errors import ArgumentError, MissingDerivativeError, ShapeError, SolverError
from scitorch.core.kept import Kept
from scitorch.sparse.linalg import factorization, factorized, splu, spsolve

LAYOUTS = ["to_sparse_csr", "to_sparse_csc", "to_sparse_coo"]


@pytest.fixture
def counted(monkeypatch):
    """How often SuperLU has factorised."""
    calls = []
    superlu = scipy.sparse.linalg.splu
    monkeypatch.setattr(scipy.sparse.linalg, "splu", lambda *a, **k: calls.append(k) or superlu(*a, **k))
    return calls


def dense_of(data, matrix):
    rows = torch.arange(matrix.shape[0]).repeat_interleave(torch.as_tensor(np.diff(matrix.indptr)))
    return torch.zeros(matrix.shape, dtype=data.dtype).index_put((rows, torch.as_tensor(matrix.indices)), data)


def test_derivatives_are_those_of_a_dense_solve():
    """To second order, in data and right-hand sides, to 1e-10; torch.linalg.solve is right in reverse mode."""
    matrix = sparse(6)
    data, b = torch.as_tensor(matrix.data), torch.as_tensor(normal(6, 2))

    def ours(data, b):
        return spsolve((data, matrix.indices, matrix.indptr, matrix.shape), b).abs().pow(3).sum()

    def dense(data, b):
        return torch.linalg.solve(dense_of(data, matrix), b).abs().pow(3).sum()

    for transform in (grad, lambda f, argnums: jacrev(grad(f, argnums), argnums)):
        got, expected = (transform(f, argnums=(0, 1))(data, b) for f in (ours, dense))
        torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("trans", ["N", "T", "H"])
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_every_mode_of_a_factorisations_solve(trans, dtype):
    matrix = sparse(4, dtype)
    data, b = torch.as_tensor(matrix.data).requires_grad_(), torch.as_tensor(normal(4, 2, dtype=dtype)).requires_grad_()

    def solve(data, b):
        return splu((data, matrix.indices, matrix.indptr, matrix.shape)).solve(b, trans)

    theirs = scipy.sparse.linalg.splu(matrix.tocsc()).solve(b.detach().numpy(), trans)
    np.testing.assert_allclose(solve(data, b).detach(), theirs, rtol=1e-12)
    assert gradcheck(solve, (data, b), check_forward_ad=True, check_batched_grad=True, check_batched_forward_grad=True)
    assert gradgradcheck(solve, (data, b), check_fwd_over_rev=True, check_rev_over_rev=True)


def test_nested_transforms():
    matrix = sparse(4)
    data, b = as_tuple(matrix)[0], torch.as_tensor(normal(4))

    def f(data):
        return spsolve((data, matrix.indices, matrix.indptr, matrix.shape), b).pow(3).sum()

    expected = jacrev(jacrev(f))(data)
    for nest in (hessian, lambda f: jacfwd(jacfwd(f)), lambda f: jacrev(jacfwd(f))):
        torch.testing.assert_close(nest(f)(data), expected, rtol=1e-10, atol=1e-10)


def test_compiled():
    matrix = sparse(5)
    data, indices, indptr, shape = as_tuple(matrix)
    indices, indptr = torch.as_tensor(indices), torch.as_tensor(indptr)
    b = torch.as_tensor(normal(5, 2))

    def f(data, b):
        return spsolve((data, indices, indptr, shape), b).square().sum()

    torch.compiler.reset()
    compiled = torch.compile(f, fullgraph=True, backend="aot_eager")
    inputs = data.requires_grad_(), b.requires_grad_()
    torch.testing.assert_close(torch.autograd.grad(compiled(*inputs), inputs), torch.autograd.grad(f(*inputs), inputs))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_sparse_tensor_has_first_derivatives(layout):
    matrix = sparse(5)
    dense, b = torch.as_tensor(matrix.toarray()), torch.as_tensor(normal(5))
    A = getattr(dense, layout)()
    weights = torch.linspace(1, 2, A.values().numel() if layout != "to_sparse_coo" else A._nnz(), dtype=torch.double)
    expected = torch.autograd.functional.jacobian(lambda d: torch.linalg.solve(d, b).sum(), dense)
    if layout == "to_sparse_csc":  # PyTorch itself accumulates no gradient of a leaf in this layout
        values = A.values().clone().requires_grad_()
        A = torch.sparse_csc_tensor(A.ccol_indices(), A.row_indices(), values, A.shape, check_invariants=True)
        (gradient,) = torch.autograd.grad(spsolve(A, b).sum(), values)
        stored = A.detach().to_dense().T.nonzero()
        torch.testing.assert_close(gradient, expected.T[tuple(stored.T)])
    else:
        (gradient,) = torch.autograd.grad(spsolve(A.requires_grad_(), b).sum(), A)
        assert gradient.layout == A.layout
        torch.testing.assert_close(gradient.to_dense(), torch.where(dense != 0, expected, 0))
    assert weights.numel() == matrix.nnz


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_has_scipys_values(layout):
    matrix, b = sparse(9), normal(9, 2)
    A = getattr(torch.as_tensor(matrix.toarray()), layout)()
    np.testing.assert_allclose(spsolve(A, torch.as_tensor(b)), scipy.sparse.linalg.spsolve(matrix, b), rtol=1e-12)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_sparse_tensor_refuses_second_derivatives(layout):
    b = torch.ones(3, dtype=torch.double, requires_grad=True)
    A = getattr(3 * torch.eye(3, dtype=torch.double), layout)().requires_grad_()
    with pytest.raises(MissingDerivativeError, match=r"\(data, indices, indptr, shape\)"):
        torch.autograd.grad(spsolve(A, b).sum(), [A, b], create_graph=True)


def test_batches_are_problems_of_their_own_with_one_pattern(counted):
    matrix = sparse(7)
    data = torch.as_tensor(matrix.data * RNG.uniform(0.9, 1.1, size=(3, 1, matrix.nnz))).requires_grad_()
    b = torch.as_tensor(RNG.normal(size=(2, 7, 1))).requires_grad_()
    x = spsolve((data, matrix.indices, matrix.indptr, matrix.shape), b)
    assert x.shape == (3, 2, 7, 1)
    assert len(counted) == 3  # one for each matrix
    assert [k["permc_spec"] for k in counted] == [None, "NATURAL", "NATURAL"]  # the columns' order is found once
    x.square().sum().backward()
    assert len(counted) == 3  # the backward pass has none of its own
    for k in range(3):
        for j in range(2):
            alone = scipy.sparse.linalg.spsolve(
                scipy.sparse.csr_array((data[k, 0].detach().numpy(), matrix.indices, matrix.indptr), matrix.shape),
                b[j].detach().numpy(),
            )
            np.testing.assert_allclose(x[k, j, :, 0].detach(), alone, rtol=1e-12)


RNG = np.random.default_rng(42)


def test_a_batch_of_vectors_is_read_as_torchs_solve_reads_it():
    matrix = sparse(4)
    data = torch.as_tensor(matrix.data).expand(4, -1)
    b = torch.as_tensor(normal(4, 4))
    with_batch = spsolve((data, matrix.indices, matrix.indptr, matrix.shape), b)
    without = spsolve((data[0], matrix.indices, matrix.indptr, matrix.shape), b)
    torch.testing.assert_close(with_batch, without.new_tensor(np.linalg.solve(matrix.toarray(), b.numpy().T).T))
    torch.testing.assert_close(without, without.new_tensor(np.linalg.solve(matrix.toarray(), b.numpy())))


def test_vmap_over_values_and_sides():
    matrix = sparse(5)
    data, b = torch.as_tensor(matrix.data * RNG.uniform(0.9, 1.1, (3, 1))), torch.as_tensor(normal(3, 5))

    def solve(data, b):
        return spsolve((data, matrix.indices, matrix.indptr, matrix.shape), b)

    expected = torch.stack([solve(d, y) for d, y in zip(data, b, strict=True)])
    torch.testing.assert_close(vmap(solve)(data, b), expected)


def test_one_factorisation_for_all_derivatives(counted):
    matrix = sparse(8)
    data, b = torch.as_tensor(matrix.data + 0.125).requires_grad_(), torch.as_tensor(normal(8)).requires_grad_()

    def f(data, b):
        return spsolve((data, matrix.indices, matrix.indptr, matrix.shape), b).square().sum()

    hessian(f, argnums=(0, 1))(data.detach(), b.detach())
    assert len(counted) == 1


def test_what_holds_a_factorisation_keeps_it(counted, monkeypatch):
    monkeypatch.setattr(factorization, "_kept", Kept(0))
    matrices = [sparse(6) for _ in range(3)]
    held = [splu(as_tuple(m)) for m in matrices]
    b = torch.as_tensor(normal(6))
    for lu, matrix in zip(held, matrices, strict=True):
        np.testing.assert_allclose(lu.solve(b), scipy.sparse.linalg.spsolve(matrix, b.numpy()), rtol=1e-12)
    counted_before = len(counted)
    for lu in held:
        lu.solve(b, "T")
    assert len(counted) == counted_before
    del held, lu
    gc.collect()
    assert len(factorization._kept) == 1


def test_values_that_change_in_place_are_factorised_again():
    matrix = sparse(5)
    data, b = torch.as_tensor(matrix.data.copy()), torch.as_tensor(normal(5))
    A = (data, matrix.indices, matrix.indptr, matrix.shape)
    before = spsolve(A, b)
    data.mul_(2)
    torch.testing.assert_close(spsolve(A, b), before / 2)


@pytest.mark.parametrize("permc_spec", [None, "NATURAL", "MMD_ATA", "MMD_AT_PLUS_A"])
def test_permutations_are_scipys_from_the_first_time_and_from_memory(permc_spec):
    matrix = sparse(30, density=0.05)
    for scale in (1.0, 1.5):
        theirs = scipy.sparse.linalg.splu((scale * matrix).tocsc(), permc_spec)
        ours = splu(as_tuple(scale * matrix), permc_spec)
        np.testing.assert_array_equal(ours.perm_c, theirs.perm_c)
        np.testing.assert_array_equal(ours.perm_r, theirs.perm_r)
        assert (ours.nnz, ours.shape) == (theirs.nnz, theirs.shape)


def test_settings_of_superlu():
    matrix, b = sparse(9), normal(9)
    settings = {"diag_pivot_thresh": 0.1, "relax": 2, "panel_size": 4, "options": {"SymmetricMode": True}}
    theirs = scipy.sparse.linalg.splu(matrix.tocsc(), "MMD_AT_PLUS_A", **settings)
    ours = splu(as_tuple(matrix), "MMD_AT_PLUS_A", **settings)
    np.testing.assert_array_equal(ours.perm_r, theirs.perm_r)
    np.testing.assert_array_equal(ours.solve(torch.as_tensor(b)), theirs.solve(b))


def test_float32_is_solved_in_float64():
    matrix = scipy.sparse.diags_array([1e-6, 1.0, 1e6]).tocsr() + scipy.sparse.diags_array([1.0, 1.0], offsets=1)
    data, indices, indptr, shape = as_tuple(matrix.tocsr())
    x = spsolve((data.float(), indices, indptr, shape), torch.ones(3))
    assert x.dtype == torch.float32
    wide = spsolve((data.float().double(), indices, indptr, shape), torch.ones(3, dtype=torch.double))
    torch.testing.assert_close(x, wide.float(), rtol=0, atol=0)


def test_values_at_one_place_add_up():
    data = torch.tensor([1.0, 1.5, 4.0], dtype=torch.double, requires_grad=True)
    x = spsolve((data, [0, 0, 1], [0, 2, 3], (2, 2)), torch.tensor([5.0, 8.0], dtype=torch.double))
    torch.testing.assert_close(x, torch.tensor([2.0, 2.0], dtype=torch.double))
    x[0].backward()
    torch.testing.assert_close(data.grad, torch.tensor([-0.8, -0.8, 0], dtype=torch.double))


SINGULAR = ([0, 1, 0, 1], [0, 2, 4], (2, 2))


def test_a_singular_matrix():
    data, b = torch.ones(4, dtype=torch.double, requires_grad=True), torch.ones(2, dtype=torch.double)
    for call in (
        lambda: spsolve((data, *SINGULAR), b),
        lambda: splu((data, *SINGULAR)),
        lambda: factorized((data, *SINGULAR)),
    ):
        with pytest.raises(SolverError, match="singular"):
            call()
    x = spsolve((data, *SINGULAR), b, check=False)
    assert x.isnan().all()
    assert torch.autograd.grad(x.sum(), data)[0].isnan().all()


def test_only_the_singular_ones_of_a_batch_are_nan():
    data = torch.tensor([[1.0, 1, 1, 1], [2, 1, 1, 2]], dtype=torch.double, requires_grad=True)
    x = spsolve((data, *SINGULAR), torch.ones(2, 2, dtype=torch.double), check=False)
    assert x.isnan().all(-1).tolist() == [True, False]
    assert torch.autograd.grad(x.sum(), data)[0].isnan().all(-1).tolist() == [True, False]
    with pytest.raises(SolverError, match=r"item \(0,\)"):
        spsolve((data, *SINGULAR), torch.ones(2, 2, dtype=torch.double))


def test_no_unknowns():
    data = torch.zeros(0, dtype=torch.double, requires_grad=True)
    for b in (torch.zeros(0, dtype=torch.double), torch.zeros(0, 2, dtype=torch.double)):
        x = spsolve((data, [], [0], (0, 0)), b)
        assert x.shape == b.shape
        assert torch.autograd.grad(x.sum(), data)[0].shape == (0,)


def test_what_is_refused():
    b = torch.ones(2)
    good = (torch.ones(2), [0, 1], [0, 1, 2], (2, 2))
    refused = [
        (torch.eye(2), b, ArgumentError, "to_sparse_csr"),
        (scipy.sparse.eye_array(2).tocsr(), b, ArgumentError, "tocsr"),
        ((torch.ones(2), [0, 1], [0, 1, 2], (2, 3)), b, ShapeError, "square"),
        ((torch.ones(2), [0, 5], [0, 1, 2], (2, 2)), b, ArgumentError, "indices from 0 to 1"),
        ((torch.ones(2), [0, 1], [0, 1, 1], (2, 2)), b, ArgumentError, "indptr"),
        ((torch.ones(2), [0, 1], [0, 2], (2, 2)), b, ShapeError, "indptr"),
        ((np.ones(2), [0, 1], [0, 1, 2], (2, 2)), b, ArgumentError, "tensor of data"),
        (good, torch.ones(3), ShapeError, "b: expected"),
        (good, np.ones(2), ArgumentError, "as_tensor"),
        (good, torch.eye(2).to_sparse_csr(), ArgumentError, "to_dense"),
    ]
    for A, right, error, said in refused:
        with pytest.raises(error, match=said):
            spsolve(A, right)
    with pytest.raises(ArgumentError, match="SymmetricMode"):
        splu(good, options={"Equil": True})
    with pytest.raises(ArgumentError, match="'N', 'T' or 'H'"):
        splu(good).solve(b, "C")
    with pytest.raises(ArgumentError, match="L: expected one factorisation"):
        splu((torch.ones(3, 2), *good[1:])).L  # noqa: B018  the access is what is tested


@pytest.mark.parametrize("settings", [{}, {"permc_spec": "NATURAL"}, {"options": {"SymmetricMode": True}}])
def test_the_factors(settings):
    """Pr A Pc = L U, for the first factorisation of a pattern and for those that find its columns in order."""
    matrix = sparse(8)
    for scale in (1.0, 2.0):
        data = (torch.as_tensor(matrix.data) * scale).requires_grad_()
        A = (data, matrix.indices, matrix.indptr, matrix.shape)
        with pytest.raises(MissingDerivativeError, match="splu, U: expected a matrix without a derivative"):
            splu(A, **settings).U  # noqa: B018  the access is what is tested
        lu = splu((data.detach(), *A[1:]), **settings)
        with torch.no_grad():
            assert torch.equal(splu(A, **settings).L.to_dense(), lu.L.to_dense())
        L, U = lu.L.to_dense(), lu.U.to_dense()
        assert torch.equal(L, L.tril())
        assert torch.equal(U, U.triu())
        expected = torch.zeros(8, 8, dtype=torch.double)
        expected[lu.perm_r[:, None], lu.perm_c[None]] = torch.as_tensor(matrix.toarray()) * scale
        torch.testing.assert_close(L @ U, expected)
        assert lu.L.layout is torch.sparse_csc


def test_a_large_system_is_never_dense():
    """1e5 unknowns and 5e5 values: values and gradients of them in less than 1 GB, all of Python and torch included."""
    script = """
        import resource, numpy as np, torch
        from scitorch.sparse.linalg import spsolve
        n = 316
        i = np.arange(n * n).reshape(n, n)
        pairs = [(i, i), (i[1:], i[:-1]), (i[:-1], i[1:]), (i[:, 1:], i[:, :-1]), (i[:, :-1], i[:, 1:])]
        rows, cols = (np.concatenate([pair[k].ravel() for pair in pairs]) for k in (0, 1))
        order = np.lexsort((cols, rows))
        rows, cols = rows[order], cols[order]
        indptr = np.concatenate([[0], np.cumsum(np.bincount(rows))])
        data = torch.where(torch.as_tensor(rows == cols), 4.01, -1.0).double().requires_grad_()
        b = torch.ones(n * n, dtype=torch.double, requires_grad=True)
        spsolve((data, cols, indptr, (n * n, n * n)), b).square().sum().backward()
        assert data.grad.shape == data.shape and bool(data.grad.isfinite().all())
        print(len(data), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    """
    said = subprocess.check_output([sys.executable, "-c", textwrap.dedent(script)], text=True)  # noqa: S603  ours
    stored, kilobytes = map(int, said.split())
    assert stored > 497_000
    assert kilobytes < 1_000_000
