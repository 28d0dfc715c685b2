"""Assignments of least cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.optimize
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator, zero

Array = NDArray[Any]


@operator("(n,m)->(min(n,m)),(min(n,m))", dtype=("integer", "integer"), name="linear_sum_assignment")
def assignment(cost_matrix: Array, *, maximize: bool = False) -> tuple[Array, Array]:
    """The operator below `linear_sum_assignment`, with an option by name."""
    rows, columns = scipy.optimize.linear_sum_assignment(cost_matrix, maximize)
    return rows, columns


assignment.vjp(cost_matrix=zero)
assignment.samples(
    lambda rng: [
        Sample(rng.normal(size=(2, 2, 3))),
        Sample(rng.normal(size=(3, 2)), maximize=True),
    ]
)
assignment.special_points(lambda rng: [Sample(np.zeros((2, 2)))])


def linear_sum_assignment(cost_matrix: Tensor, maximize: bool = False) -> tuple[Tensor, Tensor]:
    """Assignment of rows to columns with the least sum of costs.

    Parameters
    ----------
    cost_matrix : Tensor of shape (..., n, m)
        Leading dimensions are those of independent problems.
    maximize : bool, optional
        Whether the sum is to be the greatest.

    Returns
    -------
    row_ind, col_ind : Tensor of shape (..., min(n, m)), integers
        The rows that are assigned, in order, and their columns.

    Raises
    ------
    KernelError
        No assignment of finite cost, or NaN.

    Notes
    -----
    Indices have no derivative. The least cost has that of the assignment's cost, ``cost[row_ind, col_ind].sum()``, by
    itself; where two assignments cost the same, it is one of the subgradients. The same holds of sums of
    other quantities over the assignment, which jump where it changes.

    References
    ----------
    `scipy.optimize.linear_sum_assignment`; D. F. Crouse, IEEE Trans. Aerosp. Electron. Syst. 52 (2016), 1679-1696.

    Examples
    --------
    >>> import torch
    >>> cost = torch.tensor([[4.0, 1.0, 3.0], [2.0, 0.0, 5.0], [3.0, 2.0, 2.0]], requires_grad=True)
    >>> rows, columns = linear_sum_assignment(cost)
    >>> columns, cost[rows, columns].sum().item()
    (tensor([1, 0, 2]), 5.0)
    """
    return assignment(cost_matrix, maximize=maximize)
