"""Kernels in C and C++: compiled or loaded, and called without Python's lock."""

from .c import c_kernel
from .cpp import cpp_kernel

__all__ = ["c_kernel", "cpp_kernel"]
