"""How many threads a compiled kernel takes."""

from __future__ import annotations

from itertools import pairwise

import torch

from scitorch.core.pool import busy


def threads(work: int, worth: int) -> int:
    """So many that each has as much to do as is worth one, and not more than PyTorch takes."""
    if work < 2 * worth or busy():
        return 1
    return max(1, min(torch.get_num_threads(), work // worth))


def parts(count: int, width: int) -> list[tuple[int, int]]:
    """The bounds of so many parts, or of as many as there are things to share."""
    width = min(width, count)
    return list(pairwise([count * part // width for part in range(width + 1)]))


def nothing() -> None:
    """What makes a kernel end early."""
