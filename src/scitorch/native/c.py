"""Kernels in C."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from scitorch.core.errors import DefinitionError

from .declaration import parse_variants
from .kernel import NativeKernel
from .library import Symbol, load
from .toolchain import Language, Source, build

_LIBRARY = re.compile(r".*\.(?:so(?:\.\d+)*|dylib|dll)", re.IGNORECASE | re.DOTALL)


def c_kernel(
    source: str | Path,
    declaration: str | tuple[str, ...],
    *,
    flags: Sequence[str] = (),
    errors: Mapping[int, str] | None = None,
) -> NativeKernel:
    """Kernel in C: compiled from source, or out of a shared library that is there already.

    Parameters
    ----------
    source : str or Path
        C source, the path of a ``.c`` file, or that of a ``.so``, ``.dylib`` or ``.dll`` (a library's name without a
        folder is looked for where the system looks).
    declaration : str or tuple of str
        The function, with the names that the operator shall use: a ``const`` pointer is an input, a pointer without
        ``const`` a result (filled with zeros before the call), an integer the dimension of that name in the operator's
        signature (or, if no input has it, a static argument), a floating number a static argument. Several declarations
        are variants of one function for several types.
    flags : sequence of str, optional
        For the compiler, after ``-O2``.
    errors : mapping of int to str, optional
        What the codes mean that the function returns.

    Returns
    -------
    NativeKernel
        For `scitorch.operator`: ``operator("(n)->(n)")(kernel)``.

    Raises
    ------
    DefinitionError
        The declaration cannot be read, or the library has no such function.
    CompileError
        The compiler refuses the source; the message shows where.
    MissingToolError
        There is no compiler, or no cffi.

    Notes
    -----
    A function returns ``void``, or an ``int`` that is 0 if all went well; any other code raises `KernelError`.

    Inputs arrive contiguous and aligned, and are shared with the caller's tensors: a function must not write into them.
    Of several variants, tensors go to the one of their dtype, or else to one that loses nothing: float32 is computed by
    a function of doubles where there is no other. Tensors for ``int64_t`` and the like must hold whole numbers, which
    pass through the floating dtype of the call and must be exact in it.

    The library is kept in the user's cache folder (``SCITORCH_CACHE`` says another), under a name made of the source
    with all its headers, the flags and the compiler (``CC``, or the first of cc, gcc and clang).

    Python's lock is released during a call, and the items of a batch may run in several threads: for a function that
    keeps memory of its own between or during calls (``static`` variables), say ``operator(..., threads=False)``.

    References
    ----------
    `cffi.readthedocs.io <https://cffi.readthedocs.io>`_, ABI mode.

    Examples
    --------
    >>> import torch
    >>> from scitorch import operator
    >>> source = "void cube(const double* x, long n, double* y) { while (n--) y[n] = x[n] * x[n] * x[n]; }"
    >>> cube = operator("(n)->(n)")(c_kernel(source, "void cube(const double* x, long n, double* y)"))
    >>> _ = cube.vjp(x=lambda g, x: 3 * x**2 * g)
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> cube(x)
    tensor([1., 8.], grad_fn=<...>)
    >>> torch.autograd.functional.hessian(lambda x: cube(x).sum(), x)
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    variants = parse_variants(declaration, "c_kernel")
    symbols = [Symbol(variant, variant.name) for variant in variants]
    path = library(source, variants[0].name, "c", tuple(flags), "c_kernel")
    functions = load(path, symbols, "c_kernel")
    return NativeKernel(functions, errors, (_again, (source, declaration, tuple(flags), errors)))


def _again(*recipe: object) -> NativeKernel:
    source, declaration, flags, errors = recipe
    return c_kernel(source, declaration, flags=flags, errors=errors)  # pyright: ignore[reportArgumentType]  pickled


def library(source: str | Path, name: str, language: Language, flags: tuple[str, ...], asker: str) -> str | Path:
    """The shared library that `source` is, or is compiled to."""
    if not _LIBRARY.fullmatch(str(source)):
        return build(read(source, name, language, flags, asker))
    if flags:
        raise DefinitionError(asker, "flags", "none, for a library that is compiled already", repr(flags), "the source")
    return source


def read(source: str | Path, name: str, language: Language, flags: tuple[str, ...], asker: str) -> Source:
    """The source, out of a file if `source` names one."""
    if language == "c++" and _LIBRARY.fullmatch(str(source)):
        raise DefinitionError(asker, "source", "C++", f"the library {source}", 'c_kernel, and extern "C" in the source')
    suffixes = (".c",) if language == "c" else (".cc", ".cpp", ".cxx", ".c++")
    if isinstance(source, str) and not ("\n" not in source and source.endswith(suffixes)):
        return Source(name, source, language, flags)
    path = Path(source)
    if not path.is_file():
        raise DefinitionError(asker, "source", "a source, or a file with one", f"no file {source}", "its whole path")
    return Source(path.stem, path.read_text(encoding="utf-8"), language, flags, str(path.resolve().parent))
