"""The folder of what is compiled on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import MissingToolError


def cache_folder() -> Path:
    """Where compiled libraries are kept: ``SCITORCH_CACHE``, or the user's cache folder."""
    if told := os.environ.get("SCITORCH_CACHE"):
        return Path(told).expanduser().absolute()
    try:
        import platformdirs
    except ImportError as error:
        advice = "SCITORCH_CACHE=folder in the environment, or pip install scitorch[native]"
        expected, got = "it on this machine", "nothing of that name"
        raise MissingToolError("scitorch.native", "platformdirs", expected, got, advice) from error
    return Path(platformdirs.user_cache_dir("scitorch"))
