"""A batch is its items: by the kernel itself, one after the other, or over joblib's workers."""

import os
import signal
import threading
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from joblib.externals.loky.process_executor import TerminatedWorkerError

from scitorch import operator
from scitorch.core.errors import KernelError


@operator("(n),(n)->(),(n)", dtype=("integer", None))
def rank_and_shift(x, y):
    """Index of the largest element, and a sum."""
    return np.argmax(x), x + y


@operator("(n)->(n)")
def killed_once(x):
    """Kill the first worker that comes here."""
    marker = Path(os.environ["SCITORCH_TEST_MARKER"])
    try:
        marker.touch(exist_ok=False)
    except FileExistsError:
        return 2 * x
    os.kill(os.getpid(), signal.SIGKILL)
    return None


@operator("(n)->(n)")
def always_killed(x):
    """Kill every worker."""
    os.kill(os.getpid(), signal.SIGKILL)


@operator("()->()")
def reciprocal(x):
    """1/x, which zero breaks."""
    return 1 / float(x)


INPUTS = torch.arange(12.0).reshape(2, 2, 3).sin(), torch.arange(6.0).reshape(2, 1, 3)


def expected():
    """Item by item."""
    x, y = torch.broadcast_tensors(*INPUTS)
    return x.argmax(-1), x + y


@pytest.mark.parametrize("backend", [None, "threading", "loky"])
def test_a_batch_is_its_items(backend):
    if backend is None:
        got = rank_and_shift(*INPUTS)
    else:
        with joblib.parallel_config(backend=backend, n_jobs=2):
            got = rank_and_shift(*INPUTS)
    for part, whole in zip(got, expected(), strict=True):
        torch.testing.assert_close(part, whole)


def test_workers_run_the_backward_too():
    backwards = operator("(n)->(n)", name="backwards")(lambda y: np.cumsum(y[::-1])[::-1])
    cumulative = operator("(n)->(n)", name="cumulative")(lambda x: np.cumsum(x))
    cumulative.vjp(x=lambda g: backwards(g))
    x = torch.rand(4, 5, dtype=torch.double, requires_grad=True)
    with joblib.parallel_config(backend="threading", n_jobs=2):
        cumulative(x).square().sum().backward()
    reference = x.detach().requires_grad_()
    reference.cumsum(-1).square().sum().backward()
    torch.testing.assert_close(x.grad, reference.grad)


def test_an_error_in_a_worker_comes_back_as_it_is():
    with (
        joblib.parallel_config(backend="loky", n_jobs=2),
        pytest.raises(
            KernelError,
            match=r"^reciprocal, kernel, item \(1,\): expected a result, got ZeroDivisionError: .*x float32 \(\)",
        ),
    ):
        reciprocal(torch.tensor([1.0, 0.0, 2.0]))


def test_a_lost_worker_is_replaced_once(tmp_path, monkeypatch):
    monkeypatch.setenv("SCITORCH_TEST_MARKER", str(tmp_path / "killed"))
    x = torch.ones(4, 3)
    with joblib.parallel_config(backend="loky", n_jobs=2):
        assert torch.equal(killed_once(x), 2 * x)
        with pytest.raises(TerminatedWorkerError):
            always_killed(x)


def test_items_without_dimensions_are_arrays():
    seen = []
    kind = operator("()->()", name="kind")(lambda x: seen.append(type(x)) or x)
    kind(torch.ones(3))
    assert seen == [np.ndarray] * 3


def test_an_empty_batch_calls_nothing():
    counted = operator("(n)->(n)", name="counted")(lambda x: pytest.fail("called"))
    assert counted(torch.ones(0, 4)).shape == (0, 4)


def test_a_buffer_that_a_kernel_keeps_in_each_thread():
    buffers = threading.local()

    def kernel(x):
        if not hasattr(buffers, "own"):
            buffers.own = np.empty(3)
        return np.multiply(x, 2, out=buffers.own)

    reusing = operator("(n)->(n)", name="reusing")(kernel)
    x = torch.arange(24.0, dtype=torch.double).reshape(8, 3)
    with joblib.parallel_config(backend="threading", n_jobs=2):
        assert torch.equal(reusing(x), 2 * x)
