"""Layers over `scitorch.linalg`."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import Module

from scitorch.core.errors import ArgumentError
from scitorch.linalg import sqrtm


class MatrixSquareRoot(Module):
    """Square roots of a batch of positive definite matrices, for pooling by covariances.

    Parameters
    ----------
    eps : float, optional
        Added to the diagonal beforehand, in units of the matrix: a covariance of fewer samples than features is
        singular, where the root has no finite derivative.

    Raises
    ------
    ArgumentError
        If `eps` is no number, or less than zero.
    ScitorchError
        On a call, if the input isn't made of square matrices, or a matrix has a negative eigenvalue.

    See Also
    --------
    scitorch.linalg.sqrtm : The function, with its derivative.

    Notes
    -----
    The input has shape ``(..., n, n)``, which is also the output's. The gradient solves a Sylvester equation and
    divides by no differences of eigenvalues, so that it is right for repeated ones, too, as those of a matrix near
    the identity. Differentiable to any order, in every mode. No parameters.

    References
    ----------
    `scipy.linalg.sqrtm`; P. Li, J. Xie, Q. Wang, W. Zuo, "Is Second-order Information Helpful for Large-scale Visual
    Recognition?" (ICCV 2017).

    Examples
    --------
    >>> import torch
    >>> MatrixSquareRoot()(torch.diag(torch.tensor([4.0, 9.0])))
    tensor([[2., 0.],
            [0., 3.]])
    """

    def __init__(self, eps: float = 0.0) -> None:
        super().__init__()
        if not isinstance(eps, (int, float)) or not eps >= 0:
            raise ArgumentError("MatrixSquareRoot", "eps", "a number of at least 0", repr(eps), "eps=1e-5")
        self.eps = eps

    def forward(self, input: Tensor) -> Tensor:
        """Take the root of each matrix."""
        if not self.eps:
            return sqrtm(input)
        return sqrtm(input + self.eps * torch.eye(input.shape[-1], dtype=input.dtype, device=input.device))

    def extra_repr(self) -> str:
        """What is added, as the layer was made with it."""
        return f"eps={self.eps:g}"
