"""Filters, interpolation and morphology of n-dimensional images, under SciPy's names."""

__all__: list[str] = []
# TAKEN: another engineer writes this module on branch catalogue-e; leave ndimage out, report when signal is done.
