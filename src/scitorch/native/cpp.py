"""Kernels in C++: on plain pointers and spans, or on tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from scitorch.core.errors import DefinitionError

from .c import read
from .declaration import Declaration, Parameter, parse_variants
from .extension import TensorKernel, tensor_kernel
from .kernel import NativeKernel
from .library import MESSAGE_BYTES, Symbol, load, plain_c
from .toolchain import Source, build

_CPP = {"float _Complex": "std::complex<float>", "double _Complex": "std::complex<double>", "_Bool": "bool"}


def cpp_kernel(
    source: str | Path,
    declaration: str | tuple[str, ...],
    *,
    flags: Sequence[str] = (),
    errors: Mapping[int, str] | None = None,
) -> NativeKernel | TensorKernel:
    """Kernel in C++, compiled from source: on pointers and spans, or on ``at::Tensor``.

    Parameters
    ----------
    source : str or Path
        C++ source, or the path of a file with it.
    declaration : str or tuple of str
        The function. On pointers and spans as for `c_kernel`: ``std::span<const double>`` is an input,
        ``std::span<double>`` a result; several declarations are overloads for several types. Where the declaration
        names ``Tensor``, tensors are the inputs (``at::Tensor x``, ``const at::Tensor& x``), integers, floating
        numbers, ``bool`` and ``std::string`` are static arguments, and a tensor or a vector or tuple of tensors comes
        back.
    flags : sequence of str, optional
        For the compiler, after ``-O2``.
    errors : mapping of int to str, optional
        What the codes mean that a function on pointers and spans returns.

    Returns
    -------
    NativeKernel or TensorKernel
        For `scitorch.operator`: ``operator("(n)->(n)")(kernel)``.

    Raises
    ------
    DefinitionError
        The declaration cannot be read.
    CompileError
        The compiler refuses the source; the message shows where.
    MissingToolError
        There is no compiler, no cffi, or (on tensors) no ninja.

    Notes
    -----
    An exception that the function throws becomes a `KernelError` with its ``what()``.

    Pointers and spans need none of PyTorch's headers, and compile in a second where tensors take half a minute, by
    ``torch.utils.cpp_extension``. A function on tensors gets those of the operator's inputs, on the CPU, in the dtype
    of the computation; it must not write into them, and has no part in derivatives: the backward pass in C++ is another
    operator. A source with a ``PYBIND11_MODULE`` of its own is compiled once for all functions that it binds, under
    their own names. Python's lock is released during a call, in either form, unless such a binding keeps it. Libraries
    are kept as `c_kernel` says; of headers, those in the folder of a source in a file are looked at for changes.

    References
    ----------
    `PyTorch's tutorial on custom C++ operators <https://docs.pytorch.org/tutorials/advanced/cpp_custom_ops.html>`_.

    Examples
    --------
    >>> import torch
    >>> from scitorch import operator
    >>> source = '''
    ... #include <algorithm>
    ... #include <span>
    ... void reversed(std::span<const double> x, std::span<double> y) { std::ranges::reverse_copy(x, y.begin()); }
    ... '''
    >>> declaration = "void reversed(std::span<const double> x, std::span<double> y)"
    >>> reverse = operator("(n)->(n)")(cpp_kernel(source, declaration))
    >>> _ = reverse.vjp(x=lambda g: reverse(g))
    >>> reverse(torch.arange(3.0))
    tensor([2., 1., 0.])
    """
    texts: tuple[str, ...] = (declaration,) if isinstance(declaration, str) else tuple(declaration)
    if not any(re.search(r"\bTensor\b", text) for text in texts):
        return _span_kernel(source, texts, tuple(flags), errors)
    if len(texts) > 1:
        raise DefinitionError("cpp_kernel", "declaration", "one declaration on tensors of any dtype", f"{len(texts)}")
    if errors is not None:
        raise DefinitionError("cpp_kernel", "errors", "none, for a function on tensors", "codes", "TORCH_CHECK")
    return tensor_kernel(read(source, "kernel", "c++", tuple(flags), "cpp_kernel"), *texts)


def _span_kernel(
    source: str | Path, texts: tuple[str, ...], flags: tuple[str, ...], errors: Mapping[int, str] | None
) -> NativeKernel:
    variants = parse_variants(texts, "cpp_kernel")
    symbols = [Symbol(variant, f"scitorch_{k}_{variant.name}", wraps=True) for k, variant in enumerate(variants)]
    given = read(source, variants[0].name, "c++", flags, "cpp_kernel")
    wrapped = Source(given.name, given.text + _wrappers(symbols), "c++", flags, given.folder)
    functions = load(build(wrapped), symbols, "cpp_kernel")
    return NativeKernel(functions, errors, (_span_kernel, (source, texts, flags, errors)))


def _wrappers(symbols: Sequence[Symbol]) -> str:
    """Functions that C can call, after the source so that its lines keep their numbers; exceptions end in them."""
    headers = "".join(
        f"#include <{name}>\n" for name in ("complex", "cstddef", "cstdint", "cstdio", "exception", "span")
    )
    return "\n\n" + headers + "\n".join(_wrapper(symbol.name, symbol.declaration) for symbol in symbols)


def _wrapper(name: str, declaration: Declaration) -> str:
    pieces = [piece for p in declaration.parameters for piece in _in_cpp(p)]
    arguments = ", ".join(_argument(p) for p in declaration.parameters)
    call = f"{declaration.name}({arguments})"
    body = f"return {call};" if declaration.returns == "int" else f"{call}; return 0;"
    said = f'std::snprintf(scitorch_message, {MESSAGE_BYTES}, "%s", '
    return f"""
extern "C" int {name}({", ".join(pieces)}, char *scitorch_message) {{
  try {{ {body} }}
  catch (const std::exception &error) {{ {said}*error.what() ? error.what() : "an exception"); }}
  catch (...) {{ {said}"something that is no std::exception"); }}
  return -1;
}}
"""


def _in_cpp(parameter: Parameter) -> list[str]:
    spelt = _CPP.get(parameter.type, parameter.type)
    return [piece.replace(parameter.type, spelt, 1) for piece in plain_c(parameter)]


def _argument(parameter: Parameter) -> str:
    if not parameter.span:
        return parameter.name
    element = "const " * (parameter.role == "input") + _CPP.get(parameter.type, parameter.type)
    return f"std::span<{element}>({parameter.name}, scitorch_size_{parameter.name})"
