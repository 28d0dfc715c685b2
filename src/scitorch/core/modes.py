"""What PyTorch is doing right now: the only file that reads its private state.

What a call reads on the fast path are C functions.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

import torch
from torch._functorch import autograd_function
from torch._functorch.pyfunctorch import retrieve_current_functorch_interpreter
from torch.autograd import forward_ad
from torch.overrides import has_torch_function

Function = TypeVar("Function", bound=Callable[..., Any])
_functorch = torch._C._functorch  # pyright: ignore[reportAttributeAccessIssue]  not in torch's stubs
dispatch_keys = torch._C._dispatch_keys
_transforms_active = torch._C._are_functorch_transforms_active
_dispatch_modes = torch._C._len_torch_dispatch_stack
_key_included = torch._C._dispatch_tls_is_dispatch_key_included
_PRE_DISPATCH = torch._C.DispatchKey.PreDispatch  # `make_fx(pre_dispatch=True)`, which would bake in a constant
_function_modes = torch._C._is_torch_function_mode_enabled
_tracing_state = torch._C._get_tracing_state
_unpack_dual = torch._VF._unpack_dual

# The dispatch keys of an ordinary dense CPU tensor, with and without autograd history alike. Meta, sparse, nested,
# conjugate, negative, fake, zero, inference, dead and batched tensors have others.
# The core loads on first use, perhaps under another default device or in inference mode: hence both are said.
with torch.inference_mode(False):
    PLAIN = dispatch_keys(torch.empty(0, device="cpu")).raw_repr()

_call_function: Any = autograd_function.custom_function_call
_JVP, _VMAP = _functorch.TransformType.Jvp, _functorch.TransformType.Vmap
_unwrap_batched, _add_batch_dim = _functorch._unwrap_batched, _functorch._add_batch_dim

transforms_active = _transforms_active
autocast = torch._C._is_any_autocast_enabled


def ordinary(tensor: torch.Tensor) -> bool:
    """Whether a kernel may read the memory of this tensor as it is."""
    kind = type(tensor)
    return (kind is torch.Tensor or kind is torch.nn.Parameter) and dispatch_keys(tensor).raw_repr() == PLAIN


def eager() -> bool:
    """Whether nothing looks on: no functorch transform, no mode, no tracer (the autograd engine alone may)."""
    return not (
        _transforms_active()
        or _dispatch_modes()
        or _function_modes()
        or _key_included(_PRE_DISPATCH)
        or _tracing_state() is not None
    )


def through_transforms(function: Any, arguments: Sequence[Any]) -> Any:
    """Apply a Function under functorch transforms, as `Function.apply` does.

    Without its search for who else might want the call, 15 µs, where nobody can: no mode, no tensor subclass.
    """
    if has_torch_function(arguments) or _key_included(_PRE_DISPATCH):
        return _call_function(function, *arguments)
    interpreter = retrieve_current_functorch_interpreter()
    arguments = [*map(alive, arguments)]
    if interpreter.key() == _VMAP:
        return _through_vmap(function, interpreter, arguments)
    return interpreter.process(_call_function, (function, *arguments), {})


def _through_vmap(function: Any, interpreter: Any, arguments: Sequence[Any]) -> Any:
    """Call a Function's `vmap` with tensors and their mapped dimensions, outside of the innermost `vmap`.

    As functorch does it, but for the trees as which it flattens arguments and results several times, 40 µs.
    """
    level = interpreter.level()
    pairs = [_unwrap_batched(x, level) if isinstance(x, torch.Tensor) else (x, None) for x in arguments]
    values, dims = zip(*pairs, strict=True)
    with interpreter.lower():
        if all(dim is None for dim in dims):
            return _call_function(function, *arguments)
        outputs, dims = function.vmap(None, dims, *values)
    if isinstance(outputs, tuple):
        return tuple(_add_batch_dim(x, dim, level) for x, dim in zip(outputs, dims, strict=True))
    return _add_batch_dim(outputs, dims, level)


def forward_mode() -> bool:
    """Whether forward mode is on in eager code, so that a tensor may carry a tangent."""
    return forward_ad._current_level >= 0


def primal(tensor: torch.Tensor | None) -> torch.Tensor | None:
    """The tensor without its tangent.

    `forward_ad.unpack_dual` reads a Python-side level that is unset in a compiled graph: it would leave the tangent on.
    """
    return None if tensor is None else without_tangent(tensor)


def without_tangent(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor without its tangent."""
    return _unpack_dual(tensor, level=0)[0]


