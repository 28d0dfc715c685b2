"""What needs no derivative: the same result each time, whatever the layout; no side effects; dtypes that stay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from scitorch.checker.comparison import again, relative_error
from scitorch.checker.run import Outcome, Run, filled, refused
from scitorch.checker.target import carries_gradient

SAME = 1e-12  # relative: threads may sum in another order
SATURATED = 1e-7  # of the natural size: a gradient that single precision can't tell from zero
FLOATS = (torch.float32, torch.float64, torch.bfloat16)


def precision(run: Run) -> Iterator[Outcome]:
    """Double precision, for the reference; a function that refuses it is held against differences in its own."""
    if run.subject and run.target.refuses_double:
        yield Outcome("skipped", "", f"the function refuses float64: {run.target.refuses_double}")
    else:
        yield Outcome("right", "", "the reference is in float64")


def deterministic(run: Run) -> Iterator[Outcome]:
    """Value and gradient are the same in a second call."""
    again = run.subject.outputs()
    if _differ(run.outputs, again):
        yield _not_the_same(run, "value", run.outputs, again)
        return
    try:
        first, second = (filled(run.subject.pull(run.cotangents), run.subject.values) for _ in range(2))
    except Exception:  # noqa: BLE001  the property "gradient" says what a backward pass raises
        yield Outcome("right", "", "value")
        return
    yield _not_the_same(run, "gradient", first, second) if _differ(first, second) else Outcome("right")


def _differ(first: Sequence[Tensor], second: Sequence[Tensor]) -> bool:
    for a, b in zip(first, second, strict=True):
        if a.shape != b.shape or not torch.equal(torch.isnan(a), torch.isnan(b)):
            return True
        if relative_error(a.nan_to_num(), b.nan_to_num()) > SAME:
            return True
    return False


def _not_the_same(run: Run, what: str, first: Sequence[Tensor], second: Sequence[Tensor]) -> Outcome:
    error = max(relative_error(a, b) for a, b in zip(first, second, strict=True))
    sentence = f"The {what} differs between two calls with the same inputs, by {error:.1e} relative."
    advice = "Seed the random numbers inside, pass them as an argument, or check in eval mode."
    return run.wrong_statement("deterministic", "", "non-deterministic", sentence, advice)


def layouts(run: Run) -> Iterator[Outcome]:
    """The result doesn't depend on how the inputs lie in memory."""
    for index, name in enumerate(run.subject.arguments):
        for kind, variant in _layouts(run.subject.values[index]):
            plain = [v.contiguous() if i != index else variant.contiguous() for i, v in enumerate(run.subject.values)]
            laid = [v if i != index else variant for i, v in enumerate(plain)]
            outcome = _same_results(run, name, kind, plain, laid)
            yield outcome
            if outcome.status == "wrong":
                break


def _layouts(x: Tensor) -> Iterator[tuple[str, Tensor]]:
    if x.ndim == 0:
        gapped = torch.stack([x, x])[1]
        yield "offset", gapped
        return
    yield "non-contiguous", torch.stack([x, torch.full_like(x, torch.nan)], -1)[..., 0]
    if x.ndim > 1:
        yield "transposed", x.mT.contiguous().mT
    yield "expanded", x[:1].expand(x.shape)


def _same_results(run: Run, name: str, kind: str, plain: Sequence[Tensor], laid: Sequence[Tensor]) -> Outcome:
    advice = "Don't read memory as if it were contiguous: use strides, or .contiguous()."
    try:
        expected = run.subject.at(plain).outputs()
    except Exception as error:  # noqa: BLE001  rows that are all alike may be outside of the function's domain
        return Outcome("skipped", name, f"{kind}: {type(error).__name__} for these numbers in an ordinary array too")
    try:
        got = run.subject.at(laid).outputs()
    except Exception as error:  # noqa: BLE001  whatever the function may raise
        return refused(error, name)
    # Where all rows are alike the result may be nothing but rounding (what is left after the mean is taken off).
    rounding = torch.full((), SAME * run.natural_size)
    for e, g in zip(expected, got, strict=True):
        if e.shape == g.shape and (mismatch := run.compare("layouts", name, e, g, again(e) + rounding)):
            sentence = f"The value is another one if {name} is {kind}."
            return run.wrong_values(mismatch, "depends on the layout", sentence, advice)
    try:
        wanted = filled(run.subject.at(plain).pull(run.cotangents), plain)
        found = filled(run.subject.at(laid).pull(run.cotangents), laid)
    except Exception as error:  # noqa: BLE001  a backward pass may raise what it likes: the property "gradient" says so
        return refused(error, name)
    for argument, e, g in zip(run.subject.arguments, wanted, found, strict=True):
        if mismatch := run.compare("layouts", argument, e, g, again(e) + rounding):
            sentence = f"The gradient of {argument} is another one if {name} is {kind}."
            return run.wrong_values(mismatch, "depends on the layout", sentence, advice, name)
    return Outcome("right", name, kind)


def side_effects(run: Run) -> Iterator[Outcome]:
    """Inputs stay as they are, and results have memory of their own (or are views that autograd knows)."""
    values = [v.clone().requires_grad_() for v in run.subject.values]
    outputs = run.target.run(values, run.subject.values[0].real.dtype)
    yield _mutated(run, values, "the function")
    tensors = [out for out in outputs if isinstance(out, Tensor)]
    yield _aliased(run, values, tensors)
    pairs = [(o, g) for o, g in zip(filter(carries_gradient, outputs), run.cotangents, strict=True) if o.requires_grad]
    incoming = [g.clone() for _, g in pairs]
    try:
        torch.autograd.grad([o for o, _ in pairs], values, incoming, allow_unused=True) if pairs else None
    except Exception:  # noqa: BLE001  the property "gradient" says what a backward pass raises
        return
    yield _mutated(run, values, "the backward pass")
    if any(not torch.equal(g, now) for (_, g), now in zip(pairs, incoming, strict=True)):
        sentence = "The backward pass writes into the incoming gradient, which others use too."
        yield run.wrong_statement("side effects", "", "mutates its input", sentence, "Work on a copy.")


