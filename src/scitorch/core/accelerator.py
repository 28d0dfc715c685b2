"""Kernels for tensors on an accelerator: copied to the host, computed there, copied back.

A large batch that is looped over goes in parts, so that some are under way while others are computed: all copies to the
host are queued at once on the current stream, each part is computed when it is there, and its results are sent off
without waiting for them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from .border import Array, copy_to_host, lend, send
from .definition import Definition
from .errors import ScitorchError
from .plan import Plan

Values = tuple[Any, ...]
Tensors = Sequence[Tensor | None]

PARTS = 4  # three quarters of the copying are then beside computing
PART = 2**22  # bytes: a fifth of a millisecond on its way, beside which queueing a copy doesn't show
WHOLE = slice(None)


def run_on_host(operator: Definition, plan: Plan, values: Values, tensors: Tensors) -> Any:
    """The kernel's results, on the tensors' device."""
    device = next(t.device for t in tensors if t is not None)
    _warn_of_copies(operator.name, device.type)
    cuts = cuts_of(plan, tensors)
    pieces = [[_piece(plan, *each, cut) for each in zip(tensors, plan.core_ranks, strict=True)] for cut in cuts]
    arrivals = [_departed(piece, device) for piece in pieces]
    results = [torch.empty(s, dtype=d, device=device) for s, d in zip(plan.outputs, plan.output_dtypes, strict=True)]
    for cut, piece, arrays in zip(cuts, pieces, arrivals, strict=True):
        outputs = _run_piece(operator, values, piece, arrays(), cut)
        for whole, part in zip(results, outputs, strict=True):
            send(part, whole if cut is WHOLE else whole[cut])
    return results[0] if operator.output_count == 1 else tuple(results)


def cuts_of(plan: Plan, tensors: Tensors) -> list[slice]:
    """Where a batch is cut, along its first dimension: nowhere unless its items are looped over and it is large."""
    size = sum(t.numel() * t.element_size() for t in tensors if t is not None)
    count = min(PARTS, plan.batch[0], size // PART) if plan.looped else 1
    if count < 2:
        return [WHOLE]
    return [slice(*bounds) for bounds in pairwise(plan.batch[0] * k // count for k in range(count + 1))]


def _piece(plan: Plan, tensor: Tensor | None, core_rank: int, cut: slice) -> Tensor | None:
    """What a part needs of a tensor: its own items, or the single one that all share."""
    if tensor is None or cut is WHOLE:
        return tensor
    mapped = tensor.dim() - core_rank == len(plan.batch) and tensor.shape[0] == plan.batch[0]
    return tensor[cut] if mapped else tensor


def _departed(tensors: Tensors, device: torch.device) -> Callable[[], list[Array | None]]:
    """Queue the copies of tensors to the host; gives what waits for them and lends them to NumPy."""
    hosts = [None if t is None else copy_to_host(t) for t in tensors]
    arrived = queued(device)

    def arrays() -> list[Array | None]:
        if arrived is not None:
            arrived.synchronize()  # lets other threads have Python's lock, autograd's for other devices among them
        return [None if host is None else lend(host) for host in hosts]

    return arrays


def queued(device: torch.device) -> Any:
    """What knows when all is done that is queued by now; None where a copy waits for itself."""
    return torch.cuda.current_stream(device).record_event() if device.type == "cuda" else None


def _run_piece(
    operator: Definition, values: Values, piece: Tensors, arrays: Sequence[Array | None], cut: slice
) -> Sequence[Tensor]:
    """The results of a part; an error names the item's place in the whole batch."""
    try:
        outputs = operator.run(operator.planner.of(values, piece), values, arrays)
    except ScitorchError as error:
        if error.item is not None and cut is not WHOLE:
            error.item = (error.item[0] + cut.start, *error.item[1:])
        raise
    return outputs if isinstance(outputs, tuple) else (outputs,)


@cache
def _warn_of_copies(operator: str, device: str) -> None:
    """Say once an operator that its kernel runs on the host."""
    warnings.warn(
        f"{operator}: the kernel runs on the CPU; {device} tensors are copied there and back on every call",
        stacklevel=2,
    )
