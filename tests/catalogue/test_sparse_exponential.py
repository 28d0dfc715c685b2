"""The exponential of a sparse matrix times columns."""

import mpmath
import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.func import hessian, jacfwd, jacrev

from catalogue.grid_sparse import as_tuple, normal, sparse
from scitorch.core.errors import ArgumentError, LostGradientError, MissingDerivativeError
from scitorch.sparse.linalg import expm_multiply
from scitorch.sparse.linalg.exponential import exponential_gradient


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_every_mode(dtype):
    matrix = sparse(4, dtype)
    data = torch.as_tensor(matrix.data / 2).requires_grad_()
    b = torch.as_tensor(normal(4, 2, dtype=dtype)).requires_grad_()

    def f(data, b):
        return expm_multiply((data, matrix.indices, matrix.indptr, matrix.shape), b)

    assert gradcheck(f, (data, b), check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(f, (data, b), check_fwd_over_rev=True, atol=1e-4)


def test_nested_transforms():
    matrix = sparse(3)
    b = torch.as_tensor(normal(3))

    def f(data):
        return expm_multiply((data, matrix.indices, matrix.indptr, matrix.shape), b).sum()

    data = torch.as_tensor(matrix.data) / 3
    expected = jacrev(jacrev(f))(data)
    for nest in (hessian, lambda f: jacfwd(jacfwd(f)), lambda f: jacrev(jacfwd(f))):
        torch.testing.assert_close(nest(f)(data), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("scale", [0.0, 1e-3, 1.0, 30.0, -30.0])
def test_the_gradient_at_60_digits(scale):
    """To 2e-14 of its largest value, whatever the norm: through a block of mpmath's exponential."""
    matrix = sparse(4).tocoo()
    rows, cols = matrix.coords
    data, b, g = scale * matrix.data, normal(4, 1), normal(4, 1)
    dense = np.zeros((4, 4))
    dense[rows, cols] = data
    with mpmath.workdps(60):
        block = mpmath.matrix(np.block([[dense.T, g @ b.T], [np.zeros((4, 4)), dense.T]]).tolist())
        exponential = mpmath.expm(block, method="taylor")
        expected = np.array([float(exponential[int(i), int(j) + 4]) for i, j in zip(rows, cols, strict=True)])
    tensors = [torch.as_tensor(x) for x in (data, rows.astype(float), cols.astype(float), b, g)]
    got = exponential_gradient(*tensors)
    np.testing.assert_allclose(got, expected, rtol=0, atol=2e-14 * np.abs(expected).max())


def test_where_the_matrix_annihilates():
    """A b = 0, where a chain of powers that stops at zero would lose the derivative."""
    data = torch.tensor([0.0, 1.0, 0.0, 0.0], dtype=torch.double, requires_grad=True)
    A = (data, [0, 1, 0, 1], [0, 2, 4], (2, 2))
    y = expm_multiply(A, torch.tensor([1.0, 0.0], dtype=torch.double))
    (gradient,) = torch.autograd.grad(y[0], data)
    dense = torch.tensor([[0.0, 1.0], [0.0, 0.0]], dtype=torch.double, requires_grad=True)
    (expected,) = torch.autograd.grad(torch.matrix_exp(dense)[0, 0], dense)
    torch.testing.assert_close(gradient, expected.flatten())


@pytest.mark.parametrize(
    "times",
    [
        {"start": 0, "stop": 1, "num": 5},
        {"start": 0.5, "stop": 2, "endpoint": False},
        {"start": 1, "stop": 0, "num": 3, "endpoint": False},
    ],
)
def test_several_times(times):
    matrix, b = sparse(6), normal(6, 2)
    where = np.linspace(times["start"], times["stop"], times.get("num", 50), times.get("endpoint", True))
    if times["start"] < times["stop"]:
        theirs = scipy.sparse.linalg.expm_multiply(matrix, b, **times)
    else:  # SciPy 1.17 is wrong where times fall
        theirs = np.stack([scipy.linalg.expm(t * matrix.toarray()) @ b for t in where])
    ours = expm_multiply(as_tuple(matrix), torch.as_tensor(b), **times)
    np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-11 * np.abs(theirs).max())
    data = torch.as_tensor(matrix.data).requires_grad_()
    many = expm_multiply((data, matrix.indices, matrix.indptr, matrix.shape), torch.as_tensor(b), **times)
    alone = expm_multiply((where[-1] * data, matrix.indices, matrix.indptr, matrix.shape), torch.as_tensor(b))
    got, expected = (torch.autograd.grad(y.sum(), data)[0] for y in (many[-1], alone))
    torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-10 * expected.abs().max().item())


