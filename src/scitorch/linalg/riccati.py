"""Algebraic Riccati equations, continuous and discrete."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator
from scitorch.core.errors import ArgumentError
from scitorch.linalg.matrix_equations import discrete_lyapunov, solve_continuous_lyapunov
from scitorch.linalg.systems import solve_general

Array = NDArray[Any]
Optional = Array | None

ASYMMETRY = 1e-3
"""Beyond it, relative to the norm, `q` and `r` are refused; SciPy's own bound leaves no room to look at neighbours."""


@operator("(m,m),(m,n),(m,m),(n,n),(m,m),(m,n)->(m,m)", name="solve_continuous_are")
def continuous_are(
    a: Array, b: Array, q: Array, r: Array, e: Optional = None, s: Optional = None, *, balanced: bool = True
) -> Array:
    """The operator below `solve_continuous_are`."""
    q, r = _hermitian("solve_continuous_are", q=q, r=r)
    return scipy.linalg.solve_continuous_are(a, b, q, r, e, s, balanced)


@operator("(m,m),(m,n),(m,m),(n,n),(m,m),(m,n)->(m,m)", name="solve_discrete_are")
def discrete_are(
    a: Array, b: Array, q: Array, r: Array, e: Optional = None, s: Optional = None, *, balanced: bool = True
) -> Array:
    """The operator below `solve_discrete_are`."""
    q, r = _hermitian("solve_discrete_are", q=q, r=r)
    return scipy.linalg.solve_discrete_are(a, b, q, r, e, s, balanced)


def _hermitian(name: str, **matrices: Array) -> list[Array]:
    """The Hermitian parts of matrices that are Hermitian up to what a numerical derivative changes in them."""
    for argument, matrix in matrices.items():
        if np.linalg.norm(matrix - matrix.conj().T) > ASYMMETRY * np.linalg.norm(matrix):
            advice = f"({argument} + {argument}.mH) / 2"
            raise ArgumentError(name, argument, "a symmetric or Hermitian matrix", "one that is not", advice)
    return [(matrix + matrix.conj().T) / 2 for matrix in matrices.values()]


# Both rules are those of an equation F(X, θ) = 0 whose derivative in X is a Lyapunov operator. With the gain K and the
# closed loop A - B K, and W the solution of the adjoint equation, ⟨g, dX⟩ = -⟨W, dF⟩; W and X are Hermitian.


@continuous_are.vjp
def _continuous_vjp(
    g: Tensor, out: Tensor, a: Tensor, b: Tensor, r: Tensor, e: Tensor | None, s: Tensor | None
) -> dict[str, Tensor]:
    r = (r + r.mH) / 2  # what the kernel takes of it, so that derivatives of this rule hold along every direction
    # F = Eᴴ X A + Aᴴ X E - Kᴴ R K + Q, R K = Bᴴ X E + Sᴴ; its derivative in X is Eᴴ dX (A - B K) + its adjoint.
    xe = out if e is None else out @ e
    k = solve_general(r, b.mH @ xe if s is None else b.mH @ xe + s.mH)
    closed = a - b @ k
    w = solve_continuous_lyapunov(_left(e, closed), _sandwich(e, (g + g.mH) / 2))
    return _gradients(w, k, xe @ w, out @ closed @ w, e, s)


@discrete_are.vjp
def _discrete_vjp(
    g: Tensor, out: Tensor, a: Tensor, b: Tensor, r: Tensor, e: Tensor | None, s: Tensor | None
) -> dict[str, Tensor]:
    r = (r + r.mH) / 2  # as above
    # F = Aᴴ X A - Eᴴ X E - Kᴴ (R + Bᴴ X B) K + Q, (R + Bᴴ X B) K = Bᴴ X A + Sᴴ; its derivative in X is
    # (A - B K)ᴴ dX (A - B K) - Eᴴ dX E.
    bx = b.mH @ out
    k = solve_general(r + bx @ b, bx @ a if s is None else bx @ a + s.mH)
    closed = a - b @ k
    w = discrete_lyapunov(_left(e, closed), -_sandwich(e, (g + g.mH) / 2))
    return _gradients(w, k, out @ closed @ w, -(out if e is None else out @ e) @ w, e, s)


def _left(e: Tensor | None, x: Tensor) -> Tensor:
    """The product of E's inverse and x."""
    return x if e is None else solve_general(e, x)


def _sandwich(e: Tensor | None, x: Tensor) -> Tensor:
    """The product of E's inverse, x and the adjoint of E's inverse, Hermitian as x is."""
    return x if e is None else _left(e, _left(e, x).mH).mH


def _gradients(
    w: Tensor, k: Tensor, for_a: Tensor, for_e: Tensor, e: Tensor | None, s: Tensor | None
) -> dict[str, Tensor]:
    wk = w @ k.mH
    gradients = {"a": -2 * for_a, "b": 2 * for_a @ k.mH, "q": -w, "r": -k @ wk}
    return gradients | ({} if e is None else {"e": -2 * for_e}) | ({} if s is None else {"s": 2 * wk})


