"""The only file that registers with PyTorch.

Each operator is an opaque library operator (so that compilers see one node), beneath a public `autograd.Function` (so
that every transform sees its rules), beneath a callable that Dynamo keeps whole. In plain eager code a twin of the
Function calls the kernel without the dispatcher.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from . import modes
from .arguments import prepare
from .border import fetch, lend
from .plan import Plan, restored_dtype
from .rules import flat, named
from .static import bind_static

if TYPE_CHECKING:
    from .operator import Operator

NAMESPACE = "scitorch"
_LIBRARY = torch.library.Library(NAMESPACE, "FRAGMENT")

Values = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a registered operator is called through."""

    eager: Callable[..., Any]
    allow_in_graph: Callable[[], None]
    in_graph: Callable[..., Any]
    library: Any


def register(operator: Operator, name: str) -> Entry:
    """Register under ``torch.ops.scitorch.<name>``, a name not taken yet."""
    arguments = [f"Tensor{'?' * (a in operator.optional)} {a}" for a in operator.arguments]
    schema = ", ".join([*arguments, *(static.schema for static in operator.static.values())])
    results = ", ".join(["Tensor"] * operator.output_count)
    returns = results if operator.output_count == 1 else f"({results})"
    _LIBRARY.define(f"{name}({schema}) -> {returns}", tags=(torch.Tag.pt2_compliant_tag,))
    library = getattr(getattr(torch.ops, NAMESPACE), name).default
    public = _public_function(operator, name, library)
    dispatched = _dispatched(operator, public)
    _LIBRARY.impl(name, _kernel(operator), "CompositeExplicitAutograd")
    _LIBRARY.impl(name, _captured(operator, library, public), "Autograd")
    torch.library.register_fake(f"{NAMESPACE}::{name}", _fake(operator), lib=_LIBRARY)
    torch.library.register_vmap(f"{NAMESPACE}::{name}", _vmap(operator, library), lib=_LIBRARY)
    eager = _eager(operator, _c_apply(_twin_function(operator, name)), dispatched)
    return Entry(eager, *_in_graph(operator, dispatched, name), library)


def taken(name: str) -> bool:
    """Whether an operator of this name is registered."""
    return torch._C._dispatch_has_kernel(f"{NAMESPACE}::{name}")


def _eager(operator: Operator, twin: Callable[..., Any], dispatched: Callable[..., Any]) -> Callable[..., Any]:
    """The call in eager code. Ordinary tensors of one precision go straight to the kernel."""
    name, static, count = operator.name, operator.static, len(operator.arguments)
    plan_of, run = operator.planner.remembered, operator.run

    def straight(arguments: Sequence[Any], values: Values) -> Any:
        """The result, or NotImplemented where the arguments must be prepared first or the dispatcher is needed."""
        if not modes.eager() or len(arguments) != count:
            return NotImplemented
        key: list[Any] = []
        needs_gradient = False
        for x in arguments:
            if x is None:
                key += (None, None)
            elif modes.plain(x):
                key += (x.shape, x.dtype)
                needs_gradient = needs_gradient or x.requires_grad
            else:
                return NotImplemented
        plan = plan_of(values, *key)
        if not plan.ready:
            return NotImplemented
        if (needs_gradient and torch.is_grad_enabled()) or modes.forward_mode():
            return twin(plan, values, *arguments)
        return run(plan, values, [None if x is None else lend(x) for x in arguments])

    def call(*arguments: Any, **given: Any) -> Any:
        values = bind_static(name, static, given) if static or given else ()
        result = straight(arguments, values)
        if result is not NotImplemented:
            return result
        tensors, half = prepare(name, operator.arguments, operator.defaults, arguments)
        result = straight(tensors, values)
        if result is NotImplemented:
            result = dispatched(tensors, values)
        return result if half is None else _restored(result, half)

    return call


def _restored(result: Any, half: torch.dtype) -> Any:
    if isinstance(result, tuple):
        return tuple(_restored(part, half) for part in result)
    return result.to(restored_dtype(result.dtype, half))


def _in_graph(
    operator: Operator, dispatched: Callable[..., Any], name: str
) -> tuple[Callable[[], None], Callable[..., Any]]:
    """The call that Dynamo puts into its graph as it is, behind a function that tells Dynamo so."""

    def call(*arguments: Any, **given: Any) -> Any:
        values = bind_static(operator.name, operator.static, given)
        tensors, half = prepare(operator.name, operator.arguments, operator.defaults, arguments)
        result = dispatched(tensors, values)
        return result if half is None else _restored(result, half)

    # Dynamo guards such a function by its code object; functions of one factory would run each other's kernels.
    call.__code__ = call.__code__.replace(co_name=name)
    call.__name__ = name

    def allow() -> None:
        torch.compiler.allow_in_graph(call)

    # What `torch._dynamo.assume_constant_result` sets: Dynamo runs `allow` while it traces, right before it meets `call`.
    # Set by hand, and `allow_in_graph` only then, since either of the two imports the whole compiler (0.8 s), which
    # users who never compile would pay for.
    allow._dynamo_marked_constant = True  # pyright: ignore[reportFunctionMemberAccess]
    return allow, call


