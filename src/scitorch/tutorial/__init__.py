"""The systems of the PyTorch tutorials this project grew from, by hand and as operators.

Each file holds one system twice: as a `torch.autograd.Function`, as the tutorials "Creating
extensions using NumPy and SciPy" and "Extending PyTorch" have it, and as an operator.

=============================  ===================  =========================================
by hand                        operator             system
=============================  ===================  =========================================
`BadFFTFunction`               `fft_magnitude`      magnitude of a Fourier transform
`ScipyConv2dFunction`          `correlate_bias`     convolution layer
`WrongScipyConv2dFunction`     `correlate_valid`    the same without a bias; by hand it is wrong
`LinearFunction`               `linear_op`          linear layer
`MulConstant`                  `mul_constant`       a tensor times a number
=============================  ===================  =========================================
"""

from scitorch.tutorial.constant import MulConstant, mul_constant
from scitorch.tutorial.convolution import (
    ScipyConv2dFunction,
    WrongScipyConv2d,
    WrongScipyConv2dFunction,
    convolve_full,
    correlate_bias,
    correlate_valid,
)
from scitorch.tutorial.fft import BadFFTFunction, fft_magnitude, incorrect_fft
from scitorch.tutorial.linear_layer import LinearFunction, linear, linear_op

__all__ = [
    "BadFFTFunction",
    "LinearFunction",
    "MulConstant",
    "ScipyConv2dFunction",
    "WrongScipyConv2d",
    "WrongScipyConv2dFunction",
    "convolve_full",
    "correlate_bias",
    "correlate_valid",
    "fft_magnitude",
    "incorrect_fft",
    "linear",
    "linear_op",
    "mul_constant",
]
