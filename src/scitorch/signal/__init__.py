"""Filters, convolutions and resampling, under SciPy's names."""

from .convolution import convolve, convolve2d, correlate, correlate2d
from .filtering import filtfilt, lfilter, sosfilt, sosfiltfilt
from .transforms import fftconvolve, oaconvolve

__all__ = [
    "convolve",
    "convolve2d",
    "correlate",
    "correlate2d",
    "fftconvolve",
    "filtfilt",
    "lfilter",
    "oaconvolve",
    "sosfilt",
    "sosfiltfilt",
]
