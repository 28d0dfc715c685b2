"""Layers over `scitorch.ndimage`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module, Parameter

from scitorch.core.errors import ArgumentError, ShapeError
from scitorch.ndimage import gaussian_filter
from scitorch.ndimage.affine import transformed
from scitorch.ndimage.arguments import check_mode, check_order, read_image
from scitorch.nn.arguments import positive_integer


class GaussianBlur(Module):
    """Images smoothed by a Gaussian whose width is learned.

    Parameters
    ----------
    sigma : float or sequence of float, optional
        Standard deviation in pixels that is begun with, positive; of a sequence, one for each axis.
    axes : int or sequence of int, optional
        Those that are smoothed.
    mode : str, optional
        What lies beyond the border, as in `scitorch.ndimage.gaussian_filter`.
    truncate : float, optional
        Radius of the filter in standard deviations; it follows them as they are learned.
    radius : int, optional
        Radius of the filter in pixels, in place of `truncate`; needed where a width's value is hidden, inside
        `torch.compile` and `torch.func`.
    device : torch.device, optional
        Where the parameter is made.
    dtype : torch.dtype, optional
        Of the parameter. The output has the input's.

    Attributes
    ----------
    log_sigma : Parameter of shape () or (d,)
        Natural logarithm of sigma, so that sigma is positive.

    Raises
    ------
    ArgumentError
        If a sigma isn't positive, or there is no such mode; on a call, if the input hasn't these axes.
    ShapeError
        If there are not as many sigmas as axes.

    See Also
    --------
    scitorch.ndimage.gaussian_filter : The function, with its derivatives.

    Notes
    -----
    The input has any shape with these axes, which is also the output's. Differentiable to any order in the input and
    in sigma, for the radius that it has.

    References
    ----------
    `scipy.ndimage.gaussian_filter`.

    Examples
    --------
    >>> import torch
    >>> layer = GaussianBlur(2.0)
    >>> layer(torch.randn(5, 3, 16, 16)).shape
    torch.Size([5, 3, 16, 16])
    >>> layer.sigma.item()
    2.0
    """

    def __init__(
        self,
        sigma: float | Sequence[float] = 1.0,
        axes: int | Sequence[int] = (-2, -1),
        mode: str = "reflect",
        truncate: float = 4.0,
        *,
        radius: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_mode("GaussianBlur", mode)
        self.axes = (axes,) if isinstance(axes, int) else tuple(axes)
        self._first = _widths(sigma, len(self.axes))
        self.mode = mode
        self.truncate = truncate
        self.radius = radius
        self.log_sigma = Parameter(torch.empty(self._first.shape, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Begin with the first sigma again."""
        with torch.no_grad():
            self.log_sigma.copy_(self._first.log())

    @property
    def sigma(self) -> Tensor:
        """The standard deviation in pixels, differentiable in the parameter."""
        return self.log_sigma.exp()

    def forward(self, input: Tensor) -> Tensor:
        """Smooth the input along the axes."""
        options: dict[str, Any] = {"mode": self.mode, "truncate": self.truncate, "radius": self.radius}
        return gaussian_filter(input, self.sigma, axes=self.axes, **options)

    def extra_repr(self) -> str:
        """The form of the filter, and the sigma that was begun with."""
        reach = f"truncate={self.truncate:g}" if self.radius is None else f"radius={self.radius}"
        return f"sigma={self._first.tolist()}, axes={self.axes}, mode={self.mode!r}, {reach}"


def _widths(sigma: Any, axes: int) -> Tensor:
    """The first sigma, on the host and in double precision."""
    try:
        widths = torch.as_tensor(sigma, dtype=torch.float64, device="cpu").detach().clone()
    except (TypeError, ValueError, RuntimeError):
        raise ArgumentError("GaussianBlur", "sigma", "a number or several", repr(sigma), "sigma=1.0") from None
    if widths.dim() > 1 or (widths.dim() == 1 and len(widths) != axes):
        raise ShapeError("GaussianBlur", "sigma", f"one number, or {axes}", repr(sigma), "one for each axis")
    if not bool((widths > 0).all()):
        raise ArgumentError("GaussianBlur", "sigma", "positive numbers", repr(sigma), "sigma=1.0")
    return widths


class AffineWarp(Module):
    """Images seen through an affine map of the coordinates that is learned.

    Parameters
    ----------
    dimensions : int, optional
        Of an image, d.
    order : int, optional
        Of the spline, from 0 (nearest pixel: no derivative in the map) to 5.
    mode : str, optional
        What lies beyond the border, as in `scitorch.ndimage.map_coordinates`.
    cval : float, optional
        What lies there for the modes "constant" and "grid-constant".
    device : torch.device, optional
        Where the parameters are made.
    dtype : torch.dtype, optional
        Of the parameters. The output has the input's.

    Attributes
    ----------
    matrix : Parameter of shape (d, d)
        The identity at first.
    offset : Parameter of shape (d,)
        In pixels; zero at first.

    Raises
    ------
    ArgumentError
        If there is no such order or mode, or `dimensions` is no integer.
    ShapeError
        If `dimensions` is less than one; on a call, if the input has fewer.

    See Also
    --------
    scitorch.ndimage.affine_transform : The function, with its derivatives.

    Notes
    -----
    The input has shape ``(..., n1, …, nd)``, which is also the output's. The output at a place ``o`` is the input at
    ``matrix @ (o - c) + c + offset``, with ``c`` the centre of the image: about a corner, as SciPy has it, a turn
    would also be a long way, and a step in the matrix would move the whole image. A step in the matrix still moves
    pixels by up to half the image's size: give it a learning rate that is smaller by as much than the offset's.
    Differentiable in the input, the matrix and the offset; to any order between the pixels.

    References
    ----------
    `scipy.ndimage.affine_transform`.

    Examples
    --------
    >>> import torch
    >>> layer = AffineWarp(1, order=1)
    >>> with torch.no_grad():
    ...     layer.offset += 0.5
    >>> layer(torch.tensor([0.0, 2.0, 4.0, 6.0])).detach()
    tensor([1., 3., 5., 0.])
    """

    def __init__(
        self,
        dimensions: int = 2,
        order: int = 3,
        mode: str = "constant",
        cval: float = 0.0,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        d = self.dimensions = positive_integer(self, "dimensions", dimensions)
        check_order("AffineWarp", order)
        check_mode("AffineWarp", mode)
        self.order = order
        self.mode = mode
        self.cval = cval
        self.matrix = Parameter(torch.empty(d, d, device=device, dtype=dtype))
        self.offset = Parameter(torch.empty(d, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Begin with the identity again."""
        with torch.no_grad():
            self.matrix.copy_(torch.eye(self.dimensions))
            self.offset.zero_()

    def forward(self, input: Tensor) -> Tensor:
        """Move the input's last dimensions."""
        image = read_image("AffineWarp", input, rank=self.dimensions)
        shape = tuple(image.shape[-self.dimensions :])
        matrix, offset = self.matrix.double(), self.offset.double()
        centre = torch.tensor([(n - 1) / 2 for n in shape], dtype=matrix.dtype, device=matrix.device)
        options: dict[str, Any] = {"order": self.order, "mode": self.mode, "cval": self.cval, "prefilter": True}
        return transformed("AffineWarp", image, matrix, centre - matrix @ centre + offset, shape, **options)

    def extra_repr(self) -> str:
        """The interpolation, as the layer was made with it."""
        return f"dimensions={self.dimensions}, order={self.order}, mode={self.mode!r}, cval={self.cval:g}"
