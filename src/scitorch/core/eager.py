"""The fast path: ordinary tensors of one precision in plain eager code go straight to the kernel.

Whatever is not ordinary goes the long way, through the dispatcher. A call of a trivial kernel takes some 3 µs here, of
which NumPy and the conversions take half; a Python call costs 0.06 µs, so little is factored out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from . import modes
from .arguments import prepare
from .border import lend
from .definition import Definition
from .dtypes import restored_dtype
from .functions import History, Values, named_function
from .node import compiled
from .plan import Plan
from .static import bind_static

Dispatched = Callable[[Sequence[Tensor | None], Values], Any]
Straight = Callable[[Sequence[Any], Values], Any]


def eager_call(operator: Definition, name: str, dispatched: Dispatched) -> Callable[..., Any]:
    """The operator's call in eager code; `dispatched` is the long way."""
    static = operator.static
    straight = _compiled_straight(operator, name) if compiled else _straight(operator, name)

    def call(*arguments: Any, **given: Any) -> Any:
        values = bind_static(operator.name, static, given) if static or given else ()
        result = straight(arguments, values)
        return prepared(arguments, values) if result is NotImplemented else result

    def prepared(arguments: Sequence[Any], values: Values) -> Any:
        tensors, half = prepare(operator.name, operator.arguments, operator.defaults, operator.real, arguments)
        result = straight(tensors, values)
        if result is NotImplemented:
            result = dispatched(tensors, values)
        return result if half is None else restored(result, half)

    return call


def _straight(operator: Definition, name: str) -> Straight:
    """The call of the kernel with arguments that can go to it as they are."""
    run, plan_of, sizing = operator.run, operator.planner.remembered, operator.planner.sizing
    dispatch_keys, is_grad_enabled, eager = modes.dispatch_keys, torch.is_grad_enabled, modes.eager
    recorded = _recorded_call(operator, name)

    def straight(arguments: Sequence[Any], values: Values) -> Any:
        """The result, or NotImplemented where the arguments must be prepared first or the dispatcher is needed."""
        if not eager():
            return NotImplemented
        key: list[Any] = [sizing(values) if values else values]
        needs_gradient = False
        for x in arguments:
            kind = type(x)
            if (kind is Tensor or kind is Parameter) and dispatch_keys(x).raw_repr() == modes.PLAIN:
                key.append(x.shape)
                key.append(x.dtype)
                if x.requires_grad:
                    needs_gradient = True
            elif x is None:
                key += (None, None)
            else:
                return NotImplemented
        plan = plan_of(*key)
        if not plan.ready:
            return NotImplemented
        arrays = [None if x is None else lend(x) for x in arguments]
        if (needs_gradient and is_grad_enabled()) or modes.forward_mode():
            return recorded((plan, values, arrays), *arguments)
        return run(plan, values, arrays)

    return straight


def _compiled_straight(operator: Definition, name: str) -> Straight:
    """The same, compiled: reverse mode is recorded by a node in C++, which leaves out PyTorch's Functions in Python."""
    history, planner = History(operator), operator.planner
    function = _recorded_call(operator, name)
    return compiled.make_straight(
        name,
        planner.sizing,
        planner.remembered,
        operator.run,
        history.kept,
        history.pull,
        history.number,
        function,
    )


def restored(result: Any, half: torch.dtype) -> Any:
    """Results in the half precision in which their inputs came."""
    if isinstance(result, tuple):
        return tuple(restored(part, half) for part in result)
    return result.to(restored_dtype(result.dtype, half))


def _recorded_call(operator: Definition, name: str) -> Callable[..., Any]:
    """The call that autograd records: a Function that runs the kernel itself.

    Its C-level `apply` skips the Python half of `Function.apply`, which calls `inspect.signature` each time (10 µs).
    """
    history = History(operator)
    run, save, pull = operator.run, history.save, history.pull

    class Recorded(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, call: tuple[Plan, Values, Any], *tensors: Tensor | None) -> Any:
            outputs = run(*call)
            save(ctx, call[0], call[1], ctx.needs_input_grad[1:], tensors, outputs)
            if modes.forward_mode():
                history.save_forward(ctx, tensors, outputs)
            return outputs

        @staticmethod
        def backward(ctx: Any, *grads: Tensor | None) -> Any:
            return (None, *pull(ctx.record, ctx.saved_tensors, grads))

        @staticmethod
        def jvp(ctx: Any, *tangents: Tensor | None) -> Any:
            return history.push(ctx, tangents[1:])

    function: Any = named_function(Recorded, name)
    without_python_half: Any = super(torch.autograd.Function, function)
    return without_python_half.apply
