"""Sparse systems solved by an LU factorisation, which the backward pass and later calls use again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, modes, operator, zero
from scitorch.core.border import fetch
from scitorch.core.errors import ArgumentError, MissingDerivativeError, SolverError
from scitorch.sparse.linalg.factorization import Factorization, Settings
from scitorch.sparse.linalg.factorization import factorized as factorization_of
from scitorch.sparse.linalg.gather import outer_on_pattern
from scitorch.sparse.linalg.matrix import Matrix, columns_of, read_square, widened
from scitorch.sparse.linalg.pattern import pattern_of

Array = NDArray[Any]
ORDERINGS = (None, "NATURAL", "MMD_ATA", "MMD_AT_PLUS_A", "COLAMD")


@operator("(nnz),(nnz),(nnz),(n,k)->(n,k)", real=("rows", "cols"))
def lu_solve(
    data: Array,
    rows: Array,
    cols: Array,
    b: Array,
    *,
    trans: str = "N",
    permc_spec: str | None = None,
    diag_pivot_thresh: float | None = None,
    relax: int | None = None,
    panel_size: int | None = None,
    symmetric: bool = False,
    check: bool = True,
    lazy: bool = False,
    owner: str = "spsolve",
) -> Array:
    """The operator below `spsolve` and `splu`: solution of ``A X = B``, of ``Aᵀ X = B`` or of ``Aᴴ X = B``.

    If `lazy`, a right-hand side of zeros has the solution zero, whatever the matrix.
    """
    n = len(b)
    if not b.size or (lazy and not b.any()):
        return np.zeros_like(b)
    settings = Settings(permc_spec, diag_pivot_thresh, relax, panel_size, symmetric)
    try:
        return factorization_of(owner, pattern_of(owner, rows, cols, (n, n)), data, settings).solve(b, trans)
    except (SolverError, ArgumentError):  # singular, or places outside of the matrix
        if check:
            raise
        return np.full_like(b, np.nan)


# The operator that the rule applies to g: Aᴴ has no name of its own where the system is Aᵀ's.
_ADJOINT = {"N": "H", "H": "N", "T": "N"}


def _adjoint_solution(g: Tensor, data: Tensor, rows: Tensor, cols: Tensor, trans: str, static: Any) -> Tensor:
    """Solution of the system's conjugate transpose, by the same factorisation."""
    if trans == "T":
        return lu_solve(data, rows, cols, g.conj(), trans="N", **static).conj()
    return lu_solve(data, rows, cols, g, trans=_ADJOINT[trans], **static)


@lu_solve.vjp("data", "b")
def _lu_solve_vjp(
    g: Tensor,
    out: Tensor,
    data: Tensor,
    rows: Tensor,
    cols: Tensor,
    trans: str,
    permc_spec: str | None,
    diag_pivot_thresh: float | None,
    relax: int | None,
    panel_size: int | None,
    symmetric: bool,
    check: bool,
    lazy: bool,
    owner: str,
) -> dict[str, Any]:
    static = {
        "permc_spec": permc_spec,
        "diag_pivot_thresh": diag_pivot_thresh,
        "relax": relax,
        "panel_size": panel_size,
        "symmetric": symmetric,
        "check": check,
        "lazy": lazy,
        "owner": owner,
    }
    w = _adjoint_solution(g, data, rows, cols, trans, static)
    if trans == "N":
        gradient = -outer_on_pattern(w, out, rows, cols)
    elif trans == "T":
        gradient = -outer_on_pattern(w, out, cols, rows)
    else:
        gradient = -outer_on_pattern(w, out, cols, rows).conj()
    return {"data": gradient, "b": w}


lu_solve.vjp(rows=zero, cols=zero)


def _check_ordering(owner: str, permc_spec: Any) -> None:
    if permc_spec not in ORDERINGS:
        expected = ", ".join(map(repr, ORDERINGS))
        raise ArgumentError(owner, "permc_spec", f"one of {expected}", repr(permc_spec), '"COLAMD"')


