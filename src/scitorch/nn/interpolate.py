"""Layers over `scitorch.interpolate`."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn import Module, Parameter

from scitorch.interpolate import CubicSpline
from scitorch.nn.arguments import number_between, positive_integer


class CubicSplineActivation(Module):
    """Activation function that is learned: a cubic spline with values at fixed knots, applied to each element.

    Parameters
    ----------
    knots : int, optional
        How many, evenly spaced; at least two.
    low, high : float, optional
        The first and the last knot. Beyond them the function goes on as a straight line.
    initial : callable, optional
        The function that the values are taken from at first, of a tensor of knots.
    device : torch.device, optional
        Where the parameter is made.
    dtype : torch.dtype, optional
        Of the parameter. An input of another dtype is promoted together with it.

    Attributes
    ----------
    values : Parameter of shape (knots,)
        The function's values at the knots.
    knots : Tensor of shape (knots,)
        Where these are; a buffer, saved with the parameter.

    Raises
    ------
    ArgumentError
        If `knots` is no integer, or `low` is no number below `high`.
    ShapeError
        If there are fewer than two knots.

    See Also
    --------
    scitorch.interpolate.CubicSpline : The spline, with its derivatives.

    Notes
    -----
    The input has any shape, which is also the output's. The spline is the natural one: with zero second derivatives
    at both ends, so that the straight lines continue it with two continuous derivatives. Differentiable in the input
    and the values; to any order between the knots, where the third derivative jumps.

    References
    ----------
    `scipy.interpolate.CubicSpline`; P. Bohra et al., "Learning Activation Functions in Deep (Spline) Neural Networks",
    IEEE Open Journal of Signal Processing 1 (2020), 295-309.

    Examples
    --------
    >>> import torch
    >>> layer = CubicSplineActivation(7, -3, 3, initial=torch.abs)
    >>> layer(torch.tensor([-5.0, -2.0, 1.0, 3.0])).detach()
    tensor([5.0769, 2.0000, 1.0000, 3.0000])
    """

    knots: Tensor

    def __init__(
        self,
        knots: int = 13,
        low: float = -3.0,
        high: float = 3.0,
        initial: Callable[[Tensor], Tensor] = F.silu,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        count = positive_integer(self, "knots", knots, least=2)
        self.low = number_between(self, "low", low, -math.inf, math.inf)
        self.high = number_between(self, "high", high, self.low, math.inf)
        self.initial = initial
        self.register_buffer("knots", torch.empty(count, device=device, dtype=dtype))
        self.values = Parameter(torch.empty(count, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Take the values from the initial function again."""
        with torch.no_grad():
            self.knots.copy_(torch.linspace(self.low, self.high, len(self.knots), dtype=self.knots.dtype))
            self.values.copy_(self.initial(self.knots))

    def forward(self, input: Tensor) -> Tensor:
        """Apply the function to each element."""
        spline = CubicSpline(self.knots, self.values, bc_type="natural")
        first, last = self.knots[0], self.knots[-1]
        inside = input.clamp(first, last)
        slopes = spline(self.knots[:: len(self.knots) - 1], 1)
        return spline(inside) + torch.where(input < first, slopes[0], slopes[1]) * (input - inside)

    def extra_repr(self) -> str:
        """The knots, as the layer was made with them."""
        return f"knots={len(self.knots)}, low={self.low:g}, high={self.high:g}"
