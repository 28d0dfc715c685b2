"""Floating-point inputs keep their precision; an output's dtype follows from the inputs' dtypes, not their values."""

import itertools
from contextlib import contextmanager

import numpy as np
import pytest
import scipy.special
import torch
from torch.autograd import gradcheck
from zoo import OPERATORS, every_operator
from zoo.draw import NUMERICAL, Case, as_tuple, carries_gradient, complex_of, for_samples, samples, tolerance

from scitorch import errors, operator
from scitorch.core.registry import key_of

pytestmark = pytest.mark.usefixtures("route")

REAL = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
WHOLE = [torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]
COMPLEX = [torch.complex64, torch.complex128]
FIXED = {"zoo.arrays.sum_exactly": torch.float64}
"""Operators that declare one dtype for whatever they are given."""

affine = OPERATORS["zoo.elementwise.affine"]


def common_dtype(arguments):
    """What torch's own arithmetic on these arguments gives, whole numbers as the default dtype."""
    dtype = sum(torch.zeros((1,) * (x.dim() > 0), dtype=x.dtype) for x in arguments if torch.is_tensor(x)).dtype
    return dtype if dtype.is_floating_point or dtype.is_complex else torch.get_default_dtype()


def check_dtypes(operator, sample, *dtypes):
    """Results in the arguments' common precision, gradients in each argument's own, and both as exact as it allows."""
    exact, case = Case(operator, sample), Case(operator, sample)
    given = itertools.cycle(dtypes)
    case.arguments = [_cast(x, next(given)) if torch.is_tensor(x) else x for x in case.arguments]
    common = common_dtype(case.arguments)
    bounds = {name: 10 * bound for name, bound in tolerance(min(dtypes, key=_digits)).items()}
    for result, expected in zip(as_tuple(case()), as_tuple(exact()), strict=True):
        assert result.dtype == _expected(operator, common, expected)
        if carries_gradient(expected):
            torch.testing.assert_close(result.to(expected.dtype), expected, **bounds)
    if case.reverse:
        inputs = case.inputs(case.reverse)
        for x, ours, theirs in zip(inputs, _gradients(case, inputs), _gradients(exact), strict=True):
            assert ours.dtype == x.dtype
            torch.testing.assert_close(ours.to(theirs.dtype), theirs, **bounds)


def _digits(dtype):
    return -torch.finfo(dtype).eps


def _cast(x, dtype):
    return x.to(complex_of(dtype) if x.is_complex() else dtype)


def _expected(operator, common, like):
    """The dtype of a result which in doubles is like that one."""
    fixed = FIXED.get(key_of(operator))
    if fixed or not carries_gradient(like):
        return fixed or like.dtype
    if like.is_complex():
        return torch.complex32 if common is torch.float16 else complex_of(common.to_real())
    return common.to_real()


def _gradients(case, inputs=None):
    inputs = inputs or case.inputs(case.reverse)
    results = case.function(case.reverse)(*inputs)
    return torch.autograd.grad(results, inputs, [torch.ones_like(part) for part in results])


@every_operator
@pytest.mark.parametrize("dtype", REAL, ids=str)
def test_precision_is_kept(operator, dtype):
    for_samples(check_dtypes, operator, dtype)


@every_operator
def test_mixed_precision(operator):
    for_samples(check_dtypes, operator, torch.float32, torch.float64)
    for_samples(check_dtypes, operator, torch.float64, torch.float32)


@every_operator
def test_whole_numbers_become_the_default_dtype(operator):
    """In values as if they had been cast before; `torch.set_default_dtype` is looked at on every call."""
    for sample in samples(operator):
        case = Case(operator, sample)
        for default in (torch.float32, torch.float64):
            if not any(x.is_complex() for x in case.arguments if torch.is_tensor(x)):
                whole = [(3 * x).long() + 4 if torch.is_tensor(x) else x for x in case.arguments]
                cast = [x.to(default) if torch.is_tensor(x) else x for x in whole]
                with _default_dtype(default):
                    results = as_tuple(operator(*whole, **case.static))
                for result, expected in zip(results, as_tuple(operator(*cast, **case.static)), strict=True):
                    # Outside of a function's domain both are NaN.
                    torch.testing.assert_close(result, expected, rtol=0, atol=0, equal_nan=True)


