"""The same tests again, with kernels that look for addresses out of bounds and for undefined behaviour."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SANITIZERS = "address,undefined"
HERE = Path(__file__).parent
SOURCES = sorted((HERE.parents[1] / "kernels").glob("*.cpp"))
COMPILER = next(filter(shutil.which, ("c++", "g++", "clang++")), None)

pytestmark = pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler")


def build(folder):
    """The kernels for this machine, stopping at the first fault."""
    library = folder / "native.so"
    flags = ["-std=gnu++17", "-O1", "-g", "-march=native", "-fPIC", "-shared", "-fno-sanitize-recover=all"]
    built = subprocess.run(  # noqa: S603  the compiler, with flags of this file
        [COMPILER, *flags, f"-fsanitize={SANITIZERS}", *map(str, SOURCES), "-o", str(library)],
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        pytest.skip(f"{COMPILER} cannot build with -fsanitize={SANITIZERS}: {built.stderr.strip().splitlines()[-1]}")
    return library


def runtime(name):
    """The sanitizer's library, which must be loaded before everything else."""
    command = [COMPILER, f"-print-file-name={name}"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  the compiler
    path = Path(printed.stdout.strip())
    if not path.is_absolute():
        pytest.skip(f"{COMPILER} has no {name}")
    return str(path)


def run(library, *command, **settings):
    environment = os.environ | settings | {"SCITORCH_KERNELS": str(library)}
    return subprocess.run(  # noqa: S603  Python, with code of this file
        [sys.executable, *command], capture_output=True, text=True, env=environment, timeout=600, check=False
    )


FAULTS = {  # that they would be found: what is said, of a correlation_shape
    "ERROR: AddressSanitizer": (1, 9, 9, 1, 1, 0, 999, 0, 1, 0, 9, 0, 9),  # rows beyond the array's end
    "runtime error": (5, 9, 9, 1, 1, 2**62, 9, 0, 1, 0, 9, 0, 0),  # a distance that overflows
}
FAULTY = """
import ctypes
import numpy
x = numpy.ones(81)
arrays = [ctypes.c_void_p(x.ctypes.data)] * 3
ctypes.CDLL({library!r}).scitorch_correlate_f64(*arrays, (ctypes.c_int64 * 13)(*{shape}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the sanitizers' libraries are loaded as on Linux")
def test_no_faults(tmp_path):
    library = build(tmp_path)
    settings = {
        "LD_PRELOAD": runtime("libasan.so"),
        # Python's and torch's own allocations, which are none of ours, end with the process or cross libraries; and one
        # test asks for more memory than there is.
        "ASAN_OPTIONS": "detect_leaks=0:alloc_dealloc_mismatch=0:allocator_may_return_null=1",
    }
    for message, shape in FAULTS.items():
        found = run(library, "-c", FAULTY.format(library=str(library), shape=shape), **settings)
        assert found.returncode != 0
        assert message in found.stderr

    names = ("correlation", "recursion", "lines", "sampling", "piecewise", "spline")
    tests = [str(HERE / f"test_{name}.py") for name in names]
    # What a sanitizer says goes past Python, which would keep it.
    ended = run(library, "-m", "pytest", "-q", "-x", "-s", "-p", "no:cacheprovider", *tests, **settings)
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
    assert "skipped" not in ended.stdout
