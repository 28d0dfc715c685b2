"""Contiguous tensors cross without a copy; no result shares memory with anything that somebody else holds."""

import ctypes
import itertools
import mmap

import numpy as np
import pytest
import torch
from torch.nn import Parameter

from scitorch import operator
from scitorch.core.errors import KernelError

pytestmark = pytest.mark.usefixtures("route")
numbers = itertools.count()


def define(kernel, signature="(m,n)->(m,n)", batch="native", **options):
    return operator(signature, batch=batch, name=f"border_{next(numbers)}", **options)(kernel)


def spy(kernel=np.negative):
    """An operator, and the arrays that its kernel got and gave."""
    seen = []

    def kernel_seen(x):
        seen[:] = [x, kernel(x)]
        return seen.pop()  # so that the list of what was seen doesn't hold the result

    return define(kernel_seen), seen


def address(array):
    return array.__array_interface__["data"][0]


X = torch.arange(6.0, dtype=torch.double).reshape(2, 3)
CONTIGUOUS = {
    "plain": lambda: X.clone(),
    "float32": lambda: X.float(),
    "complex": lambda: X.cdouble(),
    "requires grad": lambda: X.clone().requires_grad_(),
    "parameter": lambda: Parameter(X.clone()),
    "not a leaf": lambda: X.clone().requires_grad_() * 2,
    "transposed": lambda: X.t().contiguous().t(),
    "part": lambda: torch.arange(20.0)[3:9].reshape(2, 3),
    "every other row": lambda: torch.arange(12.0).reshape(4, 3)[::2],
    "expanded": lambda: torch.arange(3.0).expand(2, 3),
}


@pytest.mark.parametrize("make", CONTIGUOUS.values(), ids=CONTIGUOUS.keys())
def test_inputs_cross_without_a_copy(make):
    x, (negate, seen) = make(), spy()
    negate(x)
    assert address(seen[0]) == x.data_ptr()
    assert seen[0].strides == tuple(step * x.element_size() for step in x.stride())


@pytest.mark.parametrize("make", CONTIGUOUS.values(), ids=CONTIGUOUS.keys())
def test_fresh_results_cross_without_a_copy(make):
    made = []

    def kernel(x):
        result = np.empty(x.shape, x.dtype)
        made.append(address(result))
        return result

    result = define(kernel)(make())
    assert made == [result.data_ptr()]


def test_each_of_several_fresh_results_crosses_without_a_copy():
    made = []

    def kernel(x):
        results = np.sin(x), np.cos(x)
        made.extend(map(address, results))
        return results

    results = define(kernel, "(m,n)->(m,n),(m,n)")(X)
    assert made == [r.data_ptr() for r in results]


BITS = {
    "conjugate": (lambda x: x.conj(), lambda x: np.conj(x)),
    "negative": (lambda x: x.conj().imag, lambda x: -x.imag),
    "conjugate, transposed": (lambda x: x.mH.mT, lambda x: np.conj(x)),
    "conjugate, requires grad": (lambda x: x.clone().requires_grad_().conj(), lambda x: np.conj(x)),
}


@pytest.mark.parametrize(("make", "expected"), BITS.values(), ids=BITS.keys())
def test_conjugate_and_negative_bits_are_resolved(make, expected):
    x = torch.complex(X, X + 1)
    identity, seen = spy(np.copy)
    result = identity(make(x))
    np.testing.assert_array_equal(seen[0], expected(x.numpy()))
    np.testing.assert_array_equal(result.detach().resolve_conj().resolve_neg().numpy(), expected(x.numpy()))


def unlock(x):
    x.flags.writeable = True
    return x


def unlock_view(x):
    view = x.view()
    view.setflags(write=True)
    return view


WRITERS = {
    "in place": lambda x: np.add(x, 1, out=x),
    "an item": lambda x: x.__setitem__((0, 0), 1.0),
    "sort": lambda x: x.sort(),
    "unlocked": unlock,
    "unlocked view": unlock_view,
    "resized": lambda x: x.resize(6),
}


