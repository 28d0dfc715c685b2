"""Bessel functions, split by SciPy's headings."""

from .cylinder import hankel1, hankel2, jv, jve, yv, yve
from .modified import iv, ive, kv, kve

__all__ = ["hankel1", "hankel2", "iv", "ive", "jv", "jve", "kv", "kve", "yv", "yve"]
