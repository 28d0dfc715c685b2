"""Kernels in C++ on tensors: compiled in half a minute each, unless the user's cache has them."""

import pickle
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils import cpp_extension

from scitorch import check, operator
from scitorch.core.errors import CompileError, DefinitionError, KernelError, MissingToolError
from scitorch.native import cpp_kernel, extension

EXAMPLES = Path(__file__).parents[2] / "examples" / "native"


@pytest.fixture
def users_cache(monkeypatch):
    """What takes half a minute to compile is kept."""
    monkeypatch.delenv("SCITORCH_CACHE")


@pytest.fixture
def lltm(users_cache, scratch_registry):
    return runpy.run_path(str(EXAMPLES / "lltm.py"))


def _state(dtype):
    return [torch.randn(shape, dtype=dtype) for shape in [(2, 3), (12, 7), (12,), (2, 4), (2, 4)]]


@pytest.mark.skipif(not EXAMPLES.exists(), reason="not there in a wheel's tests")
def test_the_tutorials_cell_on_tensors(lltm):
    for dtype in (torch.float32, torch.float64):
        state = _state(dtype)
        torch.testing.assert_close(lltm["lltm"](*state), lltm["cell"](*state))
    report = check(lltm["lltm"], *state)
    assert report.ok, report


@pytest.mark.skipif(not EXAMPLES.exists(), reason="not there in a wheel's tests")
def test_the_tutorials_cell_under_transforms(lltm):
    state = _state(torch.double)
    batch = [torch.stack([x, 2 * x]) for x in state]
    ours, theirs = (torch.func.vmap(torch.func.jacrev(lltm[name], argnums=(0, 1)))(*batch) for name in ("lltm", "cell"))
    torch.testing.assert_close(ours, theirs)
    compiled = torch.compile(lltm["lltm"], fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(*state), lltm["cell"](*state))


@pytest.mark.skipif(not EXAMPLES.exists(), reason="not there in a wheel's tests")
def test_tensor_kernels_pickle_and_say_what_was_thrown(lltm):
    kernel = pickle.loads(pickle.dumps(lltm["lltm"].kernel))
    arrays = [x.numpy() for x in _state(torch.double)]
    for result, expected in zip(kernel(*arrays), lltm["lltm"].kernel(*arrays), strict=True):
        np.testing.assert_array_equal(result, expected)
    reversed_ = [x[::-1].copy()[::-1] for x in arrays]
    reversed_[0].flags.writeable = False
    np.testing.assert_array_equal(kernel(*reversed_)[0], kernel(*arrays)[0])
    wrong = [torch.ones(2, 3), torch.ones(12, 5), *_state(torch.float32)[2:]]
    with pytest.raises(KernelError, match=r"RuntimeError: mat1 and mat2 shapes cannot be multiplied \(2x7 and 5x12\)"):
        lltm["lltm"](*wrong)
    with pytest.raises(DefinitionError, match="a function absent in the source's PYBIND11_MODULE"):
        cpp_kernel(EXAMPLES / "lltm.cpp", "at::Tensor absent(const at::Tensor& x)")


def test_ninja_is_the_packages_where_none_is_on_the_path(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not cpp_extension.is_ninja_available()
    with extension._ninja():
        assert cpp_extension.is_ninja_available()
    assert not cpp_extension.is_ninja_available()
    monkeypatch.setitem(sys.modules, "ninja", None)
    with pytest.raises(MissingToolError, match=r"ninja: .* Try pip install scitorch\[native\]"), extension._ninja():
        pass


def test_no_compiler_for_tensors(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(MissingToolError, match=r"a compiler for C\+\+ .*as CXX says"):
        cpp_kernel("", "at::Tensor f(const at::Tensor& x)")


SCALED = """
at::Tensor scaled(const at::Tensor& x, double a, int64_t k, bool twice, const std::string& how) {
  TORCH_CHECK(how == "plain", "how is ", how);
  return (twice ? 2 : 1) * a * k * x;
}
"""


def test_options_of_functions_on_tensors(users_cache, scratch_registry):
    declaration = "at::Tensor scaled(const at::Tensor& x, double a, int64_t k, bool twice, const std::string& how)"
    scaled = operator("(n)->(n)", name="native_scaled")(cpp_kernel(SCALED, declaration))
    options = {"a": 0.5, "k": 3, "twice": True, "how": "plain"}
    scaled.vjp(x=lambda g, a, k, twice, how: scaled(g, a=a, k=k, twice=twice, how=how))
    x = torch.randn(2, 3).double()
    torch.testing.assert_close(scaled(x, **options), 3 * x)
    report = check(scaled, x, kwargs=options)
    assert report.ok, report
    for n in (0, 1):
        assert scaled(torch.ones(n), **options).tolist() == [3.0] * n
    with pytest.raises(KernelError, match="how is odd"):
        scaled(x, **options | {"how": "odd"})


def test_errors_on_tensors_show_the_source():
    source = "at::Tensor f(const at::Tensor& x) {\n  return twice * x;\n}"
    with pytest.raises(CompileError, match=r"kernel\.cpp:2:10: error: .*twice") as caught:
        cpp_kernel(source, "at::Tensor f(const at::Tensor& x)")
    assert "return twice * x;" in str(caught.value)
