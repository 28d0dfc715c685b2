"""A few runnable lines that show a mistake without the checker."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from .comparison import worst
from .evidence import Mismatch

if TYPE_CHECKING:
    from .run import Run

WRITTEN_OUT = 64  # elements: a larger tensor is not written out
STEP = 1e-5
LOSS = """\
def loss({arguments}):
    torch.manual_seed(0)
    results = {call}
    results = results if isinstance(results, tuple) else (results,)
    return sum((r.conj() * torch.randn_like(r)).real.sum() for r in results)
"""


def reproduction(run: Run, name: str, argument: str, mismatch: Mismatch | None) -> str:
    """Lines of Python for a finding about a property and an argument."""
    script = Script(run)
    lines = LINES.get(name)
    if lines is None or mismatch is None or argument not in run.subject.arguments or not script.can_be_written:
        return script.check_again()
    return "\n".join([*script.inputs(), *lines(script, argument, mismatch)])


class Script:
    """The function and its inputs as source text."""

    def __init__(self, run: Run) -> None:
        self._run = run
        inputs = run.target.inputs
        self.names = run.target.input_names
        self.can_be_written = not run.target.options and all(map(_can_be_written, inputs))
        self.imported, self.function = _imported(run.target.function, run.target.name)

    def inputs(self) -> list[str]:
        """Lines that import the function and make its inputs."""
        values = dict(zip(self._run.subject.arguments, self._run.subject.values, strict=True))
        given = zip(self.names, self._run.target.inputs, strict=True)
        return ["import torch", *self.imported, "", *(f"{n} = {_written(values.get(n, x))}" for n, x in given)]

    def check_again(self) -> str:
        """Lines that run the check again, for what has no shorter form."""
        values = zip(self._run.subject.arguments, self._run.subject.values, strict=True)
        shapes = ", ".join(f"{n}: {tuple(v.shape)}" for n, v in values)
        quick = ', mode="quick"' if self._run.mode == "quick" else ""
        made = (
            self.inputs() if self.can_be_written else ["import torch", *self.imported, "", f"inputs = ...  # {shapes}"]
        )
        inputs = ", ".join(self.names) if self.can_be_written else "*inputs"
        call = f"print(check({self.function}, {inputs}, seed={self._run.seed}{quick}))"
        return "\n".join([made[0], "from scitorch import check", *made[1:], call])

    def loss(self) -> list[str]:
        """Lines that define a real number to differentiate, with fixed random weights."""
        return ["", LOSS.format(arguments=", ".join(self.names), call=self.call())]

    def call(self, **replaced: str) -> str:
        """The function's call, some arguments replaced by expressions."""
        return f"{self.function}({', '.join(replaced.get(n, n) for n in self.names)})"

    def loss_at(self, **replaced: str) -> str:
        """The loss's call."""
        return f"loss({', '.join(replaced.get(n, n) for n in self.names)})"


def _can_be_written(value: Any) -> bool:
    if isinstance(value, Tensor):
        return value.numel() <= WRITTEN_OUT
    return value is None or isinstance(value, bool | int | float | str)


def _written(value: Any) -> str:
    if not isinstance(value, Tensor):
        return repr(value)
    return f"torch.tensor({_numbers(value.tolist())}, dtype={value.dtype})"


def _numbers(value: Any) -> str:
    """Nested lists of numbers, floats to as many digits as anybody wants to read and any mistake shows in."""
    if isinstance(value, list):
        return f"[{', '.join(map(_numbers, cast('list[Any]', value)))}]"
    return f"{value:.7g}" if isinstance(value, float) else repr(value)


def _imported(function: Any, name: str) -> tuple[list[str], str]:
    """The line that imports the function, if there can be one, and what it is called then."""
    if isinstance(function, torch.nn.Module):
        return [f"function = ...  # your {name}, in double precision"], "function"
    owner = getattr(function, "__self__", None)
    holder = owner if isinstance(owner, type) else function
    module, path = getattr(holder, "__module__", None), getattr(holder, "__qualname__", "")
    if getattr(torch, name, None) is function:
        return [], f"torch.{name}"
    known = sys.modules.get(module) if isinstance(module, str) and module != "__main__" else None
    if known is None or getattr(known, path, None) is not holder:
        return [f"function = ...  # your {name}"], "function"
    return [f"from {module} import {path}"], f"{path}.apply" if isinstance(holder, type) else path


def _gradient(script: Script, argument: str, mismatch: Mismatch) -> list[str]:
    index = ", ".join(map(str, worst(mismatch))) or "..."
    moved = [script.loss_at(**{argument: f"{argument} {sign} step"}) for sign in "+-"]
    part = ".real" if mismatch.expected.is_complex() else ""
    return [
        *script.loss(),
        f"{argument}.requires_grad_()",
        f"result = {script.loss_at()}",
        f"found = torch.autograd.grad(result, {argument}, allow_unused=True) if result.requires_grad else (None,)",
        "gradient = found[0]",
        "with torch.no_grad():",
        f"    step = torch.zeros_like({argument})",
        f"    step[{index}] = {STEP}",
        f"    expected = ({moved[0]} - {moved[1]}) / {2 * STEP}",
        f"print('got', None if gradient is None else gradient[{index}]{part}.item(), 'expected', expected.item())",
    ]


def _forward(script: Script, argument: str, _: Mismatch) -> list[str]:
    moved = [script.loss_at(**{argument: f"{argument} {sign} {STEP} * v"}) for sign in "+-"]
    return [
        *script.loss(),
        "from torch.autograd import forward_ad",
        "",
        f"v = torch.ones_like({argument})",
        "with forward_ad.dual_level():",
        f"    moving = forward_ad.make_dual({argument}, v)",
        f"    print('got', forward_ad.unpack_dual({script.loss_at(**{argument: 'moving'})}).tangent)",
        f"print('expected', ({moved[0]} - {moved[1]}) / {2 * STEP})",
    ]


def _second(script: Script, argument: str, _: Mismatch) -> list[str]:
    return [
        *script.loss(),
        f"def gradient({argument}):",
        f"    return torch.autograd.grad({script.loss_at()}, {argument}, create_graph=True)[0]",
        "",
        f"{argument}.requires_grad_()",
        f"v = torch.ones_like({argument})",
        f"first = gradient({argument})",
        f"got = torch.autograd.grad(first, {argument}, v, allow_unused=True)[0] if first.requires_grad else None",
        f"expected = (gradient({argument} + {STEP} * v) - gradient({argument} - {STEP} * v)) / {2 * STEP}",
        "print('got', got, 'expected', expected.detach(), sep='\\n')",
    ]


def _compiled(script: Script, argument: str, _: Mismatch) -> list[str]:
    return [
        *script.loss(),
        f"{argument}.requires_grad_()",
        'compiled = torch.compile(loss, backend="aot_eager")',
        f"print('compiled', torch.autograd.grad(compiled({', '.join(script.names)}), {argument}))",
        f"print('eager', torch.autograd.grad({script.loss_at()}, {argument}))",
    ]


Lines = Callable[[Script, str, Mismatch], Sequence[str]]
LINES: dict[str, Lines] = {
    "gradient": _gradient,
    "forward mode": _forward,
    "double backward": _second,
    "compile": _compiled,
}
