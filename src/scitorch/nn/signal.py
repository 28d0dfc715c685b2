"""Layers over `scitorch.signal`."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import Module, Parameter, init

from scitorch.nn.arguments import number_between, positive_integer
from scitorch.signal import sosfilt


class IIRFilter(Module):
    """Recursive filter that is learned, and stable whatever its parameters are.

    A cascade of sections of second order, ``(b0 + b1/z + b2/z²) / (1 + a1/z + a2/z²)`` each.

    Parameters
    ----------
    sections : int
        How many; the filter has twice as many poles and zeros.
    max_radius : float, optional
        What no pole's absolute value exceeds, between 0 and 1. The slowest decay that can be learned takes about
        ``1 / (1 - max_radius)`` samples.
    device : torch.device, optional
        Where the parameters are made.
    dtype : torch.dtype, optional
        Of the parameters. An input of another dtype is promoted together with them.

    Attributes
    ----------
    numerator : Parameter of shape (sections, 3)
        ``b0, b1, b2``, drawn from the normal distribution about ``1, 0, 0`` with standard deviation 0.1.
    denominator : Parameter of shape (sections, 2)
        Any real numbers, see the notes; drawn from the normal distribution with standard deviation 0.5.

    Raises
    ------
    ArgumentError
        If `sections` is no integer, or `max_radius` isn't between 0 and 1.
    ShapeError
        If `sections` is less than one.

    See Also
    --------
    scitorch.signal.sosfilt : The function, with its derivative.

    Notes
    -----
    The input has shape ``(..., n)``, which is also the output's; time is the last dimension, and the filter starts at
    rest. Differentiable to any order in the input and both parameters, at a cost linear in n.

    Both roots of ``z² + p z + q`` lie in the unit disc exactly where ``|q| <= 1`` and ``|p| <= 1 + q``: a triangle,
    which ``q = tanh v``, ``p = (1 + q) tanh u`` maps all real ``u, v`` to. The denominator is that of the roots times
    r = `max_radius`, ``a1 = r p`` and ``a2 = r² q``, so that even where tanh has rounded to 1 the poles stay inside.
    In single precision, coefficients round by more than the distance of a double pole from the unit circle once r is
    greater than 0.9995: take double precision there.

    References
    ----------
    `scipy.signal.sosfilt`; A. V. Oppenheim, R. W. Schafer, "Discrete-Time Signal Processing", section 6.3.

    Examples
    --------
    >>> import torch
    >>> filter = IIRFilter(2)
    >>> filter(torch.randn(3, 100)).shape
    torch.Size([3, 100])
    >>> filter.sos.shape
    torch.Size([2, 6])
    """

    def __init__(
        self,
        sections: int,
        max_radius: float = 0.999,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.sections = positive_integer(self, "sections", sections)
        self.max_radius = number_between(self, "max_radius", max_radius, 0, 1)
        self.numerator = Parameter(torch.empty(self.sections, 3, device=device, dtype=dtype))
        self.denominator = Parameter(torch.empty(self.sections, 2, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew, from torch's own generator."""
        init.normal_(self.numerator, std=0.1)
        with torch.no_grad():
            self.numerator[:, 0] += 1
        # Not all alike: sections with equal parameters get equal gradients, and would stay alike for ever.
        init.normal_(self.denominator, std=0.5)

    @property
    def sos(self) -> Tensor:
        """The sections' coefficients as SciPy has them, of shape (sections, 6); differentiable in the parameters."""
        u, v = self.denominator.tanh().unbind(-1)
        p, q = (1 + v) * u, v
        r = self.max_radius
        rows = [torch.ones_like(p), r * p, r**2 * q]
        return torch.cat([self.numerator, torch.stack(rows, -1)], -1)

    def forward(self, input: Tensor) -> Tensor:
        """Filter the input along its last dimension."""
        output = sosfilt(self.sos, input)
        assert isinstance(output, Tensor)  # without zi, the signal alone
        return output

    def extra_repr(self) -> str:
        """The size and the bound, as the layer was made with them."""
        return f"sections={self.sections}, max_radius={self.max_radius:g}"
