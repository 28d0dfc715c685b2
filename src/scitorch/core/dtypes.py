"""The dtype policy: what to compute in, what comes back, what a definition may declare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import torch

from .errors import DefinitionError

DtypeRule = str | torch.dtype | Callable[..., Any] | tuple[Any, ...] | None

PRECISION = {
    torch.float32: torch.float32,
    torch.float64: torch.float64,
    torch.complex64: torch.float32,
    torch.complex128: torch.float64,
}
_HALF = {
    torch.float16: torch.float32,
    torch.bfloat16: torch.float32,
    torch.complex32: torch.complex64,
}
_WHOLE = {torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64}

ACCEPTED = (*PRECISION, *_HALF, *_WHOLE)
_DECLARABLE = (*PRECISION, *_WHOLE)
_NAMED: dict[str, Callable[[torch.dtype], torch.dtype]] = {
    "real": lambda natural: PRECISION[natural],
    "complex": lambda natural: natural.to_complex(),
    "integer": lambda natural: torch.int64,
    "bool": lambda natural: torch.bool,
}


def check_declared(operator: str, declared: Any) -> None:
    """Refuse what is no dtype of a result."""
    known = declared is None or callable(declared) or (isinstance(declared, str) and declared in _NAMED)
    if not known and declared not in _DECLARABLE:
        expected = '"real", "complex", "integer", "bool", a torch.dtype that NumPy has, or a function of dtypes'
        raise DefinitionError(operator, "dtype", expected, repr(declared), 'dtype="real"')


def declared_dtype(
    operator: str, declared: Any, natural: torch.dtype, dtypes: Sequence[Any], index: int
) -> torch.dtype:
    """The dtype of the result at `index`, where the inputs' common dtype is `natural`."""
    if callable(declared):
        try:
            declared = declared(*dtypes)
        except Exception as error:
            got = f"{type(error).__name__}: {error} for {dtypes}"
            raise DefinitionError(operator, "dtype", "a function of the arguments' dtypes", got) from error
        declared = declared[index] if isinstance(declared, tuple) else declared
        check_declared(operator, declared)
    if declared is None:
        return natural
    return _NAMED[declared](natural) if isinstance(declared, str) else declared


def compute_dtypes(tensors: Sequence[torch.Tensor]) -> tuple[torch.dtype, torch.dtype | None]:
    """The dtype to compute in, and the half precision to give results back in (or None).

    The common dtype is `torch.result_type`'s: tensors without dimensions do not widen those with.
    """
    common = _result_type(tensors)
    if common in _WHOLE:
        common = torch.get_default_dtype()
    return _HALF.get(common, common), common if common in _HALF else None


def _result_type(tensors: Sequence[torch.Tensor]) -> torch.dtype:
    dtypes = {tensor.dtype for tensor in tensors}
    if not dtypes:
        return torch.get_default_dtype()
    if len(dtypes) == 1:
        return dtypes.pop()
    groups = [[t.dtype for t in tensors if (t.dim() == 0) is flat] for flat in (False, True)]
    parts = [
        torch.empty((0,) * (k == 0), dtype=reduce(torch.promote_types, g), device="cpu")
        for k, g in enumerate(groups)
        if g
    ]
    return torch.result_type(parts[0], parts[-1])


def restored_dtype(dtype: torch.dtype, half: torch.dtype) -> torch.dtype:
    """The dtype in which a result of `dtype` goes back to callers who work in half precision.

    A wider dtype that the definition fixes stays, and so does complex64 beside bfloat16, which has no complex
    counterpart.
    """
    if dtype is torch.float32:
        return torch.float16 if half is torch.complex32 else half
    return torch.complex32 if dtype is torch.complex64 and half is not torch.bfloat16 else dtype
