"""What is measured on: how many threads, which releases, which peers there are."""

from __future__ import annotations

import os
import platform
import sys
from importlib import import_module, metadata, util
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "scipy", "torch", "jax", "autograd", "pylops", "torch-dct", "pyperf")


class Lazy:
    """A module that is imported when something of it is asked for, if ever.

    Parameters
    ----------
    name : str
        Of the module.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):  # what Python asks of any object, doctest too, is no reason to import
            raise AttributeError(attribute)
        found = getattr(import_module(self._name), attribute)
        setattr(self, attribute, found)  # the next time it is at hand, lest looking it up be timed
        return found


def installed(package: str) -> bool:
    """Whether a package could be imported."""
    return util.find_spec(package) is not None


def hold_to(threads: int) -> None:
    """So many threads for everybody; libraries read this as they are loaded, hence before all other imports.

    Parameters
    ----------
    threads : int
        For BLAS, PyTorch and JAX.
    """
    for name in ("OMP", "OPENBLAS", "MKL"):
        os.environ[f"{name}_NUM_THREADS"] = str(threads)
    os.environ["JAX_ENABLE_X64"] = "1"
    os.environ["JAX_PLATFORMS"] = "cpu"
    if sys.platform == "linux":  # JAX starts as many threads as there are cores, unless it sees fewer
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
    import torch

    torch.set_num_threads(threads)


def processor() -> str:
    """The processor's name, as far as the system tells."""
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def versions() -> str:
    """The releases of all that takes part, for which processors their BLAS is, and which fast path scitorch has."""
    from scitorch.core.node import compiled

    named = [f"Python {platform.python_version()}", *(f"{package} {_version(package)}" for package in PACKAGES)]
    return ", ".join([*named, *blas(), f"scitorch with{'' if compiled else 'out'} its compiled node"])


def blas() -> list[str]:
    """NumPy's and SciPy's, with the instruction set that each takes: OPENBLAS_CORETYPE may make it half as fast.

    Returns
    -------
    list of str
        Their names, releases and sets, without repetition.
    """
    from threadpoolctl import threadpool_info

    import_module("scipy.linalg")  # loads SciPy's own
    found = [library for library in threadpool_info() if library["user_api"] == "blas"]
    return list(dict.fromkeys(f"{lib['internal_api']} {lib['version']} for {lib.get('architecture')}" for lib in found))


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "(not installed)"
