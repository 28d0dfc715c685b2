"""Kernels in C: values, derivatives, sizes, buffers of every kind, and what is refused."""

import pickle

import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided

from scitorch import check, operator
from scitorch.core.errors import ArgumentError, DefinitionError, KernelError, ShapeError
from scitorch.native import c_kernel

SIZES = st.integers(0, 6)


def test_values_in_both_precisions(ops):
    for dtype in (torch.float64, torch.float32):
        x = torch.randn(3, 5, dtype=dtype)
        y = ops["scale"](x, a=3.0)
        assert y.dtype == dtype
        torch.testing.assert_close(y, 3 * x, rtol=0, atol=0)


def test_the_variant_is_the_one_of_the_dtype(ops):
    kernel = ops["scale"].kernel
    for dtype in (np.float32, np.float64):
        assert kernel(np.ones(2, dtype), a=1.0).dtype == dtype


def test_float32_is_computed_in_double_where_there_is_no_other(ops):
    kernel = ops["running"].kernel
    assert [y.dtype for y in kernel(np.ones(2, np.float32))] == [np.float64] * 2
    assert [y.dtype for y in ops["running"](torch.ones(2))] == [torch.float32] * 2


@settings(max_examples=40, deadline=None)
@given(m=SIZES, n=SIZES, k=st.integers(1, 3), l=st.integers(1, 3), seed=st.integers(0, 2**32 - 1))
def test_convolutions_of_all_shapes(ops, m, n, k, l, seed):
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=(m, n)), rng.normal(size=(k, l))
    full = ops["convolve"](torch.from_numpy(x), torch.from_numpy(w)) if m and n else None
    if full is not None:
        np.testing.assert_allclose(full, scipy.signal.convolve2d(x, w), atol=1e-13)
    if m >= k and n >= l:
        valid = ops["correlate"](torch.from_numpy(x), torch.from_numpy(w))
        np.testing.assert_allclose(valid, scipy.signal.correlate2d(x, w, "valid"), atol=1e-13)


@pytest.mark.parametrize("name", ["correlate", "convolve"])
def test_derivatives_are_right_in_every_mode(ops, name):
    inputs = torch.randn(4, 3).double(), torch.randn(2, 2).double()
    report = check(ops[name], *inputs)
    assert report.ok, report


def test_several_results(ops):
    x = torch.randn(2, 4).double()
    sums, total = ops["running"](x)
    torch.testing.assert_close(sums, x.cumsum(-1))
    torch.testing.assert_close(total, x.sum(-1))


def test_complex_numbers(ops):
    z = torch.randn(3, dtype=torch.complex128)
    torch.testing.assert_close(ops["turn"](z), 1j * z)
    torch.testing.assert_close(ops["turn"](z.conj()), 1j * z.conj())


def test_an_integer_that_is_no_dimension_is_a_static_argument(ops):
    torch.testing.assert_close(ops["repeat"](torch.arange(3.0), num=5), torch.tensor([0.0, 1, 2, 0, 1]))
    with pytest.raises(ArgumentError, match="num: expected int, got nothing"):
        ops["repeat"](torch.arange(3.0))


@pytest.mark.parametrize("n", [0, 1])
def test_no_element_and_one(ops, n):
    x = torch.randn(n).double()
    torch.testing.assert_close(ops["scale"](x, a=2.0), 2 * x)
    sums, total = ops["running"](x)
    torch.testing.assert_close((sums, total), (x, x.sum()))
    assert ops["scale"](torch.ones(0, n), a=2.0).shape == (0, n)
    torch.testing.assert_close(ops["repeat"](x, num=2), x.expand(2) if n else torch.zeros(2).double())


