"""The only code that moves data between torch and NumPy.

In: a tensor lends its memory to NumPy, read-only and without a copy. Out: an array that nobody else holds becomes a
tensor without a copy; anything else is copied. A tensor on an accelerator goes through host memory.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.utils.dlpack import to_dlpack  # pyright: ignore[reportPrivateImportUsage]  documented, not in its __all__

from . import modes
from .errors import KernelError

Array = np.ndarray[Any, np.dtype[Any]]

NUMPY_DTYPE = {
    torch.bool: np.dtype(np.bool_),
    torch.uint8: np.dtype(np.uint8),
    torch.int8: np.dtype(np.int8),
    torch.int16: np.dtype(np.int16),
    torch.int32: np.dtype(np.int32),
    torch.int64: np.dtype(np.int64),
    torch.float32: np.dtype(np.float32),
    torch.float64: np.dtype(np.float64),
    torch.complex64: np.dtype(np.complex64),
    torch.complex128: np.dtype(np.complex128),
}


FEW = 8  # numbers that cross as Python's in less time than their array does
_CPU = (1, 0)  # kDLCPU, device 0


class _Loan:
    """A tensor as NumPy may borrow it.

    Through DLPack and not `Tensor.numpy`: NumPy makes an array from an unversioned capsule read-only, so that a kernel
    which writes into its input raises; the storage stays resizable, which FSDP2 needs of parameters; a tensor that
    requires grad needs no detached copy; and it takes 0.6 µs where ``t.detach().numpy()`` takes 0.8.
    """

    __slots__ = ("_tensor",)

    def __init__(self, tensor: torch.Tensor) -> None:
        self._tensor = tensor

    def __dlpack__(
        self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: Any = None
    ) -> Any:
        return to_dlpack(self._tensor)

    def __dlpack_device__(self) -> tuple[int, int]:
        return _CPU


def lend(tensor: torch.Tensor) -> Array:
    """A read-only array over the memory of a tensor that `modes.plain` accepts."""
    return np.from_dlpack(_Loan(tensor))


def fetch(tensor: torch.Tensor) -> Array:
    """A read-only array of any dense tensor: conjugate and negative bits resolved, accelerator memory copied."""
    if modes.ordinary(tensor):
        return lend(tensor)
    if tensor.device.type != "cpu":
        return lend(copy_to_host(tensor, wait=True))
    return lend(tensor.detach().resolve_conj().resolve_neg())


def copy_to_host(tensor: torch.Tensor, *, wait: bool = False) -> torch.Tensor:
    """A dense tensor's copy in host memory: from CUDA to pinned memory, on the current stream, perhaps only queued."""
    tensor = tensor.detach().resolve_conj().resolve_neg()
    streams = tensor.device.type == "cuda"
    return torch.empty_like(tensor, device="cpu", pin_memory=streams).copy_(tensor, non_blocking=streams and not wait)


def send(tensor: torch.Tensor, to: torch.Tensor) -> None:
    """Copy a host tensor into one on a device: on CUDA it is only queued, and pinned memory stays as long."""
    streams = to.device.type == "cuda"
    to.copy_(tensor.pin_memory() if streams else tensor, non_blocking=streams)


def borrow(array: Array) -> torch.Tensor:
    """A tensor over the memory of an array, for a kernel in C++ that reads it: nobody may write into it."""
    if any(stride < 0 for stride in array.strides):  # torch ends the process
        array = array.copy()
    try:
        return torch.from_dlpack(array)
    except (BufferError, RuntimeError):  # before NumPy 2.1, read-only arrays are not exported
        return torch.from_dlpack(array.copy())


def _references_of_a_fresh_array() -> int:
    results = [np.empty(1)]
    return sys.getrefcount(results[0])


# What the interpreter counts for an array that a list alone holds; it depends on the Python version.
_UNSHARED = _references_of_a_fresh_array()


