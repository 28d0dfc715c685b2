"""Sparse matrices as users have them, read into stored values with their rows and columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from scitorch.core.errors import ArgumentError, MissingDerivativeError, ShapeError

_TUPLE = "(data, indices, indptr, shape)"
_FORMS = f"a torch.sparse_csr, sparse_csc or sparse_coo tensor, or {_TUPLE}"
_COMPRESSED = {
    torch.sparse_csr: ("crow_indices", "col_indices"),
    torch.sparse_csc: ("ccol_indices", "row_indices"),
}
_WIDE = {
    torch.float16: torch.float64,
    torch.bfloat16: torch.float64,
    torch.float32: torch.float64,
    torch.float64: torch.float64,
    torch.complex32: torch.complex128,
    torch.complex64: torch.complex128,
    torch.complex128: torch.complex128,
}


@dataclass(frozen=True, slots=True)
class Matrix:
    """Stored values of a sparse matrix; those that share a place add up.

    Attributes
    ----------
    data : Tensor of shape (..., nnz)
        Leading dimensions: a batch of matrices of one pattern.
    rows, cols : Tensor of int64 of shape (nnz,)
    shape : tuple of int
        Of one matrix.
    """

    data: Tensor
    rows: Tensor
    cols: Tensor
    shape: tuple[int, int]

    @property
    def H(self) -> Matrix:
        """The conjugate transpose."""
        return Matrix(self.data.conj(), self.cols, self.rows, (self.shape[1], self.shape[0]))

    def to(self, dtype: torch.dtype) -> Matrix:
        """The same with stored values of this dtype."""
        return replace(self, data=self.data.to(dtype))


def read_matrix(owner: str, matrix: Any, argument: str = "A") -> Matrix:
    """The matrix that a user passed, or an error."""
    if isinstance(matrix, Tensor):
        return _of_tensor(owner, argument, matrix)
    if isinstance(matrix, (tuple, list)) and len(matrix) == 4:
        return _of_tuple(owner, argument, *matrix)
    advice = "(torch.as_tensor(A.data), A.indices, A.indptr, A.shape) of A.tocsr()"
    raise ArgumentError(owner, argument, _FORMS, type(matrix).__name__, advice)


def read_square(owner: str, matrix: Any, argument: str = "A") -> Matrix:
    """The square matrix that a user passed, or an error."""
    read = read_matrix(owner, matrix, argument)
    if read.shape[0] != read.shape[1]:
        raise ShapeError(owner, argument, "a square matrix", f"shape {read.shape}", "scitorch.optimize.least_squares")
    return read


def columns_of(owner: str, matrix: Matrix, b: Any, argument: str = "b") -> tuple[Tensor, bool]:
    """The right-hand sides as columns (..., n, k), and whether they were given without columns."""
    if not isinstance(b, Tensor) or b.layout is not torch.strided:
        got = f"layout {b.layout}" if isinstance(b, Tensor) else type(b).__name__
        raise ArgumentError(owner, argument, "a dense tensor", got, f"torch.as_tensor({argument}), or to_dense()")
    n = matrix.shape[0]
    flat = b.dim() == 1 or (matrix.data.dim() > 1 and b.shape == (*matrix.data.shape[:-1], n))
    columns = b[..., None] if flat else b
    if columns.dim() < 2 or columns.shape[-2] != n:
        raise ShapeError(owner, argument, f"shape ({n},) or (..., {n}, k)", f"{tuple(b.shape)}")
    return columns, flat


def widened(*tensors: Tensor) -> tuple[torch.dtype, torch.dtype]:
    """The dtype in which a solver works on these, and the one in which its results come back."""
    common = tensors[0].dtype
    for tensor in tensors[1:]:
        common = torch.promote_types(common, tensor.dtype)
    if common not in _WIDE:
        common = torch.get_default_dtype()
    return _WIDE[common], common


def rows_of(indptr: Tensor, nnz: int) -> Tensor:
    """The row of each stored value of a matrix in the CSR format."""
    counts = indptr[1:] - indptr[:-1]
    return torch.repeat_interleave(torch.arange(len(counts), device=indptr.device), counts, output_size=nnz)


def _of_tuple(owner: str, argument: str, data: Any, indices: Any, indptr: Any, shape: Any) -> Matrix:
    if not isinstance(data, Tensor):
        raise ArgumentError(owner, argument, f"{_TUPLE} with a tensor of data", type(data).__name__, "torch.as_tensor")
    device = data.device
    indices = torch.as_tensor(indices, device=device).long()
    indptr = torch.as_tensor(indptr, device=device).long()
    m, n = map(int, shape)
    nnz = data.shape[-1] if data.dim() else -1
    if tuple(indices.shape) != (nnz,) or tuple(indptr.shape) != (m + 1,):
        got = f"data {tuple(data.shape)}, indices {tuple(indices.shape)}, indptr {tuple(indptr.shape)}, shape {(m, n)}"
        raise ShapeError(owner, argument, "data (..., nnz), indices (nnz,), indptr (m + 1,), shape (m, n)", got)
    try:
        rows = rows_of(indptr, nnz)
    except RuntimeError as error:
        raise ArgumentError(owner, argument, "an indptr that rises from 0 to nnz", str(error)) from error
    return Matrix(data, rows, indices, (m, n))


def _of_tensor(owner: str, argument: str, matrix: Tensor) -> Matrix:
    if matrix.layout is torch.strided:
        raise ArgumentError(owner, argument, _FORMS, "a dense tensor", "A.to_sparse_csr()")
    if matrix.layout is not torch.sparse_coo and matrix.layout not in _COMPRESSED:
        raise ArgumentError(owner, argument, _FORMS, f"layout {matrix.layout}", "A.to_sparse_csr()")
    if matrix.dim() != 2 or matrix.dense_dim():
        got = f"shape {tuple(matrix.shape)} with {matrix.dense_dim()} dense dimensions"
        raise ShapeError(owner, argument, "a sparse tensor of one matrix", got, f"{_TUPLE} with data of a batch")
    m, n = matrix.shape
    if matrix.layout is torch.sparse_coo:
        matrix = matrix.coalesce()
        rows, cols = matrix.indices()
        return Matrix(_first_order(owner, matrix.values()), rows, cols, (m, n))
    names = _COMPRESSED[matrix.layout]
    outer, inner = (getattr(matrix, name)().long() for name in names)
    along = rows_of(outer, len(inner))
    rows, cols = (along, inner) if matrix.layout is torch.sparse_csr else (inner, along)
    return Matrix(_first_order(owner, matrix.values()), rows, cols, (m, n))


def _first_order(owner: str, values: Tensor) -> Tensor:
    """The values, which refuse to be differentiated twice.

    PyTorch's sparse constructors break the graph of a gradient: what goes through the matrix a second time would be
    missing, or zero, without an error.
    """
    return _FirstOrder.apply(values, owner) if values.requires_grad else values


class _FirstOrder(torch.autograd.Function):
    @staticmethod
    def forward(values: Tensor, owner: str) -> Tensor:
        return values.view_as(values)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.owner = inputs[1]

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        if torch.is_grad_enabled():
            got = "one with create_graph=True, or by torch.func"
            advice = f"the matrix as {_TUPLE}, which has derivatives of all orders and modes"
            raise MissingDerivativeError(ctx.owner, "A", "one plain backward pass through a sparse tensor", got, advice)
        return grads[0], None
