"""Which pixel lies where in the window about each pixel."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from scitorch.core.errors import ArgumentError, ShapeError

from .arguments import for_each_axis
from .borders import border_places


def neighbours(
    shape: Sequence[int],
    window: Sequence[int],
    footprint: Sequence[bool],
    mode: str,
    origin: Sequence[int],
    device: torch.device,
) -> Iterator[tuple[int, Tensor]]:
    """For each place of a window, flattened: its number, and which pixel lies there for every pixel of the image.

    Pixels are counted through the flattened image; the one after the last is the constant beyond the border.
    """
    # The places are NumPy's work: sizes that a compiler keeps symbolic become numbers, on which its graph then depends.
    shape, window = [int(n) for n in shape], [int(k) for k in window]
    size = math.prod(shape)
    lines: list[list[Tensor]] = []
    for n, k, shift in zip(shape, window, origin, strict=True):
        before = k // 2 + shift
        places = border_places(n, before, k - 1 - before, mode).tolist()
        lines.append([torch.tensor(places[j : j + n], dtype=torch.int64) for j in range(k)])
    for number, parts in enumerate(itertools.product(*lines)):
        if footprint and not footprint[number]:
            continue
        place, missed = torch.zeros((), dtype=torch.int64), torch.zeros((), dtype=torch.bool)
        for axis, part in enumerate(parts):
            along = part.reshape([-1 if axis == a else 1 for a in range(len(shape))])
            place, missed = place * shape[axis] + along, missed | (along < 0)
        yield number, torch.where(missed, size, place).flatten().to(device)


def scatter_to_selected(g: Tensor, selected: Tensor, size: int) -> Tensor:
    """Gradients added up at what was selected, out of so many."""
    shape = torch.broadcast_shapes(g.shape, selected.shape)
    return g.new_zeros((*shape[:-1], size)).scatter_add(-1, selected.expand(shape), g.expand(shape))


def with_constant(x: Tensor, cval: float) -> Tensor:
    """The flattened image, and after it the constant beyond its border."""
    return torch.cat([x, x.new_full((*x.shape[:-1], 1), cval)], -1)


@dataclass(frozen=True)
class Window:
    """A window with a size and an origin for every axis of the image.

    Attributes
    ----------
    shape, origin : tuple of int
    footprint : tuple of bool
        Which places count, flattened; empty if all do.
    """

    shape: tuple[int, ...]
    footprint: tuple[bool, ...]
    origin: tuple[int, ...]

    @classmethod
    def read(
        cls,
        function: str,
        rank: int,
        axes: Sequence[int],
        sides: Sequence[int],
        origin: Any,
        footprint: Tensor | None = None,
    ) -> Window:
        """Read what SciPy takes: sides, origin and footprint for some axes, which here must ascend."""
        if list(axes) != sorted(axes):
            raise ArgumentError(function, "axes", "ascending axes", repr(tuple(axes)), "transposing the window")
        if len(sides) != len(axes):
            got = f"{len(sides)} for {len(axes)} axes"
            raise ShapeError(function, "footprint", "as many dimensions as axes", got, "axes=…")
        origins = for_each_axis(function, "origin", origin, len(axes))
        for k, start in zip(sides, origins, strict=True):
            if k < 1 or not 0 <= k // 2 + start < k:
                got = f"size {k} with origin {start}"
                raise ArgumentError(function, "size, origin", "a window about its origin", got, "origin=0")
        counts: tuple[bool, ...] = ()
        if footprint is not None and not footprint.all():
            counts = tuple(bool(c) for c in footprint.flatten().tolist())
            if not any(counts):
                raise ArgumentError(function, "footprint", "at least one place", "none", "torch.ones(3, 3)")
        return cls(_spread(axes, sides, 1, rank), counts, _spread(axes, origins, 0, rank))

    def options(self) -> dict[str, Any]:
        """The window as static arguments of an operator."""
        return {"window": self.shape, "footprint": self.footprint, "origin": self.origin}


def _spread(axes: Sequence[int], values: Sequence[Any], other: int, rank: int) -> tuple[int, ...]:
    given = dict(zip(axes, values, strict=True))
    return tuple(int(given.get(axis, other)) for axis in range(rank))


def read_footprint(function: str, size: Any, footprint: Any) -> Tensor | None:
    """The footprint as a tensor of truth values; `size` beside it is refused, where SciPy warns and ignores it."""
    if footprint is None:
        return None
    if size is not None:
        raise ArgumentError(function, "size", "None beside a footprint", repr(size), "one of the two")
    return torch.as_tensor(footprint).bool()