def has_tangent(tensor: torch.Tensor) -> bool:
    """Whether the tensor carries a forward-mode tangent."""
    if not torch._C._is_fwd_grad_enabled():
        return False
    if _transforms_active() and forward_mode() and not _functorch.is_functorch_wrapped_tensor(tensor):
        with torch._C._DisableFuncTorch():  # a transform hides the tangents of what it wasn't given
            return _unpack_dual(tensor, level=0)[1] is not None
    return _unpack_dual(tensor, level=0)[1] is not None


def carries_derivative(tensor: torch.Tensor) -> bool:
    """Whether somebody differentiates with respect to this tensor, in any mode."""
    return tensor.requires_grad or _functorch.is_functorch_wrapped_tensor(tensor) or has_tangent(tensor)


def is_plain(tensor: torch.Tensor) -> bool:
    """Whether it is no tensor of a transform."""
    return not _functorch.is_functorch_wrapped_tensor(tensor)


def version(tensor: torch.Tensor) -> int:
    """How often a tensor has been changed in place."""
    return 0 if tensor.is_inference() else tensor._version


def level() -> int:
    """How many functorch transforms are around this call."""
    return len(_functorch.get_interpreter_stack() or ())


def level_of(tensor: torch.Tensor) -> int:
    """The functorch transform whose tensor this is, counted from 1; 0 for a plain one."""
    return max(_functorch.maybe_get_level(tensor), 0)


def unwrapped(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor as it was outside of its innermost transform."""
    return _functorch.get_unwrapped(tensor)


def alive(value: Any) -> Any:
    """A tensor without the transforms that have ended since: a pullback may be called after its `vjp`."""
    return _functorch.unwrap_if_dead(value) if isinstance(value, torch.Tensor) else value


def stands_for_itself(tensor: torch.Tensor) -> bool:
    """Whether its innermost transform neither maps it nor differentiates with respect to it."""
    with torch._C.DisableTorchFunction():  # a mode would take the look at `requires_grad` for a use
        return not (_functorch.is_batchedtensor(tensor) or tensor.requires_grad)


def function_mode() -> bool:
    """Whether a torch function mode looks on."""
    return _function_modes()


def disable_forward_mode() -> Any:
    """No tangents: for code that computes values alone."""
    return forward_ad._set_fwd_grad_enabled(False)


def enable_forward_mode() -> Any:
    """Forward mode inside a jvp rule; a nested forward derivative is silently zero without (PyTorch issue 197867)."""
    return forward_ad._set_fwd_grad_enabled(True)


def forward_transforms() -> list[bool]:
    """For each functorch transform around this call, the outermost first, whether it is forward mode."""
    return [interpreter.key() == _JVP for interpreter in _functorch.get_interpreter_stack() or ()]


def hide_from_dynamo(function: Any) -> None:
    """Keep Dynamo out of a function and all that it calls, where a graph break lets it run by itself."""
    frames: Any = importlib.import_module("torch._C._dynamo.eval_frame")
    skip = frames._FrameAction.SKIP
    frames.set_code_exec_strategy(function.__code__, frames._FrameExecStrategy(skip, skip))


def breaks_graphs(function: Function) -> Function:
    """Mark a function that Dynamo leaves to run by itself, between two graphs.

    What `torch.compiler.disable` does, without a wrapper and without importing the compiler (0.8 s).
    """
    function._torchdynamo_disable = True  # pyright: ignore[reportFunctionMemberAccess]  how Dynamo is told
    hide_from_dynamo(function)
    return function


def constant_to_dynamo(function: Function) -> Function:
    """Mark a function that Dynamo runs while it traces, for a result that it takes as a constant.

    What `torch.compiler.assume_constant_result` does, without importing the compiler (0.8 s).
    """
    function._dynamo_marked_constant = True  # pyright: ignore[reportFunctionMemberAccess]  how Dynamo is told
    return function


def autocast_on(device: str) -> bool:
    """Whether autocast is on for a device; some, like "meta", do not know it."""
    return autocast() and torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)


def without_autocast(device: str) -> AbstractContextManager[Any]:
    """A context in which operators and their rules run in the precision that they have."""
    return torch.autocast(device, enabled=False) if autocast_on(device) else nullcontext()


@contextmanager
def transforms_included() -> Generator[None]:
    """Inside a functorch transform's own interpreter, let further calls meet the remaining transforms again."""
    if _functorch.peek_interpreter_stack() is None:
        yield
        return
    front = torch._C.DispatchKey.FuncTorchDynamicLayerFrontMode
    include = torch._C._dispatch_tls_local_include_set().add(front)
    exclude = torch._C._dispatch_tls_local_exclude_set().remove(front)
    with torch._C._ForceDispatchKeyGuard(include, exclude):
        yield
