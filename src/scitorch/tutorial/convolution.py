"""The tutorial's convolution layer: by hand, by hand and wrong, and as an operator."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import Function
from torch.nn import Module, Parameter, init

from scitorch.core import Sample, operator
from scitorch.signal import sums

Array = NDArray[Any]


class ScipyConv2dFunction(Function):
    """Valid cross-correlation of an image with a filter, plus a bias, by hand.

    Call it as ``ScipyConv2dFunction.apply(input, filter, bias)`` with shapes ``(..., m, n)``,
    ``(k, l)`` and ``(1, 1)``; the result is ``(..., m-k+1, n-l+1)`` in the dtype of the input.
    Its first derivative is right, and that is all it can do. `correlate_bias` is the same
    system as an operator.

    Notes
    -----
    What goes wrong by hand:

    - ``backward`` runs NumPy, so autograd sees a constant where the gradient depends on the
      inputs: a Hessian that goes through it is wrong, without an error.
    - There is no forward mode, and `torch.func` (``grad``, ``vmap``, ``jacrev``, …) and
      ``torch.compile(fullgraph=True)`` refuse it.
    - All three gradients are computed, whether anybody needs them or not.

    References
    ----------
    PyTorch tutorial "Creating extensions using NumPy and SciPy".

    Examples
    --------
    >>> import torch
    >>> image, filter = torch.ones(4, 4), torch.ones(3, 3)
    >>> ScipyConv2dFunction.apply(image, filter, torch.zeros(1, 1))
    tensor([[9., 9.],
            [9., 9.]])
    """

    @staticmethod
    def forward(ctx: Any, input: Tensor, filter: Tensor, bias: Tensor) -> Tensor:
        """Correlate in SciPy and keep the input and the filter for the backward pass."""
        ctx.save_for_backward(input, filter)
        result = _each(scipy.signal.correlate2d, input.detach(), filter.detach(), mode="valid")
        return torch.as_tensor(result + bias.detach().numpy(), dtype=input.dtype)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Convolve the gradient with the filter, correlate the input with the gradient."""
        input, filter = (saved.detach() for saved in ctx.saved_tensors)
        grad_output = grad_outputs[0].detach()
        grad_input = _each(scipy.signal.convolve2d, grad_output, filter, mode="full")
        grad_filter = _each(scipy.signal.correlate2d, input, grad_output, mode="valid")
        return (
            torch.as_tensor(grad_input, dtype=input.dtype),
            torch.as_tensor(grad_filter, dtype=filter.dtype).sum_to_size(filter.shape),
            grad_output.sum().to(filter.dtype).reshape(1, 1),
        )


def _each(function: Callable[..., Array], images: Tensor, filters: Tensor, mode: str) -> Array:
    """Call a function of one image and one filter for each image of a batch."""
    call = np.vectorize(function, excluded={"mode"}, signature="(m,n),(k,l)->(p,q)")
    return call(images.numpy(), filters.numpy(), mode=mode)


@operator("(m,n),(k,l)->(m-k+1,n-l+1)", batch="native")
def correlate_valid(image: Array, filter: Array) -> Array:
    """Cross-correlation of an image with a filter, where the filter lies within the image.

    Parameters
    ----------
    image : Tensor of shape (..., m, n)
    filter : Tensor of shape (..., k, l)
        With ``k <= m`` and ``l <= n``. It is conjugated if it is complex, as in SciPy.

    Returns
    -------
    Tensor of shape (..., m-k+1, n-l+1)
        ``out[i, j] = sum(image[i+p, j+q] * conj(filter[p, q]) for p, q)``, in the promoted dtype
        of the two.

    Raises
    ------
    ScitorchError
        If the filter is larger than the image.

    Notes
    -----
    With ``g`` the incoming gradient: ``image`` gets ``convolve_full(g, filter)``, ``filter``
    gets ``correlate_valid(image, g)``. Differentiable to any order in both.

    References
    ----------
    `scipy.signal.correlate2d` with ``mode="valid"``.

    Examples
    --------
    >>> import torch
    >>> correlate_valid(torch.arange(9.0).reshape(3, 3), torch.ones(2, 2))
    tensor([[ 8., 12.],
            [20., 24.]])
    """
    return _correlate_within(image, filter)


@operator("(m,n),(k,l)->(m+k-1,n+l-1)", batch="native")
def convolve_full(image: Array, filter: Array) -> Array:
    """Convolution of an image with a filter, wherever the two overlap.

    Parameters
    ----------
    image : Tensor of shape (..., m, n)
    filter : Tensor of shape (..., k, l)

    Returns
    -------
    Tensor of shape (..., m+k-1, n+l-1)
        ``out[i, j] = sum(image[i-p, j-q] * filter[p, q] for p, q)``, in the promoted dtype of
        the two.

    Notes
    -----
    With ``g`` the incoming gradient: ``image`` gets ``correlate_valid(g, filter)``, ``filter``
    gets ``correlate_valid(g, image)``. Differentiable to any order in both.

    References
    ----------
    `scipy.signal.convolve2d` with ``mode="full"``.

    Examples
    --------
    >>> import torch
    >>> convolve_full(torch.ones(2, 2), torch.ones(2, 2))
    tensor([[1., 2., 1.],
            [2., 4., 2.],
            [1., 2., 1.]])
    """
    return sums.convolve_full(image, filter)


