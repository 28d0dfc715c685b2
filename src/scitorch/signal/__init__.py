"""Filters, convolutions and resampling, under SciPy's names."""

from .convolution import convolve, convolve2d, correlate, correlate2d
from .filtering import filtfilt, lfilter, sosfilt, sosfiltfilt
from .resampling import hilbert, resample, resample_poly, upfirdn
from .smoothing import savgol_filter
from .transforms import fftconvolve, oaconvolve

__all__ = [
    "convolve",
    "convolve2d",
    "correlate",
    "correlate2d",
    "fftconvolve",
    "filtfilt",
    "hilbert",
    "lfilter",
    "oaconvolve",
    "resample",
    "resample_poly",
    "savgol_filter",
    "sosfilt",
    "sosfiltfilt",
    "upfirdn",
]
