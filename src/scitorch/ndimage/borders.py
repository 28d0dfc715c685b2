"""What the border modes put beyond an image."""

from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

# The same borders have other names in NumPy.
_PADDING = {
    "reflect": "symmetric",
    "grid-mirror": "symmetric",
    "mirror": "reflect",
    "nearest": "edge",
    "wrap": "wrap",
    "grid-wrap": "wrap",
}
_Padding = Literal["symmetric", "reflect", "edge", "wrap"]


def border_places(n: int, before: int, after: int, mode: str) -> NDArray[Any]:
    """Which pixel of n stands at each place from -before to n + after; -1 for a constant one."""
    if mode in _PADDING:
        return np.pad(np.arange(n, dtype=np.int64), (before, after), mode=cast("_Padding", _PADDING[mode]))
    return np.pad(np.arange(n, dtype=np.int64), (before, after), constant_values=-1)