def _mutated(run: Run, values: Sequence[Tensor], who: str) -> Outcome:
    for name, before, after in zip(run.subject.arguments, run.subject.values, values, strict=True):
        if not torch.equal(before, after.detach()):
            sentence = f"{who.capitalize()} writes into {name}."
            return run.wrong_statement("side effects", name, "mutates its input", sentence, "Work on a copy.")
    return Outcome("right", "", f"{who} leaves the inputs alone")


def _aliased(run: Run, values: Sequence[Tensor], outputs: Sequence[Tensor]) -> Outcome:
    for name, value in zip(run.subject.arguments, values, strict=True):
        for out in outputs:
            if out is not value and not _known_view(out) and _overlap(out, value):
                sentence = (
                    f"A result shares memory with {name}, and autograd doesn't know: writing to one changes both."
                )
                return run.wrong_statement("side effects", name, "aliases its input", sentence, "Return a copy.")
    for i, first in enumerate(outputs):
        for second in outputs[i + 1 :]:
            if second is not first and not (_known_view(first) or _known_view(second)) and _overlap(first, second):
                sentence = "Two results share memory, and autograd doesn't know: writing to one changes both."
                return run.wrong_statement("side effects", "", "aliases its input", sentence, "Return copies.")
    return Outcome("right", "", "results have memory of their own")


def _known_view(x: Tensor) -> bool:
    return x._is_view()  # noqa: SLF001  torch has no public name for what its documentation calls a view


def _overlap(a: Tensor, b: Tensor) -> bool:
    if not a.numel() or not b.numel() or a.device != b.device or a.device.type == "meta":
        return False
    (start_a, end_a), (start_b, end_b) = _extent(a), _extent(b)
    return start_a < end_b and start_b < end_a


def _extent(x: Tensor) -> tuple[int, int]:
    last = sum((n - 1) * s for n, s in zip(x.shape, x.stride(), strict=True))
    return x.data_ptr(), x.data_ptr() + (last + 1) * x.element_size()


def dtypes(run: Run) -> Iterator[Outcome]:
    """Results come back in the precision in which the arguments went in, and so do forward-mode tangents."""
    is_complex = any(v.is_complex() for v in run.target.given)
    for dtype in FLOATS:
        if not (is_complex and dtype is torch.bfloat16):
            yield _stays(run, dtype, complex_inputs=False)
    if not is_complex:
        yield _stays(run, torch.float64, complex_inputs=True)


def _stays(run: Run, dtype: torch.dtype, *, complex_inputs: bool) -> Outcome:
    subject = run.target.subject(dtype)
    values = [v.to(torch.complex128) if complex_inputs else v for v in subject.values]
    kind = "complex128" if complex_inputs else str(dtype).removeprefix("torch.")
    try:
        outputs = subject.function(*[v.clone().requires_grad_() for v in values])
    except Exception as error:  # noqa: BLE001  a dtype that isn't taken raises whatever it likes
        return refused(error, kind)
    for out in filter(lambda out: out.requires_grad, outputs):  # constants have the dtype that they have
        got = out.real.dtype if out.is_complex() else out.dtype
        # There is no complex dtype of such low precision.
        if got != (torch.float32 if out.is_complex() and dtype is torch.bfloat16 else dtype):
            sentence = f"For {kind} inputs the result is {str(out.dtype).removeprefix('torch.')}."
            return run.wrong_statement("dtypes", kind, "dtype changes", sentence, "Return the inputs' dtype.")
    if complex_inputs or dtype is not torch.float32 or run.wrong:
        return Outcome("right", kind)
    return _single_gradient(run, kind)


def _largest(x: Tensor) -> float:
    return float(x.abs().nan_to_num(nan=torch.inf).amax()) if x.numel() else 0.0


def _single_gradient(run: Run, kind: str) -> Outcome:
    """The gradient in float32 is that in float64 to single precision, unless the value isn't either."""
    single = run.target.subject(torch.float32)
    double = run.subject.at([v.to(w.dtype) for v, w in zip(single.values, run.subject.values, strict=True)])
    incoming = [g.to(out.dtype) for g, out in zip(run.cotangents, single.outputs(), strict=True)]
    try:
        got = filled(single.pull(incoming), single.values)
        expected = filled(double.pull(run.cotangents), double.values)
    except Exception as error:  # noqa: BLE001  a backward pass may raise what it likes
        return refused(error, kind)
    pairs = zip(double.outputs(), single.outputs(), strict=True)
    spread = max(relative_error(d, s.to(d.dtype)) for d, s in pairs)
    for name, e, g in zip(run.subject.arguments, expected, got, strict=True):
        error = relative_error(e, g.to(e.dtype))
        saturated = max(_largest(e), _largest(g)) < SATURATED * run.natural_size
        if error > 0.05 and spread < 1e-4 and not saturated:
            sentence = (
                f"In float32 the gradient of {name} is off by {error:.1g} of its size, though the value is right to "
                f"{spread:.0e}."
            )
            advice = "Look for cancellation, overflow or a cast in the backward pass."
            return run.wrong_statement("dtypes", kind, "wrong in single precision", sentence, advice)
    return Outcome("right", kind)
