"""The package's own compiled kernels, each beside the NumPy or SciPy loop that it replaces.

Their sources lie in the folder `kernels`, in C++ without any headers but the standard library's. They are built as the
package is installed. Where that wasn't possible everything works all the same, by SciPy's loops.
"""
