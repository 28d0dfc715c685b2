"""Matrix equations: Sylvester, continuous and discrete Lyapunov."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.linalg.lapack import get_lapack_funcs
from torch import Tensor

from scitorch.core import Sample, operator
from scitorch.linalg.schur import schur_form

Array = NDArray[Any]


@operator("(m,m),(n,n),(m,n)->(m,n)")
def solve_sylvester(a: Array, b: Array, q: Array) -> Array:
    """Solution ``X`` of the Sylvester equation ``a X + X b = q``.

    Parameters
    ----------
    a : Tensor of shape (..., m, m)
    b : Tensor of shape (..., n, n)
    q : Tensor of shape (..., m, n)

    Returns
    -------
    Tensor of shape (..., m, n)
        In the promoted dtype.

    Notes
    -----
    With ``W`` the solution of ``aᴴ W + W bᴴ = g``: `q` gets ``W``, `a` gets ``-W Xᴴ`` and `b` gets ``-Xᴴ W``. There is
    one solution where no eigenvalue of `a` is the negative of one of `b`. Differentiable to any order in all three.

    References
    ----------
    `scipy.linalg.solve_sylvester`; R. H. Bartels, G. W. Stewart, Comm. ACM 15 (1972), 820-826.

    Examples
    --------
    >>> import torch
    >>> a, b = torch.tensor([[1.0, 0.0], [0.0, 3.0]]), torch.tensor([[1.0]])
    >>> solve_sylvester(a, b, torch.tensor([[2.0], [8.0]]))
    tensor([[1.],
            [2.]])
    """
    return scipy.linalg.solve_sylvester(a, b, q)


@solve_sylvester.vjp
def _sylvester_vjp(g: Tensor, a: Tensor, b: Tensor, out: Tensor) -> dict[str, Tensor]:
    w = solve_sylvester(a.mH, b.mH, g)
    return {"a": -w @ out.mH, "b": -out.mH @ w, "q": w}


@operator("(m,m),(m,m)->(m,m)")
def solve_anticommutator(a: Array, q: Array, *, adjoint: bool = False) -> Array:
    """Solution ``X`` of ``a X + X a = q``, or of ``aᴴ X + X aᴴ = q``: a Sylvester equation of one matrix.

    Parameters
    ----------
    a, q : Tensor of shape (..., m, m)
    adjoint : bool, optional
        Whether the equation's matrix is the adjoint of `a`: one Schur form serves both.

    Returns
    -------
    Tensor of shape (..., m, m)
        In the promoted dtype.

    Notes
    -----
    With ``W`` the solution of ``aᴴ W + W aᴴ = g``: `q` gets ``W``, `a` gets ``-(W Xᴴ + Xᴴ W)``. There is one solution
    where no two eigenvalues of `a` (one and itself included) add up to zero. Differentiable to any order in both.

    References
    ----------
    `scipy.linalg.solve_sylvester`.

    Examples
    --------
    >>> import torch
    >>> solve_anticommutator(torch.tensor([[1.0, 0.0], [0.0, 3.0]]), torch.ones(2, 2))
    tensor([[0.5000, 0.2500],
            [0.2500, 0.1667]])
    """
    form = schur_form(a)
    T, Z = form.T, form.Z
    ZH = Z.conj().T
    (trsyl,) = get_lapack_funcs(("trsyl",), (T, q))
    op = "C" if adjoint else "N"
    y, scale, _ = trsyl(T, T, ZH @ q @ Z, trana=op, tranb=op)
    return Z @ (y / scale) @ ZH


@solve_anticommutator.vjp
def _anticommutator_vjp(g: Tensor, a: Tensor, out: Tensor, adjoint: bool) -> dict[str, Tensor]:
    w = solve_anticommutator(a, g, adjoint=not adjoint)
    gradient = -(w @ out.mH + out.mH @ w)
    return {"a": gradient.mH if adjoint else gradient, "q": w}


@operator("(m,m),(m,m)->(m,m)")
def solve_continuous_lyapunov(a: Array, q: Array) -> Array:
    """Solution ``X`` of the continuous Lyapunov equation ``a X + X aᴴ = q``.

    Parameters
    ----------
    a, q : Tensor of shape (..., m, m)

    Returns
    -------
    Tensor of shape (..., m, m)
        In the promoted dtype.

    Warns
    -----
    RuntimeWarning
        SciPy's, if the sum of an eigenvalue of `a` and the conjugate of one is nearly zero.

    Notes
    -----
    With ``W`` the solution of ``aᴴ W + W a = g``: `q` gets ``W``, `a` gets ``-(W Xᴴ + Wᴴ X)``. There is one solution
    where no two eigenvalues of `a` have ``λ + conj(μ) = 0``. Differentiable to any order in both.

    References
    ----------
    `scipy.linalg.solve_continuous_lyapunov`.

    Examples
    --------
    >>> import torch
    >>> solve_continuous_lyapunov(torch.tensor([[-1.0, 0.0], [0.0, -2.0]]), -torch.eye(2))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    # SciPy's Schur form of a complex matrix is read as a real one where q is real; here both have one dtype.
    return scipy.linalg.solve_continuous_lyapunov(a, q)


