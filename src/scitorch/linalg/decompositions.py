"""Matrix decompositions."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator
from scitorch.core.errors import ArgumentError, ShapeError
from scitorch.linalg.matrix_equations import solve_sylvester
from scitorch.linalg.systems import solve_general

Array = NDArray[Any]


@operator("(m,n)->(m,n),(n,n)")
def polar_tall(a: Array) -> tuple[Array, Array]:
    """The right polar decomposition of a matrix with no more columns than rows, below `polar`."""
    return scipy.linalg.polar(a)


@polar_tall.vjp
def _polar_vjp(g: tuple[Tensor, Tensor], out: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
    # du = u Ω + (1 - u uᴴ) da p⁻¹ and dp = uᴴ da - Ω p, where the skew Ω solves p Ω + Ω p = uᴴ da - daᴴ u. The adjoint
    # of this equation is itself, and only sums of singular values are divided by.
    u, p = out
    straight = (g[1] + g[1].mH) / 2
    skew = u.mH @ g[0] - straight @ p
    turn = solve_sylvester(p, p, skew - skew.mH)
    gradient = u @ ((turn - turn.mH) / 2 + straight)
    if u.shape[-2] > u.shape[-1]:
        outside = g[0] - u @ (u.mH @ g[0])
        gradient = gradient + solve_general(p, outside.mH).mH
    return {"a": gradient}


def polar(a: Tensor, side: str = "right") -> tuple[Tensor, Tensor]:
    """Polar decomposition of a matrix, ``a = u p`` or ``a = p u``.

    Parameters
    ----------
    a : Tensor of shape (..., m, n)
    side : {"right", "left"}, optional
        On which side of ``u`` the factor ``p`` stands.

    Returns
    -------
    u : Tensor of shape (..., m, n)
        With orthonormal columns, or rows if m < n.
    p : Tensor of shape (..., n, n), or (..., m, m) for the left side
        Hermitian and positive semidefinite.

    Raises
    ------
    ArgumentError
        For another side.
    ShapeError
        If `a` has fewer than two dimensions.

    Notes
    -----
    For the right side and m >= n, with ``S`` the skew solution of ``p S + S p = Y - Yᴴ``, ``Y = uᴴ g_u - h p`` and
    ``h`` the Hermitian part of ``g_p``: `a` gets ``u (S + h) + (1 - u uᴴ) g_u p⁻¹``. The other cases go back to it.
    Equal singular values make no difference; where `a` has not full rank, ``u`` has no derivative. Differentiable to
    any order.

    References
    ----------
    `scipy.linalg.polar`; N. J. Higham, "Functions of Matrices" (SIAM, 2008), chapter 8.

    Examples
    --------
    >>> import torch
    >>> u, p = polar(torch.tensor([[0.0, -2.0], [3.0, 0.0]]))
    >>> p
    tensor([[3., 0.],
            [0., 2.]])
    """
    if side not in ("right", "left"):
        raise ArgumentError("polar", "side", '"right" or "left"', repr(side))
    if a.ndim < 2:
        raise ShapeError("polar", "a", "a matrix", f"shape {tuple(a.shape)}", "a.reshape(…)")
    tall = a.shape[-2] >= a.shape[-1]
    if tall:
        u, p = polar_tall(a)
    else:
        adjoint, p = polar_tall(a.mH)
        u = adjoint.mH
    if tall is (side == "right"):
        return u, p
    # The same u serves both sides: a = u p = (u p uᴴ) u, and the other way round.
    return u, (u @ p @ u.mH if tall else u.mH @ p @ u)


polar_tall.samples(
    lambda rng: [
        Sample(np.eye(3, 2) + 0.3 * rng.normal(size=(2, 3, 2))),
        Sample(np.eye(2) + 0.3 * rng.normal(size=(2, 2)) + 0.3j * rng.normal(size=(2, 2))),
    ]
)
polar_tall.special_points(lambda rng: [Sample(np.eye(2)), Sample(np.eye(3, 2))])
