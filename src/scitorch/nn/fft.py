"""Layers over `scitorch.fft`."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import Module

from scitorch.fft import dctn, idctn
from scitorch.fft.transform import check_form


class DCT(Module):
    """Discrete cosine transform along one or several axes, or its inverse.

    Parameters
    ----------
    type : {1, 2, 3, 4}, optional
        Type 1 needs at least two points.
    axes : int or sequence of int, optional
        For images ``(-2, -1)``.
    norm : {"backward", "ortho", "forward"}, optional
        As in `scitorch.fft.dct`; with "ortho" the transform is orthogonal and keeps the norm.
    inverse : bool, optional
        Whether to undo the transform.

    Raises
    ------
    ArgumentError
        If there is no such type or norm; on a call, if the input hasn't these axes.

    See Also
    --------
    scitorch.fft.dctn, scitorch.fft.idctn : The functions, with their derivatives.

    Notes
    -----
    The input has any shape, which is also the output's. Linear; differentiable to any order, in every mode. No
    parameters.

    References
    ----------
    `scipy.fft.dctn`.

    Examples
    --------
    >>> import torch
    >>> analysis, synthesis = DCT(norm="ortho"), DCT(norm="ortho", inverse=True)
    >>> synthesis(analysis(torch.tensor([1.0, 2.0, 3.0])))
    tensor([1.0000, 2.0000, 3.0000])
    >>> DCT(axes=(-2, -1), norm="ortho")
    DCT(type=2, axes=(-2, -1), norm='ortho', inverse=False)
    """

    def __init__(
        self, type: int = 2, axes: int | Sequence[int] = -1, norm: str | None = None, *, inverse: bool = False
    ) -> None:
        super().__init__()
        check_form("DCT", type, norm)
        self.dct_type = type
        self.axes = axes if isinstance(axes, int) else tuple(axes)
        self.norm = norm
        self.inverse = inverse

    def forward(self, input: Tensor) -> Tensor:
        """Transform the input along the axes."""
        transform = idctn if self.inverse else dctn
        return transform(input, self.dct_type, axes=self.axes, norm=self.norm)

    def extra_repr(self) -> str:
        """The transform, as the layer was made with it."""
        return f"type={self.dct_type}, axes={self.axes}, norm={self.norm!r}, inverse={self.inverse}"
