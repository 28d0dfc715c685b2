"""Tensors on an accelerator: on a device made up in Python, and on CUDA where there is one."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from scitorch import operator, parallel
from scitorch.core import accelerator
from scitorch.core.errors import KernelError, MissingToolError
from scitorch.native.toolchain import compiler

pytestmark = pytest.mark.usefixtures("scratch_registry")
FAKE = Path(__file__).with_name("fake_device")


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch):
    """Batches are cut however small they are, and a warning is given anew."""
    monkeypatch.setattr(accelerator, "PART", 1)
    accelerator._warn_of_copies.cache_clear()


def scaled(x, y):
    return x * y, x.sum()


def make(kernel=scaled, signature="(n),(n)->(n),()"):
    return operator(signature, name="scaled")(kernel)


def on_host(op, *tensors):
    """What the operator does with tensors on a device, here those of the CPU."""
    plan = op.planner.of((), tensors)
    return accelerator.run_on_host(op, plan, (), tensors)


@pytest.mark.filterwarnings("ignore:scaled. the kernel runs on the CPU")
@pytest.mark.parametrize(
    ("left", "right"),
    [((7, 3), (7, 3)), ((7, 3), (3,)), ((1, 3), (7, 3)), ((5, 2, 3), (2, 3)), ((5, 1, 3), (5, 2, 3)), ((3,), (3,))],
)
def test_parts_make_the_whole(left, right):
    op, x, y = make(), torch.rand(left).double(), torch.rand(right).double()
    product, total = on_host(op, x, y)
    expected = op(x, y)
    torch.testing.assert_close((product, total), expected, rtol=0, atol=0)


@pytest.mark.filterwarnings("ignore:scaled. the kernel runs on the CPU")
def test_an_error_names_the_item_of_the_whole_batch():
    def picky(x):
        if (x == 5).any():
            raise ArithmeticError("five")
        return x

    with pytest.raises(KernelError, match="five") as caught:
        on_host(make(picky, "(n)->(n)"), torch.arange(8.0)[:, None])
    assert caught.value.item == (5,)


@pytest.mark.filterwarnings("ignore:scaled. the kernel runs on the CPU")
def test_copies_are_under_way_while_parts_are_computed(monkeypatch):
    seen = []

    class Event:
        def __init__(self, number):
            self.number = number

        def synchronize(self):
            seen.append(f"wait {self.number}")

    def queued(_):
        seen.append("queue")
        return Event(seen.count("queue"))

    def kernel(x):
        seen.append("compute")
        return x

    monkeypatch.setattr(accelerator, "queued", queued)
    monkeypatch.setattr(accelerator, "send", lambda part, whole: (seen.append("send"), whole.copy_(part)))
    with parallel(n_jobs=1):
        on_host(make(kernel, "(n)->(n)"), torch.rand(4, 3))
    assert seen == ["queue"] * 4 + [s for k in range(1, 5) for s in (f"wait {k}", "compute", "send")]


@pytest.mark.parametrize(("shape", "count"), [((100,), 1), ((2, 100), 2), ((3, 100), 3), ((9, 100), 4)])
def test_a_batch_is_cut_into_parts_of_some_size(shape, count, monkeypatch):
    monkeypatch.setattr(accelerator, "PART", 800)
    x = torch.zeros(shape).double()
    looped = make(lambda x: np.sin(x), "(n)->(n)")
    assert len(accelerator.cuts_of(looped.planner.of((), [x]), [x])) == count
    native = operator("(n)->(n)", batch="native", name="native_sine")(lambda x: np.sin(x))
    assert len(accelerator.cuts_of(native.planner.of((), [x]), [x])) == 1


def test_a_made_up_device():
    if not hasattr(torch._C, "_acc"):
        pytest.skip("this release of PyTorch knows no devices written in Python")
    assert run("one_device.py") == (0, "")


def test_backward_from_the_threads_of_two_devices(tmp_path):
    try:
        compiler("c++")
    except MissingToolError as error:
        pytest.skip(str(error))
    assert run("two_devices.py", str(tmp_path)) == (0, "")


def run(script, *arguments):
    """The exit status of a script in an interpreter of its own, and what it complains of."""
    command = [sys.executable, str(FAKE / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  ours
    return done.returncode, done.stderr


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.filterwarnings("ignore:scaled. the kernel runs on the CPU")
def test_cuda():
    op = make()
    op.vjp(x=lambda g, y: g[0] * y + g[1][..., None], y=lambda g, x: g[0] * x)
    x, y = (torch.rand(64, 300, dtype=torch.double, requires_grad=True) for _ in range(2))
    there = [t.detach().cuda().requires_grad_() for t in (x, y)]
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        results = op(*there)
        sum(r.sin().sum() for r in results).backward()
    torch.cuda.current_stream().wait_stream(stream)
    sum(r.sin().sum() for r in op(x, y)).backward()
    assert {r.device.type for r in results} == {"cuda"}
    for here, far in zip((x, y), there, strict=True):
        torch.testing.assert_close(far.grad.cpu(), here.grad, rtol=1e-12, atol=0)
