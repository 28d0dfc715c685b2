"""Linear systems: the operator that every implicit derivative of a few unknowns ends in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .errors import KernelError
from .operator import operator
from .samples import Sample

Array = NDArray[Any]


@operator("(n,n),(n)->(n)", batch="native")
def linear_solve(matrix: Array, b: Array) -> Array:
    """Solution x of ``matrix x = b``.

    PyTorch's own `linalg.solve` is half its value under forward mode of forward mode, and costs more on few unknowns.

    Parameters
    ----------
    matrix : Tensor of shape (..., n, n)
    b : Tensor of shape (..., n)

    Returns
    -------
    Tensor of shape (..., n)

    Raises
    ------
    KernelError
        A singular matrix.

    Notes
    -----
    With ``w`` the solution of ``matrixᴴ w = g``: `b` gets ``w``, `matrix` gets ``-w xᴴ``. To any order in both.

    References
    ----------
    `numpy.linalg.solve`.

    Examples
    --------
    >>> import torch
    >>> linear_solve(torch.tensor([[2.0, 0.0], [0.0, 4.0]]), torch.tensor([1.0, 1.0]))
    tensor([0.5000, 0.2500])
    """
    try:
        return np.linalg.solve(matrix, b[..., None])[..., 0]
    except np.linalg.LinAlgError as error:
        raise KernelError("linear_solve", "matrix", "a matrix of full rank", "a singular one") from error


@linear_solve.vjp
def _vjp(g: Tensor, matrix: Tensor, out: Tensor) -> dict[str, Tensor]:
    w = linear_solve(matrix.mH, g)
    return {"matrix": -w[..., :, None] * out.conj()[..., None, :], "b": w}


linear_solve.samples(
    lambda rng: [
        Sample(np.eye(2) + rng.uniform(-0.3, 0.3, size=(2, 2)), rng.normal(size=(3, 2))),
        Sample(np.eye(2) + rng.uniform(-0.3, 0.3, size=(2, 2)) * (1 + 1j), rng.normal(size=2) + 0j),
    ]
)