def solve_continuous_are(
    a: Tensor,
    b: Tensor,
    q: Tensor,
    r: Tensor,
    e: Tensor | None = None,
    s: Tensor | None = None,
    balanced: bool = True,
) -> Tensor:
    """Stabilising solution ``X`` of the continuous algebraic Riccati equation.

    ``eᴴ X a + aᴴ X e - (eᴴ X b + s) r⁻¹ (bᴴ X e + sᴴ) + q = 0``: the cost matrix of the linear-quadratic regulator.

    Parameters
    ----------
    a : Tensor of shape (..., m, m)
    b : Tensor of shape (..., m, n)
    q : Tensor of shape (..., m, m)
        Hermitian.
    r : Tensor of shape (..., n, n)
        Hermitian, nonsingular.
    e : Tensor of shape (..., m, m), optional
        Nonsingular; by default the identity.
    s : Tensor of shape (..., m, n), optional
        By default zero.
    balanced : bool, optional
        Whether to balance the pencil before it is solved.

    Returns
    -------
    Tensor of shape (..., m, m)
        Hermitian, in the promoted dtype.

    Raises
    ------
    ArgumentError
        If `q` or `r` is not Hermitian to one part in a thousand. Within that, the Hermitian part counts (SciPy
        refuses at rounding errors, so that no numerical derivative could be taken).
    KernelError
        If there is no stabilising solution.

    Notes
    -----
    With ``K = r⁻¹ (bᴴ X e + sᴴ)``, ``C = a - b K`` and ``W`` the solution of ``e W Cᴴ + C W eᴴ = (g + gᴴ) / 2``:
    `a` gets ``-2 X e W``, `b` gets ``2 X e W Kᴴ``, `q` gets ``-W``, `r` gets ``-K W Kᴴ``, `e` gets ``-2 X C W``, `s`
    gets ``2 W Kᴴ``. The gradients of `q` and `r` are Hermitian: those along Hermitian matrices. Differentiable to any
    order in all six.

    References
    ----------
    `scipy.linalg.solve_continuous_are`.

    Examples
    --------
    >>> import torch
    >>> a, b = torch.tensor([[0.0, 1.0], [0.0, 0.0]]), torch.tensor([[0.0], [1.0]])
    >>> solve_continuous_are(a, b, torch.eye(2), torch.eye(1))
    tensor([[1.7321, 1.0000],
            [1.0000, 1.7321]])
    """
    return continuous_are(a, b, q, r, e, s, balanced=balanced)


def solve_discrete_are(
    a: Tensor,
    b: Tensor,
    q: Tensor,
    r: Tensor,
    e: Tensor | None = None,
    s: Tensor | None = None,
    balanced: bool = True,
) -> Tensor:
    """Stabilising solution ``X`` of the discrete algebraic Riccati equation.

    ``aᴴ X a - eᴴ X e - (aᴴ X b + s) (r + bᴴ X b)⁻¹ (bᴴ X a + sᴴ) + q = 0``: the regulator in steps of time.

    Parameters
    ----------
    a : Tensor of shape (..., m, m)
    b : Tensor of shape (..., m, n)
    q : Tensor of shape (..., m, m)
        Hermitian.
    r : Tensor of shape (..., n, n)
        Hermitian.
    e : Tensor of shape (..., m, m), optional
        Nonsingular; by default the identity.
    s : Tensor of shape (..., m, n), optional
        By default zero.
    balanced : bool, optional
        Whether to balance the pencil before it is solved.

    Returns
    -------
    Tensor of shape (..., m, m)
        Hermitian, in the promoted dtype.

    Raises
    ------
    ArgumentError
        If `q` or `r` is not Hermitian to one part in a thousand. Within that, the Hermitian part counts.
    KernelError
        If there is no stabilising solution.

    Notes
    -----
    With ``K = (r + bᴴ X b)⁻¹ (bᴴ X a + sᴴ)``, ``C = a - b K`` and ``W`` the solution of
    ``C W Cᴴ - e W eᴴ = (g + gᴴ) / 2``: `a` gets ``-2 X C W``, `b` gets ``2 X C W Kᴴ``, `q` gets ``-W``, `r` gets
    ``-K W Kᴴ``, `e` gets ``2 X e W``, `s` gets ``2 W Kᴴ``. The gradients of `q` and `r` are Hermitian. Differentiable
    to any order in all six.

    References
    ----------
    `scipy.linalg.solve_discrete_are`.

    Examples
    --------
    >>> import torch
    >>> one = torch.ones(1, 1)
    >>> solve_discrete_are(one, one, one, one)
    tensor([[1.6180]])
    """
    return discrete_are(a, b, q, r, e, s, balanced=balanced)


def _definite(rng: np.random.Generator, n: int, imaginary: float = 0) -> Array:
    noise = 0.2 * rng.normal(size=(n, n)) + (0.2j * imaginary * rng.normal(size=(n, n)) if imaginary else 0)
    return np.eye(n) + noise @ noise.conj().T


def _problems(rng: np.random.Generator) -> list[Sample]:
    def near(*shape: int) -> Array:
        return 0.3 * rng.normal(size=shape)

    return [
        Sample(near(2, 1, 2, 2), near(2, 1) + 1, _definite(rng, 2), _definite(rng, 1)),
        Sample(
            near(2, 2) + 1j * near(2, 2),
            near(2, 2) + np.eye(2),
            _definite(rng, 2, 1),
            _definite(rng, 2, 1),
            np.eye(2) + near(2, 2),
            0.3 * near(2, 2),
            balanced=False,
        ),
    ]


continuous_are.samples(_problems)
discrete_are.samples(_problems)
