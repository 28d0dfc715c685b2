"""The tutorial's multiplication by a number: by hand, and as an operator."""

from typing import Any

from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import Function

from scitorch.core import Sample, operator

Array = NDArray[Any]


class MulConstant(Function):
    """A tensor times a number that isn't differentiated, by hand.

    Call it as ``MulConstant.apply(tensor, constant)``. `mul_constant` is the same system as an
    operator.

    Notes
    -----
    The gradient of the number, which is no tensor, is None. ``backward`` is written in torch
    operations, so double backward is right. Forward mode and `torch.func.vmap` raise: they
    would need a ``jvp`` and a ``vmap`` by hand. A tensor that requires grad and is passed as
    the constant loses its gradient silently; the operator refuses it.

    References
    ----------
    PyTorch notes "Extending PyTorch".

    Examples
    --------
    >>> import torch
    >>> MulConstant.apply(torch.tensor([1.0, 2.0]), 5)
    tensor([ 5., 10.])
    """

    @staticmethod
    def forward(tensor: Tensor, constant: float) -> Tensor:
        """Multiply."""
        return tensor * constant

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep the number, and let an undefined gradient stay undefined."""
        ctx.set_materialize_grads(False)
        _tensor, ctx.constant = inputs

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Multiply the gradient by the number, which has no gradient itself."""
        (grad_output,) = grad_outputs
        return (None if grad_output is None else grad_output * ctx.constant), None


@operator("()->()", batch="native")
def mul_constant(tensor: Array, *, constant: float) -> Array:
    """A tensor times a number that isn't differentiated.

    The system of `MulConstant` as an operator.

    Parameters
    ----------
    tensor : Tensor of any shape
    constant : float

    Returns
    -------
    Tensor of the same shape
        ``tensor * constant``, in the dtype of the tensor (integers become floats).

    Notes
    -----
    With ``g`` the incoming gradient, ``tensor`` gets ``g * constant``. Differentiable to any
    order in ``tensor``.

    References
    ----------
    PyTorch notes "Extending PyTorch".

    Examples
    --------
    >>> import torch
    >>> mul_constant(torch.tensor([1.0, 2.0]), constant=5.0)
    tensor([ 5., 10.])
    """
    return tensor * constant


mul_constant.vjp(tensor=lambda g, constant: g * constant)
mul_constant.samples(
    lambda rng: [
        Sample(rng.normal(size=5), constant=-2.5),
        Sample(rng.normal(size=(2, 3)), constant=0.0),
        Sample(rng.normal(size=3) + 1j * rng.normal(size=3), constant=2.0),
    ]
)
