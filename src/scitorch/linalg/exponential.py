"""The exponential of a matrix and its derivative, by scaling and squaring of a Padé approximant.

The derivative is that of each step (Al-Mohy and Higham, SIAM J. Matrix Anal. Appl. 30 (2009), 1639-1657). It shares
with the value all that doesn't depend on the direction; products are BLAS's, in place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.linalg.blas import get_blas_funcs
from scipy.linalg.lapack import get_lapack_funcs

from scitorch.core.kept import Kept

Array = NDArray[Any]

SHARED = range(64, 320)
"""Sizes of which the shared part is kept: that of larger matrices takes much memory, of smaller ones no time."""

KEPT_BYTES = 64 * 2**20

_PANEL = 128  # columns that are worked on at once: wide enough for full speed, and little memory

# The approximant of degree m is (V - U)⁻¹ (V + U), where V + U is the polynomial with these coefficients and U its odd
# part. Up to this norm, in any operator norm, it and its derivative have a backward error below a unit roundoff. (For
# the last one this holds up to 4.74, but from 3 on dividing by V - U costs digits where all eigenvalues are as large.)
_APPROXIMANTS = (
    (1.08e-2, (120, 60, 12, 1)),
    (2.00e-1, (30240, 15120, 3360, 420, 30, 1)),
    (7.83e-1, (17297280, 8648640, 1995840, 277200, 25200, 1512, 56, 1)),
    (
        3.0,
        (
            64764752532480000,
            32382376266240000,
            7771770303897600,
            1187353796428800,
            129060195264000,
            10559470521600,
            670442572800,
            33522128640,
            1323241920,
            40840800,
            960960,
            16380,
            182,
            1,
        ),
    ),
)
_LARGEST = _APPROXIMANTS[-1][0]


def exponential(A: Array) -> Array:
    """SciPy's exponential of a matrix; or the shared part's, where it is as exact and takes no more time."""
    perhaps_triangular = not (A[0, -1:].all() and A[-1:, 0].all())  # of such a matrix SciPy has the diagonal exactly
    if len(A) < SHARED.start or A.dtype.char not in "dD" or perhaps_triangular or not np.isfinite(A).all():
        return scipy.linalg.expm(A)
    shared = _kept_if_small(A)
    # SciPy squares less often where powers of the matrix are smaller than its norm lets expect.
    return shared.value() if shared.squarings < 2 else scipy.linalg.expm(A)


def derivative(A: Array, E: Array) -> Array:
    """The derivative of the exponential at A in the direction E, in double precision."""
    double = np.result_type(A, np.float64)
    return _shared(np.asarray_chkfinite(A, double)).derivative(np.asarray_chkfinite(E, double))


class Exponential:
    """What the exponential of a matrix and its derivatives in all directions have in common.

    Parameters
    ----------
    data : array of shape (n, n)
        The matrix: finite, in C's order, of a dtype that BLAS knows.

    Attributes
    ----------
    data : array
    squarings : int
        How often the matrix is halved, and the approximant squared.
    nbytes : int
        Memory that all of it takes in the end.
    """

    def __init__(self, data: Array) -> None:
        self.data = data
        self._gemm, self._trsm, self._axpy = get_blas_funcs(("gemm", "trsm", "axpy"), (data,))
        norm = _norm(data)
        self.squarings = _squarings(norm)
        self._scale = 0.5**self.squarings
        self._a = data * data.dtype.type(self._scale) if self.squarings else data
        self._coefficients = next((b for most, b in _APPROXIMANTS if norm <= most), _APPROXIMANTS[-1][1])
        self.nbytes = 7 * data.nbytes

    def value(self) -> Array:
        """The exponential."""
        root = self._approximant[0]
        for _ in range(self.squarings):
            root = self._product(root, root)
        return root

    def derivative(self, e: Array) -> Array:
        """The derivative in the direction e."""
        total, difference = self._changes(e)
        root, *denominator = self._approximant
        # With Q = V - U and Q R = V + U: Q L = d(V + U) - d(V - U) R.
        change = self._divided(self._product(difference, root, onto=total), *denominator)
        for squared in range(self.squarings):
            root = self._product(root, root) if squared else root
            change = self._product(change, root, onto=self._product(root, change))
        return change

    @cached_property
    def _powers(self) -> list[Array]:
        """The second, the fourth and the sixth of the halved matrix, or as many of them as are asked for."""
        powers = [self._product(self._a, self._a)]
        while len(powers) < min(3, len(self._coefficients) // 2 - 1):
            powers.append(self._product(powers[0], powers[-1]))
        return powers

    @cached_property
    def _approximant(self) -> tuple[Array, Array, Array]:
        """The approximant; the factors of its denominator, transposed, and the order of their columns."""
        numerator, denominator = np.empty_like(self.data), np.empty_like(self.data)
        for rows in self._panels():
            numerator[rows] = self._polynomial(0, rows)
            odd = self._product(self._polynomial(1, rows), self._a)
            np.subtract(numerator[rows], odd, out=denominator[rows])
            numerator[rows] += odd
        getrf, laswp = get_lapack_funcs(("getrf", "laswp"), (denominator,))
        factors, pivots, _ = getrf(denominator.T, overwrite_a=1)
        order = np.argsort(laswp(np.arange(len(pivots), dtype=factors.dtype)[:, None], pivots)[:, 0].real)
        return self._divided(numerator, factors, order), factors, order

    def _divided(self, x: Array, factors: Array, order: Array) -> Array:
        """The inverse of the denominator times x, in x's place."""
        # To BLAS these are transposes, which it solves from the right: faster than from the left.
        self._trsm(1, factors, x.T, side=1, overwrite_b=1)
        self._trsm(1, factors, x.T, side=1, lower=1, diag=1, overwrite_b=1)
        for columns in self._panels():
            x[:, columns] = x[order, columns]
        return x

    def _changes(self, e: Array) -> tuple[Array, Array]:
        """The changes of V + U and of U - V in the direction e."""
        changes = [self._product(e, self._a, self._scale, self._product(self._a, e, self._scale))]
        for power in self._powers[:-1]:
            first, last = changes[0], changes[-1]
            changes.append(self._product(first, power, onto=self._product(self._powers[0], last)))
        total, difference = changes[0], changes[1] if len(changes) > 1 else np.empty_like(changes[0])
        for rows in self._panels():
            even = self._polynomial_change(0, rows, changes)
            odd = self._product(self._polynomial_change(1, rows, changes), self._a)
            odd = self._product(self._polynomial(1, rows), e, self._scale, odd)
            np.add(even, odd, out=total[rows])
            np.subtract(odd, even, out=difference[rows])
        return total, difference

    def _polynomial(self, parity: int, rows: slice) -> Array:
        """V, or U without its factor A: rows of the polynomial in A² of the even coefficients, or of the odd ones."""
        first, low, high = self._by_power(parity)
        total = self._combination(low, self._powers, rows)
        total.reshape(-1)[rows.start :: total.shape[1] + 1] += first
        if high:
            self._product(self._combination(high, self._powers, rows), self._powers[-1], onto=total)
        return total

    def _polynomial_change(self, parity: int, rows: slice, changes: Sequence[Array]) -> Array:
        """The same rows' change, by those of the powers."""
        _, low, high = self._by_power(parity)
        total = self._combination(low, changes, rows)
        if high:
            self._product(self._combination(high, changes, rows), self._powers[-1], onto=total)
            self._product(self._combination(high, self._powers, rows), changes[-1], onto=total)
        return total

    def _by_power(self, parity: int) -> tuple[float, Sequence[float], Sequence[float]]:
        """The coefficients of 1, of the powers, and of these times the highest of them."""
        return self._coefficients[parity], self._coefficients[parity + 2 : 8 : 2], self._coefficients[parity + 8 :: 2]

    def _combination(self, coefficients: Sequence[float], matrices: Sequence[Array], rows: slice) -> Array:
        total = matrices[0][rows] * coefficients[0]
        for coefficient, matrix in zip(coefficients[1:], matrices[1:], strict=True):
            self._axpy(matrix[rows].reshape(-1), total.reshape(-1), a=coefficient)
        return total

    def _product(self, x: Array, y: Array, factor: float = 1, onto: Array | None = None) -> Array:
        """The product of x, y and a factor, added onto an array in place."""
        result = np.empty((len(x), y.shape[1]), x.dtype) if onto is None else onto
        # BLAS has the columns in a row: to it, these are the transposes.
        (first, turned), (second, other_turned) = _columns(y), _columns(x)
        self._gemm(factor, first, second, 0 if onto is None else 1, result.T, turned, other_turned, 1)
        return result

    def _panels(self) -> Iterator[slice]:
        for start in range(0, len(self.data), _PANEL):
            yield slice(start, min(start + _PANEL, len(self.data)))


