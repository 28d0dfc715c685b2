"""Kernels in C++ on pointers and spans."""

import pickle
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch

from scitorch import check, operator
from scitorch.core.errors import DefinitionError, KernelError
from scitorch.native import c_kernel, cpp_kernel

EXAMPLES = Path(__file__).parents[2] / "examples" / "native"

SPANS = """
#include <complex>
#include <span>
#include <stdexcept>
#include <vector>
template <class T> void twice(std::span<const T> x, double a, std::span<T> y) {
  if (x.size() == 7) throw std::runtime_error("seven is too many");
  if (x.size() == 8) throw 8;
  for (std::size_t i = 0; i < x.size(); i++) y[i] = T(a) * x[i];
}
int outer(const double *x, std::span<const double> y, int m, long n, double *z) {
  for (int i = 0; i < m; i++) for (long j = 0; j < n; j++) z[i * n + j] = x[i] * y[j];
  return m == 5 ? 2 : 0;
}
"""
TWICE = tuple(
    f"void twice(std::span<const {t}> x, double a, std::span<{t}> y)"
    for t in ("double", "float", "std::complex<double>")
)


@pytest.fixture
def twice(scratch_registry):
    return operator("(n)->(n)", name="native_twice")(cpp_kernel(SPANS, TWICE))


def test_spans_in_all_precisions(twice):
    for dtype in (torch.float32, torch.float64, torch.complex128):
        x = torch.randn(2, 3, dtype=dtype)
        torch.testing.assert_close(twice(x, a=2.0), 2 * x, rtol=0, atol=0)
        assert twice.kernel(np.ones(1, x[:0].numpy().dtype), a=1.0).dtype == x[:0].numpy().dtype
    for n in (0, 1):
        assert twice(torch.ones(n), a=2.0).tolist() == [2.0] * n


def test_exceptions_of_spans(twice):
    with pytest.raises(
        KernelError, match="native_twice, kernel: expected a result, got an exception: seven is too many"
    ):
        twice(torch.ones(7), a=1.0)
    with pytest.raises(KernelError, match="something that is no std::exception"):
        twice(torch.ones(8), a=1.0)
    assert twice(torch.ones(1), a=1.0).tolist() == [1.0]


def test_pointers_beside_spans(scratch_registry):
    declaration = "int outer(const double *x, std::span<const double> y, int m, long n, double *z)"
    outer = operator("(m),(n)->(m,n)", name="native_outer")(cpp_kernel(SPANS, declaration, errors={2: "five"}))
    outer.vjp(
        x=lambda g, y: (g * y[..., None, :]).sum(-1),
        y=lambda g, x: (g * x[..., None]).sum(-2),
    )
    report = check(outer, torch.randn(2).double(), torch.randn(3).double())
    assert report.ok, report
    with pytest.raises(KernelError, match="got code 2: five"):
        outer(torch.ones(5), torch.ones(1))


def test_spans_pickle(twice):
    kernel = pickle.loads(pickle.dumps(twice.kernel))
    np.testing.assert_array_equal(kernel(np.ones(2), a=3.0), [3, 3])


def test_what_is_refused():
    x = "const at::Tensor& x"
    with pytest.raises(DefinitionError, match="one declaration on tensors"):
        cpp_kernel("", (f"at::Tensor f({x})", f"at::Tensor g({x})"))
    with pytest.raises(DefinitionError, match="errors: expected none"):
        cpp_kernel("", f"at::Tensor f({x})", errors={1: "one"})
    for parameters in ("at::Tensor", "const std::vector<at::Tensor>& x", "at::Tensor x, char y"):
        with pytest.raises(DefinitionError, match="a named parameter of type"):
            cpp_kernel("", f"at::Tensor f({parameters})")
    with pytest.raises(DefinitionError, match=r"names that Python takes, .* got 'lambda'"):
        cpp_kernel("", f"at::Tensor f({x}, double lambda)")
    with pytest.raises(DefinitionError, match="a declaration such as"):
        cpp_kernel("", "at::Tensor")
    with pytest.raises(DefinitionError, match="one of the types"):
        c_kernel("", "void f(std::span<std::string> x, double* y)")


@pytest.mark.skipif(not EXAMPLES.exists(), reason="not there in a wheel's tests")
def test_the_cell_on_spans(scratch_registry):
    spans = runpy.run_path(str(EXAMPLES / "lltm_spans.py"))
    gates, old_cell = torch.randn(2, 12).double(), torch.randn(2, 4).double()
    torch.testing.assert_close(spans["fused"](gates, old_cell), spans["in_torch"](gates, old_cell))
    report = check(spans["fused"], gates, old_cell)
    assert report.ok, report
