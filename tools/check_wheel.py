"""Build wheels with a compiler and without, and use both where there is none.

    python tools/check_wheel.py

The first must carry the compiled kernels, whatever the machine that it is used on; the second must work all the same,
say once that they are missing, and run the demo. Each is installed in an environment of its own, made for it, with what
it depends on; there it is used, with a part of the tests, on a PATH without a compiler.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
TOOLS = (
    "bash",
    "cat",
    "cmake",
    "cp",
    "env",
    "ls",
    "mkdir",
    "ninja",
    "rm",
    "sed",
    "sh",
    "uname",
)  # what a build asks for

# The values of some operators, both ways that a call may take; and the compiled kernels' own tests.
TESTS = ("tests/test_values.py", "-k", "signal.direct or signal.recursive")
TESTS_OF_KERNELS = ("tests/native_kernels",)

USE = """
import sys, warnings
import scitorch
assert scitorch.__file__.startswith(sys.prefix), scitorch.__file__
warnings.simplefilter("always")
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    import torch
    from scitorch import signal
    from scitorch._kernels.library import library
    x = torch.arange(20.0).reshape(4, 5).requires_grad_()
    for _ in range(2):
        out = signal.correlate2d(x, torch.ones(2, 2), "valid")
    assert torch.equal(out, torch.nn.functional.conv2d(x[None], torch.ones(1, 1, 2, 2))[0]), out
    assert torch.autograd.grad(out.sum(), x)[0].sum() == 4 * out.numel()
    y = signal.lfilter([0.5], [1.0, -0.5], torch.ones(3))
    assert torch.allclose(y, torch.tensor([0.5, 0.75, 0.875])), y
messages = [str(one.message) for one in said if "compiled kernels are missing" in str(one.message)]
assert len(messages) == (0 if {compiled} else 1), messages
assert (library() is not None) == {compiled}, library()
"""


def main() -> None:
    """Build, install and use both wheels."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        bare = without_compiler(place / "bin")
        for name, path, compiled in (("compiled", os.environ["PATH"], True), ("pure", bare, False)):
            wheel = build(place / name, path)
            pure = wheel.name.endswith("-none-any.whl")
            if pure == compiled:
                sys.exit(f"{wheel.name} should {'carry' if compiled else 'not carry'} compiled kernels")
            use(wheel, place / f"{name}-installed", bare, compiled=compiled)
            print(f"{wheel.name}: works without a compiler, {'with' if compiled else 'and without'} compiled kernels")


def without_compiler(folder: Path) -> str:
    """A PATH with what a build asks for, and no compiler."""
    folder.mkdir()
    for tool in TOOLS:
        if found := shutil.which(tool):
            (folder / tool).symlink_to(found)
    return str(folder)


def run(*command: str, path: str, **settings: str) -> None:
    kept = {k: v for k, v in os.environ.items() if k not in ("CC", "CXX", "PYTHONPATH", "SCITORCH_KERNELS")}
    environment = kept | {"PATH": path} | settings
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  pip and Python
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def build(folder: Path, path: str) -> Path:
    """The wheel, from a copy of the sources, so that no earlier build helps."""
    sources = folder / "sources"
    kept = shutil.ignore_patterns(".git", ".venv", "build", "dist", ".*cache", "__pycache__", "native.*")
    shutil.copytree(ROOT, sources, ignore=kept)
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps")
    run(*pip, "--wheel-dir", str(folder), str(sources), path=path)
    return next(folder.glob("*.whl"))


def use(wheel: Path, folder: Path, path: str, *, compiled: bool) -> None:
    """Install in a new environment, import from there, run the demo and some tests."""
    venv.create(folder)
    python = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check")
    packages = (f"{wheel}[pictures]", "hypothesis", "pytest")
    run(*pip, "--no-compile", "--constraint", str(ROOT / "constraints.txt"), *packages, path=path)
    run(python, "-c", USE.format(compiled=compiled), path=path)
    run(python, "-m", "scitorch", "demo", "--steps", "2", "--size", "48", "--out", str(folder / "demo"), path=path)
    for tests in (TESTS, TESTS_OF_KERNELS)[: 1 + compiled]:
        run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, path=path)


if __name__ == "__main__":
    main()
