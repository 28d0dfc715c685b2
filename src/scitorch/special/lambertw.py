"""Lambert's W function, all branches."""

from typing import Any

import numpy as np
import scipy.special
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, not_implemented, operator

Array = NDArray[Any]


@operator("(),()->()", batch="native", real=("k",), dtype="complex", name="lambertw")
def _lambertw(z: Array, k: Array, *, tol: float) -> Array:
    branch: Any = np.asarray(k, np.int64)
    return scipy.special.lambertw(z, branch, tol)


def lambertw(z: Any, k: Any = 0, tol: float = 1e-8) -> Tensor:
    """Lambert's W function, the inverse of ``w exp(w)``, on any branch.

    Parameters
    ----------
    z : Tensor
        Argument, real or complex.
    k : Tensor or int
        Branch, whole; broadcasts with `z`.
    tol : float
        Tolerance of SciPy's iteration.

    Returns
    -------
    Tensor
        ``W_k(z)``, complex, even for a real `z`: take ``.real`` on the real branches, which are
        0 for ``z ≥ −1/e`` and −1 for ``−1/e ≤ z < 0``.

    Raises
    ------
    MissingDerivativeError
        If the derivative in `k` is asked for: branches are numbered.

    Notes
    -----
    ``dW/dz = exp(−W)/(1 + W)``, to any order, which unlike ``W/(z(1 + W))`` has a value at
    ``z = 0``. At the branch point ``z = −1/e`` of the branches 0 and ±1 it is infinite, and close
    to it half the digits are lost, as those of ``1 + W`` are.

    References
    ----------
    DLMF 4.13.4; `scipy.special.lambertw`.

    Examples
    --------
    >>> import torch
    >>> lambertw(torch.tensor(1.0)).real
    tensor(0.5671)
    """
    return _lambertw(z, k, tol=tol)


_lambertw.partials(z=lambda out: torch.exp(-out) / (1 + out), k=not_implemented("branches are numbered"))
_lambertw.samples(
    lambda rng: [
        Sample(rng.uniform(0.2, 5, size=(2, 1)), np.array([0.0, 1.0]), tol=1e-8),
        Sample(rng.normal(size=2) + 1.5j, -1, tol=1e-10),
    ]
)
_lambertw.special_points(lambda rng: [Sample(np.zeros(2), 0, tol=1e-8), Sample(np.array([-0.2, -0.1]), -1, tol=1e-8)])
