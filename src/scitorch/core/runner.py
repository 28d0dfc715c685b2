"""Call a kernel: arrays in, checked tensors out, every failure reported with what went in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from .batch import run_items
from .blas import one_thread
from .border import NUMPY_DTYPE, check_result, to_tensor
from .errors import KernelError, ScitorchError
from .items import Arrays, Items
from .pace import Pace
from .plan import Plan

Run = Callable[[Plan, tuple[Any, ...], Arrays], Any]


@dataclass(frozen=True, slots=True)
class KernelCall:
    """A kernel and what its errors name. It holds no operator, so that it can go to a worker process."""

    operator: str
    kernel: Callable[..., Any]
    arguments: tuple[str, ...]
    output_count: int

    def __call__(self, arrays: Arrays, static: Mapping[str, Any]) -> list[Any]:
        """The kernel's results, in a list that alone holds them where they are fresh."""
        try:
            returned = self.kernel(*arrays, **static)
        except ScitorchError:  # a kernel may refuse its input in the same form as the core does
            raise
        except Exception as error:
            raise self.failure(error, arrays, static) from error
        if self.output_count == 1:
            return [returned]
        expected = f"{self.output_count} results in a tuple"
        if not isinstance(returned, (tuple, list)):
            raise KernelError(self.operator, "kernel", expected, type(returned).__name__)
        if len(returned) != self.output_count:
            raise KernelError(self.operator, "kernel", expected, f"{len(returned)}")
        return list(returned)

    def failure(self, error: Exception, arrays: Arrays, static: Mapping[str, Any]) -> KernelError:
        """What went wrong, with what went in."""
        inputs = [
            f"{name} {None if a is None else f'{a.dtype} {a.shape}'}"
            for name, a in zip(self.arguments, arrays, strict=True)
        ]
        given = ", ".join([*inputs, *(f"{k}={v!r}" for k, v in static.items())])
        got = f"{type(error).__name__}: {error} (with {given})"
        advice = "copying the input, which is read-only" if "read-only" in str(error) else ""
        return KernelError(self.operator, "kernel", "a result", got, advice)


@dataclass(frozen=True, slots=True)
class ItemCall:
    """The call of a kernel for one item of a batch, its results checked."""

    call: KernelCall
    static: Mapping[str, Any]
    shapes: Sequence[tuple[int, ...]]
    dtypes: Sequence[torch.dtype]

    def __call__(self, item: Arrays) -> list[Any]:
        """The item's results."""
        results = self.call(item, self.static)
        for k, (shape, dtype) in enumerate(zip(self.shapes, self.dtypes, strict=True)):
            check_result(self.call.operator, results, k, shape, dtype)
        return results


def make_runner(call: KernelCall, static_names: Sequence[str], threads: bool | None) -> Run:
    """The function that runs a kernel, of a plan, static values and arrays of one precision.

    A single call of small linear algebra pays 3 µs for being safe from BLAS's threads; any other pays nothing.
    """
    name, kernel, simple = call.operator, call.kernel, call.output_count == 1 and not static_names
    paces: dict[int, Pace] = {}  # for each size up to a factor of 2

    def run(plan: Plan, values: tuple[Any, ...], arrays: Arrays) -> Any:
        if not simple or not plan.plain:
            return run_any(plan, dict(zip(static_names, values, strict=True)), arrays)
        try:  # `call` and `to_tensor` for one result without static arguments: this path is measured
            results = [kernel(*arrays)]
        except ScitorchError:
            raise
        except Exception as error:
            raise call.failure(error, arrays, {}) from error
        return to_tensor(name, results, 0, plan.outputs[0], plan.output_dtypes[0])

    def run_any(plan: Plan, static: Mapping[str, Any], arrays: Arrays) -> Any:
        if plan.looped:
            results = loop(plan, static, arrays)
        elif plan.plain:
            results = call(arrays, static)
        else:
            with one_thread:
                results = call(arrays, static)
        tensors = [
            to_tensor(name, results, k, shape, dtype)
            for k, (shape, dtype) in enumerate(zip(plan.outputs, plan.output_dtypes, strict=True))
        ]
        return tuple(tensors) if call.output_count > 1 else tensors[0]

    def loop(plan: Plan, static: Mapping[str, Any], arrays: Arrays) -> list[Any]:
        size = plan.largest.bit_length()
        pace = paces.get(size) or paces.setdefault(size, Pace(threads))
        return run_items(name, _items(call, plan, static, arrays), pace, small=plan.small)

    return run


def _items(call: KernelCall, plan: Plan, static: Mapping[str, Any], arrays: Arrays) -> Items:
    """One call for each item of the batch."""
    shapes = [shape[len(plan.batch) :] for shape in plan.outputs]
    outputs = [(shape, NUMPY_DTYPE[dtype]) for shape, dtype in zip(shapes, plan.output_dtypes, strict=True)]
    return Items(ItemCall(call, static, shapes, plan.output_dtypes), arrays, plan.core_ranks, plan.batch, outputs)