@contextmanager
def _default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    yield
    torch.set_default_dtype(before)


@pytest.mark.parametrize("left", [*REAL, *WHOLE, *COMPLEX], ids=str)
def test_promotion_is_torchs(left):
    """Tensors without dimensions don't widen those that have some."""
    for right, m, n in itertools.product([*REAL, *WHOLE, *COMPLEX], [(), (2,)], [(), (2,)]):
        x, shift = torch.ones(m, dtype=left), torch.ones(n, dtype=right)
        expected = common_dtype([x, shift])
        if expected is not torch.complex32:
            assert affine(x, shift).dtype == expected, (left, m, right, n)


@pytest.mark.parametrize("dtype", REAL, ids=str)
def test_numbers_do_not_promote(dtype):
    x = torch.ones(2, dtype=dtype)
    for number in (1, 1.5, True, np.float64(0.1), np.int64(3)):
        assert affine(x, number).dtype == dtype
    assert affine(x.double(), 1j).dtype == torch.complex128
    assert affine(x.float(), 1j).dtype == torch.complex64


def test_numbers_alone_have_the_default_dtype():
    assert affine(1, 2).dtype == torch.get_default_dtype()
    with _default_dtype(torch.float64):
        assert affine(1, 2).dtype == torch.float64
        assert affine(1, 2j).dtype == torch.complex128


def test_half_precision_complex_numbers_come_back_as_they_came():
    z = torch.tensor([1 + 2j, 0.5j], dtype=torch.complex64).to(torch.complex32)
    assert OPERATORS["zoo.elementwise.cube"](z).dtype == torch.complex32
    assert OPERATORS["zoo.elementwise.abs2"](z).dtype == torch.float16


def test_gradient_of_a_real_argument_is_the_real_part():
    a, b = torch.tensor([2.0], dtype=torch.double, requires_grad=True), torch.tensor([1 + 3j], requires_grad=True)
    result = OPERATORS["zoo.arrays.form"](a, torch.ones(1, 1), b)
    ours = torch.autograd.grad(result, (a, b), torch.tensor(1 + 1j).to(result))
    assert torch.equal(ours[0], torch.tensor([4.0], dtype=torch.double))
    assert torch.equal(ours[1], torch.tensor([2 + 2j]))


@pytest.mark.parametrize(
    "name",
    [
        "scitorch.tutorial.linear_layer.linear_op",
        "scitorch.tutorial.convolution.correlate_valid",
        "scitorch.tutorial.convolution.convolve_full",
        "zoo.arrays.form",
    ],
)
@pytest.mark.parametrize("position", [0, 1])
def test_a_complex_argument_beside_real_ones(name, position):
    """Gradients are right, and each argument's is as real or complex as the argument."""
    case = Case(OPERATORS[name], samples(OPERATORS[name])[0])
    case.arguments[position] = case.arguments[position] * (1 + 2j)
    assert gradcheck(case.function(case.reverse), case.inputs(case.reverse), **NUMERICAL)


# What a definition says


@pytest.fixture
def define(scratch_registry):
    """Make an elementwise operator of a kernel."""
    return lambda kernel, **options: operator("()->()", batch="native", name="defined", **options)(kernel)


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (None, torch.float32),
        ("real", torch.float32),
        ("complex", torch.complex64),
        ("integer", torch.int64),
        ("bool", torch.bool),
        (torch.float64, torch.float64),
        (torch.int32, torch.int32),
        (lambda x: torch.float64 if x is torch.float32 else x, torch.float64),
    ],
)
def test_declared_dtype(define, declared, expected):
    """The kernel may return a narrower one."""
    narrow = {torch.bool: np.bool_, torch.int64: np.int32, torch.int32: np.int8}.get(expected, np.float32)
    result = define(lambda x: x.astype(narrow), dtype=declared)(torch.tensor([0.0, 2.0]))
    assert result.dtype == expected
    assert torch.equal(result, torch.tensor([0, 2]).to(expected))


