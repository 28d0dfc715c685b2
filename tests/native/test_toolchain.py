"""Compilers and the cache: what is compiled when, by whom, and what is said when it cannot be."""

import stat
import subprocess
import sys

import numpy as np
import pytest
import torch

from scitorch import operator
from scitorch.core.errors import CompileError, DefinitionError, MissingToolError
from scitorch.native import c_kernel, cpp_kernel, toolchain

SOURCE = "void f(const double* x, long n, double* y) { while (n--) y[n] = 2 * x[n]; }"
DECLARATION = "void f(const double* x, long n, double* y)"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("SCITORCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def libraries(cache):
    return sorted(cache.rglob("*" + toolchain.LIBRARY_SUFFIX))


def test_compiled_once(cache):
    c_kernel(SOURCE, DECLARATION)
    (library,) = libraries(cache)
    before = library.stat().st_mtime_ns
    c_kernel(SOURCE, DECLARATION)
    assert libraries(cache) == [library]
    assert library.stat().st_mtime_ns == before
    assert [p for p in cache.rglob("*") if p.is_file()] == [library]


def test_anything_else_is_another_library(cache, tmp_path):
    header = tmp_path / "factor.h"
    source = tmp_path / "f.c"
    source.write_text('#include "factor.h"\n' + SOURCE.replace("2 *", "FACTOR *"), encoding="utf-8")
    for count, factor in enumerate((2, 3), 1):
        header.write_text(f"#define FACTOR {factor}", encoding="utf-8")
        kernel = c_kernel(source, DECLARATION)
        assert len(libraries(cache)) == count
        assert kernel.variants[0]([np.ones(1), 1, y := np.zeros(1)]) == (0, "")
        assert y == factor
    c_kernel(source, DECLARATION, flags=["-O3"])
    c_kernel(SOURCE, DECLARATION)
    assert len(libraries(cache)) == 4


def test_several_processes_at_once(cache):
    script = (
        "import numpy as np; from scitorch.native import c_kernel\n"
        f"f = c_kernel({SOURCE!r}, {DECLARATION!r}).variants[0]\n"
        "y = np.zeros(1); f([np.ones(1), 1, y]); assert y == 2"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True)  # noqa: S603  our script
        for _ in range(4)
    ]
    assert [(process.communicate()[1], process.returncode) for process in processes] == [("", 0)] * 4
    assert len(libraries(cache)) == 1


@pytest.mark.parametrize(("kernel", "variable"), [(c_kernel, "CC"), (cpp_kernel, "CXX")])
@pytest.mark.usefixtures("cache")
def test_no_compiler(monkeypatch, tmp_path, kernel, variable):
    monkeypatch.setenv(variable, "no-such-compiler -m64")
    with pytest.raises(MissingToolError, match=rf"a compiler for C.*got none \(no-such-compiler, as {variable} says\)"):
        kernel(SOURCE, DECLARATION)
    monkeypatch.delenv(variable)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match=r"got none \(.*clang.*\). Try "):
        kernel(SOURCE, DECLARATION)


@pytest.mark.usefixtures("cache")
def test_the_compiler_that_the_environment_names(monkeypatch, tmp_path):
    record = tmp_path / "record"
    wrapper = tmp_path / "wrapped-cc"
    wrapper.write_text(f'#!/bin/sh\necho "$@" >> {record}\nexec {toolchain.compiler("c")[0]} "$@"\n', encoding="utf-8")
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("CC", f"{wrapper} -DUNUSED")
    c_kernel(SOURCE, DECLARATION)
    assert "-DUNUSED -O2" in record.read_text(encoding="utf-8")


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("kernel", [c_kernel, cpp_kernel])
def test_errors_show_the_source(kernel):
    source = "void f(const double* x, long n, double* y) {\n  while (n--)\n    y[n] = twice * x[n];\n}"
    with pytest.raises(CompileError, match=r"f\.c(pp)?:3:12: error: .*twice") as caught:
        kernel(source, DECLARATION)
    assert "    y[n] = twice * x[n];" in str(caught.value)
    assert str(caught.value).startswith("scitorch.native, f: expected C")


@pytest.mark.usefixtures("cache")
def test_errors_of_a_file_and_of_the_linker(tmp_path):
    with pytest.raises(DefinitionError, match="no file"):
        c_kernel(tmp_path / "absent.c", DECLARATION)
    with pytest.raises(DefinitionError, match="no file"):
        c_kernel("absent.c", DECLARATION)
    with pytest.raises(DefinitionError, match="a library that can be loaded"):
        c_kernel(tmp_path / "absent.so", DECLARATION)
    with pytest.raises(DefinitionError, match="a function g in"):
        c_kernel(SOURCE, DECLARATION.replace("f(", "g("))
    with pytest.raises(DefinitionError, match="flags: expected none"):
        c_kernel(tmp_path / "absent.so", DECLARATION, flags=["-O3"])
    with pytest.raises(DefinitionError, match=r"a library that can be loaded.*undefined symbol"):
        c_kernel("void g(void);" + SOURCE.replace("{", "{ g();"), DECLARATION)


@pytest.mark.skipif(sys.platform != "linux", reason="the name of the library of mathematics")
def test_libraries_are_looked_for_where_the_system_looks():
    with pytest.raises(DefinitionError, match=r"a function absent in libm\.so\.6"):
        c_kernel("libm.so.6", "void absent(const double* x, double* y)")


def test_cpp_kernels_are_compiled():
    with pytest.raises(DefinitionError, match=r"expected C\+\+, got the library libold\.so\. Try c_kernel"):
        cpp_kernel("libold.so", DECLARATION)


@pytest.mark.usefixtures("scratch_registry")
def test_a_library_that_was_there_before(cache, tmp_path):
    """Built by other means, and bound in five lines, with the names that suit."""
    old, library = tmp_path / "old.c", tmp_path / "libold.so"
    text = "void old_sum(float* a, float* b, int n, float* c) { while (n--) c[n] = a[n] + b[n]; }"
    old.write_text(text, encoding="utf-8")
    command = [*toolchain.compiler("c"), "-shared", "-fPIC", "-o", str(library), str(old)]
    subprocess.run(command, check=True)  # noqa: S603  the compiler
    kernel = c_kernel(library, "void old_sum(const float* x, const float* y, int n, float* sum)")
    add = operator("(n),(n)->(n)", name="old_sum_test")(kernel)
    add.vjp(x=lambda g: g, y=lambda g: g)
    x, y = torch.randn(2, 3, requires_grad=True), torch.randn(3, requires_grad=True)
    torch.testing.assert_close(add(x, y), x + y)
    assert torch.autograd.grad(add(x, y).sum(), y)[0].tolist() == [2, 2, 2]
    assert libraries(cache) == []


def test_where_the_cache_is(monkeypatch):
    monkeypatch.delenv("SCITORCH_CACHE")
    assert toolchain.cache_folder().name == "scitorch"
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    with pytest.raises(MissingToolError, match=r"platformdirs: .* Try SCITORCH_CACHE=folder"):
        toolchain.cache_folder()


def test_without_cffi(monkeypatch):
    monkeypatch.setitem(sys.modules, "cffi", None)
    with pytest.raises(MissingToolError, match=r"cffi: .* Try pip install scitorch\[native\]"):
        c_kernel(SOURCE, DECLARATION)


def test_importing_scitorch_native_loads_no_compiler():
    script = "import sys, scitorch.native; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", script], text=True).split()  # noqa: S603  our script
    assert not {"cffi", "ninja", "platformdirs", "torch.utils.cpp_extension"} & set(loaded)
