"""Layers over the tutorials' operators."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import Module, Parameter, init

from scitorch.nn.arguments import positive_integer
from scitorch.tutorial import correlate_bias, linear_op


class ScipyConv2d(Module):
    """Valid cross-correlation with a filter that is learned, plus a bias, by SciPy.

    Parameters
    ----------
    filter_width, filter_height : int
        Shape ``(k, l)`` of the filter, in this order.
    device : torch.device, optional
        Where the parameters are made.
    dtype : torch.dtype, optional
        Of the parameters. An input of another dtype is promoted together with them.

    Attributes
    ----------
    filter : Parameter of shape (k, l)
        Drawn from the standard normal distribution.
    bias : Parameter of shape (1, 1)
        Drawn likewise, after the filter.

    Raises
    ------
    ArgumentError
        If a size is no integer.
    ShapeError
        If a size is less than one.
    ScitorchError
        On a call, if the input is smaller than the filter.

    See Also
    --------
    scitorch.tutorial.correlate_bias : The operator, with its derivative.

    Notes
    -----
    The input has shape ``(..., m, n)``, the output ``(..., m-k+1, n-l+1)``. Differentiable to
    any order in the input and both parameters, in every mode.

    References
    ----------
    PyTorch tutorial "Creating extensions using NumPy and SciPy".

    Examples
    --------
    >>> import torch
    >>> layer = ScipyConv2d(3, 3)
    >>> layer(torch.randn(10, 10)).shape
    torch.Size([8, 8])
    >>> layer(torch.randn(5, 10, 10)).shape
    torch.Size([5, 8, 8])
    """

    def __init__(
        self,
        filter_width: int,
        filter_height: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        width = positive_integer(self, "filter_width", filter_width)
        shape = width, positive_integer(self, "filter_height", filter_height)
        self.filter = Parameter(torch.empty(shape, device=device, dtype=dtype))
        self.bias = Parameter(torch.empty(1, 1, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew, from torch's own generator."""
        init.normal_(self.filter)
        init.normal_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Correlate the input with the filter and add the bias."""
        return correlate_bias(input, self.filter, self.bias)

    def extra_repr(self) -> str:
        """Sizes, as the layer was made with them."""
        return "filter_width={}, filter_height={}".format(*self.filter.shape)


class Linear(Module):
    """Rows times the transpose of a weight that is learned, plus an optional bias.

    Parameters
    ----------
    input_features, output_features : int
        Sizes ``i`` and ``o`` of a row of the input and of the output.
    bias : bool, optional
        Whether there is a bias.
    device : torch.device, optional
        Where the parameters are made.
    dtype : torch.dtype, optional
        Of the parameters. An input of another dtype is promoted together with them.

    Attributes
    ----------
    weight : Parameter of shape (o, i)
        Drawn uniformly from -0.1 to 0.1.
    bias : Parameter of shape (o,), or None
        Drawn likewise, after the weight.

    Raises
    ------
    ArgumentError
        If a size is no integer.
    ShapeError
        If a size is less than one; on a call, if the input's rows have another size.

    See Also
    --------
    scitorch.tutorial.linear_op : The operator, with its derivative.

    Notes
    -----
    The input has shape ``(..., n, i)``, the output ``(..., n, o)``. Differentiable to any order
    in the input and both parameters, in every mode.

    References
    ----------
    PyTorch notes "Extending PyTorch".

    Examples
    --------
    >>> import torch
    >>> Linear(3, 2)(torch.randn(5, 3)).shape
    torch.Size([5, 2])
    >>> Linear(3, 2, bias=False)
    Linear(input_features=3, output_features=2, bias=False)
    """

    bias: Parameter | None

    def __init__(
        self,
        input_features: int,
        output_features: int,
        bias: bool = True,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.input_features = positive_integer(self, "input_features", input_features)
        self.output_features = positive_integer(self, "output_features", output_features)
        shape = self.output_features, self.input_features
        self.weight = Parameter(torch.empty(shape, device=device, dtype=dtype))
        new_bias = Parameter(torch.empty(shape[0], device=device, dtype=dtype)) if bias else None
        self.register_parameter("bias", new_bias)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew, from torch's own generator."""
        for parameter in self.parameters(recurse=False):
            init.uniform_(parameter, -0.1, 0.1)

    def forward(self, input: Tensor) -> Tensor:
        """Multiply the input's rows by the weight and add the bias, if there is one."""
        return linear_op(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Sizes, as the layer was made with them."""
        return (
            f"input_features={self.input_features}, output_features={self.output_features}, "
            f"bias={self.bias is not None}"
        )
