"""Benchmarks: ours beside what a user would pick instead, side by side in one run; ``scitorch bench``.

A case computes one thing in several ways. Their results are compared, then they are timed in turns. Nothing here is
loaded before it is asked for, since the number of threads must be set before any library starts its own.
"""

from scitorch.bench.run import Request, RequestError, run

__all__ = ["Request", "RequestError", "run"]
