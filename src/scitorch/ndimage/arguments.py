"""How scipy.ndimage's arguments are read: images, borders, one value an axis, the result's dtype."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scitorch.core.errors import ArgumentError, LostGradientError, ShapeError

MODES = ("reflect", "grid-mirror", "constant", "grid-constant", "nearest", "mirror", "wrap", "grid-wrap")


def read_image(function: str, input: Any, rank: int = 0) -> Tensor:
    """The image as a floating or complex tensor of at least this rank; whole numbers get the default dtype."""
    image = torch.as_tensor(input)
    if image.dim() < rank:
        raise ShapeError(function, "input", f"at least {rank} dimensions", f"shape {tuple(image.shape)}")
    return image if image.is_floating_point() or image.is_complex() else image.to(torch.get_default_dtype())


def check_real(function: str, image: Tensor) -> None:
    """Refuse complex images where no order is defined."""
    if image.is_complex():
        raise ArgumentError(function, "input", "a real tensor", f"{image.dtype}", "input.abs(), or .real and .imag")


def check_mode(function: str, mode: Any) -> None:
    """Refuse a border mode that SciPy hasn't."""
    if mode not in MODES:
        raise ArgumentError(function, "mode", f"one of {', '.join(MODES)}", repr(mode), "mode='reflect'")


def check_order(function: str, order: Any, lowest: int = 0) -> None:
    """Refuse a spline order that SciPy hasn't."""
    if not isinstance(order, (int, np.integer)) or not lowest <= order <= 5:
        raise ArgumentError(function, "order", f"an integer from {lowest} to 5", repr(order), "order=3")


def for_each_axis(function: str, name: str, value: Any, rank: int) -> list[Any]:
    """One value an axis, of one for all or of a sequence; a tensor with a dimension is a sequence."""
    if isinstance(value, Tensor):
        value = value if value.dim() == 0 else list(value.unbind(0))
    if isinstance(value, str) or not isinstance(value, Iterable) or isinstance(value, Tensor):
        return [value] * rank
    values = list(value)
    if len(values) != rank:
        raise ShapeError(function, name, f"one value, or {rank}", f"{len(values)}", "one value for each axis")
    return values


def read_axes(function: str, axes: Any, rank: int) -> tuple[int, ...]:
    """The axes as indices from 0 on, all of them for None."""
    given = range(rank) if axes is None else [axes] if isinstance(axes, (int, np.integer)) else list(axes)
    if any(not isinstance(a, (int, np.integer)) or not -rank <= a < rank for a in given) or len(
        {a % rank for a in given}
    ) < len(given):
        raise ArgumentError(function, "axes", f"different axes of {rank} dimensions", repr(axes), "axes=None for all")
    return tuple(int(a) % rank for a in given)


def cast(function: str, result: Tensor, output: Any) -> Tensor:
    """The result in the dtype that `output` asks for, which may be named as for NumPy."""
    if output is None:
        return result
    try:
        dtype = output if isinstance(output, torch.dtype) else getattr(torch, np.dtype(output).name)
    except (AttributeError, TypeError, ValueError):  # ValueError: from a tensor
        advice = "output=None and the returned tensor"
        raise ArgumentError(function, "output", "None or a dtype", type(output).__name__, advice) from None
    return result.to(torch.promote_types(dtype, torch.complex64) if result.is_complex() else dtype)


def in_parts(call: Callable[[Tensor, Any], Tensor], image: Tensor, cval: Any) -> Tensor:
    """What is linear in a real image, of a complex one: of its parts, with those of `cval`, which lies beyond."""
    if not image.is_complex():
        return call(image, cval)
    # A tensor stays one here, for the operator to refuse it if its gradient would be lost.
    beyond = 0.0 if isinstance(cval, Tensor) and not cval.is_complex() else cval.imag
    return call(image.real, cval.real) + 1j * call(image.imag, beyond)


def number(function: str, name: str, value: Any, advice: str) -> float:
    """A Python number, where a tensor's value would decide on a shape and its derivative be lost."""
    if isinstance(value, Tensor):
        raise LostGradientError(function, name, "a Python number, since it decides on a shape", "a tensor", advice)
    return float(value)


def value_of(x: Tensor) -> list[Any] | float | None:
    """The numbers in a tensor, or None where a transform or a compiler hides them."""
    if torch.compiler.is_compiling():
        return None
    try:
        return x.detach().tolist()
    except RuntimeError:
        return None


def sizes(values: Sequence[Any]) -> tuple[int, ...]:
    """A shape as a tuple of integers."""
    return tuple(int(n) for n in values)
