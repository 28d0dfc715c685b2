"""The tutorial's Fourier transform: by hand and wrong on purpose, and as an operator."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import Function

from scitorch.core import Sample, operator

Array = NDArray[Any]


class BadFFTFunction(Function):
    """Magnitude of the two-dimensional Fourier transform, with a wrong derivative, by hand.

    Call it as ``BadFFTFunction.apply(input)`` with shape ``(..., m, n)``; the result is
    ``(..., m, n//2+1)``. The tutorial has it to show how NumPy is called from a Function, not
    how to differentiate: the backward pass isn't the derivative of the forward pass.
    `fft_magnitude` is the right one.

    Notes
    -----
    What goes wrong by hand:

    - The magnitude's derivative, the phase of the spectrum, is missing; and ``irfft2`` is the
      inverse of ``rfft2``, not its adjoint. Only a gradient check shows it.
    - ``irfft2`` always gives an even width: for odd widths the gradient has the wrong shape,
      and autograd raises a `RuntimeError`.
    - ``backward`` runs NumPy, so that a second derivative is lost without an error; there is no
      forward mode, and `torch.func` refuses it.

    References
    ----------
    PyTorch tutorial "Creating extensions using NumPy and SciPy".

    Examples
    --------
    >>> import torch
    >>> BadFFTFunction.apply(torch.eye(2))
    tensor([[2., 0.],
            [0., 2.]])
    """

    @staticmethod
    def forward(ctx: Any, input: Tensor) -> Tensor:
        """Transform in NumPy."""
        return torch.as_tensor(abs(np.fft.rfft2(input.detach().numpy())), dtype=input.dtype)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Give a gradient that is wrong on purpose."""
        grad_output = grad_outputs[0].detach()
        return torch.as_tensor(np.fft.irfft2(grad_output.numpy()), dtype=grad_output.dtype)


def incorrect_fft(input: Tensor) -> Tensor:
    """Magnitude of the two-dimensional Fourier transform, with a wrong derivative.

    See `BadFFTFunction` for what is wrong, `fft_magnitude` for the right one.

    Parameters
    ----------
    input : Tensor of shape (..., m, n)
        Real, on the CPU.

    Returns
    -------
    Tensor of shape (..., m, n//2+1)
        In the dtype of the input.

    Examples
    --------
    >>> import torch
    >>> input = torch.randn(8, 8, requires_grad=True)
    >>> result = incorrect_fft(input)
    >>> result.backward(torch.randn(result.size()))
    >>> input.grad.shape
    torch.Size([8, 8])
    """
    return BadFFTFunction.apply(input)


@operator("(m,n)->(m,n//2+1)", batch="native", real=("x",))
def fft_magnitude(x: Array) -> Array:
    """Magnitude of the two-dimensional Fourier transform of a real array.

    The system of `BadFFTFunction` as an operator, with the right derivative.

    Parameters
    ----------
    x : Tensor of shape (..., m, n)
        Real; even and odd sizes alike.

    Returns
    -------
    Tensor of shape (..., m, n//2+1)
        ``abs(rfft2(x))``, in the dtype of ``x``.

    Notes
    -----
    With ``X = rfft2(x)`` and ``g`` the incoming gradient, ``d|X| = Re(conj(X / |X|) dX)``, so
    that ``x`` gets the adjoint of ``rfft2`` of ``g X / |X|``: the unscaled inverse transform,
    after padding with zeros to width ``n``, of which the real part is taken.

    ``|X|`` has a kink at ``X = 0``. There the phase ``X / |X|`` is taken as zero, which is the
    subgradient of smallest norm; so is it where ``|X|`` is too small to be told from zero in
    floating point. Everywhere else it is differentiable to any order.

    References
    ----------
    `numpy.fft.rfft2`; PyTorch tutorial "Creating extensions using NumPy and SciPy".

    Examples
    --------
    >>> import torch
    >>> fft_magnitude(torch.eye(2))
    tensor([[2., 0.],
            [0., 2.]])
    """
    return np.abs(np.fft.rfft2(x))


def _phase(x: Tensor) -> Tensor:
    """X / |X| of the spectrum X of x, zero where |X| is within the rounding error of zero."""
    spectrum = torch.fft.rfft2(x)
    rounding = torch.finfo(x.dtype).eps * x.abs().sum((-2, -1), keepdim=True)
    # sgn of an exact zero is zero, and so are all its derivatives in PyTorch.
    return torch.sgn(torch.where(spectrum.abs() <= rounding, 0, spectrum))


fft_magnitude.vjp(x=lambda g, x: torch.fft.ifft2(g * _phase(x), s=x.shape[-2:], norm="forward").real)
fft_magnitude.samples(
    lambda rng: [
        Sample(rng.normal(size=(4, 6))),
        Sample(rng.normal(size=(2, 5, 3))),
        Sample(rng.normal(size=(1, 4))),
    ]
)
fft_magnitude.special_points(lambda rng: [Sample(np.zeros((3, 4))), Sample(np.ones((5, 7))), Sample(np.eye(2))])
