"""The tutorial's linear layer: by hand, and as an operator."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import Function

from scitorch.core import Sample, operator

Array = NDArray[Any]


class LinearFunction(Function):
    """Rows times a transposed weight, plus an optional bias, by hand.

    Call it as ``LinearFunction.apply(input, weight, bias)``, or through `linear`. `linear_op`
    is the same system as an operator.

    Notes
    -----
    It is written in torch operations throughout, so reverse mode is right to any order, and
    `torch.func.grad` and ``torch.compile`` take it. What goes wrong by hand:

    - Forward mode and `torch.func.vmap` (with them ``jacfwd`` and ``hessian``) raise: they
      would need a ``jvp`` and a ``vmap``, to be derived and kept right by hand as well.
    - Batches of matrices, and complex inputs, would each need more code.

    References
    ----------
    PyTorch notes "Extending PyTorch".

    Examples
    --------
    >>> import torch
    >>> LinearFunction.apply(torch.ones(1, 3), torch.ones(2, 3), None)
    tensor([[3., 3.]])
    """

    @staticmethod
    def forward(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Multiply, and add the bias if there is one."""
        output = input.mm(weight.t())
        return output if bias is None else output + bias

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep the factors for the backward pass."""
        input, weight, _bias = inputs
        ctx.save_for_backward(input, weight)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Compute the gradients that are needed."""
        (grad_output,) = grad_outputs
        input, weight = ctx.saved_tensors
        needs_input, needs_weight, needs_bias = ctx.needs_input_grad
        return (
            grad_output.mm(weight) if needs_input else None,
            grad_output.t().mm(input) if needs_weight else None,
            grad_output.sum(0) if needs_bias else None,
        )


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Rows times a transposed weight, plus an optional bias, by hand.

    See `LinearFunction` for what it can't do, `linear_op` for the operator that can.

    Parameters
    ----------
    input : Tensor of shape (n, i)
    weight : Tensor of shape (o, i)
    bias : Tensor of shape (o,), optional

    Returns
    -------
    Tensor of shape (n, o)
        ``input @ weight.T + bias``.

    Examples
    --------
    >>> import torch
    >>> linear(torch.ones(1, 3), torch.ones(2, 3), torch.tensor([0.0, 1.0]))
    tensor([[3., 4.]])
    """
    return LinearFunction.apply(input, weight, bias)


@operator("(n,i),(o,i),(o)->(n,o)", batch="native")
def linear_op(input: Array, weight: Array, bias: Array | None = None) -> Array:
    """Rows times a transposed weight, plus an optional bias.

    The system of `LinearFunction` as an operator.

    Parameters
    ----------
    input : Tensor of shape (..., n, i)
    weight : Tensor of shape (..., o, i)
    bias : Tensor of shape (..., o), optional

    Returns
    -------
    Tensor of shape (..., n, o)
        ``input @ weight.mT + bias``, in the promoted dtype of the three.

    Notes
    -----
    With ``g`` the incoming gradient: ``input`` gets ``g @ conj(weight)``, ``weight`` gets
    ``g.mT @ conj(input)``, ``bias`` gets the sum of ``g`` over the rows. Differentiable to any
    order in all three.

    References
    ----------
    PyTorch notes "Extending PyTorch".

    Examples
    --------
    >>> import torch
    >>> linear_op(torch.ones(1, 3), torch.ones(2, 3), torch.tensor([0.0, 1.0]))
    tensor([[3., 4.]])
    """
    product = np.matmul(input, weight.swapaxes(-2, -1))
    return product if bias is None else product + bias[..., None, :]


linear_op.vjp(
    input=lambda g, weight: g @ weight.conj(),
    weight=lambda g, input: g.mT @ input.conj(),
    bias=lambda g: g.sum(-2),
)
linear_op.samples(
    lambda rng: [
        Sample(rng.normal(size=(4, 3)), rng.normal(size=(2, 3)), rng.normal(size=2)),
        Sample(rng.normal(size=(4, 3)), rng.normal(size=(2, 3)), None),
        Sample(rng.normal(size=(2, 1, 4, 3)), rng.normal(size=(3, 2, 3)), rng.normal(size=2)),
    ]
)
