"""Compile the fast path of the core."""

from __future__ import annotations

import tempfile
from pathlib import Path

from scitorch.core import node

from .extension import compile_module
from .toolchain import Source, compiler, publish


def compile_node() -> Path:
    """Compile it against the torch that is installed, unless it's there; gives the library.

    Raises
    ------
    CompileError
        The compiler refuses it.
    MissingToolError
        There is no compiler, or no ninja.
    """
    library = node.library()
    if not (library.exists() and _loads(library)):
        compiler("c++")  # lest torch say in other words that there is none
        library.parent.mkdir(parents=True, exist_ok=True)
        source = Source("node", node.SOURCE.read_text(encoding="utf-8"), "c++", node.FLAGS)
        with tempfile.TemporaryDirectory(dir=library.parent) as scratch:
            module = compile_module(library.stem, source, source.text, scratch)
            publish(Path(str(module.__file__)), library)
    return library


def _loads(library: Path) -> bool:
    try:
        node.load(library)
    except Exception:  # noqa: BLE001  what doesn't load for whatever reason is compiled anew
        return False
    return True
