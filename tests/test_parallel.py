"""Where the items of a batch run, and what happens there: threads, processes, forks, errors, interrupts, BLAS."""

import itertools
import multiprocessing
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
import threadpoolctl
import torch
from joblib.parallel import LokyBackend

import scitorch
from scitorch import operator
from scitorch.core import pool
from scitorch.core.batch import PARTS
from scitorch.core.blas import OneThread, one_thread
from scitorch.core.errors import ArgumentError, DefinitionError, KernelError

numbers = itertools.count()


@pytest.fixture(autouse=True)
def _two_cores():
    """Two threads even where torch was told one: what is tested is that they are used."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def define(kernel, signature="()->()", **options):
    return operator(signature, name=f"kernel_{next(numbers)}", **options)(kernel)


@operator("()->()")
def doubled(x):
    """What workers find by its name."""
    return np.array(2 * x)


class Seen:
    """A kernel that notes which threads call it, and waits: without Python's lock, or with a lock of its own."""

    def __init__(self, seconds=1e-3, lock=None):
        self.seconds, self.lock, self.threads = seconds, lock, []

    def __call__(self, x):
        self.threads.append(threading.current_thread())
        if self.lock is None and self.seconds:
            time.sleep(self.seconds)
        elif self.lock is not None:
            with self.lock:
                time.sleep(self.seconds)
        return np.array(2 * x)

    def elsewhere(self):
        """How many calls another thread made."""
        return sum(thread is not threading.current_thread() for thread in self.threads)


def run(seen, count=200, **options):
    x = torch.arange(float(count))
    assert torch.equal(define(seen, args="x", **options)(x), 2 * x)
    assert len(seen.threads) == count
    return seen.elsewhere()


# Where items run


def test_threads_are_used_where_they_shorten_a_batch():
    # Of several operators, each measured anew: on a busy machine one of them may see no gain.
    assert max(run(Seen()) for _ in range(5)) > 50


class Warming(Seen):
    """The first calls in each thread take longer, as those do that get memory which is new to their thread."""

    def __call__(self, x):
        if self.threads.count(threading.current_thread()) < 2:
            time.sleep(20 * self.seconds)
        return super().__call__(x)


def test_what_a_thread_takes_to_warm_up_is_not_held_against_threads():
    assert max(run(Warming()) for _ in range(5)) > 50


def test_a_kernel_that_holds_a_lock_stays_in_the_loop():
    assert run(Seen(lock=threading.Lock())) < 50  # those of the trial


def test_short_batches_stay_in_the_loop():
    assert run(Seen(seconds=0), count=5) == 0


def test_what_was_measured_is_remembered_and_measured_again():
    seen = Seen()
    double = define(seen, args="x")
    for _ in range(6):
        assert torch.equal(double(torch.arange(64.0)), 2 * torch.arange(64.0))
    assert seen.elsewhere() > 60  # a busy machine may see no gain now and then
    before = seen.elsewhere()
    for _ in range(10):
        double(torch.arange(64.0))
    assert seen.elsewhere() > before + 60


def test_a_kernel_may_refuse_threads():
    assert run(Seen(), threads=False) == 0
    with scitorch.parallel(n_jobs=2):
        assert run(Seen(), threads=False) == 0


def test_a_kernel_may_say_that_threads_pay():
    assert run(Seen(), threads=True) >= 99


def test_threads_is_checked():
    with pytest.raises(DefinitionError, match="threads: expected True, False or None, got 'no'"):
        define(np.sin, args="x", threads="no")


def test_a_kernel_that_returns_a_buffer_of_its_own_is_kept_from_threads():
    buffer = np.empty(())

    def kernel(x):
        buffer[...] = 2 * x
        time.sleep(1e-3)
        return buffer

    x = torch.arange(100.0, dtype=torch.double)
    double = define(kernel)
    assert torch.equal(double(x), 2 * x)
    assert torch.equal(double(x), 2 * x)