def test_whole_numbers_pass_through_floating_ones(ops):
    x, at = torch.randn(5).double(), torch.tensor([4, 0, 0])
    torch.testing.assert_close(ops["pick"](x, at), x[at])
    torch.testing.assert_close(ops["pick"](x.float(), at), x.float()[at])
    for wrong in (0.5, float("nan"), float("inf"), 2.0**31, -(2.0**31) - 1, 2.0**53):
        with pytest.raises(ArgumentError, match="at: expected whole numbers that int32_t and float64 hold exactly"):
            ops["pick"](x, torch.tensor([wrong], dtype=torch.double))
    with pytest.raises(ArgumentError, match="float32 hold exactly"):
        ops["pick"](x.float(), torch.tensor([2**24 + 1]))


def test_error_codes(ops):
    with pytest.raises(KernelError, match="native_pick, kernel: expected a result, got code 3: an index outside of x"):
        ops["pick"](torch.ones(2).double(), torch.tensor([2]))
    with pytest.raises(KernelError, match=r"item \(1,\).*got code -7\."):
        ops["fail"](torch.tensor([[0.0], [-7.0]]))


def _unaligned(x):
    raw = np.zeros(x.nbytes + 1, np.uint8)
    copy = raw[1:].view(x.dtype).reshape(x.shape)
    copy[...] = x
    assert not copy.flags.aligned
    return copy


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x.T.copy().T,
        lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
        lambda x: np.repeat(np.repeat(x, 3, 0), 2, 1)[::3, ::2],
        _unaligned,
        lambda x: x.astype(">f8"),
        np.asfortranarray,
    ],
    ids=["transposed", "reversed", "strided", "unaligned", "of the other byte order", "Fortran"],
)
def test_buffers_of_every_kind(ops, make):
    x, w = np.random.default_rng(0).normal(size=(5, 4)), np.random.default_rng(1).normal(size=(2, 3))
    given = make(x)
    given.flags.writeable = False
    np.testing.assert_array_equal(given, x)
    np.testing.assert_allclose(ops["correlate"].kernel(given, w), scipy.signal.correlate2d(x, w, "valid"), atol=1e-14)
    np.testing.assert_array_equal(given, x)


def test_huge_strides(ops):
    """Rows 2**20 elements apart, and a row of one element repeated."""
    memory = np.zeros(3 * 2**20)
    memory[:: 2**20] = [1, 2, 3]
    np.testing.assert_array_equal(ops["scale"].kernel(memory[:: 2**20], a=2.0), [2, 4, 6])
    repeated = torch.ones(1).double().expand(1000)
    torch.testing.assert_close(ops["scale"](repeated, a=2.0), 2 * repeated)


def test_the_input_stays_as_it_is_and_is_not_copied(ops, monkeypatch):
    x = torch.randn(4).double()
    before = x.clone()
    monkeypatch.setattr(np, "require", None)  # what copies
    ops["scale"](x, a=2.0)
    torch.testing.assert_close(x, before, rtol=0, atol=0)


def test_a_size_that_does_not_fit_is_refused(ops):
    """Before anything is copied: an array of 2**31 elements that has the memory of one."""
    with pytest.raises(ShapeError, match="n: expected a number from -32768 to 32767, which int16_t holds, got 32768"):
        ops["narrow"](torch.zeros(2**15))
    huge = as_strided(np.zeros(1), (2**31, 1), (0, 0))
    with pytest.raises(
        ShapeError, match="m: expected a number from -2147483648 to 2147483647, which int holds, got 2147483648"
    ):
        ops["correlate"].kernel(huge, np.ones((1, 1)))
    prepared = ops["scale"].kernel._prepare(((2**31 + 7,),), (np.dtype("f8"),), ())
    assert prepared.sizes["n"] == 2**31 + 7


def test_compiled_graphs_and_vmap(ops):
    x, w = torch.randn(2, 4, 4).double(), torch.randn(2, 2).double()
    expected = ops["correlate"](x, w)
    compiled = torch.compile(ops["correlate"], fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x, w), expected)
    torch.testing.assert_close(torch.func.vmap(lambda x: ops["correlate"](x, w))(x), expected)