@operator("(m,n),(k,l),(1,1)->(m-k+1,n-l+1)", batch="native")
def correlate_bias(image: Array, filter: Array, bias: Array) -> Array:
    """Valid cross-correlation of an image with a filter, plus a bias.

    The system of `ScipyConv2dFunction` as an operator: three one-line rules, and every mode
    of differentiation to any order.

    Parameters
    ----------
    image : Tensor of shape (..., m, n)
    filter : Tensor of shape (..., k, l)
        With ``k <= m`` and ``l <= n``. It is conjugated if it is complex, as in SciPy.
    bias : Tensor of shape (..., 1, 1)

    Returns
    -------
    Tensor of shape (..., m-k+1, n-l+1)
        ``correlate_valid(image, filter) + bias``, in the promoted dtype of the three.

    Raises
    ------
    ScitorchError
        If the filter is larger than the image.

    Notes
    -----
    With ``g`` the incoming gradient: ``image`` gets ``convolve_full(g, filter)``, ``filter``
    gets ``correlate_valid(image, g)``, ``bias`` gets the sum of ``g``. Each gradient comes in
    the dtype of its argument.

    References
    ----------
    `scipy.signal.correlate2d`; PyTorch tutorial "Creating extensions using NumPy and SciPy".

    Examples
    --------
    >>> import torch
    >>> correlate_bias(torch.ones(4, 4), torch.ones(3, 3), torch.ones(1, 1))
    tensor([[10., 10.],
            [10., 10.]])
    """
    return _correlate_within(image, filter) + bias


def _correlate_within(image: Array, filter: Array) -> Array:
    """Correlate, but not the other way round, as SciPy does if the filter is the larger one."""
    if any(np.greater(filter.shape[-2:], image.shape[-2:])):
        raise ValueError("the filter is larger than the image")
    return sums.correlate_valid(image, filter)


correlate_valid.vjp(
    image=lambda g, filter: convolve_full(g, filter),
    filter=lambda g, image: correlate_valid(image, g),
)
convolve_full.vjp(
    image=lambda g, filter: correlate_valid(g, filter),
    filter=lambda g, image: correlate_valid(g, image),
)
correlate_bias.vjp(
    image=lambda g, filter: convolve_full(g, filter),
    filter=lambda g, image: correlate_valid(image, g),
    bias=lambda g: g.sum((-2, -1), keepdim=True),
)


def _pairs(rng: np.random.Generator) -> list[Sample]:
    def normal(*shape: int) -> Array:
        return rng.normal(size=shape)

    return [
        Sample(normal(5, 4), normal(3, 2)),
        Sample(normal(2, 1, 4, 5), normal(3, 2, 3)),
        Sample(normal(4, 4) + 1j * normal(4, 4), normal(2, 3) + 1j * normal(2, 3)),
    ]


correlate_valid.samples(_pairs)
convolve_full.samples(_pairs)
correlate_bias.samples(
    lambda rng: [
        Sample(rng.normal(size=(6, 7)), rng.normal(size=(3, 2)), rng.normal(size=(1, 1))),
        Sample(rng.normal(size=(2, 1, 4, 5)), rng.normal(size=(3, 2, 3)), rng.normal(size=(1, 1))),
    ]
)


class WrongScipyConv2dFunction(Function):
    """A specimen of wrong gradients: valid cross-correlation without a bias, by hand.

    Call it as ``WrongScipyConv2dFunction.apply(input, filter)`` with shapes ``(m, n)`` and
    ``(k, l)``. The result is right, both gradients are wrong. An old form of the tutorial had
    this backward pass; `correlate_valid` is the right one.

    Notes
    -----
    - The gradient of the input convolves with the *transposed* filter. It is right only for
      symmetric filters, and of the wrong shape (autograd raises) for those that aren't square.
    - The gradient of the filter *convolves* where it should correlate, as if the incoming
      gradient were rotated by 180 degrees. It is right only if that makes no difference, as for
      the gradient of a plain sum.

    Nothing in a training loop shows this. A numerical gradient check does.

    Examples
    --------
    >>> import torch
    >>> image = torch.randn(5, 5, dtype=torch.double)
    >>> filter = torch.randn(3, 3, dtype=torch.double, requires_grad=True)
    >>> wrong = WrongScipyConv2dFunction.apply
    >>> torch.autograd.gradcheck(wrong, (image, filter), raise_exception=False)
    False
    """

    @staticmethod
    def forward(ctx: Any, input: Tensor, filter: Tensor) -> Tensor:
        """Correlate in SciPy."""
        ctx.save_for_backward(input, filter)
        result = scipy.signal.correlate2d(input.detach().numpy(), filter.detach().numpy(), mode="valid")
        return torch.as_tensor(result, dtype=input.dtype)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Give two wrong gradients."""
        input, filter = (saved.detach() for saved in ctx.saved_tensors)
        grad_output = grad_outputs[0].detach()
        grad_input = scipy.signal.convolve2d(grad_output.numpy(), filter.t().numpy(), mode="full")
        grad_filter = scipy.signal.convolve2d(input.numpy(), grad_output.numpy(), mode="valid")
        return input.new_tensor(grad_input), filter.new_tensor(grad_filter)


class WrongScipyConv2d(Module):
    """A layer with the wrong gradients of `WrongScipyConv2dFunction`, kept as a specimen.

    `scitorch.nn.ScipyConv2d` is the right one.

    Parameters
    ----------
    kh, kw : int
        Height and width of the filter.

    Examples
    --------
    >>> import torch
    >>> WrongScipyConv2d(3, 3)(torch.randn(5, 5)).shape
    torch.Size([3, 3])
    """

    def __init__(self, kh: int, kw: int) -> None:
        super().__init__()
        self.filter = Parameter(init.normal_(torch.empty(kh, kw)))

    def forward(self, input: Tensor) -> Tensor:
        """Correlate the input with the filter."""
        return WrongScipyConv2dFunction.apply(input, self.filter)