def to_tensor(
    operator: str, results: list[Any], index: int, shape: tuple[int, ...], dtype: torch.dtype
) -> torch.Tensor:
    """The result at `index` as a C-contiguous tensor whose memory nobody else holds; copies only where it must.

    An array is fresh when the list of results holds the only reference to it and it owns its memory. A view of an
    input, a buffer that the kernel keeps, an array returned twice, a broadcast or transposed array are copied.
    """
    unshared = sys.getrefcount(results[index]) == _UNSHARED
    array = results[index]
    ordinary = type(array) is np.ndarray and array.shape == shape and array.dtype == NUMPY_DTYPE[dtype]
    if unshared and ordinary and array.base is None and array.flags.carray and array.flags.owndata:
        if array.ndim > 1 and array.flags.f_contiguous:
            # A matrix of one column in Fortran order is C-contiguous too, but has other strides than a fake tensor.
            array = array.reshape(-1).reshape(shape)
        return torch.from_numpy(array)
    check_result(operator, results, index, shape, dtype)
    array, results[index] = results[index], None
    return torch.from_numpy(np.array(array, dtype=NUMPY_DTYPE[dtype], order="C", copy=True))


def check_result(operator: str, results: list[Any], index: int, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """Raise unless the result has the shape that was foretold and a dtype that casts to the one foretold."""
    if type(results[index]) is not np.ndarray:
        if isinstance(results[index], torch.Tensor):
            raise KernelError(operator, "kernel", "a NumPy array", "a torch.Tensor", "computing in NumPy")
        if isinstance(results[index], np.ma.MaskedArray):
            raise KernelError(operator, "result of the kernel", "a plain array", "a masked one", "filled()")
        try:
            results[index] = np.asarray(results[index])  # NumPy scalars, Python numbers, array subclasses
        except ValueError as error:
            raise KernelError(operator, "result of the kernel", f"an array of shape {shape}", str(error)) from error
    if results[index].shape != shape:
        raise KernelError(
            operator,
            f"result {index} of the kernel" if len(results) > 1 else "result of the kernel",
            f"shape {shape}",
            f"{results[index].shape}",
            "correcting the signature or the kernel",
        )
    got, wanted = results[index].dtype, NUMPY_DTYPE[dtype]
    wraps = got == np.uint64 and wanted.kind == "i"  # of the same kind to NumPy, which wraps what does not fit
    if got != wanted and (wraps or not np.can_cast(got, wanted, casting="same_kind")):
        _refuse_dtype(operator, results[index].dtype, dtype)


def _refuse_dtype(operator: str, got: np.dtype[Any], dtype: torch.dtype) -> None:
    wanted = str(dtype)
    if got.kind == "c":
        advice = 'passing a complex tensor, or dtype="complex" in the definition'
    else:
        advice = 'dtype="real", "complex", "integer" or "bool" in the definition'
    raise KernelError(operator, "result of the kernel", f"a {wanted} array", f"{got}", advice)


def array_function(
    function: Callable[..., Any], dtype: torch.dtype, device: torch.device, *arguments: Any, lends: bool = False
) -> Callable[..., Any]:
    """A function of tensors as one of arrays and numbers, for solvers: these and its results are handed over.

    All are copied: a solver writes into arrays that it has handed out, and into those that it got; to one that reads
    them at once, and no more, the function's own result may be lent. What else the function takes comes after them, as
    it is.
    """
    there = functools.partial(torch.tensor, dtype=dtype, device=device)
    hand = functools.partial(_handed, NUMPY_DTYPE[dtype], there) if device.type == "cpu" else there

    def call(*given: Any) -> Any:
        result = function(*[hand(value) for value in given], *arguments)
        if lends:
            return fetch(result)
        return tuple(map(_own, result)) if type(result) is tuple else _own(result)

    return call


def _handed(dtype: np.dtype[Any], there: Callable[[Any], torch.Tensor], value: Any) -> torch.Tensor:
    """A tensor of its own memory; where the dtype is there, in a third of the time that `torch.tensor` takes."""
    array = np.array(value, order="C")
    return torch.from_numpy(array) if array.dtype == dtype else there(value)


def _own(result: Any) -> Any:
    """An array of whatever a function returned, which nobody else holds."""
    if not isinstance(result, torch.Tensor):
        return np.array(result)
    if result.dtype is torch.float64 and 0 < result.numel() <= FEW:
        return np.array(result.tolist())
    return np.array(fetch(result))


def tensor_function(function: Callable[..., Any], device: torch.device) -> Callable[..., Any]:
    """A function of tensors that is called with arrays, for what a solver reports."""

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        hand = functools.partial(_as_tensors, device=device)
        return function(*map(hand, arguments), **{name: hand(value) for name, value in named.items()})

    return call


def _as_tensors(value: Any, device: torch.device) -> Any:
    if isinstance(value, dict):
        return type(value)({k: _as_tensors(v, device) for k, v in value.items()})
    return torch.tensor(value, device=device) if isinstance(value, (np.ndarray, np.floating)) else value
