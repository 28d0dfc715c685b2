"""Filters, convolutions and resampling, under SciPy's names."""

from .filtering import filtfilt, lfilter, sosfilt, sosfiltfilt

__all__ = ["filtfilt", "lfilter", "sosfilt", "sosfiltfilt"]
