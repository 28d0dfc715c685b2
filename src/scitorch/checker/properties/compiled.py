"""Compiled code and fake tensors against eager code and real tensors."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from scitorch.checker.run import Outcome, Run, filled, refused
from scitorch.checker.subject import Values


def compiled(run: Run) -> Iterator[Outcome]:
    """Value and gradient of the compiled function against eager."""
    if run.compiler is None:
        yield Outcome("skipped", "", "no compiler was asked for")
        return
    function = torch.compile(_fresh(run.subject.function), backend=run.compiler)
    leaves = [v.clone().requires_grad_() for v in run.subject.values]
    try:
        outputs = function(*leaves)
        pairs = [(o, g) for o, g in zip(outputs, run.cotangents, strict=True) if o.requires_grad]
        found: Sequence[Tensor | None] = [None] * len(leaves)
        if pairs:
            found = torch.autograd.grad([o for o, _ in pairs], leaves, [g for _, g in pairs], allow_unused=True)
    except Exception as error:  # noqa: BLE001  whatever a compiler may raise
        yield refused(error)
        return
    yield _same(run, "value", [""] * len(run.outputs), run.outputs, [o.detach() for o in outputs])
    names = run.subject.arguments
    yield _same(run, "gradient", names, run.filled_gradients, filled(found, leaves))


def _same(run: Run, what: str, names: Sequence[str], eager: Values, got: Sequence[Tensor]) -> Outcome:
    for name, e, g in zip(names, eager, got, strict=True):
        if mismatch := run.compare("compile", name, e, g):
            of = f" of {name}" if name else ""
            sentence = f"Compiled with {run.compiler}, the {what}{of} differs from eager."
            advice = "Keep NumPy and Python side effects out of the traced code: make it an operator."
            return run.wrong_values(mismatch, "compiled differs", sentence, advice)
    return Outcome("right", "", what)


def _fresh(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function with a code object of its own: Dynamo counts recompilations by code object."""
    assert isinstance(function, types.FunctionType)
    code = function.__code__.replace(co_name="checked")
    return types.FunctionType(code, function.__globals__, "checked", None, function.__closure__)


def fake(run: Run) -> Iterator[Outcome]:
    """Shapes, dtypes and strides that fake tensors foretell, against the real ones."""
    real = run.target.run(run.target.given)
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    try:
        with mode:
            foretold = run.target.run([mode.from_tensor(v) for v in run.target.given])
    except Exception as error:  # noqa: BLE001  whatever a function may raise on a tensor without numbers
        yield refused(error)
        return
    for i, (r, f) in enumerate(zip(real, foretold, strict=True)):
        if not isinstance(r, Tensor):
            continue
        if type(f) is Tensor:
            yield Outcome("skipped", "", "the function turns fake tensors into real ones")
            return
        for what, was, said in _metadata(r, f):
            if was != said:
                sentence = f"For result {i}, fake tensors foretell {what} {said}, but it is {was}."
                advice = "Make the fake (meta) implementation return what the real one does."
                yield run.wrong_statement("fake tensors", "", "fake tensor differs", sentence, advice)
                return
    yield Outcome("right")


def _metadata(real: Tensor, fake: Tensor) -> Iterator[tuple[str, Any, Any]]:
    yield "shape", tuple(real.shape), tuple(fake.shape)
    yield "dtype", real.dtype, fake.dtype
    # The stride of a dimension that has one element, or of an empty array, means nothing.
    telling = [i for i, n in enumerate(real.shape) if n > 1] if real.numel() else []
    yield "strides", tuple(real.stride(i) for i in telling), tuple(fake.stride(i) for i in telling)
