"""Kernels by Numba are kernels like any other."""

import numpy as np
import pytest
import torch

from scitorch import check, operator

numba = pytest.importorskip("numba")
pytestmark = pytest.mark.usefixtures("scratch_registry")


def _smoother():
    @operator("(n)->(n)", name="numba_smooth")
    @numba.njit(nogil=True)
    def smooth(x):
        y = np.empty(x.size, x.dtype)
        for i in range(x.size):
            left = x[i - 1] if i > 0 else 0
            right = x[i + 1] if i + 1 < x.size else 0
            y[i] = x[i] / 2 + (left + right) / 4
        return y

    smooth.vjp(x=lambda g: smooth(g))
    return smooth


def test_njit():
    smooth = _smoother()
    assert smooth.arguments == ("x",)
    x = torch.randn(2, 5).double()
    expected = x / 2
    expected[:, 1:] += x[:, :-1] / 4
    expected[:, :-1] += x[:, 1:] / 4
    torch.testing.assert_close(smooth(x), expected)
    torch.testing.assert_close(smooth(x.float()), expected.float())
    for n in (0, 1):
        torch.testing.assert_close(smooth(torch.ones(n)), torch.ones(n) / 2)
    report = check(smooth, x)
    assert report.ok, report


def test_options_of_njit():
    """Numba compiles no keyword-only arguments: a function of Python around it has them."""

    @numba.njit(nogil=True)
    def compiled(x, order):
        return x**order

    @operator("(n)->(n)", name="numba_power")
    def power(x, *, order: int):
        return compiled(x, order)

    power.vjp(x=lambda g, x, order: g * order * power(x, order=order - 1))
    report = check(power, torch.rand(3).double() + 1, kwargs={"order": 3})
    assert report.ok, report


def test_guvectorize():
    @numba.guvectorize(["(float32[:], float32[:])", "(float64[:], float64[:])"], "(n)->(n)", nopython=True)
    def running(x, y):
        total = 0.0
        for i in range(x.size):
            total += x[i]
            y[i] = total

    operation = operator("(n)->(n)", batch="native", args=("x",), name="numba_running")(running)
    operation.vjp(x=lambda g: operation(g.flip(-1)).flip(-1))
    for dtype in (torch.float32, torch.float64):
        x = torch.randn(2, 3, 4, dtype=dtype)
        torch.testing.assert_close(operation(x), x.cumsum(-1))
    report = check(operation, torch.randn(3).double())
    assert report.ok, report


def test_vectorize():
    @numba.vectorize(["float32(float32, float32)", "float64(float64, float64)"])
    def product(x, y):
        return x * y

    operation = operator("(),()->()", batch="native", args=("x", "y"), name="numba_product")(product)
    operation.partials(x=lambda y: y, y=lambda x: x)
    report = check(operation, torch.randn(3).double(), torch.randn(2, 1).double())
    assert report.ok, report
