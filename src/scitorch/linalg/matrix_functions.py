"""Matrix functions: square root, logarithm, exponential and real powers.

None of the rules divides by differences of eigenvalues, so repeated and nearly repeated ones are ordinary points.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator
from scitorch.linalg import exponential, schur
from scitorch.linalg.matrix_equations import solve_anticommutator

Array = NDArray[Any]


@operator("(n,n)->(n,n)")
def sqrtm(A: Array) -> Any:
    """Principal square root of a matrix: ``X @ X = A``, with no eigenvalue in the left half plane.

    Parameters
    ----------
    A : Tensor of shape (..., n, n)
        Real or complex. A real matrix with an eigenvalue on the negative real axis has no real principal root: pass
        it as a complex tensor.

    Returns
    -------
    Tensor of shape (..., n, n)
        In the dtype of `A`, for a real matrix always real (SciPy's dtype depends on the values).

    Raises
    ------
    KernelError
        If `A` is real and its principal root is complex.

    Notes
    -----
    From ``X dX + dX X = dA``: the gradient of `A` is the solution ``W`` of the Sylvester equation
    ``Xᴴ W + W Xᴴ = g``. It exists where no two eigenvalues of ``X`` (an eigenvalue and itself included) add up to
    zero: for a nonsingular `A`, whose principal root has eigenvalues in the open right half plane. At a singular `A`
    the root has no finite derivative. Differentiable to any order. SciPy's deprecated arguments `disp` and
    `blocksize` are not taken.

    References
    ----------
    `scipy.linalg.sqrtm`; N. J. Higham, "Functions of Matrices" (SIAM, 2008), section 6.1.

    Examples
    --------
    >>> import torch
    >>> sqrtm(torch.tensor([[4.0, 5.0], [0.0, 9.0]]))
    tensor([[2., 1.],
            [0., 3.]])
    """
    # A (quasi-)triangular matrix is its own Schur form to SciPy, which refuses NaN in any other.
    if len(A) < schur.LARGE or not A[-1, :-2].any() or not np.isfinite(A).all():
        return scipy.linalg.sqrtm(A)
    # What SciPy does; but the Schur form of the root, which the derivative asks for, is at hand.
    T, Z = schur.decomposed(A)
    if not T.diagonal().all():
        return scipy.linalg.sqrtm(A)  # perhaps singular
    root: Any = scipy.linalg.sqrtm(T)
    result = Z @ root @ Z.conj().T
    if result.dtype == A.dtype:
        schur.keep(schur.SchurForm(result.copy(), root, Z))
    return result


@operator("(n,n)->(n,n)")
def logm(A: Array) -> Array:
    """Principal logarithm of a matrix, whose eigenvalues have imaginary parts in (-π, π].

    Parameters
    ----------
    A : Tensor of shape (..., n, n)
        Real or complex, nonsingular. A real matrix with an eigenvalue on the negative real axis has no real principal
        logarithm: pass it as a complex tensor.

    Returns
    -------
    Tensor of shape (..., n, n)
        In the dtype of `A`, for a real matrix always real (SciPy's dtype depends on the values). Single precision is
        computed in double.

    Raises
    ------
    KernelError
        If `A` is real and its principal logarithm is complex.

    Notes
    -----
    The derivative in a direction ``E`` is the upper right block of the function of a matrix twice as large,
    ``log([[A, E], [0, A]]) = [[log A, L(A, E)], [0, log A]]``; the gradient of `A` is ``L(Aᴴ, g)``. This holds for
    repeated eigenvalues too, wherever none lies on the closed negative real axis. Differentiable to any order, each
    of which doubles the size. SciPy's deprecated argument `disp` is not taken.

    References
    ----------
    `scipy.linalg.logm`; N. J. Higham, "Functions of Matrices" (SIAM, 2008), theorem 3.6 and chapter 11.

    Examples
    --------
    >>> import torch
    >>> logm(torch.tensor([[1.0, 1.0], [0.0, 1.0]]))
    tensor([[0., 1.],
            [0., 0.]])
    """
    logarithm: Any = scipy.linalg.logm(_double(A))
    return _real_if_principal(A, logarithm)


@operator("(n,n)->(n,n)", batch="native")
def expm(A: Array) -> Array:
    """Exponential of a matrix.

    Parameters
    ----------
    A : Tensor of shape (..., n, n)

    Returns
    -------
    Tensor of shape (..., n, n)
        In the dtype of `A`.

    Notes
    -----
    The gradient of `A` is the derivative at ``Aᴴ`` in the direction of ``g``, the upper right block of
    ``exp([[Aᴴ, g], [0, Aᴴ]])``, which holds everywhere. Differentiable to any order, each of which beyond the first
    doubles the size. Unlike `torch.linalg.matrix_exp` the result keeps its
    digits for matrices whose norm is far greater than their eigenvalues. A full matrix of double precision with 64 rows
    or more and a spectral norm up to 6 has an exponential that isn't SciPy's to the last digit, but is as exact.

    References
    ----------
    `scipy.linalg.expm`; N. J. Higham, "Functions of Matrices" (SIAM, 2008), theorem 3.6 and chapter 10.

    Examples
    --------
    >>> import torch
    >>> expm(torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
    tensor([[1., 1.],
            [0., 1.]])
    """
    if A.ndim == 2:
        return exponential.exponential(A)
    if A.shape[-1] < exponential.SHARED.start:
        return scipy.linalg.expm(A)
    result = np.empty_like(A, order="C")
    for index in np.ndindex(A.shape[:-2]):
        result[index] = exponential.exponential(A[index])
    return result


@operator("(n,n),()->(n,n)", real=("t",))
def fractional_matrix_power(A: Array, t: Array) -> Array:
    """Principal power of a matrix with a real exponent, ``exp(t log A)``.

    Parameters
    ----------
    A : Tensor of shape (..., n, n)
        Real or complex. A real matrix with an eigenvalue on the negative real axis has no real principal power,
        unless `t` is a whole number: pass it as a complex tensor.
    t : Tensor of any shape, or a number
        The exponent, real; its dimensions are batch dimensions.

    Returns
    -------
    Tensor of shape (..., n, n)
        In the dtype of `A`, for a real matrix always real (SciPy's dtype depends on the values). Single precision is
        computed in double.

    Raises
    ------
    KernelError
        If `A` is real and its principal power is complex, or `A` is singular and `t` is a negative whole number.

    Notes
    -----
    The gradient of `A` is the upper right block of the power of ``[[Aᴴ, g], [0, Aᴴ]]``; it holds for repeated
    eigenvalues too, wherever none lies on the closed negative real axis, and for whole `t` >= 0 everywhere. The
    gradient of `t` is the real part of ``⟨log(A) Aᵗ, g⟩`` and asks for a logarithm of the same dtype. Differentiable
    to any order in both.

    References
    ----------
    `scipy.linalg.fractional_matrix_power`; N. J. Higham, L. Lin, SIAM J. Matrix Anal. Appl. 34 (2013), 1341-1360.

    Examples
    --------
    >>> import torch
    >>> fractional_matrix_power(torch.tensor([[4.0, 0.0], [0.0, 9.0]]), 0.5)
    tensor([[2., 0.],
            [0., 3.]])
    """
    return _real_if_principal(A, scipy.linalg.fractional_matrix_power(_double(A), float(t)))


def _double(A: Array) -> Array:
    # SciPy judges its own logarithm by the precision of doubles, and would warn of every single-precision one.
    return A.astype(complex if A.dtype.kind == "c" else float)


def _real_if_principal(A: Array, result: Any) -> Array:
    """Without the rounding errors that the complex Schur form of a real matrix leaves as imaginary parts.

    The principal function of a real matrix is real unless an eigenvalue lies on the negative real axis, and of a real
    matrix LAPACK gives such eigenvalues without any imaginary part. What is complex then stays so, and is refused.
    """
    if A.dtype.kind == "c" or result.dtype.kind != "c":
        return result
    eigenvalues: Any = np.linalg.eigvals(A)
    return result if np.any((eigenvalues.imag == 0) & (eigenvalues.real < 0)) else result.real


_LARGE = 32  # from this size on Al-Mohy's and Higham's method takes less time than a matrix twice as large


@operator("(n,n),(n,n)->(n,n)")
def expm_frechet(A: Array, E: Array) -> Any:
    """Derivative of the matrix exponential at A in the direction E.

    Parameters
    ----------
    A, E : Tensor of shape (..., n, n)

    Returns
    -------
    Tensor of shape (..., n, n)

    Notes
    -----
    ``∫ exp((1-t) A) E exp(t A) dt`` over t from 0 to 1: linear in ``E``, which gets the derivative at ``Aᴴ`` in the
    direction of ``g``. It is the upper right block of ``exp(B)`` for ``B = [[A, E], [0, A]]``, so ``A`` gets the sum
    of the diagonal blocks of the derivative at ``Bᴴ`` in the direction ``[[0, g], [0, 0]]``. To any order.

    References
    ----------
    `scipy.linalg.expm_frechet`; A. H. Al-Mohy, N. J. Higham, SIAM J. Matrix Anal. Appl. 30 (2009), 1639-1657.

    Examples
    --------
    >>> import torch
    >>> expm_frechet(torch.zeros(2, 2), torch.eye(2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    n = len(A)
    if n >= _LARGE:
        return exponential.derivative(A, E)
    ours, theirs = np.abs(A).sum(), np.abs(E).sum()
    scale = 2.0 ** np.floor(np.log2(ours / theirs)) if ours > 0 and theirs > 0 else 1.0
    whole: Any = scipy.linalg.expm(np.block([[A, E * A.dtype.type(scale)], [np.zeros_like(A), A]]))
    return whole[:n, n:] / A.dtype.type(scale)


def _frechet(function: Callable[[Tensor], Tensor], A: Tensor, E: Tensor) -> Tensor:
    """The derivative of a matrix function at A in the direction E, of a matrix twice as large."""
    block, scale = _twice_as_large(A, E)
    n = A.shape[-1]
    return function(block)[..., :n, n:] / scale


def _twice_as_large(A: Tensor, E: Tensor) -> tuple[Tensor, Tensor]:
    """The matrix ``[[A, sE], [0, A]]``, and s.

    E is scaled to the size of A, since rounding errors go with the norm of the whole matrix; by a power of two, which
    is exact, and has no derivative (nor has the result one along it, being linear in E).
    """
    shape = torch.broadcast_shapes(A.shape, E.shape)
    base, change = A.expand(shape), E.expand(shape)
    ours, theirs = (x.abs().sum((-2, -1), keepdim=True) for x in (base, change))
    zero = (ours == 0) | (theirs == 0)
    scale = torch.exp2(torch.floor(torch.log2(torch.where(zero, 1, ours) / torch.where(zero, 1, theirs))))
    upper, lower = torch.cat((base, change * scale), -1), torch.cat((torch.zeros_like(base), base), -1)
    return torch.cat((upper, lower), -2), scale


def _frechet_vjp_A(g: Tensor, A: Tensor, E: Tensor) -> Tensor:
    n = A.shape[-1]
    block, scale = _twice_as_large(A, E)
    w = expm_frechet(block.mH, F.pad(g / scale, (n, 0, 0, n)))
    return w[..., :n, :n] + w[..., n:, n:]


sqrtm.vjp(A=lambda g, out: solve_anticommutator(out, g, adjoint=True))
sqrtm.jvp(A=lambda tangent, out: solve_anticommutator(out, tangent))
logm.vjp(A=lambda g, A: _frechet(logm, A.mH, g)).jvp(A=lambda tangent, A: _frechet(logm, A, tangent))
# L(Aᴴ, g) is the adjoint of L(A, gᴴ), which shares its powers of A with the value.
expm.vjp(A=lambda g, A: expm_frechet(A, g.mH).mH).jvp(A=lambda tangent, A: expm_frechet(A, tangent))
expm_frechet.vjp(A=_frechet_vjp_A, E=lambda g, A: expm_frechet(A, g.mH).mH)
fractional_matrix_power.vjp(
    A=lambda g, A, t: _frechet(lambda block: fractional_matrix_power(block, t), A.mH, g),
    t=lambda g, A, out: (g * (logm(A) @ out).conj()).sum((-2, -1)),
)
fractional_matrix_power.jvp(
    A=lambda tangent, A, t: _frechet(lambda block: fractional_matrix_power(block, t), A, tangent),
    t=lambda tangent, A, out: tangent[..., None, None] * (logm(A) @ out),
)


def _near_two(rng: np.random.Generator, *shape: int) -> Array:
    """Matrices with eigenvalues away from the negative real axis."""
    return 2 * np.eye(shape[-1]) + 0.3 * rng.normal(size=shape)


def _matrices(rng: np.random.Generator) -> list[Sample]:
    return [Sample(_near_two(rng, 2, 2, 2)), Sample(_near_two(rng, 2, 2) + 0.3j * rng.normal(size=(2, 2)))]


_JORDAN = np.array([[2.0, 1.0], [0.0, 2.0]])
for _function in (sqrtm, logm, expm):
    _function.samples(_matrices)
    _function.special_points(lambda rng: [Sample(np.eye(2)), Sample(_JORDAN)])
expm.special_points(lambda rng: [Sample(np.zeros((2, 2)))])
fractional_matrix_power.samples(
    lambda rng: [
        Sample(_near_two(rng, 2, 1, 2, 2), np.array([0.3, -1.6])),
        Sample(_near_two(rng, 2, 2) + 0.3j * rng.normal(size=(2, 2)), 1.7),
    ]
)
fractional_matrix_power.special_points(
    lambda rng: [Sample(np.eye(2), np.array(0.3)), Sample(_JORDAN, np.array([0.5, 2.0, 0.0]))]
)
expm_frechet.samples(
    lambda rng: [
        Sample(_near_two(rng, 2, 1, 2, 2), rng.normal(size=(2, 2, 2))),
        Sample(_near_two(rng, 2, 2) + 0.3j * rng.normal(size=(2, 2)), rng.normal(size=(2, 2)) * (1 + 1j)),
    ]
)
expm_frechet.special_points(lambda rng: [Sample(_JORDAN, np.eye(2)), Sample(np.zeros((2, 2)), _JORDAN)])
