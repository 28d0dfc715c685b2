"""Bessel functions, split by SciPy's headings."""

from .cylinder import hankel1, hankel2, jv, jve, yv, yve
from .fixed import j0, j1, y0, y1
from .fixed_modified import i0, i0e, i1, i1e, k0, k0e, k1, k1e
from .modified import iv, ive, kv, kve
from .spherical import spherical_in, spherical_jn, spherical_kn, spherical_yn

__all__ = [
    "hankel1",
    "hankel2",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "iv",
    "ive",
    "j0",
    "j1",
    "jv",
    "jve",
    "k0",
    "k0e",
    "k1",
    "k1e",
    "kv",
    "kve",
    "spherical_in",
    "spherical_jn",
    "spherical_kn",
    "spherical_yn",
    "y0",
    "y1",
    "yv",
    "yve",
]