def _solve(owner: str, matrix: Matrix, b: Any, **static: Any) -> Tensor:
    """The solution in b's shape and the promoted dtype; the work is done in double precision."""
    columns, flat = columns_of(owner, matrix, b)
    working, common = widened(matrix.data, b)
    x = lu_solve(matrix.data.to(working), matrix.rows, matrix.cols, columns.to(working), owner=owner, **static)
    x = x.to(common)
    return x[..., 0] if flat else x


def spsolve(
    A: Any, b: Tensor, permc_spec: str | None = None, use_umfpack: bool = True, *, check: bool = True
) -> Tensor:
    """Solution of the sparse linear system ``A x = b``.

    Parameters
    ----------
    A : sparse tensor of shape (n, n), or tuple (data, indices, indptr, (n, n))
        A `torch.sparse_csr`, `sparse_csc` or `sparse_coo` tensor; or a matrix in the CSR format as a tuple, whose data
        has shape (..., nnz): leading dimensions are a batch of matrices of one pattern.
    b : Tensor of shape (n,), (..., n) or (..., n, k)
        One right-hand side or several in columns. A tensor of two and more dimensions is read as right-hand sides
        without columns if its shape is that of the data with n in the place of nnz, as in `torch.linalg.solve`.
    permc_spec : {None, "NATURAL", "MMD_ATA", "MMD_AT_PLUS_A", "COLAMD"}, optional
        Order of the columns that keeps the factors sparse; "COLAMD" by default.
    use_umfpack : bool, optional
        No value depends on it: SciPy takes UMFPACK where scikit-umfpack is installed, here SuperLU is always taken.
    check : bool, optional
        Whether a singular matrix, or an index outside of it, raises. Otherwise the solution is NaN, and so are its
        derivatives.

    Returns
    -------
    Tensor of b's shape
        In the promoted dtype; float32 is solved in float64. SciPy drops the last dimension of a b of shape (n, 1).

    Raises
    ------
    SolverError
        If A is singular to the last digit.
    ShapeError, ArgumentError
        If A is not square, b does not fit, or either is of another kind.
    MissingDerivativeError
        For a second derivative through a sparse tensor; PyTorch itself raises for a forward one.

    Notes
    -----
    With ``w`` the solution of ``Aᴴ w = g``: b gets ``w``, and the stored value at (i, j) gets ``-w_i conj(x_j)``; no
    other place has a gradient. The forward's factorisation solves for w as well. Differentiable to any order and in
    every mode in the tuple's data and in b; once and in reverse mode in a sparse tensor, whose constructors in PyTorch
    know no more. A system without unknowns has a solution without elements.

    References
    ----------
    `scipy.sparse.linalg.spsolve`; X. S. Li, ACM Trans. Math. Softw. 31 (2005), 302-325 (SuperLU).

    Examples
    --------
    >>> import torch
    >>> data = torch.tensor([2.0, 1.0, 4.0], requires_grad=True)
    >>> x = spsolve((data, [0, 0, 1], [0, 1, 3], (2, 2)), torch.tensor([2.0, 9.0]))
    >>> x.detach()
    tensor([1., 2.])
    >>> x.sum().backward()
    >>> data.grad
    tensor([-0.3750, -0.2500, -0.5000])
    """
    _check_ordering("spsolve", permc_spec)
    if not isinstance(use_umfpack, bool):
        raise ArgumentError("spsolve", "use_umfpack", "True or False", repr(use_umfpack))
    return _solve("spsolve", read_square("spsolve", A), b, permc_spec=permc_spec, check=check)


