"""Layers over `scitorch.sparse`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import Module, Parameter

from scitorch.core.errors import ArgumentError
from scitorch.sparse.linalg import spsolve
from scitorch.sparse.linalg.matrix import read_square


class SparseSolve(Module):
    """Solutions of sparse linear systems whose matrix has a fixed pattern and learned values.

    Parameters
    ----------
    A : sparse tensor of shape (n, n), or tuple (data, indices, indptr, (n, n))
        The matrix that is begun with, as in `scitorch.sparse.linalg.spsolve`: what it stores, zeros included, is
        learned, and nothing else.
    permc_spec : {None, "NATURAL", "MMD_ATA", "MMD_AT_PLUS_A", "COLAMD"}, optional
        Order of the columns that keeps the factors sparse; "COLAMD" by default.
    device : torch.device, optional
        Where the parameter is made; by default that of A.
    dtype : torch.dtype, optional
        Of the parameter; by default that of A.

    Attributes
    ----------
    data : Parameter of shape (nnz,)
        The stored values, by rows.
    indices : Tensor of shape (nnz,)
        Their columns.
    indptr : Tensor of shape (n + 1,)
        Where each row begins among them.

    Raises
    ------
    ArgumentError, ShapeError
        If A is no sparse, square matrix, or not a single one.
    SolverError
        On a call, if the matrix is singular.

    See Also
    --------
    scitorch.sparse.linalg.spsolve : The function, with its derivatives.

    Notes
    -----
    The input has shape ``(..., n)``, right-hand sides of systems with one matrix, which is factorised once for all of
    them and for the backward pass. The output has the same shape. Nothing keeps the matrix from becoming singular:
    where that threatens, learn what the values are made of, and use `spsolve` of these. Differentiable to any order.

    References
    ----------
    `scipy.sparse.linalg.spsolve`.

    Examples
    --------
    >>> import torch
    >>> layer = SparseSolve(torch.tensor([[2.0, 0.0], [1.0, 4.0]]).to_sparse_csr())
    >>> layer(torch.tensor([2.0, 9.0])).detach()
    tensor([1., 2.])
    >>> layer.data.shape
    torch.Size([3])
    """

    indices: Tensor
    indptr: Tensor

    def __init__(
        self,
        A: Any,
        permc_spec: str | None = None,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        matrix = read_square("SparseSolve", A)
        if matrix.data.dim() != 1:
            got = f"a batch of shape {tuple(matrix.data.shape[:-1])}"
            raise ArgumentError("SparseSolve", "A", "one matrix", got, "a layer for each")
        n = self.size = matrix.shape[0]
        order = torch.argsort(matrix.rows, stable=True)
        counts = torch.bincount(matrix.rows, minlength=n)
        indptr = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        self.permc_spec = permc_spec
        self._first = matrix.data.detach()[order].clone()
        self.data = Parameter(torch.empty_like(self._first, device=device, dtype=dtype))
        self.register_buffer("indices", matrix.cols[order].to(self.data.device))
        self.register_buffer("indptr", indptr.to(self.data.device))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Begin with the first matrix again."""
        with torch.no_grad():
            self.data.copy_(self._first)

    def forward(self, input: Tensor) -> Tensor:
        """Solve for each right-hand side."""
        columns = input.reshape(-1, self.size).mT
        A = (self.data, self.indices, self.indptr, (self.size, self.size))
        return spsolve(A, columns, self.permc_spec).mT.reshape(input.shape)

    def extra_repr(self) -> str:
        """Size and number of stored values."""
        return f"size={self.size}, nnz={len(self.data)}"