def _dispatched(operator: Operator, public: Any) -> Callable[..., Any]:
    """The call through PyTorch's dispatcher, right under every transform and tracer."""

    def dispatched(tensors: Sequence[Tensor | None], values: Values) -> Any:
        operator.planner.of(values, tensors)  # shapes are checked as the user sees them, before a transform adds its own
        return public.apply(*tensors, *values)

    return dispatched


def _c_apply(function: Any) -> Callable[..., Any]:
    """`apply` without its Python half, which calls `inspect.signature` each time (12 µs)."""
    return super(torch.autograd.Function, function).apply


def _differentiate(operator: Operator) -> tuple[Callable[..., Any], ...]:
    """How a Function of this operator saves, pulls gradients back and pushes tangents forward."""
    rules, several = operator.rules, operator.output_count > 1
    arguments, static = operator.arguments, tuple(operator.static)

    def save(ctx: Any, plan: Plan, values: Values, needed: tuple[bool, ...], inputs: Any, outputs: Any) -> None:
        """Keep what the rules of the arguments that need a gradient name, and nothing else."""
        names = rules.names_to_save(needed)
        ctx.set_materialize_grads(False)  # an input without a tangent must not ask for its rule
        ctx.save_for_backward(*flat(names, arguments, inputs, outputs))
        ctx.record = plan, values, names
        if False in plan.differentiable:
            results = outputs if several else (outputs,)
            ctx.mark_non_differentiable(
                *[o for o, carries in zip(results, plan.differentiable, strict=True) if not carries]
            )

    def save_forward(ctx: Any, inputs: Any, outputs: Any) -> None:
        """Keep what any rule names: which inputs carry a tangent is not known yet. PyTorch drops it after the call."""
        ctx.forward_names = rules.names_to_save(None)
        ctx.save_for_forward(*flat(ctx.forward_names, arguments, inputs, outputs))

    def pull(ctx: Any, needed: Sequence[bool], grads: Sequence[Tensor | None]) -> list[Tensor | None]:
        plan, values, names = ctx.record
        known = named(names, ctx.saved_tensors, static, values)
        if several:
            if all(g is None for g in grads):
                return [None] * len(needed)
            known["g"] = _materialized(plan, grads)
        elif grads[0] is None:
            return [None] * len(needed)
        else:
            known["g"] = grads[0]
        if not torch._C._is_any_autocast_enabled():
            return rules.pull(plan, known, needed)
        device = next(g.device.type for g in grads if g is not None)
        with torch.autocast(device, enabled=False):  # operators run in float32, and so do their rules
            return rules.pull(plan, known, needed)

    def push(ctx: Any, tangents: Sequence[Tensor | None]) -> Any:
        if all(t is None for t in tangents):
            return (None,) * operator.output_count if several else None
        plan, values, _ = ctx.record
        with modes.enable_forward_mode():
            saved = [modes.primal(t) for t in ctx.saved_tensors]
            pushed = rules.push(plan, named(ctx.forward_names, saved, static, values), tangents)
            return tuple(pushed) if several else pushed[0]

    return save, save_forward, pull, push


def _materialized(plan: Plan, grads: Sequence[Tensor | None]) -> tuple[Tensor | None, ...]:
    """Incoming gradients, zeros where undefined; None for outputs that carry no gradient."""
    device = next(g.device for g in grads if g is not None)
    return tuple(
        torch.zeros(shape, dtype=dtype, device=device) if g is None and carries else g if carries else None
        for g, shape, dtype, carries in zip(
            grads, plan.outputs, plan.output_dtypes, plan.differentiable, strict=True
        )
    )


def _twin_function(operator: Operator, name: str) -> Any:
    """The Function of plain eager code: calls the kernel itself, through the C-level `apply`."""
    save, save_forward, pull, push = _differentiate(operator)
    run = operator.run

    class Twin(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, plan: Plan, values: Values, *tensors: Tensor | None) -> Any:
            outputs = run(plan, values, [None if x is None else lend(x) for x in tensors])
            save(ctx, plan, values, ctx.needs_input_grad[2:], tensors, outputs)
            if modes.forward_mode():
                save_forward(ctx, tensors, outputs)
            return outputs

        @staticmethod
        def backward(ctx: Any, *grads: Tensor | None) -> Any:
            return (None, None, *pull(ctx, ctx.needs_input_grad[2:], grads))

        @staticmethod
        def jvp(ctx: Any, *tangents: Tensor | None) -> Any:
            return push(ctx, tangents[2:])

    return _named(Twin, name)