def test_one_torch_thread_means_the_loop():
    torch.set_num_threads(1)
    assert run(Seen()) == 0


# What the user says


def both_at_once(x):
    """Return when another thread is here too."""
    meeting.wait(timeout=20)
    return np.array(x)


meeting = threading.Barrier(2)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: scitorch.parallel(n_jobs=2),
        lambda: scitorch.parallel(2, "threading"),
        lambda: joblib.parallel_config("threading", n_jobs=2),
    ],
    ids=["ours", "ours by name", "joblib's"],
)
def test_an_explicit_number_of_workers(ask):
    with ask():
        assert define(both_at_once)(torch.arange(2.0)).tolist() == [0, 1]


@pytest.mark.parametrize(
    "ask", [lambda: scitorch.parallel(n_jobs=1), lambda: joblib.parallel_config(n_jobs=1)], ids=["ours", "joblib's"]
)
def test_one_worker_is_the_loop(ask):
    with ask():
        assert run(Seen()) == 0


def test_the_innermost_counts():
    with scitorch.parallel(n_jobs=2), joblib.parallel_config(n_jobs=1):
        assert run(Seen()) == 0
    with joblib.parallel_config("loky", n_jobs=2), scitorch.parallel(n_jobs=1), scitorch.parallel(progress=False):
        assert run(Seen()) == 0
    with scitorch.parallel(n_jobs=1):
        pass
    assert run(Seen()) > 50


def test_a_backend_of_the_users(monkeypatch):
    class Counted(LokyBackend):
        calls = 0

        def submit(self, *arguments, **options):
            Counted.calls += 1
            return super().submit(*arguments, **options)

    joblib.register_parallel_backend("counted", Counted)
    with scitorch.parallel(n_jobs=2, backend="counted"):
        assert define(np.sin, args="x")(torch.zeros(5)).tolist() == [0] * 5
    assert Counted.calls == 2 * PARTS


@pytest.mark.parametrize("n_jobs", [0, 1.5, True, "2"])
def test_a_wrong_number_of_workers(n_jobs):
    with (
        pytest.raises(ArgumentError, match="parallel, n_jobs: expected a number of workers"),
        scitorch.parallel(n_jobs),
    ):
        pass


def test_an_unknown_backend():
    with pytest.raises(ArgumentError, match=r"parallel, backend: .*'nonsense'"), scitorch.parallel(backend="nonsense"):
        pass


@pytest.mark.parametrize("shapes", [((4, 3), (3,)), ((2, 1, 3), (4, 3)), ((1, 1, 3), (5, 2, 3)), ((6, 3), (6, 3))])
@pytest.mark.parametrize("options", [{}, {"max_nbytes": 1}], ids=["pickled", "mapped"])
def test_processes_get_their_part_of_what_broadcasts(shapes, options):
    x, y = map(torch.rand, shapes)
    with scitorch.parallel(2, "loky", **options):
        got, mapped = define(lambda x, y: (x - y, is_mapped(x)), "(n),(n)->(n),()", dtype=(None, "bool"))(x, y)
    torch.testing.assert_close(got, x - y)
    assert mapped.all() == bool(options)


def is_mapped(x):
    while x is not None and not isinstance(x, np.memmap):
        x = getattr(x, "base", None)  # where arrays were pickled, bytes are at the bottom
    return np.array(x is not None)


def test_a_bar(capsys):
    double = define(lambda x: 2 * x)
    for options in ({}, {"n_jobs": 2}, {"n_jobs": 2, "backend": "loky"}):
        with scitorch.parallel(progress=True, **options):
            double(torch.ones(12))
        shown = capsys.readouterr()
        assert shown.out == ""
        assert double.name in shown.err
        assert "12/12" in shown.err
    double(torch.ones(12))
    assert capsys.readouterr().err == ""


# Errors and interrupts


