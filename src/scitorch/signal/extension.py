"""Signals beyond their ends."""

import torch
import torch.nn.functional as F
from torch import Tensor

from scitorch.core.errors import ArgumentError

MODES = "constant", "wrap", "edge", "smooth", "symmetric", "reflect", "antisymmetric", "antireflect", "line"


def extended(name: str, x: Tensor, before: int, after: int, mode: str, cval: float = 0) -> Tensor:
    """The signal along the last dimension with samples added at both ends.

    As in `numpy.pad`, and besides: "smooth" goes on with the slope of the last two samples, "line" with that from the
    first to the last one, "antisymmetric" and "antireflect" turn the mirror images about zero and about the ends.
    """
    if mode not in MODES:
        raise ArgumentError(name, "mode", ", ".join(MODES), repr(mode))
    if mode == "constant":
        return F.pad(x, (before, after), value=cval)
    n = x.shape[-1]
    time = torch.arange(-before, n + after, device=x.device)
    if mode == "wrap":
        return x[..., time.remainder(n)]
    if mode in ("symmetric", "antisymmetric"):
        return _mirrored_between(x, time, mode)
    if mode == "edge" or n == 1:
        return x[..., time.clamp(0, n - 1)]
    return (_straight if mode in ("smooth", "line") else _mirrored_at)(x, time, mode)


def _mirrored_between(x: Tensor, time: Tensor, mode: str) -> Tensor:
    """Mirrored where the sample beyond the end would be, so that the end comes twice."""
    n = x.shape[-1]
    place = time.remainder(2 * n)
    turned = x[..., torch.minimum(place, 2 * n - 1 - place)]
    return torch.where(place < n, turned, -turned) if mode == "antisymmetric" else turned


def _mirrored_at(x: Tensor, time: Tensor, mode: str) -> Tensor:
    """Mirrored at the end samples; turned about them, the signal rises by twice its rise with every period."""
    last = x.shape[-1] - 1
    place = time.remainder(2 * last)
    turned = x[..., torch.minimum(place, 2 * last - place)]
    if mode == "reflect":
        return turned
    first, final = x[..., :1], x[..., -1:]
    turned = torch.where(place <= last, turned, 2 * final - turned)
    return turned + (2 * time.div(2 * last, rounding_mode="floor")).to(x.dtype) * (final - first)


def _straight(x: Tensor, time: Tensor, mode: str) -> Tensor:
    """Along the slopes at the ends, or along that from end to end."""
    last = x.shape[-1] - 1
    first, final = x[..., :1], x[..., -1:]
    overall = (final - first) / last
    before, after = (x[..., 1:2] - first, final - x[..., -2:-1]) if mode == "smooth" else (overall, overall)
    steps = time.to(x.dtype)
    beyond = torch.where(time < 0, first + steps * before, final + (steps - last) * after)
    return torch.where((time < 0) | (time > last), beyond, x[..., time.clamp(0, last)])
