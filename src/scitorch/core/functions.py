"""The autograd Function of an operator, and what a Function saves, pulls back and pushes forward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import torch
from torch import Tensor

from . import modes
from .border import lend
from .definition import Definition
from .derivatives import pull, push
from .plan import Plan
from .rules import Saved

Values = tuple[Any, ...]
Record = tuple[Plan, Values, tuple[bool, ...], Saved]  # the arguments that need a gradient, and what is saved for them

_numbers = count()
_numbered: dict[tuple[int, int, str], tuple[int, Record]] = {}  # the records live on, so that their ids stay theirs


def public_function(
    operator: Definition, name: str, library: Any, alone: Callable[..., Any], make_vmap: Callable[..., Any]
) -> Any:
    """The Function that transforms and tracers see, over the library operator."""
    history = History(operator)
    count, static_count = len(operator.arguments), len(operator.static)

    class Public(torch.autograd.Function):
        @staticmethod
        def forward(*arguments: Any) -> Any:
            result = alone(arguments[:count], arguments[count:])
            return library(*arguments) if result is NotImplemented else result

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
            tensors, values = inputs[:count], inputs[count:]
            plan = operator.planner.of(values, tensors)
            history.save(ctx, plan, values, ctx.needs_input_grad[:count], tensors, output)
            history.save_forward(ctx, tensors, output)

        @staticmethod
        def backward(ctx: Any, *grads: Tensor | None) -> Any:
            return (*history.pull(ctx.record, ctx.saved_tensors, grads), *([None] * static_count))

        @staticmethod
        def jvp(ctx: Any, *tangents: Tensor | None) -> Any:
            return history.push(ctx, tangents[:count])

        @staticmethod
        def vmap(info: Any, in_dims: Any, *arguments: Any) -> Any:
            return batched(info, in_dims, *arguments)

    public = named_function(Public, name)
    public.apply = _apply(public, count, alone)
    batched = make_vmap(operator, public.apply)
    return public


def _apply(public: Any, count: int, alone: Callable[..., Any]) -> Any:
    """`Function.apply` without `inspect.signature`, which takes 10 µs a call and finds no default to fill in.

    Below all transforms, where nobody records, the kernel alone is called.
    """
    without_python_half: Any = super(torch.autograd.Function, public)
    recorded = without_python_half.apply

    def apply(*arguments: Any) -> Any:
        if modes.transforms_active():
            return modes.through_transforms(public, arguments)
        result = alone(arguments[:count], arguments[count:])
        return recorded(*map(modes.alive, arguments)) if result is NotImplemented else result

    return apply


def kernel_alone(operator: Definition) -> Callable[..., Any]:
    """The kernel's call for ordinary tensors that nobody differentiates; NotImplemented for any other."""
    plan_of, run = operator.planner.of, operator.run

    def alone(tensors: Sequence[Any], values: Values) -> Any:
        if not modes.eager():
            return NotImplemented
        recording = torch.is_grad_enabled()
        for x in tensors:
            if x is None:
                continue
            if not modes.ordinary(x) or (recording and x.requires_grad) or modes.has_tangent(x):
                return NotImplemented
        return run(plan_of(values, tensors), values, [None if x is None else lend(x) for x in tensors])

    return alone


def named_function(function: Any, name: str) -> Any:
    """The Function made again under the operator's name, which profiles and anomaly traces show."""
    members = {k: v for k, v in vars(function).items() if isinstance(v, staticmethod)}
    return type(function)(name, (torch.autograd.Function,), members)


class History:
    """How a Function of an operator saves what its rules need, pulls gradients back and pushes tangents forward."""

    def __init__(self, operator: Definition) -> None:
        self._rules = operator.rules
        self._several = operator.output_count > 1
        self._static = tuple(operator.static)

    def save(
        self, ctx: Any, plan: Plan, values: Values, needed: tuple[bool, ...], inputs: Sequence[Any], outputs: Any
    ) -> None:
        """Keep what the rules of the arguments that need a gradient name, and nothing else."""
        ctx.set_materialize_grads(False)  # an input without a tangent must not ask for its rule
        ctx.record, tensors = self.kept(plan, values, needed, inputs, outputs)
        ctx.save_for_backward(*tensors)
        if False in plan.differentiable:
            results = outputs if self._several else (outputs,)
            ctx.mark_non_differentiable(
                *[o for o, carries in zip(results, plan.differentiable, strict=True) if not carries]
            )

    def kept(
        self, plan: Plan, values: Values, needed: tuple[bool, ...], inputs: Sequence[Any], outputs: Any
    ) -> tuple[Record, list[Any]]:
        """What pulling back must know of a call, and the tensors that are saved for it."""
        saved = self._rules.saved(needed)
        return (plan, values, needed, saved), saved.pick(inputs, outputs)

    @staticmethod
    def number(record: Record) -> int:
        """The same number for records that pull back alike: compiled autograd compiles once for each."""
        plan, values, _, saved = record
        return _numbered.setdefault((id(plan), id(saved), repr(values)), (next(_numbers), record))[0]

    def save_forward(self, ctx: Any, inputs: Sequence[Any], outputs: Any) -> None:
        """Keep what any rule names: which inputs carry a tangent is not known yet. PyTorch drops it after the call."""
        ctx.forward = self._rules.saved(None)
        ctx.save_for_forward(*ctx.forward.pick(inputs, outputs))

    def pull(self, record: Record, tensors: Sequence[Any], grads: Sequence[Tensor | None]) -> list[Tensor | None]:
        """The gradients of the tensor arguments; None for those that need none."""
        plan, values, needed, saved = record
        if self._several:
            if all(g is None for g in grads):
                return [None] * len(needed)
            g = _materialized(plan, grads)
        else:
            g = grads[0]
            if g is None:
                return [None] * len(needed)
        known = saved.named(tensors)
        known["g"] = g
        if values:
            known.update(zip(self._static, values, strict=True))
        if not modes.autocast():
            return pull(saved.rules, plan, known, needed)
        with modes.without_autocast(next(g.device.type for g in grads if g is not None)):
            return pull(saved.rules, plan, known, needed)

    def push(self, ctx: Any, tangents: Sequence[Tensor | None]) -> Any:
        """The tangents of the results."""
        plan, values, _, _ = ctx.record
        device = next((t.device.type for t in tangents if t is not None), None)
        if device is None or not any(plan.differentiable):
            return (None,) * self._rules.output_count if self._several else None
        with modes.enable_forward_mode(), modes.without_autocast(device):
            known = ctx.forward.named([modes.primal(t) for t in ctx.saved_tensors])
            known.update(zip(self._static, values, strict=True))
            pushed = push(ctx.forward.rules, plan, known, tangents)
            return tuple(pushed) if self._several else pushed[0]


def _materialized(plan: Plan, grads: Sequence[Tensor | None]) -> tuple[Tensor | None, ...]:
    """Incoming gradients, zeros where undefined; None for outputs that carry no gradient."""
    device = next(g.device for g in grads if g is not None)
    return tuple(
        torch.zeros(shape, dtype=dtype, device=device) if g is None and carries else g if carries else None
        for g, shape, dtype, carries in zip(grads, plan.outputs, plan.output_dtypes, plan.differentiable, strict=True)
    )
