"""From what a user passed to tensors of one precision on one device, or a clear error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from . import modes
from .dtypes import ACCEPTED, PRECISION, compute_dtypes
from .errors import ArgumentError, DeviceError

_NUMBERS = (int, float, complex, torch.SymInt, torch.SymFloat)


def prepare(
    operator: str, names: Sequence[str], defaults: Mapping[str, Any], real: frozenset[str], given: Sequence[Any]
) -> tuple[list[torch.Tensor | None], torch.dtype | None]:
    """Tensors (or None) in the precision to compute in, and the half precision to return results in.

    Numbers become constants that do not promote. Casts are ordinary differentiable torch operations. Under autocast,
    half precision is computed and returned in float32.
    """
    if len(given) == len(names) and not real and _alike(given):
        return list(given), None
    arguments = _complete(operator, names, defaults, given)
    device = _one_device(operator, names, arguments)
    dtype, half = compute_dtypes([x for x in arguments if isinstance(x, torch.Tensor)])
    if half is not None and modes.autocast_on(device.type):
        half = None
    if not dtype.is_complex and any(isinstance(x, complex) for x in arguments):
        dtype = dtype.to_complex()
    return [
        _convert(operator, name, x, PRECISION[dtype] if name in real else dtype, device)
        for name, x in zip(names, arguments, strict=True)
    ], half


def _alike(given: Sequence[Any]) -> bool:
    """Whether there is nothing to do: dense tensors of one precision to compute in, on one device."""
    if any(type(x) is not torch.Tensor for x in given):
        return False
    dtype, device = given[0].dtype, given[0].device
    return dtype in PRECISION and all(
        x.dtype == dtype and x.device == device and x.layout is torch.strided and not x.is_nested for x in given
    )


def _complete(operator: str, names: Sequence[str], defaults: Mapping[str, Any], given: Sequence[Any]) -> list[Any]:
    """One checked argument a name; those left out have their defaults."""
    if len(given) > len(names):
        got = f"{len(given)}"
        raise ArgumentError(operator, "arguments", f"{len(names)} by position ({', '.join(names)})", got)
    arguments = list(given)
    for name in names[len(given) :]:
        if name not in defaults:
            raise ArgumentError(operator, name, "a tensor or a number", "nothing", "passing it by position")
        arguments.append(defaults[name])
    return [
        _checked(operator, name, x, optional=defaults.get(name, 0) is None)
        for name, x in zip(names, arguments, strict=True)
    ]


def _checked(operator: str, name: str, x: Any, *, optional: bool) -> Any:
    if isinstance(x, torch.Tensor):
        return _checked_tensor(operator, name, x)
    if isinstance(x, np.generic):
        x = x.item()
    if isinstance(x, _NUMBERS) or (x is None and optional):
        return x
    wanted = "a tensor or a number" + " or None" * optional
    if isinstance(x, torch.fx.Proxy):
        advice = "make_fx or torch.export, since torch.fx.symbolic_trace cannot see through an operator"
    elif x is None:
        advice = "a tensor"
    else:
        advice = f"torch.as_tensor({name})"
    raise ArgumentError(operator, name, wanted, _described(x), advice)


def _described(x: Any) -> str:
    if isinstance(x, np.ndarray):
        return f"a NumPy array of shape {x.shape}"
    return "None" if x is None else f"{type(x).__name__} {x!r:.60}"


def _checked_tensor(operator: str, name: str, tensor: torch.Tensor) -> torch.Tensor:
    if torch.nn.parameter.is_lazy(tensor):
        raise ArgumentError(operator, name, "a tensor with a shape", "an uninitialized parameter", "a first dry run")
    if tensor.is_nested:
        raise ArgumentError(operator, name, "a dense tensor", "a nested tensor", "its items one by one, or padding")
    if tensor.layout is not torch.strided:
        raise ArgumentError(operator, name, "a dense tensor", f"layout {tensor.layout}", f"{name}.to_dense()")
    if tensor.dtype not in ACCEPTED:
        raise ArgumentError(
            operator,
            name,
            "a floating, complex, integer or bool tensor",
            str(tensor.dtype),
            f"{name}.to(torch.float32)",
        )
    return tensor


def _one_device(operator: str, names: Sequence[str], arguments: Sequence[Any]) -> torch.device:
    devices = {name: x.device for name, x in zip(names, arguments, strict=True) if isinstance(x, torch.Tensor)}
    if len(set(devices.values())) > 1:
        got = ", ".join(f"{name} on {device}" for name, device in devices.items())
        raise DeviceError(operator, ", ".join(devices), "all tensors on one device", got, ".to(device)")
    return next(iter(devices.values()), torch.device("cpu"))


def _convert(operator: str, name: str, x: Any, dtype: torch.dtype, device: torch.device) -> torch.Tensor | None:
    if x is None:
        return None
    is_complex = x.is_complex() if isinstance(x, torch.Tensor) else isinstance(x, complex)
    if is_complex and not dtype.is_complex:
        raise ArgumentError(operator, name, "a real tensor or number", "a complex one", f"{name}.real")
    if isinstance(x, torch.Tensor):
        return x if x.dtype == dtype else x.to(dtype)
    try:
        return torch.full((), float(x) if type(x) is int else x, dtype=dtype, device=device)
    except (OverflowError, RuntimeError):
        raise ArgumentError(operator, name, f"a number that {dtype} holds", f"{x!r:.40}", "a smaller one") from None