def _public_function(operator: Operator, name: str, library: Any) -> Any:
    """The Function that transforms and tracers see, over the library operator."""
    save, save_forward, pull, push = _differentiate(operator)
    count, static_count = len(operator.arguments), len(operator.static)

    class Public(torch.autograd.Function):
        @staticmethod
        def forward(*arguments: Any) -> Any:
            return library(*arguments)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
            tensors, values = inputs[:count], inputs[count:]
            save(ctx, operator.planner.of(values, tensors), values, ctx.needs_input_grad[:count], tensors, output)
            save_forward(ctx, tensors, output)

        @staticmethod
        def backward(ctx: Any, *grads: Tensor | None) -> Any:
            return (*pull(ctx, ctx.needs_input_grad[:count], grads), *([None] * static_count))

        @staticmethod
        def jvp(ctx: Any, *tangents: Tensor | None) -> Any:
            return push(ctx, tangents[:count])

        @staticmethod
        def vmap(info: Any, in_dims: Any, *arguments: Any) -> Any:
            return batched(info, in_dims, *arguments)

    public = _named(Public, name)
    batched = _vmap(operator, public.apply)
    return public


def _named(function: Any, name: str) -> Any:
    """The Function made again under the operator's name, which profiles and anomaly traces show."""
    members = {k: v for k, v in vars(function).items() if isinstance(v, staticmethod)}
    return type(function)(name, (torch.autograd.Function,), members)


def _vmap(operator: Operator, call: Callable[..., Any]) -> Callable[..., Any]:
    """The batching rule: mapped dimensions to the front, batch ranks made equal, the operator called again."""
    count = len(operator.arguments)
    ranks = [len(core) for core in operator.signature.inputs]

    def vmap(info: Any, in_dims: Sequence[int | None], *arguments: Any) -> Any:
        tensors, dims = arguments[:count], in_dims[:count]
        known = [(t, d, rank) for t, d, rank in zip(tensors, dims, ranks, strict=True) if t is not None]
        batch_rank = max(t.dim() - (d is not None) - rank for t, d, rank in known)
        moved = [
            t if t is None or d is None else _to_front(t, d, batch_rank + rank + 1)
            for t, d, rank in zip(tensors, dims, ranks, strict=True)
        ]
        outputs = call(*moved, *arguments[count:])
        return outputs, 0 if operator.output_count == 1 else (0,) * operator.output_count

    return vmap


def _to_front(tensor: Tensor, dim: int, rank: int) -> Tensor:
    """Move a mapped dimension to the front and pad with dimensions of size 1 behind it."""
    tensor = tensor.movedim(dim, 0)
    return tensor.reshape(tensor.shape[:1] + (1,) * (rank - tensor.dim()) + tensor.shape[1:])


def _split(operator: Operator, arguments: Sequence[Any]) -> tuple[Sequence[Any], Values]:
    """Tensors and static values as the kernel knows them; the dispatcher hands tuples over as lists."""
    count = len(operator.arguments)
    return arguments[:count], tuple(tuple(v) if isinstance(v, list) else v for v in arguments[count:])


def _kernel(operator: Operator) -> Callable[..., Any]:
    def kernel(*arguments: Any) -> Any:
        tensors, values = _split(operator, arguments)
        plan = operator.planner.of(values, tensors)
        outputs = operator.run(plan, values, [None if x is None else fetch(x) for x in tensors])
        device = next(t.device for t in tensors if t is not None)
        if device.type == "cpu":
            return outputs
        _warn_of_copies(operator.name, device.type)
        return tuple(o.to(device) for o in outputs) if isinstance(outputs, tuple) else outputs.to(device)

    return kernel


@cache
def _warn_of_copies(operator: str, device: str) -> None:
    """Say once an operator that its kernel runs on the host."""
    warnings.warn(
        f"{operator}: the kernel runs on the CPU; {device} tensors are copied there and back on every call",
        stacklevel=2,
    )


def _fake(operator: Operator) -> Callable[..., Any]:
    """Empty results of the foretold shapes and dtypes, for meta and fake tensors."""

    def fake(*arguments: Any) -> Any:
        tensors, values = _split(operator, arguments)
        plan = operator.planner.of(values, tensors)
        device = next(t.device for t in tensors if t is not None)
        outputs = tuple(
            torch.empty(shape, dtype=dtype, device=device)
            for shape, dtype in zip(plan.outputs, plan.output_dtypes, strict=True)
        )
        return outputs[0] if operator.output_count == 1 else outputs

    return fake


def _captured(operator: Operator, library: Any, public: Any) -> Callable[..., Any]:
    """Autograd of the bare library operator, which graphs captured by `torch.export` and `make_fx` hold."""

    def captured(*arguments: Any) -> Any:
        tensors = [t for t in arguments if isinstance(t, Tensor)]
        if modes.transforms_active():
            with modes.transforms_included():
                return public.apply(*arguments)
        grad = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
        if grad or any(modes.has_tangent(t) for t in tensors):
            return public.apply(*arguments)
        with torch._C._AutoDispatchBelowAutograd():
            return library(*arguments)

    return captured