def test_kernels_pickle_for_workers(ops):
    for name in ("scale", "repeat"):
        kernel = pickle.loads(pickle.dumps(ops[name].kernel))
        option = {"a": 2.0} if name == "scale" else {"num": 2}
        np.testing.assert_array_equal(kernel(np.ones(2), **option), ops[name].kernel(np.ones(2), **option))


GOOD = "void f(const double* x, int64_t n, double* y)"


@pytest.mark.parametrize(
    ("declaration", "says"),
    [
        ("nonsense", "a declaration such as"),
        ("double f(const double* x, double* y)", "returns void, or an int"),
        ("void f(const double** x, double* y)", "a pointer, an integer or a floating number"),
        ("void f(const struct s* x, double* y)", "one of the types"),
        ("void f(const double*, double* y)", "with a name|a named parameter"),
        ("void f(const double* x, double* x)", "a name of its own"),
        ("void f(double* y)", "a const pointer, for an input"),
        ("void f(const double* x)", "a pointer without const"),
        ("void f()", "a const pointer"),
        ("void f(const double* x, double lambda, double* y)", "names that Python takes"),
        ("void f(const char* x, double* y)", "one of the types .* got 'char'"),
        ("void f(const double x[3], double* y)", "a pointer, an integer or a floating number"),
        ((), "a declaration as text"),
        ((GOOD, "void g(const float* z, int64_t n, float* y)"), "with other types alone"),
    ],
)
def test_declarations_that_are_refused(declaration, says):
    with pytest.raises(DefinitionError, match=says):
        c_kernel("", declaration)


@pytest.mark.usefixtures("scratch_registry")
def test_what_does_not_fit_the_signature_is_refused():
    kernel = c_kernel("void f(const double* x, long n, double* y) {}", "void f(const double* x, long n, double* y)")
    with pytest.raises(DefinitionError, match="an operator's signature"):
        kernel(np.ones(2))
    for signature, says in {
        "(n)->(n),(n)": "2 results in the declaration",
        "(n),(n)->(n)": "2 tensor arguments",
        "(n)->(...)": "says the sizes of the results",
    }.items():
        with pytest.raises(DefinitionError, match=says):
            operator(signature, shape=(lambda x: x) if "..." in signature else None)(kernel)
    native = operator("(n)->(n)", batch="native", name="native_no_batches")(kernel)
    with pytest.raises(KernelError, match=r"got batch dimensions \(2,\)"):
        native(torch.ones(2, 3))


@pytest.mark.usefixtures("scratch_registry")
def test_results_of_whole_numbers():
    source = "void signs(const float *x, long n, signed char *y) { while (n--) y[n] = x[n] < 0 ? -1 : 1; }"
    kernel = c_kernel(source, "void signs(const float *x, long n, signed char *y)")
    signs = operator("(n)->(n)", name="native_signs", dtype="integer")(kernel)
    y = signs(torch.tensor([-2.0, 2.0]))
    assert y.dtype == torch.int64
    assert y.tolist() == [-1, 1]
    with pytest.raises(KernelError, match="got int8"):
        operator("(n)->(n)", name="native_not_signs", dtype=torch.bool)(kernel)(torch.ones(2))


@pytest.mark.usefixtures("scratch_registry")
def test_dtypes_that_a_variant_does_not_take():
    source = "void f(const float* x, long n, float* y) { while (n--) y[n] = x[n]; }"
    single = operator("(n)->(n)", name="native_single")(c_kernel(source, "void f(const float* x, long n, float* y)"))
    torch.testing.assert_close(single(torch.ones(2)), torch.ones(2))
    for dtype in (torch.float64, torch.complex64):
        with pytest.raises(ArgumentError, match=r"native_single, dtype: expected what void f.* takes, got x"):
            single(torch.ones(2, dtype=dtype))