def test_a_large_heat_equation_has_a_sparse_gradient():
    """40 000 unknowns; its gradient agrees with a difference along a direction to 1e-6."""
    n = 200
    line = scipy.sparse.diags_array([1.0, -2.0, 1.0], offsets=[-1, 0, 1], shape=(n, n))
    eye = scipy.sparse.eye_array(n)
    A = (scipy.sparse.kron(line, eye) + scipy.sparse.kron(eye, line)).tocsr()
    data, b = torch.as_tensor(A.data).requires_grad_(), torch.as_tensor(normal(n * n))
    y = expm_multiply((data, A.indices, A.indptr, A.shape), b)
    (gradient,) = torch.autograd.grad(y.square().sum(), data)
    direction = normal(A.nnz)
    values = []
    for step in (1e-5, -1e-5):
        moved = scipy.sparse.csr_array((A.data + step * direction, A.indices, A.indptr), A.shape)
        values.append(np.square(scipy.sparse.linalg.expm_multiply(moved, b.numpy())).sum())
    assert gradient.shape == data.shape
    np.testing.assert_allclose(gradient.numpy() @ direction, (values[0] - values[1]) / 2e-5, rtol=1e-6)


def test_special_cases():
    b = torch.ones(3, dtype=torch.double)
    zero = (torch.zeros(3, dtype=torch.double, requires_grad=True), [0, 1, 2], [0, 1, 2, 3], (3, 3))
    y = expm_multiply(zero, b)
    torch.testing.assert_close(y, b)
    torch.testing.assert_close(torch.autograd.grad(y.sum(), zero[0])[0], b)
    assert expm_multiply((torch.zeros(0), [], [0], (0, 0)), torch.zeros(0)).shape == (0,)
    empty = (torch.zeros(0, dtype=torch.double, requires_grad=True), [], [0, 0, 0, 0], (3, 3))
    assert torch.autograd.grad(expm_multiply(empty, b).sum(), empty[0])[0].shape == (0,)
    with_nan = (torch.tensor([1.0, torch.nan, 2.0], dtype=torch.double, requires_grad=True), *zero[1:])
    y = expm_multiply(with_nan, b)
    assert y.isnan().all()
    assert torch.autograd.grad(y.sum(), with_nan[0])[0].isnan().all()


def test_what_is_refused():
    A, b = as_tuple(sparse(3)), torch.ones(3, dtype=torch.double)
    for options, error, said in [
        ({"start": 0}, ArgumentError, "stop"),
        ({"stop": 1}, ArgumentError, "start"),
        ({"num": 3}, ArgumentError, "start"),
        ({"start": 0, "stop": 1, "num": 1}, ArgumentError, "two"),
        ({"start": 0, "stop": torch.tensor(1.0)}, LostGradientError, "data"),
    ]:
        with pytest.raises(error, match=said):
            expm_multiply(A, b, **options)
    A = torch.eye(3, dtype=torch.double).to_sparse_csr().requires_grad_()
    with pytest.raises(MissingDerivativeError, match="indptr"):
        torch.autograd.grad(expm_multiply(A, b).sum(), A, create_graph=True)