def test_wider_results_of_a_kernel_are_rounded(define):
    """Even where SciPy returns doubles for singles."""
    widened = define(lambda x: x.astype(np.result_type(x, np.float64)))
    assert widened(torch.ones(2)).dtype == torch.float32
    assert widened(torch.ones(2) * 1j).dtype == torch.complex64


@pytest.mark.parametrize(("declared", "returned"), [(None, complex), ("integer", float), ("bool", int)])
def test_results_that_would_lose_something_raise(define, declared, returned):
    with pytest.raises(errors.KernelError, match=r"result of the kernel: expected a torch\.\w+ array, got"):
        define(lambda x: x.astype(returned), dtype=declared)(torch.ones(2))


def test_dtype_does_not_depend_on_values():
    """The root of a real matrix that has none among the real ones is asked for as a complex matrix."""
    sqrtm, A = OPERATORS["zoo.matrices.sqrtm"], -torch.eye(2, dtype=torch.double)
    with pytest.raises(errors.KernelError, match="Try passing a complex tensor"):
        sqrtm(A)
    torch.testing.assert_close(sqrtm(A.cdouble()) @ sqrtm(A.cdouble()), A.cdouble())


# Autocast


@pytest.mark.parametrize("dtype", REAL, ids=str)
@pytest.mark.parametrize("requires_grad", [False, True], ids=["values", "gradients"])
def test_autocast_computes_in_single_precision(dtype, requires_grad):
    linear = OPERATORS["scitorch.tutorial.linear_layer.linear_op"]
    inputs = [torch.randn(shape).to(dtype).requires_grad_(requires_grad) for shape in [(4, 3), (2, 3)]]
    exact = [x.detach().double().requires_grad_(requires_grad) for x in inputs]
    wide = torch.float64 if dtype is torch.float64 else torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        result = linear(*inputs)
        assert result.dtype == wide
        torch.testing.assert_close(result.double(), linear(*exact), **tolerance(torch.float32))
        if requires_grad:
            gradients = torch.autograd.grad(result.square().sum(), inputs)
            theirs = torch.autograd.grad(linear(*exact).square().sum(), exact)
            for ours, expected in zip(gradients, theirs, strict=True):
                assert ours.dtype == dtype
                torch.testing.assert_close(ours.double(), expected, **tolerance(dtype if dtype in REAL[:2] else wide))


@pytest.mark.usefixtures("scratch_registry")
def test_arguments_that_are_always_real():
    """Bessel functions of complex arguments have real orders, whatever precision stands beside them."""
    bessel = operator("(),()->()", batch="native", args=("v", "z"), real=("v",), name="bessel")(scipy.special.jv)
    bessel.partials(z=lambda v, z: (bessel(v - 1, z) - bessel(v + 1, z)) / 2)
    z = torch.tensor([0.5 + 1j, 2 - 0.5j], dtype=torch.complex64, requires_grad=True)
    v = torch.tensor([0, 1])
    assert bessel(v, z).dtype == torch.complex64
    np.testing.assert_allclose(bessel(1.5, z).detach(), scipy.special.jv(1.5, z.detach().numpy()), rtol=1e-5)
    assert gradcheck(lambda z: bessel(0, z), z.detach().to(torch.cdouble).requires_grad_(), check_forward_ad=True)
    with pytest.raises(errors.ArgumentError, match=r"^bessel, v: expected a real tensor or number, got a complex one"):
        bessel(z, z)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_on_meta(dtype):
    """A device that autocast doesn't know."""
    x = torch.ones(2, dtype=dtype, device="meta")
    assert OPERATORS["zoo.elementwise.cube"](x).dtype == dtype


@pytest.mark.usefixtures("scratch_registry")
def test_unsigned_results_do_not_wrap():
    counts = operator("(n)->()", dtype="integer", name="counts")(lambda x: np.uint64(2**63 + 5))
    with pytest.raises(errors.KernelError, match=r"expected a torch\.int64 array, got uint64"):
        counts(torch.ones(3))


def test_a_number_beyond_the_precision():
    with pytest.raises(errors.ArgumentError, match=r"expected a number that torch\.float32 holds, got 1e\+300"):
        OPERATORS["zoo.elementwise.affine"](torch.ones(2), 1e300)
