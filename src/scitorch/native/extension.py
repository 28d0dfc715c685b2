"""C++ on tensors, compiled by `torch.utils.cpp_extension`."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import sysconfig
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from inspect import Parameter as PythonParameter
from inspect import Signature as PythonSignature
from keyword import iskeyword
from pathlib import Path
from typing import Any

import torch

from scitorch.core.border import Array, borrow, lend
from scitorch.core.cache import cache_folder
from scitorch.core.errors import DefinitionError

from .toolchain import Source, compiler, compiler_version, missing, publish, refused

_FUNCTION = re.compile(r"\s*(?P<returns>[\w:<>,\s]+?)\s+(?P<name>\w+)\s*\((?P<parameters>.*)\)\s*;?\s*", re.DOTALL)
_PARAMETER = re.compile(r"(?:const\s+)?(?P<type>[\w:\s]+?)\s*&?\s*\b(?P<name>\w+)", re.DOTALL)
_STATIC = {
    "double": float, "float": float, "int": int, "long": int, "int64_t": int, "int32_t": int, "bool": bool,
    "std::string": str,
}  # fmt: skip
_TENSOR = {"at::Tensor", "torch::Tensor", "Tensor"}
_FLAGS = ("-O2", "-include", "torch/extension.h")
_HEADERS = "*.h", "*.hpp", "*.hh", "*.hxx"
_building = threading.Lock()
_modules: dict[str, Any] = {}


class TensorKernel:
    """A function on tensors; made by `cpp_kernel`."""

    def __init__(self, source: Source, declaration: str) -> None:
        self._source, self._declaration = source, declaration
        self.__name__, parameters = _parse(declaration)
        self.__qualname__, self.__doc__ = self.__name__, declaration
        self._static = [name for name, kind in parameters if kind is not None]
        self._order = [name for name, _ in parameters]
        self.__signature__ = PythonSignature(
            [PythonParameter(name, PythonParameter.POSITIONAL_ONLY) for name, kind in parameters if kind is None]
            + [PythonParameter(n, PythonParameter.KEYWORD_ONLY, annotation=k) for n, k in parameters if k is not None]
        )
        self._call = self._function()

    def _function(self) -> Any:
        function = getattr(_module(self._source, self.__name__), self.__name__, None)
        if function is None:
            expected = f"a function {self.__name__} in the source's PYBIND11_MODULE"
            raise DefinitionError("cpp_kernel", "declaration", expected, "none", f"m.def({self.__name__!r}, …)")
        return function

    def __repr__(self) -> str:
        return f"<kernel {self.__doc__}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return tensor_kernel, (self._source, self._declaration)

    def __call__(self, *arrays: Array, **static: Any) -> Any:
        """Arrays in, arrays out."""
        given = iter(arrays)
        values = [static[name] if name in static else borrow(next(given)) for name in self._order]
        returned = self._call(*values)
        return lend(returned) if isinstance(returned, torch.Tensor) else tuple([lend(tensor) for tensor in returned])


def tensor_kernel(source: Source, declaration: str) -> TensorKernel:
    """The kernel of a source."""
    return TensorKernel(source, declaration)


def _parse(text: str) -> tuple[str, list[tuple[str, type | None]]]:
    """The function's name, and for each parameter its name and Python type, None for tensors."""
    match = _FUNCTION.fullmatch(text)
    if match is None:
        expected = "a declaration such as at::Tensor f(const at::Tensor& x, double a)"
        raise DefinitionError("cpp_kernel", "declaration", expected, repr(text))
    parameters: list[tuple[str, type | None]] = []
    for piece in match["parameters"].split(","):
        found = _PARAMETER.fullmatch(piece.strip())
        if found is None or found["type"] not in {*_TENSOR, *_STATIC}:
            expected = f"a named parameter of type {', '.join([*sorted(_TENSOR), *_STATIC])}"
            raise DefinitionError("cpp_kernel", "declaration", expected, repr(piece.strip()))
        if iskeyword(found["name"]):
            expected = "names that Python takes, whatever they are in the source"
            raise DefinitionError("cpp_kernel", "declaration", expected, repr(found["name"]))
        parameters.append((found["name"], _STATIC.get(found["type"])))
    return match["name"], parameters


def _module(source: Source, function: str) -> Any:
    """The extension module with the function, compiled unless the cache has it."""
    binding = _binding(source, function)
    stem = re.sub(r"\W", "_", source.name)
    name = f"scitorch_{stem}_{_key(source, binding)}"
    with _building:
        if name not in _modules:
            _modules[name] = _load(name, source, binding)
    return _modules[name]


def _binding(source: Source, function: str) -> str:
    """What makes a function Python's, unless the source does so itself; after it, so that lines keep their numbers."""
    if "PYBIND11_MODULE" in source.text:
        return ""
    bound = f'm.def("{function}", torch::wrap_pybind_function_no_gil({function}));'
    return f"\n\nPYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {{ {bound} }}\n"


def _load(name: str, source: Source, binding: str) -> Any:
    folder = cache_folder() / "extensions"
    library = folder / f"{name}.so"
    if library.exists():
        spec: Any = importlib.util.spec_from_file_location(name, library)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        flags = (*_FLAGS, *source.flags)
        module = compile_module(name, replace(source, flags=flags), source.text + binding, scratch)
        publish(Path(str(module.__file__)), library)
    return module


def _key(source: Source, binding: str) -> str:
    """A name for what the extension depends on: text, headers beside it, flags, compiler, Python and torch."""
    headers = [] if source.folder is None else sorted(p for form in _HEADERS for p in Path(source.folder).glob(form))
    parts = [
        source.text,
        binding,
        repr((*_FLAGS, *source.flags)),
        compiler_version(compiler("c++")[0]),
        torch.__version__,
    ]
    parts += [str(sysconfig.get_config_var("SOABI")), *(h.read_text(encoding="utf-8") for h in headers)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def compile_module(name: str, source: Source, text: str, folder: str) -> Any:
    """The module of a source, whose text is given with its binding, compiled in a folder."""
    from torch.utils import cpp_extension

    path = Path(folder, f"{source.name}.cpp")
    path.write_text(text, encoding="utf-8")
    include = [] if source.folder is None else [source.folder]
    try:
        with _ninja():
            return cpp_extension.load(
                name, [str(path)], extra_cflags=[*source.flags], extra_include_paths=include, build_directory=folder
            )
    except RuntimeError as error:
        raise refused(source, "an error", str(error)) from error


@contextmanager
def _ninja() -> Generator[None]:
    """The package's ninja, where none is on the path, as in an environment that isn't activated."""
    from torch.utils import cpp_extension

    if cpp_extension.is_ninja_available():
        yield
        return
    try:
        import ninja
    except ImportError as error:
        raise missing("ninja", "pip install scitorch[native]") from error
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([ninja.BIN_DIR, before])
    try:
        yield
    finally:
        os.environ["PATH"] = before