WAYS = [{"n_jobs": 1}, {"n_jobs": 2}, {"n_jobs": 3}, {"n_jobs": 2, "backend": "loky"}, {}]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_an_error_names_the_item(way):
    x = torch.ones(3, 2)
    x[2, 0] = 0
    with scitorch.parallel(**way), pytest.raises(KernelError, match=r"item \(2, 0\): .*ZeroDivisionError") as caught:
        define(lambda x: np.array(1 / float(x)))(x)
    assert caught.value.item == (2, 0)
    assert isinstance(caught.value.__cause__, ZeroDivisionError) or way.get("backend")


def test_of_several_errors_the_first_items():
    def kernel(x):
        time.sleep(0.02 if x < 3 else 0)
        raise ValueError(f"{x:g}")

    with scitorch.parallel(n_jobs=3), pytest.raises(KernelError, match=r"item \(0,\): .*ValueError: 0"):
        define(kernel)(torch.arange(9.0))


def test_an_error_ends_the_batch():
    calls = []

    def kernel(x):
        calls.append(x)
        time.sleep(1e-3)
        return np.array(1 / float(x))

    with scitorch.parallel(n_jobs=2), pytest.raises(KernelError):
        define(kernel)(torch.arange(200.0))
    seen = len(calls)
    time.sleep(0.05)
    assert len(calls) == seen < 100


def test_a_result_of_the_wrong_shape_names_the_item():
    ragged = define(lambda x: np.ones(int(x[0])), "(n)->(n)")
    with pytest.raises(KernelError, match=r"result of the kernel, item \(1,\): expected shape \(2,\), got \(3,\)"):
        ragged(torch.tensor([[2.0, 0], [3, 0]]))


INTERRUPTED = """
import sys, threading, time, numpy as np, torch, scitorch
from scitorch import operator

@operator("()->()")
def slow(x):
    if x == 0:
        print("begun", flush=True)
    time.sleep(0.01)
    return np.array(2 * x)

torch.set_num_threads(2)
options = {options}
with scitorch.parallel(**options):
    slow(torch.ones(4))
    try:
        slow(torch.arange(3000.0))
    except KeyboardInterrupt:
        print("stopped", flush=True)
    assert slow(torch.ones(4)).tolist() == [2] * 4
"""


@pytest.mark.parametrize("options", [{"n_jobs": 1}, {"n_jobs": 2}, {"n_jobs": 2, "backend": "loky"}, {}], ids=str)
def test_an_interrupt_stops_a_batch(options):
    script = INTERRUPTED.format(options=options)
    process = subprocess.Popen(  # noqa: S603  our script
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.2)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (out, process.returncode) == ("stopped\n", 0), err
    assert time.monotonic() - begun < 20


# Among other threads and processes


def test_batches_inside_of_batches():
    outer = define(lambda x: doubled(torch.from_numpy(np.array(x))).numpy(), "(n)->(n)")
    x = torch.rand(8, 5)
    for way in ({}, {"n_jobs": 2}, {"n_jobs": 2, "backend": "loky"}):
        with scitorch.parallel(**way):
            torch.testing.assert_close(outer(x), 2 * x)


def test_batches_from_many_threads():
    double = define(Seen(seconds=1e-4), args="x")

    def call(number):
        x = torch.arange(40.0) + number
        with scitorch.parallel(n_jobs=2):
            return torch.equal(double(x), 2 * x)

    with ThreadPoolExecutor(8) as callers:
        assert all(callers.map(call, range(40)))


def test_threads_that_are_not_to_be_had(monkeypatch):
    def refuse(count):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(pool, "_threads", refuse)
    with scitorch.parallel(n_jobs=2):
        assert run(Seen(seconds=0), count=5) == 0


def test_numpys_error_state_holds_in_threads():
    reciprocal = define(lambda x: np.array(1 / x))
    with scitorch.parallel(n_jobs=2):
        with np.errstate(divide="ignore"):
            assert reciprocal(torch.zeros(4)).isinf().all()
        with np.errstate(divide="raise"), pytest.raises(KernelError, match="FloatingPointError"):
            reciprocal(torch.zeros(4))


