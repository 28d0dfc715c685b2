"""Call a kernel: arrays in, checked tensors out, every failure reported with what went in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .batch import run_items
from .border import NUMPY_DTYPE, Array, check_result, to_tensor
from .errors import KernelError, ScitorchError
from .plan import Plan

if TYPE_CHECKING:
    from .operator import Operator

Arrays = Sequence[Array | None]
Run = Callable[[Plan, tuple[Any, ...], Arrays], Any]


def make_runner(operator: Operator) -> Run:
    """The function that runs the operator's kernel, of a plan, static values and arrays of one precision."""
    name, kernel, simple = operator.name, operator.kernel, operator.output_count == 1 and not operator.static

    def run(plan: Plan, values: tuple[Any, ...], arrays: Arrays) -> Any:
        if simple and not plan.looped:  # what follows is `_run` for one result without static arguments
            try:
                results = [kernel(*arrays)]
            except ScitorchError:  # a kernel may refuse its input in the same form as the core does
                raise
            except Exception as error:
                raise _kernel_error(operator, error, arrays, {}) from error
            return to_tensor(name, results, 0, plan.outputs[0], plan.output_dtypes[0])
        return _run(operator, plan, dict(zip(operator.static, values, strict=True)), arrays)

    return run


def _run(operator: Operator, plan: Plan, static: Mapping[str, Any], arrays: Arrays) -> Any:
    results = _run_items(operator, plan, static, arrays) if plan.looped else _call(operator, static, arrays)
    tensors = [
        to_tensor(operator.name, results, k, shape, dtype)
        for k, (shape, dtype) in enumerate(zip(plan.outputs, plan.output_dtypes, strict=True))
    ]
    return tuple(tensors) if operator.output_count > 1 else tensors[0]


def _run_items(operator: Operator, plan: Plan, static: Mapping[str, Any], arrays: Arrays) -> list[Any]:
    """One call for each item of the batch."""
    core_shapes = [shape[len(plan.batch) :] for shape in plan.outputs]

    def run_one(item: Arrays) -> list[Any]:
        results = _call(operator, static, item)
        for k, (shape, dtype) in enumerate(zip(core_shapes, plan.output_dtypes, strict=True)):
            check_result(operator.name, results, k, shape, dtype)
        return results

    dtypes = [NUMPY_DTYPE[dtype] for dtype in plan.output_dtypes]
    return run_items(run_one, arrays, plan.core_ranks, plan.batch, list(zip(plan.outputs, dtypes, strict=True)))


def _call(operator: Operator, static: Mapping[str, Any], arrays: Arrays) -> list[Any]:
    """The kernel's results, in a list that alone holds them where they are fresh."""
    try:
        returned = operator.kernel(*arrays, **static)
    except ScitorchError:
        raise
    except Exception as error:
        raise _kernel_error(operator, error, arrays, static) from error
    if operator.output_count == 1:
        return [returned]
    expected = f"{operator.output_count} results in a tuple"
    if not isinstance(returned, (tuple, list)):
        raise KernelError(operator.name, "kernel", expected, type(returned).__name__)
    if len(returned) != operator.output_count:
        raise KernelError(operator.name, "kernel", expected, f"{len(returned)}")
    return list(returned)


def _kernel_error(operator: Operator, error: Exception, arrays: Arrays, static: Mapping[str, Any]) -> KernelError:
    inputs = [
        f"{name} {None if a is None else f'{a.dtype} {a.shape}'}"
        for name, a in zip(operator.arguments, arrays, strict=True)
    ]
    given = ", ".join([*inputs, *(f"{k}={v!r}" for k, v in static.items())])
    got = f"{type(error).__name__}: {error} (with {given})"
    advice = "copying the input, which is read-only" if "read-only" in str(error) else ""
    return KernelError(operator.name, "kernel", "a result", got, advice)
