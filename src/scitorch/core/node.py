"""The compiled fast path, `eager.cpp`, where `scitorch compile` has put it; without it, `eager.py` does all itself."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import sysconfig
import warnings
from pathlib import Path
from typing import Any

import torch

from . import modes
from .border import lend
from .cache import cache_folder
from .errors import MissingToolError

SOURCE = Path(__file__).with_name("eager.cpp")
FLAGS = ("-O2",)
_OFF = "0"  # what SCITORCH_NODE says to leave it out


def name() -> str:
    """A name for what the library depends on.

    The compiler, on which it depends too, isn't part of it: asking for its release would take longer than loading does.
    """
    parts = [SOURCE.read_text(encoding="utf-8"), *FLAGS, torch.__version__, platform.machine()]
    parts.append(str(sysconfig.get_config_var("SOABI")))
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return f"scitorch_node_{digest[:32]}"


def library() -> Path:
    """Where it is, or would be."""
    return cache_folder() / "extensions" / f"{name()}.so"


def load(path: Path) -> Any:
    """The module of a library."""
    spec: Any = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.set_up(modes, lend)
    return module


def _found() -> Any:
    """The module, if it was compiled for this torch and this Python; None otherwise."""
    if os.environ.get("SCITORCH_NODE") == _OFF:
        return None
    try:
        path = library()
    except MissingToolError:  # no platformdirs, so that nothing can have been compiled either
        return None
    if not path.exists():
        return None
    try:
        return load(path)
    except Exception as error:  # noqa: BLE001  whatever is wrong with it, all works without
        warnings.warn(
            f"scitorch.core.node: expected a library that can be loaded, got {error}. Python does the same work, only "
            "slower. Try scitorch compile.",
            stacklevel=2,
        )
        return None


compiled = _found()