def in_child(results):
    with scitorch.parallel(n_jobs=2):
        results.put(doubled(torch.ones(6)).tolist())


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
def test_after_a_fork():
    context = multiprocessing.get_context("fork")
    with scitorch.parallel(n_jobs=2):
        doubled(torch.ones(6))
    with one_thread:
        results = context.Queue()
        child = context.Process(target=in_child, args=(results,))
        child.start()
        assert results.get(timeout=30) == [2] * 6
        child.join(30)
    assert child.exitcode == 0


class Doubles(torch.utils.data.Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, k):
        return doubled(torch.full((6,), float(k)))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_in_the_workers_of_a_data_loader(n_jobs):
    loader = torch.utils.data.DataLoader(Doubles(), batch_size=2, num_workers=2, multiprocessing_context="fork")
    with scitorch.parallel(n_jobs):
        doubled(torch.ones(6))
        assert [x[:, 0].tolist() for x in loader] == [[0, 2], [4, 6]]


# BLAS


@pytest.fixture
def two_blas_threads():
    np.linalg.inv(np.eye(2))
    with threadpoolctl.threadpool_limits(2, "blas"):
        if blas_threads() != 2:
            pytest.skip("no BLAS here whose threads can be set")
        yield


def blas_threads():
    return max((lib["num_threads"] for lib in threadpoolctl.threadpool_info() if lib["user_api"] == "blas"), default=1)


def asked_in_kernel(signature, shape, **options):
    seen = []
    define(lambda x: seen.append(blas_threads()) or x.copy(), signature, **options)(torch.ones(shape))
    return seen


@pytest.mark.usefixtures("two_blas_threads")
def test_linear_algebra_gets_one_thread():
    assert asked_in_kernel("(n,n)->(n,n)", (3, 3)) == [1]
    assert asked_in_kernel("(n,n)->(n,n)", (5, 3, 3), batch="native") == [1]
    assert asked_in_kernel("(n,n)->(n,n)", (600, 600)) == [2]
    assert asked_in_kernel("(n,m)->(n,m)", (3, 3)) == [2]
    assert blas_threads() == 2


@pytest.mark.usefixtures("two_blas_threads")
def test_batches_get_one_thread():
    assert asked_in_kernel("(n,m)->(n,m)", (6, 3, 3))[2:] == [1] * 4
    with scitorch.parallel(n_jobs=2):
        assert asked_in_kernel("(n,m)->(n,m)", (6, 3, 3)) == [1] * 6
    assert blas_threads() == 2


@pytest.mark.usefixtures("two_blas_threads")
def test_an_error_lifts_the_limit():
    for way in WAYS[:2]:
        with scitorch.parallel(**way), pytest.raises(KernelError):
            define(lambda x: 1 / 0, "(n,n)->(n,n)")(torch.ones(4, 3, 3))
        assert blas_threads() == 2


@pytest.mark.usefixtures("two_blas_threads")
def test_the_last_one_out_lifts_the_limit():
    inside, leave = threading.Event(), threading.Event()

    def stay():
        with one_thread:
            inside.set()
            leave.wait(20)

    other = threading.Thread(target=stay)
    with one_thread:
        other.start()
        inside.wait(20)
    assert blas_threads() == 1
    leave.set()
    other.join()
    assert blas_threads() == 2


def test_the_limit_of_openmp_is_each_threads_own(monkeypatch):
    state = threading.local()
    get, put = lambda: getattr(state, "threads", 4), lambda count: setattr(state, "threads", count)
    monkeypatch.setattr("scitorch.core.blas._loaded", lambda: ([], [(get, put)]))
    limit = OneThread()

    def elsewhere():
        before = get()
        with limit:
            inside = get()
        return before, inside, get()

    with limit, ThreadPoolExecutor(1) as others:
        assert get() == 1
        assert others.submit(elsewhere).result() == (4, 1, 4)
    assert get() == 4
