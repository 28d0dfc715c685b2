"""The tests of the C and C++ kernels once more, compiled with sanitizers for addresses and undefined behaviour."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from scitorch.native import toolchain

HERE = Path(__file__).parent
FLAGS = "-g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all"


@cache
def runtimes():
    """What must be loaded before all else: the sanitizer, and the library of C++, whose exceptions it looks at."""
    paths: list[Path] = []
    for name in ("libasan.so", "libstdc++.so"):
        command = [*toolchain.compiler("c++"), f"-print-file-name={name}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  the compiler
        paths.append(Path(done.stdout.strip()))
    return paths if all(path.is_absolute() and path.exists() for path in paths) else None


def run(arguments, folder):
    if sys.platform != "linux" or runtimes() is None:
        pytest.skip("no address sanitizer that can be loaded beforehand")
    compilers = {name: f"{toolchain.compiler(language)[0]} {FLAGS}" for name, language in (("CC", "c"), ("CXX", "c++"))}
    options = {
        "LD_PRELOAD": " ".join(map(str, runtimes())),
        "ASAN_OPTIONS": "detect_leaks=0",  # Python's own
        "SCITORCH_CACHE": str(folder),
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.run(  # noqa: S603  our tests
        [sys.executable, *arguments], env={**os.environ, **compilers, **options}, capture_output=True, text=True,
        check=False, cwd=HERE.parents[1],
    )  # fmt: skip


LEFT_OUT = "derivatives or compiled or pointers or cell"  # no code in C that the others do not run


def test_the_kernels_are_clean(tmp_path):
    files = [str(HERE / name) for name in ("test_c.py", "test_spans.py")]
    done = run(["-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *files, "-k", f"not ({LEFT_OUT})"], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("y[n] = x[0]", "AddressSanitizer: heap-buffer-overflow"),
        ("y[0] = 2147483647 + (int)n", "runtime error: signed"),
    ],
)
def test_they_would_tell(tmp_path, fault, said):
    source = f"void f(const double* x, long n, double* y) {{ {fault}; }}"
    script = (
        "import numpy as np; from scitorch.native import c_kernel\n"
        f"f = c_kernel({source!r}, 'void f(const double* x, long n, double* y)').variants[0]\n"
        "f([np.ones(100000), 100000, np.zeros(100000)])"
    )
    done = run(["-c", script], tmp_path)
    assert done.returncode != 0
    assert said in done.stderr
