"""Whatever may be checked, made into a function of differentiable tensors."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call
from torch.utils import _pytree as pytree

from scitorch.core import Operator
from scitorch.core.errors import ArgumentError, CheckError

from .subject import Subject, Values

WIDER = {
    torch.float16: torch.float64,
    torch.bfloat16: torch.float64,
    torch.float32: torch.float64,
    torch.complex32: torch.complex128,
    torch.complex64: torch.complex128,
}
COMPLEX_OF = {torch.float32: torch.complex64, torch.float64: torch.complex128}


class Target:
    """A callable and its inputs, the differentiable tensors among them told apart from the rest.

    Attributes
    ----------
    function, inputs, options
        As they were passed.
    name : str
        What the reports call it.
    input_names : list of str
        Names of the positional inputs.
    arguments : tuple of str
        Names of the differentiable arguments; a module's parameters are among them.
    given : tuple of Tensor
        Their values as they were passed, detached.
    """

    def __init__(self, function: Any, inputs: Sequence[Any], options: Mapping[str, Any]) -> None:
        self.function, self.inputs, self.options = function, tuple(inputs), dict(options)
        self.name = name_of(function)
        self._call, parameters = _callable(function, self.name)
        leaves, self._tree = pytree.tree_flatten((tuple(inputs), dict(options), parameters))
        self._leaves = [_detached(leaf) if isinstance(leaf, Tensor) else leaf for leaf in leaves]
        known = _parameter_names(function)
        self.input_names = [known[i] if i < len(known) else f"input{i}" for i in range(len(inputs))]
        names = _leaf_names(self.input_names, inputs, options, parameters)
        self._chosen = _differentiable(self.name, leaves, names)
        self.arguments = tuple(names[i] for i in self._chosen)
        self.given: Values = tuple(self._leaves[i].clone() for i in self._chosen)
        self.refuses_double = ""

    def run(self, values: Sequence[Tensor], dtype: torch.dtype | None = None) -> list[Any]:
        """Every output, flat, for these values of the differentiable arguments.

        With a `dtype` the other floating tensors among the inputs are cast to it.
        """
        leaves = [_cast(leaf, dtype) for leaf in self._leaves]
        for i, value in zip(self._chosen, values, strict=True):
            leaves[i] = value
        inputs, options, parameters = pytree.tree_unflatten(leaves, self._tree)
        return pytree.tree_leaves(self._call(parameters, *inputs, **options))

    def subject(self, dtype: torch.dtype | None = None) -> Subject:
        """The subject in the precision that was given, or in that of `dtype` (float32, float64 or bfloat16)."""

        def function(*values: Tensor) -> Values:
            return tuple(out for out in self.run(values, dtype) if carries_gradient(out))

        return Subject(self.name, self.arguments, tuple(_cast(v, dtype) for v in self.given), function)

    def wide(self) -> Subject:
        """The subject in double precision where the function takes it, else as it was given."""
        wide = self.subject(torch.float64)
        if all(v.dtype in {torch.float64, torch.complex128} for v in self.given):
            return wide
        try:
            outputs = wide.outputs()
        except Exception as error:  # noqa: BLE001  whatever a function may raise on a dtype that it wasn't given
            self.refuses_double = f"{type(error).__name__}: {error}"
            return self.subject()
        if not outputs:
            self.refuses_double = "there it has no differentiable output"
            return self.subject()
        return wide

    def validate(self) -> None:
        """Raise unless the function returns differentiable tensors, of the same shapes each time."""
        shapes: list[list[Any]] = []
        for _ in range(2):
            values = [v.clone().requires_grad_() for v in self.given]
            try:
                outputs = self.run(values)
            except (Exception, SystemExit) as error:
                raise CheckError(
                    self.name,
                    "the function",
                    "a result for the inputs given",
                    f"{type(error).__name__}: {str(error).partition(chr(10))[0].rstrip('.') or 'no message'}",
                    "calling it by itself first",
                ) from error
            _check_outputs(self.name, outputs)
            shapes.append([tuple(out.shape) for out in outputs if isinstance(out, Tensor)])
        if shapes[0] != shapes[1]:
            got = f"{shapes[0]}, then {shapes[1]}"
            raise CheckError(self.name, "result", "the same shapes in every call", got, "fixing what it depends on")


def carries_gradient(value: Any) -> bool:
    """Whether a value is a tensor of floating or complex numbers."""
    return isinstance(value, Tensor) and (value.is_floating_point() or value.is_complex())


def name_of(function: Any) -> str:
    """What reports call a function."""
    if isinstance(function, torch.nn.Module):
        return type(function).__name__
    owner = getattr(function, "__self__", None)
    if isinstance(owner, type) and issubclass(owner, torch.autograd.Function):
        return owner.__name__
    for attribute in ("_qualname", "__name__"):
        if isinstance(name := getattr(function, attribute, None), str):
            return name
    return getattr(getattr(function, "func", None), "__name__", type(function).__name__)


Call = Callable[..., Any]


def _callable(function: Any, name: str) -> tuple[Call, dict[str, Tensor]]:
    """The function with a dict of a module's parameters before its inputs, and that dict."""
    if isinstance(function, torch.nn.Module):
        parameters: dict[str, Tensor] = {
            n: p for n, p in function.named_parameters() if p.requires_grad and carries_gradient(p)
        }
        return _stateless(function), parameters
    if isinstance(function, type) and issubclass(function, torch.nn.Module):
        raise ArgumentError(name, "fn", "a module", "its class", f"{name}(…)")
    if isinstance(function, type) and issubclass(function, torch.autograd.Function):
        function = function.apply
    if not callable(function):
        raise ArgumentError(name, "fn", "a function, operator or module", f"a {type(function).__name__}")
    return lambda _, *inputs, **options: function(*inputs, **options), {}