@pytest.mark.parametrize("make", [*CONTIGUOUS.values(), *(lambda: X.cdouble().conj(),)], ids=[*CONTIGUOUS, "conjugate"])
@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS.keys())
def test_kernels_cannot_write_into_their_input(make, write):
    x = make()
    before = x.detach().clone()
    with pytest.raises(KernelError):
        define(write)(x)
    assert torch.equal(x.detach(), before)


class Sub(np.ndarray):
    """An array subclass."""


def frozen(x):
    result = x + 1
    result.flags.writeable = False
    return result


def remembering():
    """A kernel that keeps the array it gives."""
    kept = []

    def kernel(x):
        kept[:] = [x + 1]
        return kept[0]

    return kernel


def filling(kept):
    """A kernel that gives the same memory each time."""

    def kernel(x):
        kept[...] = x + 1
        return kept

    return kernel


def generating():
    def generator():
        kept, x = np.zeros((2, 3)), None
        while True:
            x = yield kept
            kept[...] = x + 1

    made = generator()
    next(made)
    return lambda x: made.send(x)


def plus_one_twice(x):
    result = x + 1
    return result, result


RESULTS = {
    "the input": lambda x: x,
    "view of the input": lambda x: x[:],
    "reversed input": lambda x: x[::-1],
    "reversed": lambda x: (x + 1)[::-1, ::-1],
    "Fortran order": lambda x: np.asfortranarray(x + 1),
    "transposed": lambda x: (x.T + 1).T,
    "broadcast": lambda x: np.broadcast_to(x.sum(), x.shape),
    "nested list": lambda x: (x + 1).tolist(),
    "read-only": frozen,
    "bytes": lambda x: np.frombuffer((x + 1).tobytes()).reshape(x.shape),
    "memoryview": lambda x: memoryview(x + 1),
    "subclass": lambda x: (x + 1).view(Sub),
    "memory map": filling(np.frombuffer(mmap.mmap(-1, 48)).reshape(2, 3)),
    "big-endian": lambda x: (x + 1).astype(">f8"),
    "half": lambda x: (x + 1).astype(np.float16),
    "integers": lambda x: (x + 1).astype(np.int32),
    "unaligned": lambda x: np.frombuffer(b"." + (x + 1).tobytes(), offset=1).reshape(x.shape),
    "buffer": filling(np.zeros((2, 3))),
    "view of a buffer": filling(np.zeros((4, 3))[::2]),
    "buffer of a generator": generating(),
    "kept result": remembering(),
    "same array twice": plus_one_twice,
    "array and its view": lambda x: ((y := x + 1), y[:]),
    "overlapping parts": lambda x: ((y := np.ones((3, 3)))[:2], y[1:]),
    "input twice": lambda x: (x, x),
}


@pytest.mark.parametrize("batch", ["native", None])
@pytest.mark.parametrize("make", [lambda: X.clone(), lambda: Parameter(X.clone())], ids=["tensor", "parameter"])
@pytest.mark.parametrize("kernel", RESULTS.values(), ids=RESULTS.keys())
def test_writing_to_a_result_changes_nothing_else(kernel, make, batch, request):
    two = isinstance(kernel(X.numpy()), tuple)
    x, call = make(), define(kernel, "(m,n)->(m,n)" + ",(m,n)" * two, batch)
    results, before = call(x), x.detach().clone()
    results = list(results) if two else [results]
    values = [r.detach().clone() for r in results]
    for k, result in enumerate(results):
        assert result.is_contiguous()
        assert result.dtype == torch.double
        result.detach().fill_(-100 - k)
        assert torch.equal(x.detach(), before)
    assert all((r == -100 - k).all() for k, r in enumerate(results))
    again = call(x)
    assert all(map(torch.equal, again if two else [again], values))
    assert all((r == -100 - k).all() for k, r in enumerate(results))


@pytest.mark.parametrize(
    "number", [2, 2.5, True, *map(np.array(2).astype, "bhfdg"), np.float16(2), np.float64(2)], ids=repr
)
def test_numbers_are_results_without_dimensions(number):
    total = define(lambda x: number, "(m,n)->()")
    result = total(X)
    assert (result.dtype, result.shape, result.item()) == (torch.double, (), float(number))