@solve_continuous_lyapunov.vjp
def _continuous_vjp(g: Tensor, a: Tensor, out: Tensor) -> dict[str, Tensor]:
    w = solve_continuous_lyapunov(a.mH, g)
    return {"a": -(w @ out.mH + w.mH @ out), "q": w}


@operator("(m,m),(m,m)->(m,m)", name="solve_discrete_lyapunov")
def discrete_lyapunov(a: Array, q: Array, *, method: str | None = None) -> Array:
    """The operator below `solve_discrete_lyapunov`, with the method by name."""
    return scipy.linalg.solve_discrete_lyapunov(a, q, method)


@discrete_lyapunov.vjp
def _discrete_vjp(g: Tensor, a: Tensor, out: Tensor, method: str | None) -> dict[str, Tensor]:
    w = discrete_lyapunov(a.mH, g, method=method)
    return {"a": w @ a @ out.mH + w.mH @ a @ out, "q": w}


def solve_discrete_lyapunov(a: Tensor, q: Tensor, method: str | None = None) -> Tensor:
    """Solution ``X`` of the discrete Lyapunov equation ``a X aᴴ - X + q = 0``.

    Parameters
    ----------
    a, q : Tensor of shape (..., m, m)
    method : {"direct", "bilinear"}, optional
        One linear system of size m², or a continuous equation by a bilinear transformation. By default the first for
        m < 10.

    Returns
    -------
    Tensor of shape (..., m, m)
        In the promoted dtype.

    Raises
    ------
    KernelError
        If the method is unknown, or there is no solution.

    Notes
    -----
    With ``W`` the solution of ``aᴴ W a - W + g = 0``: `q` gets ``W``, `a` gets ``W a Xᴴ + Wᴴ a X``. There is one
    solution where no two eigenvalues of `a` have ``λ conj(μ) = 1``. Differentiable to any order in both.

    References
    ----------
    `scipy.linalg.solve_discrete_lyapunov`.

    Examples
    --------
    >>> import torch
    >>> solve_discrete_lyapunov(torch.eye(2) / 2, 3 * torch.eye(2))
    tensor([[4., 0.],
            [0., 4.]])
    """
    return discrete_lyapunov(a, q, method=method)


def _stable(rng: np.random.Generator, *shape: int, center: float = 0.5) -> Array:
    """Matrices whose eigenvalues are near the center."""
    return center * np.eye(shape[-1]) + 0.1 * rng.normal(size=shape)


def _pair(rng: np.random.Generator, n: int = 2) -> list[Array]:
    return [_stable(rng, n, n) + 0.1j * rng.normal(size=(n, n)), rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))]


solve_sylvester.samples(
    lambda rng: [
        Sample(_stable(rng, 2, 1, 2, 2), _stable(rng, 3, 3), rng.normal(size=(2, 2, 3))),
        Sample(_stable(rng, 2, 2), _stable(rng, 1, 1), rng.normal(size=(2, 1)) + 1j * rng.normal(size=(2, 1))),
    ]
)
solve_sylvester.special_points(lambda rng: [Sample(np.eye(2), np.eye(2), np.ones((2, 2)))])
solve_anticommutator.samples(
    lambda rng: [
        Sample(_stable(rng, 2, 1, 2, 2), rng.normal(size=(3, 2, 2))),
        Sample(*_pair(rng), adjoint=True),
    ]
)
solve_anticommutator.special_points(lambda rng: [Sample(np.eye(2), np.ones((2, 2)))])
solve_continuous_lyapunov.samples(
    lambda rng: [Sample(_stable(rng, 2, 1, 2, 2), rng.normal(size=(3, 2, 2))), Sample(*_pair(rng))]
)
discrete_lyapunov.samples(
    lambda rng: [
        Sample(_stable(rng, 2, 1, 2, 2, center=0.2), rng.normal(size=(3, 2, 2))),
        Sample(*_pair(rng), method="bilinear"),
    ]
)