@dataclass(frozen=True, eq=False)
class SparseLU:
    """A sparse LU factorisation; made by `splu`.

    Attributes
    ----------
    shape : tuple of int
        Of the matrix.
    """

    matrix: Matrix = field(repr=False)
    settings: Settings = field(repr=False)
    owner: str = "splu"
    _held: Factorization | None = field(default=None, repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the matrix."""
        return self.matrix.shape

    @property
    def nnz(self) -> int:
        """Stored values of both factors."""
        return self._values("nnz").nnz

    @property
    def perm_r(self) -> Tensor:
        """The rows' permutation: row i of the matrix is row ``perm_r[i]`` of ``L U``."""
        return torch.as_tensor(self._values("perm_r").perm_r, dtype=torch.int64)

    @property
    def perm_c(self) -> Tensor:
        """The columns' permutation: column i of the matrix is column ``perm_c[i]`` of ``L U``."""
        return torch.as_tensor(self._values("perm_c").perm_c, dtype=torch.int64)

    @property
    def L(self) -> Tensor:
        """The lower factor, a sparse CSC tensor without a derivative."""
        return self._factor("L", 0)

    @property
    def U(self) -> Tensor:
        """The upper factor, a sparse CSC tensor without a derivative."""
        return self._factor("U", 1)

    def _factor(self, name: str, index: int) -> Tensor:
        data = self.matrix.data
        if torch.is_grad_enabled() and modes.carries_derivative(data):
            expected = "a matrix without a derivative, since the factors have none"
            raise MissingDerivativeError(self.owner, name, expected, "one with it", "splu of detached values, or solve")
        factor = self._values(name).factors[index]
        parts = map(torch.tensor, (factor.indptr, factor.indices, factor.data))
        make: Any = torch.sparse_csc_tensor  # its stub knows no starred arguments
        return make(*parts, self.shape, dtype=widened(data)[1], device=data.device, check_invariants=True)

    def solve(self, rhs: Tensor, trans: str = "N") -> Tensor:
        """Solution of a system with the matrix, differentiable in its stored values and in `rhs`.

        Parameters
        ----------
        rhs : Tensor of shape (n,), (..., n) or (..., n, k)
            As in `spsolve`.
        trans : {"N", "T", "H"}, optional
            Whether the system's matrix is A, its transpose or its conjugate transpose.

        Returns
        -------
        Tensor of rhs's shape

        Raises
        ------
        ArgumentError
            For another `trans`.
        """
        if trans not in ("N", "T", "H"):
            raise ArgumentError(self.owner, "trans", "'N', 'T' or 'H'", repr(trans))
        return _solve(self.owner, self.matrix, rhs, trans=trans, **self.settings._asdict())

    def _values(self, name: str) -> Factorization:
        if self._held is None:
            got = "a batch of matrices, or values hidden by torch.func or torch.compile"
            raise ArgumentError(self.owner, name, "one factorisation, made in eager code", got, "it for one matrix")
        return self._held


def splu(
    A: Any,
    permc_spec: str | None = None,
    diag_pivot_thresh: float | None = None,
    relax: int | None = None,
    panel_size: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> SparseLU:
    """Sparse LU factorisation of a square matrix.

    Parameters
    ----------
    A : sparse tensor of shape (n, n), or tuple (data, indices, indptr, (n, n))
        As in `spsolve`.
    permc_spec : {None, "NATURAL", "MMD_ATA", "MMD_AT_PLUS_A", "COLAMD"}, optional
        Order of the columns that keeps the factors sparse; "COLAMD" by default.
    diag_pivot_thresh : float, optional
        From which size on, relative to the column's largest, a diagonal element is the pivot; 1 by default.
    relax, panel_size : int, optional
        SuperLU's sizes of relaxed supernodes and of panels.
    options : mapping, optional
        {"SymmetricMode": bool} alone.

    Returns
    -------
    SparseLU
        With ``solve(rhs, trans)``, `shape`, `nnz`, `perm_r`, `perm_c`, `L` and `U`. It keeps the factorisation as long
        as it lives, and all solves and their derivatives use it.

    Raises
    ------
    SolverError
        If A is singular to the last digit; for a matrix inside of a transform, by ``solve``.
    ArgumentError
        For an unknown option; for anything but ``solve`` and `shape` of a batch, or inside of a transform.
    MissingDerivativeError
        For the factors L and U of a matrix with a derivative, unless gradients are off: they have none.

    Notes
    -----
    The derivatives are those of `spsolve`.

    References
    ----------
    `scipy.sparse.linalg.splu`.

    Examples
    --------
    >>> import torch
    >>> lu = splu(torch.tensor([[2.0, 0.0], [1.0, 4.0]]).to_sparse_csr())
    >>> lu.solve(torch.tensor([2.0, 9.0]))
    tensor([1., 2.])
    >>> lu.solve(torch.tensor([4.0, 8.0]), "T")
    tensor([1., 2.])
    """
    _check_ordering("splu", permc_spec)
    others = set(options or ()) - {"SymmetricMode"}
    if others:
        raise ArgumentError("splu", "options", "SymmetricMode alone", ", ".join(sorted(others)), "splu's own arguments")
    symmetric = bool((options or {}).get("SymmetricMode", False))
    settings = Settings(permc_spec, diag_pivot_thresh, relax, panel_size, symmetric)
    return _factor("splu", read_square("splu", A), settings)


def _factor(owner: str, matrix: Matrix, settings: Settings) -> SparseLU:
    hidden = torch.compiler.is_compiling() or not modes.eager()
    if hidden or matrix.data.dim() != 1 or not matrix.shape[0]:
        return SparseLU(matrix, settings, owner)
    working, _ = widened(matrix.data)
    # The indices as the operator gives them to its kernel, in floating point: patterns are found by their bytes.
    data, rows, cols = map(fetch, (matrix.data.to(working), matrix.rows.double(), matrix.cols.double()))
    held = factorization_of(owner, pattern_of(owner, rows, cols, matrix.shape), data, settings)
    return SparseLU(matrix, settings, owner, held)


def factorized(A: Any) -> Callable[[Tensor], Tensor]:
    """Function that solves systems with one sparse matrix.

    Parameters
    ----------
    A : sparse tensor of shape (n, n), or tuple (data, indices, indptr, (n, n))
        As in `spsolve`.

    Returns
    -------
    callable
        ``solve(b)``, differentiable in A and b. It keeps the factorisation.

    Raises
    ------
    SolverError
        If A is singular to the last digit.

    Notes
    -----
    The derivatives are those of `spsolve`.

    References
    ----------
    `scipy.sparse.linalg.factorized`.

    Examples
    --------
    >>> import torch
    >>> solve = factorized(torch.tensor([[2.0, 0.0], [1.0, 4.0]]).to_sparse_csr())
    >>> solve(torch.tensor([2.0, 9.0]))
    tensor([1., 2.])
    """
    return _factor("factorized", read_square("factorized", A), Settings()).solve


def _system(rng: np.random.Generator, *batch: int, whole: bool = False) -> list[Array]:
    """Stored values, rows and columns of a well-conditioned matrix with a zero in it, and one place stored twice."""
    rows, cols = np.array([0.0, 0, 1, 1, 2, 2, 2]), np.array([0.0, 2, 1, 0, 2, 1, 1])
    data = 4.0 * (rows == cols) + rng.normal(size=(*batch, 7)) + (1j * rng.normal(size=7) if whole else 0)
    return [data, rows, cols]


lu_solve.samples(
    lambda rng: [
        Sample(*_system(rng, 2, 1), rng.normal(size=(2, 3, 2)), check=False),
        Sample(
            *_system(rng), rng.normal(size=(3, 1)), trans="T", permc_spec="MMD_ATA", diag_pivot_thresh=0.5, check=False
        ),
        Sample(*_system(rng, whole=True), rng.normal(size=(3, 2)) + 1j * rng.normal(size=(3, 2)), trans="H"),
    ]
)
