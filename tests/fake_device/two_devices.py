"""Backward from the threads of several devices, and from several of Python's, at once."""

import faulthandler
import os
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch.utils.cpp_extension import load

from scitorch import operator

SOURCE = Path(__file__).with_name("devices.cpp")
faulthandler.dump_traceback_later(300, exit=True)  # a deadlock says where
devices = load("far_devices", [str(SOURCE)], extra_cflags=["-O0"], build_directory=sys.argv[1])
torch.utils.rename_privateuse1_backend("far")
torch._register_device_module(
    "far", SimpleNamespace(is_available=lambda: True, device_count=devices.count, current_device=lambda: 0)
)
torch.utils.generate_methods_for_privateuse1_backend()
warnings.simplefilter("ignore")
ROUNDS, threads = 20, set()


@operator("(n)->(n)")
def cubes(x):
    """Looped over its items, for which it asks for threads of its own."""
    threads.add(threading.current_thread().name)
    return x**3


@operator("()->()", batch="native")
def squares(x):
    threads.add(threading.current_thread().name)
    return np.square(x)


cubes.vjp(x=lambda g, x: 3 * g * squares(x))
squares.partials(x=lambda x: 2 * x)


def loss(parts):
    """Of parts on devices of their own, which meet on the first."""
    return sum((cubes(squares(x)) * squares(cubes(x))).sum().to(parts[0].device) for x in parts)


def gradients(parts, *, twice):
    found = torch.autograd.grad(loss(parts), parts, create_graph=twice)
    return torch.autograd.grad(sum(f.sum().to(parts[0].device) for f in found), parts) if twice else found


here = [torch.rand(16, 3, dtype=torch.double) for _ in range(devices.count() + 1)]
places = ["cpu", *(f"far:{k}" for k in range(devices.count()))]
for twice in (False, True):
    expected = gradients([x.clone().requires_grad_() for x in here], twice=twice)

    def work(_, twice=twice, expected=expected):
        there = [x.to(place).requires_grad_() for x, place in zip(here, places, strict=True)]
        for mine, theirs, place in zip(gradients(there, twice=twice), expected, places, strict=True):
            assert str(mine.device) == place, mine.device
            assert torch.allclose(mine.cpu(), theirs, rtol=1e-12)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(ROUNDS)))
assert sum(name.startswith("Dummy") for name in threads) == devices.count(), threads  # autograd's, of each device
# Without the teardown: a device's thread that still lets go of a graph's tensors then aborts (PyTorch's own, seen with
# its operations alone: in Engine::thread_main it asks for the lock of an interpreter that is gone).
os._exit(0)
