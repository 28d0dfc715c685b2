"""A plain C function out of a shared library that was built beforehand, bound in five lines."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

import torch

from scitorch import operator
from scitorch.native import c_kernel

SOURCE = Path(__file__).parent / "old_library.c"

with tempfile.TemporaryDirectory() as folder:
    # Somebody's Makefile did this long ago.
    library = Path(folder, "libold.so")
    compiler = shlex.split(os.environ.get("CC", "cc"))
    subprocess.run([*compiler, "-O2", "-shared", "-fPIC", "-o", library, SOURCE], check=True)  # noqa: S603  the user's compiler

    # The five lines. The smoother is linear and symmetric: it is its own transpose.
    declaration = "int smooth3(const double* x, int n, double weight, double* y)"
    smooth = operator("(n)->(n)")(c_kernel(library, declaration, errors={1: "weight must be between 0 and 0.5"}))
    smooth.vjp(x=lambda g, weight: smooth(g, weight=weight))

    x = torch.tensor([0.0, 0, 1, 0, 0], requires_grad=True)
    print(smooth(x, weight=0.25))
    smooth(x, weight=0.25)[1].backward()
    print(x.grad)
    print(torch.func.jacfwd(lambda x: smooth(smooth(x, weight=0.25), weight=0.25))(x.detach()))
    try:
        smooth(x, weight=2.0)
    except RuntimeError as error:
        print(error)
