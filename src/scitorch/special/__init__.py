"""Special functions, elementwise, under SciPy's names."""

from .bessel import hankel1, hankel2, iv, ive, jv, jve, kv, kve, yv, yve

__all__ = ["hankel1", "hankel2", "iv", "ive", "jv", "jve", "kv", "kve", "yv", "yve"]
