"""Batches: `vmap` of the function and of its gradient, batched incoming gradients, leading dimensions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from torch.func import vjp, vmap

from scitorch.checker.run import Outcome, Run, filled, refused
from scitorch.checker.subject import Values

BATCH = 3


def vmapped(run: Run) -> Iterator[Outcome]:
    """`vmap` of the function and of its `vjp`, over all arguments and over each alone, against a loop."""
    subject, cotangents = run.subject, run.cotangents
    batch = _batch(run)
    count = len(subject.arguments)
    choices = [tuple(range(count)), *([(i,) for i in range(count)] if count > 1 else [])]
    pulled = lambda *values: vjp(subject.function, *values)[1](cotangents)  # noqa: E731  a function of values
    for choice in choices:
        dims = tuple(0 if i in choice else None for i in range(count))
        values = [b if i in choice else v for i, (b, v) in enumerate(zip(batch, subject.values, strict=True))]
        items = [[v[k] if i in choice else v for i, v in enumerate(values)] for k in range(BATCH)]
        over = ", ".join(subject.arguments[i] for i in choice)
        loop = [subject.at(item).outputs() for item in items]
        outcome = _as_a_loop(run, "vmap", over, lambda v=values, d=dims: vmap(subject.function, d)(*v), loop)
        yield outcome
        if outcome.status == "raises":
            return
        if run.backward_raises:
            continue
        loop = [filled(subject.at(item).pull(cotangents), item) for item in items]
        yield _as_a_loop(run, "vmap of the gradient", over, lambda v=values, d=dims: vmap(pulled, d)(*v), loop)


def _as_a_loop(
    run: Run, kind: str, argument: str, batched: Callable[[], Sequence[Tensor]], loop: Sequence[Sequence[Tensor]]
) -> Outcome:
    """Compare a batched call with the results of a loop over the items."""
    try:
        # Clones, since a rule may return a tensor that is no longer one outside of the transform.
        got = [g.detach().clone() for g in batched()]
    except Exception as error:  # noqa: BLE001  whatever a batched call may raise
        return refused(error, argument)
    for e, g in zip(map(torch.stack, zip(*loop, strict=True)), got, strict=True):
        if e.shape != g.shape:
            sentence = f"Under {kind} the shape is {tuple(g.shape)} where a loop over the items gives {tuple(e.shape)}."
            return run.wrong_statement("vmap", argument, "differs under vmap", sentence, "Mend the batching rule.")
        if mismatch := run.compare("vmap", argument, e.detach(), g):
            over = f" over {argument}" if argument else ""
            sentence = f"Under {kind}{over} the result is not that of a loop over the items."
            return run.wrong_values(mismatch, "differs under vmap", sentence, "Mend the batching rule.")
    return Outcome("right", argument, kind)


def batched_gradients(run: Run) -> Iterator[Outcome]:
    """Plain autograd with `is_grads_batched=True`, against one incoming gradient at a time."""
    incoming = [torch.stack([run.random_like([out])[0] for _ in range(BATCH)]) for out in run.outputs]
    values = [v.clone().requires_grad_() for v in run.subject.values]

    def batched() -> Values:
        outputs = run.subject.function(*values)
        pairs = [(o, g) for o, g in zip(outputs, incoming, strict=True) if o.requires_grad]
        found = torch.autograd.grad(
            [o for o, _ in pairs], values, [g for _, g in pairs], is_grads_batched=True, allow_unused=True
        )
        empty = [torch.zeros_like(v).expand(BATCH, *v.shape) for v in values]
        return tuple(z if g is None else g for g, z in zip(found, empty, strict=True))

    try:
        loop = [filled(run.subject.pull([g[k] for g in incoming]), run.subject.values) for k in range(BATCH)]
    except Exception as error:  # noqa: BLE001  whatever a backward pass may raise
        yield refused(error)
        return
    yield _as_a_loop(run, "is_grads_batched", "", batched, loop)


def leading_dimensions(run: Run) -> Iterator[Outcome]:
    """Leading dimensions as independent items, where the function's values treat them so; zero items too."""
    batch = _batch(run)
    items = [[b[k] for b in batch] for k in range(BATCH)]
    if not _independent(run, batch, items):
        yield Outcome("skipped", "", "leading dimensions are no batch to this function")
        return
    incoming = [torch.stack([g] * BATCH) for g in run.cotangents]
    try:
        loop = [filled(run.subject.at(item).pull(run.cotangents), item) for item in items]
    except Exception as error:  # noqa: BLE001  whatever a backward pass may raise
        yield refused(error)
        return
    yield _as_a_loop(run, "a leading dimension", "", lambda: filled(run.subject.at(batch).pull(incoming), batch), loop)
    yield _no_items(run)


def _independent(run: Run, batch: Sequence[Tensor], items: Sequence[Sequence[Tensor]]) -> bool:
    """Whether the values of a stacked call are those of a loop."""
    try:
        whole = run.subject.at(batch).outputs()
        loop = [run.subject.at(item).outputs() for item in items]
    except Exception:  # noqa: BLE001  a function that takes no leading dimension may raise whatever it likes
        return False
    pairs = zip(map(torch.stack, zip(*loop, strict=True)), whole, strict=True)
    return all(e.shape == g.shape and run.compare("", "", e, g) is None for e, g in pairs)


def _no_items(run: Run) -> Outcome:
    """A batch of no items has a result and gradients of no items."""
    empty = [v.new_zeros(0, *v.shape) for v in run.subject.values]
    try:
        subject = run.subject.at(empty)
        outputs = subject.outputs()
        gradients = filled(subject.pull([torch.zeros_like(out) for out in outputs]), empty)
    except Exception as error:  # noqa: BLE001  whatever a function may raise on no items
        return refused(error, "zero items")
    shapes = [tuple(t.shape) for t in (*outputs, *gradients)]
    expected = [(0, *t.shape) for t in (*run.outputs, *run.subject.values)]
    if shapes != expected:
        sentence = f"For a batch of zero items the shapes are {shapes}, where {expected} belong."
        return run.wrong_statement(
            "leading dimensions", "", "wrong shape for zero items", sentence, "x.new_empty(0, …)"
        )
    return Outcome("right", "", "zero items")


def _batch(run: Run) -> list[Tensor]:
    """Points near the subject's, stacked: the first is the subject's own."""
    shifts = (0.0, 1e-3, -1e-3)
    values, directions = run.subject.values, run.directions()
    return [torch.stack([v + s * d for s in shifts]) for v, d in zip(values, directions, strict=True)]
