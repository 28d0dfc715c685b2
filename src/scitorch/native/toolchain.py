"""Compile sources with the machine's own compiler into shared libraries, and keep those in a cache."""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, NoReturn

from scitorch.core.cache import cache_folder
from scitorch.core.errors import CompileError, MissingToolError

Language = Literal["c", "c++"]

_VARIABLE: dict[Language, str] = {"c": "CC", "c++": "CXX"}
_NAMES: dict[Language, tuple[str, ...]] = {"c": ("cc", "gcc", "clang"), "c++": ("c++", "g++", "clang++")}
_FLAGS: dict[Language, tuple[str, ...]] = {"c": ("-O2",), "c++": ("-O2", "-std=c++20")}
_SUFFIX: dict[Language, str] = {"c": ".c", "c++": ".cpp"}
_LIBRARIES = () if sys.platform == "win32" else ("-lm",)
LIBRARY_SUFFIX = {"darwin": ".dylib", "win32": ".dll"}.get(sys.platform, ".so")


def missing(what: str, advice: str) -> MissingToolError:
    """The error for a tool that is not there."""
    return MissingToolError("scitorch.native", what, "it on this machine", "nothing of that name", advice)


@dataclass(frozen=True, slots=True)
class Source:
    """What is compiled: a text with a name for messages, its language and more flags for the compiler."""

    name: str
    text: str
    language: Language
    flags: tuple[str, ...] = ()
    folder: str | None = None  # where its own headers are


def compiler(language: Language) -> list[str]:
    """The command of the compiler: what ``CC`` or ``CXX`` says, or the first that is there."""
    variable = _VARIABLE[language]
    told = shlex.split(os.environ.get(variable, ""))
    for command in [told] if told else [[name] for name in _NAMES[language]]:
        if found := shutil.which(command[0]):
            return [found, *command[1:]]
    return _refuse_no_compiler(language, told)


def _refuse_no_compiler(language: Language, told: Sequence[str]) -> NoReturn:
    install = {
        "darwin": "xcode-select --install",
        "win32": "installing LLVM (clang)",
    }.get(sys.platform, f"apt install {'gcc' if language == 'c' else 'g++'}, or your system's package of that name")
    tried = f"{told[0]}, as {_VARIABLE[language]} says" if told else ", ".join(_NAMES[language])
    expected = f"a compiler for {language.upper()} on this machine"
    raise MissingToolError("scitorch.native", "compiler", expected, f"none ({tried})", install)


def build(source: Source) -> Path:
    """The shared library of a source, compiled unless the cache has it."""
    command = [*compiler(source.language), *_FLAGS[source.language], "-fPIC", *_include(source), *source.flags]
    key = _key(source, tuple(command))
    folder = cache_folder() / "kernels"
    library = folder / f"{source.name}-{key}{LIBRARY_SUFFIX}"
    if not library.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            _run(source, [*command, "-shared", "-o", "library", _written(source, scratch), *_LIBRARIES], scratch)
            publish(Path(scratch, "library"), library)
    return library


def _include(source: Source) -> list[str]:
    return [] if source.folder is None else [f"-I{source.folder}"]


def _written(source: Source, scratch: str) -> str:
    """Put the source in a file whose name a message may show."""
    name = source.name + _SUFFIX[source.language]
    Path(scratch, name).write_text(source.text, encoding="utf-8")
    return name


def publish(built: Path, library: Path) -> None:
    """Give the library its name at once, so that no other process ever sees half of it."""
    try:
        built.replace(library)
    except PermissionError:  # Windows, while another process that was faster has it loaded
        if not library.exists():
            raise


def _key(source: Source, command: tuple[str, ...]) -> str:
    """A name for everything that the library depends on: text with its headers, flags, compiler, machine."""
    with tempfile.TemporaryDirectory() as scratch:
        text = _run(source, [*command, "-E", _written(source, scratch)], scratch)
    parts = [text, source.text, repr(command), compiler_version(command[0]), platform.machine()]
    if any("native" in flag for flag in command):  # -march=native: another machine that shares the cache may lack it
        parts.append(platform.node())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


@lru_cache
def compiler_version(command: str) -> str:
    """What the compiler says of itself."""
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)  # noqa: S603  the user's compiler
    return done.stdout


def refused(source: Source, got: str, said: str) -> CompileError:
    """The error for a source that does not compile."""
    expected = f"{source.language.upper()} that compiles"
    return CompileError("scitorch.native", source.name, expected, got, said=said.strip())


def _run(source: Source, command: list[str], folder: str) -> str:
    """Run the compiler; raise with what it says, source lines included."""
    done = subprocess.run(  # noqa: S603  the user's compiler, on the user's source
        command, cwd=folder, env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise refused(source, f"an error from {shlex.join(command)}", done.stderr)
    return done.stdout
