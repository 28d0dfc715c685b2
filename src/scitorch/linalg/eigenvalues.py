"""Eigenvalues and eigenvectors of symmetric tridiagonal matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator
from scitorch.core.errors import ArgumentError

Array = NDArray[Any]
Shape = tuple[int, ...]


def _count(d: Shape, select: tuple[int, int] | None) -> int:
    return d[0] if select is None else select[1] - select[0] + 1


@operator("(n),(p)->(...)", shape=lambda d, select: (_count(d, select),), real=("d", "e"))
def tridiagonal_eigenvalues(
    d: Array,
    e: Array,
    *,
    select: tuple[int, int] | None = None,
    check_finite: bool = True,
    tol: float = 0.0,
    lapack_driver: str = "auto",
) -> Any:
    """Eigenvalues alone, below `eigh_tridiagonal`; `select` is a range of indices, ends included."""
    options = _scipys(select, check_finite, tol, lapack_driver)
    return scipy.linalg.eigh_tridiagonal(d, e, **options, eigvals_only=True)


@operator(
    "(n),(p)->(...),(...)",
    shape=lambda d, select: ((_count(d, select),), (d[0], _count(d, select))),
    real=("d", "e"),
)
def tridiagonal_eigenpairs(
    d: Array,
    e: Array,
    *,
    select: tuple[int, int] | None = None,
    check_finite: bool = True,
    tol: float = 0.0,
    lapack_driver: str = "auto",
) -> Any:
    """Eigenvalues and eigenvectors, below `eigh_tridiagonal`; `select` is a range of indices, ends included."""
    return scipy.linalg.eigh_tridiagonal(d, e, **_scipys(select, check_finite, tol, lapack_driver))


def _scipys(select: tuple[int, int] | None, check_finite: bool, tol: float, lapack_driver: str) -> dict[str, Any]:
    chosen: dict[str, Any] = {} if select is None else {"select": "i", "select_range": select}
    return chosen | {"check_finite": check_finite, "tol": tol, "lapack_driver": lapack_driver}


def _on_diagonals(left: Tensor, right: Tensor) -> dict[str, Tensor]:
    """What d and e get of the gradient ``left @ right.mT`` of the matrix, symmetric elements added up."""
    above = (left[..., :-1, :] * right[..., 1:, :]).sum(-1)
    below = (left[..., 1:, :] * right[..., :-1, :]).sum(-1)
    return {"d": (left * right).sum(-1), "e": above + below}


@tridiagonal_eigenvalues.vjp
def _values_vjp(g: Tensor, d: Tensor, e: Tensor, select: tuple[int, int] | None, tol: float) -> dict[str, Tensor]:
    _, v = tridiagonal_eigenpairs(d, e, select=select, tol=tol)
    return _on_diagonals(v * g[..., None, :], v)


@tridiagonal_eigenpairs.vjp
def _pairs_vjp(
    g: tuple[Tensor, Tensor], out: tuple[Tensor, Tensor], d: Tensor, e: Tensor, select: tuple[int, int] | None
) -> dict[str, Tensor]:
    # The vector v of the value λ changes by the sum over all other pairs (μ, u) of u (u·dT v) / (λ - μ).
    w, v = out
    all_w, all_v = out if select is None else tridiagonal_eigenpairs(d, e)
    n, first = all_w.shape[-1], 0 if select is None else select[0]
    gaps = w[..., None, :] - all_w[..., :, None]
    others = torch.arange(n, device=w.device)[:, None] != torch.arange(w.shape[-1], device=w.device) + first
    # The vectors of a repeated value turn freely among themselves. What doesn't depend on the turn has no gradient
    # along it, so 0 is the right multiple of it; anything else has no derivative there.
    size = all_w.detach().abs().amax(-1)[..., None, None]
    known = others & (gaps.detach().abs() > n * torch.finfo(w.dtype).eps * size)
    inverse = torch.where(known, 1 / torch.where(known, gaps, 1), 0)
    turned = all_v @ (inverse * (all_v.mT @ g[1]))
    return _on_diagonals(v * g[0][..., None, :] + turned, v)


def eigh_tridiagonal(
    d: Tensor,
    e: Tensor,
    eigvals_only: bool = False,
    select: str = "a",
    select_range: tuple[float, float] | None = None,
    check_finite: bool = True,
    tol: float = 0.0,
    lapack_driver: str = "auto",
) -> Tensor | tuple[Tensor, Tensor]:
    """Eigenvalues and eigenvectors of a real symmetric tridiagonal matrix.

    Parameters
    ----------
    d : Tensor of shape (..., n)
        The main diagonal, real.
    e : Tensor of shape (..., n-1)
        The diagonal beside it.
    eigvals_only : bool, optional
        Whether to compute the eigenvalues alone.
    select : {"a", "i"}, optional
        All eigenvalues, or those with indices in `select_range`. SciPy's "v", an interval of values, gives a number
        of results that depends on values: it raises.
    select_range : tuple of two ints, optional
        The least and the greatest index, both included.
    check_finite : bool, optional
        Whether to raise for infinities and NaN, for which LAPACK might not come to an end.
    tol : float, optional
        Absolute tolerance of the driver "stebz".
    lapack_driver : str, optional
        "auto", "stemr", "stebz", "sterf", "stev" or "stevd".

    Returns
    -------
    w : Tensor of shape (..., m)
        The eigenvalues in ascending order.
    v : Tensor of shape (..., n, m)
        The eigenvectors, in columns, unless `eigvals_only`. Their signs are LAPACK's.

    Raises
    ------
    ArgumentError
        For ``select="v"``, and for a selection without a range.
    KernelError
        If SciPy refuses the combination of driver and selection.

    Notes
    -----
    An eigenvalue λ with the vector ``v`` has the gradient ``v²`` in `d` and ``2 v[:-1] v[1:]`` in `e`. The vector
    changes by the sum over all other pairs ``(μ, u)`` of ``u (uᵀ dT v) / (λ - μ)``. At repeated eigenvalues, which
    there are only where an element of `e` is zero, the gradient is right for functions that don't depend on the choice
    of vectors among them; others have none. Differentiable to any order in both.

    References
    ----------
    `scipy.linalg.eigh_tridiagonal`.

    Examples
    --------
    >>> import torch
    >>> eigh_tridiagonal(torch.tensor([2.0, 2.0]), torch.tensor([1.0]), eigvals_only=True)
    tensor([1., 3.])
    """
    chosen = _chosen(select, select_range)
    function = tridiagonal_eigenvalues if eigvals_only else tridiagonal_eigenpairs
    return function(d, e, select=chosen, check_finite=check_finite, tol=tol, lapack_driver=lapack_driver)


def _chosen(select: str | int, select_range: tuple[float, float] | None) -> tuple[int, int] | None:
    """The range of indices, from SciPy's ways to say it."""
    name = select.lower() if isinstance(select, str) else select
    if name in ("a", "all", 0):
        return None
    if name in ("i", "index", 2) and select_range is not None and len(select_range) == 2:
        least, greatest = (int(index) for index in select_range)
        return least, greatest
    expected = '"a", or "i" with a select_range of two indices'
    got = f"select={select!r}, select_range={select_range!r}"
    advice = 'select="a" and choosing among the results'
    raise ArgumentError("eigh_tridiagonal", "select", expected, got, advice)


def _diagonals(rng: np.random.Generator, *shape: int) -> tuple[Array, Array]:
    n = shape[-1]
    return np.arange(n) + 0.1 * rng.normal(size=shape), 1 + 0.1 * rng.normal(size=(*shape[:-1], n - 1))


for _operator in (tridiagonal_eigenvalues, tridiagonal_eigenpairs):
    _operator.samples(
        lambda rng: [
            Sample(*_diagonals(rng, 2, 3)),
            Sample(*_diagonals(rng, 4), select=(1, 2), check_finite=False, tol=1e-14, lapack_driver="stebz"),
        ]
    )
    _operator.special_points(lambda rng: [Sample(np.ones(3), np.zeros(2)), Sample(np.ones(4), np.array([1.0, 0, 1]))])
