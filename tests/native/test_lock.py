"""Python's lock is released while a kernel runs."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from scitorch import operator, parallel
from scitorch.native import cpp_kernel

SPANS = """
#include <chrono>
#include <thread>
void nap(const double *x, double *y) { std::this_thread::sleep_for(std::chrono::milliseconds(300)); *y = *x; }
"""


def seconds(calls):
    start = time.perf_counter()
    with ThreadPoolExecutor(len(calls)) as pool:
        for future in [pool.submit(call) for call in calls]:
            future.result()
    return time.perf_counter() - start


def assert_overlap(call):
    call()
    one = min(seconds([call]) for _ in range(2))
    two = min(seconds([call, call]) for _ in range(3))
    assert two < 1.6 * one


def test_kernels_in_c_overlap(ops):
    """What waits in C needs no second core, so that this holds on a busy machine, too."""
    assert_overlap(lambda: ops["wait_a_while"](torch.ones(()).double()))


def test_kernels_in_cpp_overlap(scratch_registry):
    nap = operator("()->()", name="native_nap")(cpp_kernel(SPANS, "void nap(const double *x, double *y)"))
    assert_overlap(lambda: nap(torch.ones(()).double()))


def test_items_of_a_batch_overlap(ops):
    x = torch.randn(2).double()
    one = min(seconds([lambda: ops["wait_a_while"](x[0])]) for _ in range(2))
    with parallel(n_jobs=2):
        start = time.perf_counter()
        ops["wait_a_while"](x)
        two = time.perf_counter() - start
    assert two < 1.6 * one


def test_numba_kernels_overlap(scratch_registry):
    numba = pytest.importorskip("numba")
    import ctypes

    import numpy as np

    sleep = ctypes.CDLL(None).usleep
    sleep.argtypes, sleep.restype = [ctypes.c_uint], ctypes.c_int

    @operator("()->()", name="native_numba_nap")
    @numba.njit(nogil=True)
    def nap(x):
        sleep(300000)
        return np.float64(x[()])

    assert_overlap(lambda: nap(torch.ones(()).double()))