_kept: Kept[Exponential] = Kept(KEPT_BYTES)


def _shared(A: Array) -> Exponential:
    """The shared part, perhaps from memory."""
    found = _kept.find(A) if len(A) in SHARED else None
    return _kept_if_small(A) if found is None else found


def _kept_if_small(A: Array) -> Exponential:
    if len(A) not in SHARED:
        return Exponential(np.ascontiguousarray(A))
    shared = Exponential(np.array(A, order="C"))
    _kept.keep(shared)
    return shared


def _columns(x: Array) -> tuple[Array, bool]:
    """The transpose as BLAS takes it without a copy, and whether it is to be transposed once more."""
    return (x, True) if x.flags.f_contiguous and not x.flags.c_contiguous else (x.T, False)


def _squarings(norm: float) -> int:
    """How often to halve until the last approximant holds."""
    return max(0, int(np.ceil(np.log2(min(norm, np.finfo(float).max) / _LARGEST)))) if norm > 0 else 0


def _norm(a: Array) -> float:
    """The least of the norms by columns, by rows and, where squarings depend on it, of the spectral norm.

    This one is far less for a full matrix: of random elements it doesn't grow with the size. It is found by the power
    method, from below: it may be too small, but by no more than a third in all but one of a hundred cases at worst, and
    so far the approximant holds.
    """
    sizes = np.abs(a)
    norm = float(min(sizes.sum(0).max(), sizes.sum(1).max()))
    if not _LARGEST < norm < 1e9:  # beyond, what follows may overflow, and squarings are many anyway
        return norm
    adjoint = a.conj().T
    x = np.random.default_rng(0).normal(size=len(a))
    for _ in range(7):
        x = adjoint @ (a @ x)
    return min(norm, float(np.linalg.norm(a @ x) / np.linalg.norm(x)))
