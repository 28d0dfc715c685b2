"""The only file that registers with PyTorch.

Each operator is an opaque library operator (so that compilers see one node), beneath a public `autograd.Function` (so
that every transform sees its rules), beneath a callable that Dynamo keeps whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import handle_torch_function

from . import modes
from .accelerator import run_on_host
from .arguments import prepare
from .border import fetch
from .definition import Definition
from .eager import eager_call, restored
from .errors import MissingDerivativeError
from .functions import Values, kernel_alone, public_function
from .static import bind_static

NAMESPACE = "scitorch"
# A forward rule runs at once, while PyTorch's interpreter is busy with the bare operator, and cannot enter it again.
_NO_FORWARD = (
    "reverse mode next to a captured graph and forward mode around it at most once",
    "torch.func.jvp or jacfwd innermost, or twice",
    "jacrev or vjp, torch.autograd.forward_ad, or capturing the graph of jacfwd(f) instead",
)
_LIBRARY = torch.library.Library(NAMESPACE, "FRAGMENT")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a registered operator is called through."""

    name: str
    eager: Callable[..., Any]
    dispatched: Callable[..., Any]
    library: Any


def register(operator: Definition, name: str) -> Entry:
    """Register under ``torch.ops.scitorch.<name>``, a name not taken yet."""
    types = [f"Tensor{'?' * (a in operator.optional)}" for a in operator.arguments]
    types += [static.schema for static in operator.static.values()]
    # A schema's names are ASCII; a kernel's parameter may be σ.
    names = [a if a.isascii() else f"argument_{k}" for k, a in enumerate((*operator.arguments, *operator.static))]
    schema = ", ".join(f"{kind} {argument}" for kind, argument in zip(types, names, strict=True))
    results = ", ".join(["Tensor"] * operator.output_count)
    returns = results if operator.output_count == 1 else f"({results})"
    _LIBRARY.define(f"{name}({schema}) -> {returns}", tags=(torch.Tag.pt2_compliant_tag,))
    library = getattr(getattr(torch.ops, NAMESPACE), name).default
    alone = kernel_alone(operator)
    public = public_function(operator, name, library, alone, _vmap)
    dispatched = _dispatched(operator, public)
    _LIBRARY.impl(name, _kernel(operator), "CompositeExplicitAutograd")
    _LIBRARY.impl(name, _captured(operator, library, public, alone), "Autograd")
    torch.library.register_fake(f"{NAMESPACE}::{name}", _fake(operator), lib=_LIBRARY)
    torch.library.register_vmap(f"{NAMESPACE}::{name}", _vmap(operator, library), lib=_LIBRARY)
    return Entry(name, eager_call(operator, name, dispatched), dispatched, library)


def taken(name: str) -> bool:
    """Whether an operator of this name is registered."""
    return torch._C._dispatch_has_kernel(f"{NAMESPACE}::{name}")


def in_graph(operator: Definition, entry: Entry) -> tuple[Callable[[], None], Callable[..., Any]]:
    """A function that tells Dynamo to put a call into its graph as it is, and that call."""

    def call(*arguments: Any, **given: Any) -> Any:
        values = bind_static(operator.name, operator.static, given)
        tensors, half = prepare(operator.name, operator.arguments, operator.defaults, operator.real, arguments)
        result = entry.dispatched(tensors, values)
        return result if half is None else restored(result, half)

    # Dynamo guards such a function by its code object; functions of one factory would run each other's kernels.
    call.__code__ = call.__code__.replace(co_name=entry.name)
    call.__name__ = entry.name

    # Dynamo runs this while it traces, right before it meets `call`; `allow_in_graph` at once would import the whole
    # compiler (0.8 s), which users who never compile would pay for.
    @modes.constant_to_dynamo
    def allow() -> None:
        torch.compiler.allow_in_graph(call)
        modes.hide_from_dynamo(call)
        modes.hide_from_dynamo(entry.eager)

    return allow, call


def _dispatched(operator: Definition, public: Any) -> Callable[..., Any]:
    """The call through PyTorch's dispatcher, right under every transform and tracer."""

    def dispatched(tensors: Sequence[Tensor | None], values: Values) -> Any:
        if modes.function_mode():  # as for torch's own functions: a mode sees the call, and may change it
            return handle_torch_function(dispatched, [t for t in tensors if t is not None], tensors, values)
        operator.planner.of(values, tensors)  # so that errors show the user's shapes, not those that vmap adds
        return public.apply(*tensors, *values)

    dispatched.__name__ = public.__name__  # what such a mode sees it as
    return dispatched


def _vmap(operator: Definition, call: Callable[..., Any]) -> Callable[..., Any]:
    """The batching rule: mapped dimensions to the front, batch ranks made equal, the operator called again."""
    count = len(operator.arguments)
    ranks = [len(core) for core in operator.signature.inputs]

    def vmap(_: Any, in_dims: Sequence[int | None], *arguments: Any) -> Any:
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
    if dim:
        tensor = tensor.movedim(dim, 0)
    if tensor.dim() == rank:
        return tensor
    return tensor.reshape(tensor.shape[:1] + (1,) * (rank - tensor.dim()) + tensor.shape[1:])


def _split(operator: Definition, arguments: Sequence[Any]) -> tuple[Sequence[Any], Values]:
    """Tensors and static values as the kernel knows them; the dispatcher hands tuples over as lists."""
    count = len(operator.arguments)
    return arguments[:count], tuple(tuple(v) if isinstance(v, list) else v for v in arguments[count:])


def _kernel(operator: Definition) -> Callable[..., Any]:
    def kernel(*arguments: Any) -> Any:
        tensors, values = _split(operator, arguments)
        plan = operator.planner.of(values, tensors)
        if any(t is not None and t.device.type != "cpu" for t in tensors):
            return run_on_host(operator, plan, values, tensors)
        return operator.run(plan, values, [None if x is None else fetch(x) for x in tensors])

    return kernel


def _fake(operator: Definition) -> Callable[..., Any]:
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


def _captured(operator: Definition, library: Any, public: Any, alone: Callable[..., Any]) -> Callable[..., Any]:
    """Autograd of the bare library operator, which compiled graphs and those that were captured hold."""

    def captured(*arguments: Any) -> Any:
        result = alone(*_split(operator, arguments))
        if result is not NotImplemented:
            return result
        tensors = [t for t in arguments if isinstance(t, Tensor)]
        if modes.transforms_active():
            forward = modes.forward_transforms()
            if forward and (forward[-1] or sum(forward) > 1):
                raise MissingDerivativeError(operator.name, "forward mode", *_NO_FORWARD)
            with modes.transforms_included():
                return public.apply(*arguments)
        grad = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
        if grad or any(modes.has_tangent(t) for t in tensors):
            return public.apply(*arguments)
        with torch._C._AutoDispatchBelowAutograd():
            return library(*arguments)

    return captured