def _stateless(module: torch.nn.Module) -> Call:
    """The module as a function of its parameters; buffers are copies, so that a call leaves no trace in them."""

    def call(parameters: dict[str, Tensor], *inputs: Any, **options: Any) -> Any:
        anchor = next(iter(parameters.values()), None)
        dtype = anchor.dtype if anchor is not None and anchor.is_floating_point() else None
        buffers = {n: _cast(b, dtype).clone() for n, b in module.named_buffers()}
        frozen = {n: _cast(p, dtype) for n, p in module.named_parameters() if n not in parameters}
        return functional_call(module, {**frozen, **parameters, **buffers}, inputs, options)

    return call


def _detached(tensor: Tensor) -> Tensor:
    # A tensor that was made in inference mode can't be saved for a backward pass; its copy can.
    return tensor.detach().clone() if tensor.is_inference() else tensor.detach()


def _cast(value: Any, dtype: torch.dtype | None) -> Any:
    if dtype is None or not carries_gradient(value):
        return value
    return value.to(COMPLEX_OF.get(dtype, torch.complex64) if value.is_complex() else dtype)


def _differentiable(name: str, leaves: Sequence[Any], names: Sequence[str]) -> list[int]:
    """Where the differentiable arguments are: those that require grad, or all that can if none does."""
    floating = [i for i, leaf in enumerate(leaves) if carries_gradient(leaf)]
    inputs = [i for i in floating if not isinstance(leaves[i], torch.nn.Parameter)]
    asked = [i for i in inputs if leaves[i].requires_grad]
    chosen = [i for i in floating if not asked or i in asked or isinstance(leaves[i], torch.nn.Parameter)]
    if not chosen:
        tensors = [f"{n}: {leaf.dtype}" for n, leaf in zip(names, leaves, strict=True) if isinstance(leaf, Tensor)]
        got = f"only {', '.join(tensors)}" if tensors else "no tensor"
        raise ArgumentError(name, "inputs", "a tensor of floating or complex numbers", got, "x.double()")
    for i in chosen:
        if leaves[i].layout != torch.strided or leaves[i].is_nested:
            raise ArgumentError(name, names[i], "a dense tensor", f"layout {leaves[i].layout}", "to_dense()")
        if not torch.isfinite(leaves[i]).all():
            raise ArgumentError(name, names[i], "finite numbers", "NaN or infinity", "special=[…] for such points")
    return chosen


def _check_outputs(name: str, outputs: Sequence[Any]) -> None:
    kinds = sorted({type(out).__name__ for out in outputs if not isinstance(out, Tensor)})
    advice = "returning torch tensors"
    if not outputs or kinds == ["NoneType"]:
        raise CheckError(name, "result", "a tensor", "None", advice)
    if any(kind in {"ndarray", "float64", "float32", "float", "complex"} for kind in kinds):
        raise CheckError(name, "result", "tensors", f"{', '.join(kinds)}", "torch.as_tensor on the result")
    if not any(carries_gradient(out) for out in outputs):
        got = ", ".join(sorted({str(out.dtype) for out in outputs if isinstance(out, Tensor)})) or ", ".join(kinds)
        raise CheckError(name, "result", "a tensor of floating or complex numbers", got, advice)


def _parameter_names(function: Any) -> list[str]:
    """Names of the positional parameters, as far as the callable tells."""
    if isinstance(function, Operator):
        return list(function.arguments)
    schema = getattr(getattr(function, "_opoverload", function), "_schema", None)
    if schema is not None:
        return [argument.name for argument in schema.arguments]
    owner = function if isinstance(function, type) else getattr(function, "__self__", None)
    if isinstance(owner, type) and issubclass(owner, torch.autograd.Function):
        old_style = owner.setup_context is torch.autograd.Function.setup_context
        return _signature(owner.forward)[1 if old_style else 0 :]
    return _signature(function.forward if isinstance(function, torch.nn.Module) else function)


def _signature(function: Any) -> list[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # builtins without a signature
        return []
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in parameters if p.kind in positional]


def _leaf_names(
    names: Sequence[str], inputs: Sequence[Any], options: Mapping[str, Any], module: Mapping[str, Any]
) -> list[str]:
    """A name for every leaf: that of its argument, with the path inside where the argument is a container."""
    leaves: list[str] = []
    for name, value in [*zip(names, inputs, strict=True), *options.items()]:
        leaves += [name + pytree.keystr(path) for path, _ in pytree.tree_flatten_with_path(value)[0]]
    return leaves + list(module)
