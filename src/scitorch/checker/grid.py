"""What a heat map shows of an array: a slice of two dimensions, averaged until it fits the eye."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil

import torch
from torch import Tensor

from .report import Finding

LARGEST = 64  # cells in a row or column
WITHIN = 10  # two arrays whose largest elements differ by less than this factor are shown on one scale

Place = tuple[int, ...]


@dataclass(frozen=True)
class Grid:
    """One heat map.

    Attributes
    ----------
    title : str
        What it shows.
    cells : list of lists of float
        Rows of cells, NaN and infinities among them.
    bound : float
        The colours go from minus this to this; finite, and 0 where all is zero or nothing is finite.
    is_modulus : bool
        Whether the cells are moduli of complex numbers, so that only half of the colours is needed.
    mark : tuple of int, optional
        The cell that holds the worst element.
    notes : list of str
        What a reader of this map must know.
    """

    title: str
    cells: list[list[float]]
    bound: float
    is_modulus: bool
    mark: tuple[int, int] | None
    notes: list[str]

    @property
    def lower(self) -> float:
        """Where the scale begins."""
        return 0.0 if self.is_modulus else -self.bound


def grids(finding: Finding) -> list[Grid]:
    """The heat maps of a finding.

    Parameters
    ----------
    finding : Finding
        With values, or without.

    Returns
    -------
    list of Grid
        Expected, got, and got − expected (left out where the shapes differ); empty without values or elements.
    """
    if finding.expected_values is None or finding.got_values is None:
        return []
    expected, got = (_comparable(x) for x in (finding.expected_values, finding.got_values))
    if not expected.numel() or not got.numel():
        return []
    if expected.shape != got.shape:
        maps = [_grid("expected", expected, None), _grid("got", got, None)]
        return [_noted(grid, "expected and got differ in shape, so that there is no difference") for grid in maps]
    difference = got - expected
    place = _worst(difference) if finding.index is None or not _is_in(finding.index, difference) else finding.index
    names = ("expected", "got", "got − expected")
    return _scaled(*(_grid(name, x, place) for name, x in zip(names, (expected, got, difference), strict=True)))


def caption(maps: Sequence[Grid]) -> list[str]:
    """What holds for all maps of one finding.

    Parameters
    ----------
    maps : sequence of Grid
        As `grids` gives them.

    Returns
    -------
    list of str
        Clauses.
    """
    return [note for note in maps[0].notes if all(note in grid.notes for grid in maps)] if maps else []


def _comparable(values: Tensor) -> Tensor:
    values = values.detach().cpu()
    return values.to(torch.complex128 if values.is_complex() else torch.float64)


def _is_in(index: Place, values: Tensor) -> bool:
    return len(index) == values.ndim and all(0 <= i < n for i, n in zip(index, values.shape, strict=True))


def _worst(difference: Tensor) -> Place:
    flat = difference.abs().flatten().nan_to_num(nan=torch.inf).argmax()
    return tuple(int(i) for i in torch.unravel_index(flat, difference.shape))


def _grid(title: str, values: Tensor, worst: Place | None) -> Grid:
    place = (0,) * values.ndim if worst is None else worst
    notes = ["the moduli of complex numbers"] if values.is_complex() else []
    if values.ndim > 2:
        shown = ", ".join([*map(str, place[:-2]), ":", ":"])
        reason = "" if worst is None else ", which holds the worst element"
        notes.append(f"the slice [{shown}] of shape {tuple(values.shape)}{reason}")
    plane = (values.abs() if values.is_complex() else values)[place[:-2]]
    rows, columns = (plane.shape[0], plane.shape[1]) if plane.ndim == 2 else (1, plane.numel())
    row, column = ((0, 0, *place)[-2:]) if plane.ndim == 2 else (0, (0, *place)[-1])
    blocks = ceil(rows / LARGEST), ceil(columns / LARGEST)
    if max(blocks) > 1:
        notes.append(f"each cell the mean of up to {blocks[0]} × {blocks[1]} of the {rows} × {columns} elements")
    cells = _means(plane.reshape(rows, columns), blocks)
    mark = None if worst is None else (row // blocks[0], column // blocks[1])
    return Grid(title, cells.tolist(), _bound(cells), values.is_complex(), mark, notes + _oddities(cells))


def _means(plane: Tensor, blocks: tuple[int, int]) -> Tensor:
    # The last block may be smaller than the others: `ceil_mode` divides by what is there.
    return torch.nn.functional.avg_pool2d(plane[None], blocks, ceil_mode=True)[0]


def _bound(cells: Tensor) -> float:
    finite = cells[cells.isfinite()]
    return float(finite.abs().max()) if finite.numel() else 0.0


def _oddities(cells: Tensor) -> list[str]:
    counted = ((int(cells.isnan().sum()), "NaN"), (int(cells.isinf().sum()), "infinite"))
    return [f"{count} {'cell' if count == 1 else 'cells'} {name}" for count, name in counted if count]


def _noted(grid: Grid, note: str) -> Grid:
    return replace(grid, notes=[*grid.notes, note])


def _scaled(expected: Grid, got: Grid, difference: Grid) -> list[Grid]:
    """Expected and got on one scale, where neither would vanish on the other's."""
    low, high = sorted((expected.bound, got.bound))
    if high > WITHIN * low:
        return [_noted(grid, "expected and got each on a scale of its own") for grid in (expected, got, difference)]
    return [replace(expected, bound=high), replace(got, bound=high), difference]