def test_a_view_that_the_kernel_keeps_does_not_see_later_writes():
    kept = []
    for keep in (lambda y: y[0], memoryview, lambda y: y.flat, lambda y: np.nditer(y), lambda y: (y,)):

        def kernel(x, keep=keep):
            y = x + 1
            kept[:] = [keep(y)]
            return y

        operator("(m,n)->(m,n)", batch="native", args="x", name=f"keeps_{next(numbers)}")(kernel)(X).fill_(-100)
        assert -100 not in np.asarray(kept[0] if not isinstance(kept[0], np.nditer) else kept[0].operands[0])


@pytest.mark.parametrize("make", [lambda: X.clone(), lambda: Parameter(X.clone())], ids=["tensor", "parameter"])
def test_the_inputs_storage_stays_resizable(make):
    """FSDP2 frees and refills the storage of a parameter."""
    x, negate = make(), define(lambda x: -x)
    result = negate(x)
    if x.requires_grad:
        negate.vjp(x=lambda g, x: -g * (x == x))  # noqa: PLR0124  saves x
        negate(x).sum().backward()
    size = x.untyped_storage().nbytes()
    x.untyped_storage().resize_(0)
    x.untyped_storage().resize_(size)
    torch.testing.assert_close(result.detach(), -X)


def test_results_outlive_inputs_and_operators():
    double, seen = spy(lambda x: x[::-1])
    x = X.clone()
    result = double(x)
    del x, double
    seen.clear()
    junk = [torch.full((2, 3), -1.0, dtype=torch.double) for _ in range(50)]
    torch.testing.assert_close(result, X.flip(0))
    assert len(junk) == 50


def test_an_array_that_the_kernel_keeps_outlives_its_tensor():
    negate, seen = spy()
    negate(X.clone())
    junk = [torch.full((2, 3), -1.0, dtype=torch.double) for _ in range(50)]
    np.testing.assert_array_equal(seen[0], X.numpy())
    assert len(junk) == 50


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0, 0), (3, 0, 2), (0, 2, 3)])
@pytest.mark.parametrize("batch", ["native", None])
def test_empty_tensors(shape, batch):
    result = define(lambda x: x[..., ::-1, :], batch=batch)(torch.ones(shape))
    assert (result.shape, result.is_contiguous()) == (shape, True)


@pytest.mark.usefixtures("scratch_registry")
def test_a_masked_array_is_refused():
    """It would lose its mask."""
    masked = operator("(n)->(n)", name="masked")(lambda x: np.ma.masked_array(x, x > 1))
    with pytest.raises(KernelError, match="expected a plain array, got a masked one"):
        masked(torch.ones(3))


@pytest.mark.usefixtures("scratch_registry")
def test_memory_that_numpy_does_not_own_is_copied():
    """As extensions return it: an array without a base over a buffer of the library's own."""
    buffer = (ctypes.c_double * 3)()
    foreign = operator("(n)->(n)", name="foreign")(lambda x: _over(buffer, 2 * x))
    first = foreign(torch.ones(3, dtype=torch.double))
    foreign(torch.zeros(3, dtype=torch.double))
    assert first.tolist() == [2, 2, 2]


def _over(buffer, values):
    """The buffer, filled with the values, by NumPy's C function PyArray_New."""
    buffer[:] = values.tolist()
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    functions = ctypes.cast(pointer(np._core._multiarray_umath._ARRAY_API, None), ctypes.POINTER(ctypes.c_void_p))
    kinds = [ctypes.py_object, ctypes.c_int, ctypes.POINTER(ctypes.c_ssize_t), ctypes.c_int, *[ctypes.c_void_p] * 2]
    new = ctypes.PYFUNCTYPE(ctypes.py_object, *kinds, ctypes.c_int, ctypes.c_int, ctypes.c_void_p)(functions[93])
    shape, double, aligned = (ctypes.c_ssize_t * 1)(3), np.dtype(float).num, 0x0501
    return new(np.ndarray, 1, shape, double, None, ctypes.addressof(buffer), 0, aligned, None)


@pytest.mark.usefixtures("scratch_registry")
def test_strides_of_a_column_in_fortran_order():
    """They are those of a fake tensor, though NumPy takes any strides of a dimension of size 1 for contiguous."""
    column = operator("(n)->(n,1)", name="column")(lambda x: np.array(x[:, None], order="F"))
    assert column(torch.ones(4)).stride() == (1, 1)
