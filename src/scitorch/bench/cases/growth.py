"""How time grows with size, and with the batch: ours beside SciPy, from small to large in one run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft
import scipy.linalg
import scipy.ndimage
import scipy.signal
import torch

from scitorch import fft, linalg, ndimage, signal
from scitorch.bench.case import OURS, Admission
from scitorch.bench.function import Array

BOTH = " and its gradient"  # after a size: what was done there


@dataclass(frozen=True)
class Series:
    """One function over many sizes.

    Attributes
    ----------
    name : str
        As in `Case`.
    sizes : sequence of int
        Of which the results' names are; "forward" at each.
    inputs : callable
        Makes the array of a size.
    scipy, ours : callable
        Of the array, and of the tensor.
    group, slow, floors, rivals
        As in `Case`; the group is "size" or "batch".
    """

    name: str
    group: str
    sizes: Sequence[int]
    inputs: Callable[[np.random.Generator, int], Array]
    scipy: Callable[[Array], Any]
    ours: Callable[[Any], Any]
    slow: bool = False
    floors: tuple[str, ...] = ("SciPy",)
    rivals: tuple[str, ...] = ()

    def admitted(self) -> Admission:
        """Both at every size, ours forward and with its gradient.

        Returns
        -------
        Admission
            The sizes stand where other cases have "forward".
        """
        admission, rng = Admission(self.name), np.random.default_rng(0)
        for size in self.sizes:
            array = self.inputs(rng, size)
            self._admit(admission, str(size), array)
        return admission

    def _admit(self, admission: Admission, size: str, array: Array) -> None:
        tensor, leaf = torch.tensor(array), torch.tensor(array, requires_grad=True)

        def both() -> Any:
            out = self.ours(leaf)
            return (out, torch.autograd.grad(out.sum(), leaf)[0])

        admission.admit("SciPy", size, lambda: self.scipy(array), trusted=True)
        admission.admit(OURS, size, lambda: self.ours(tensor), trusted=True)
        admission.admit(OURS, f"{size}{BOTH}", both, trusted=True)


def _each(function: Callable[[Array], Any]) -> Callable[[Array], Array]:
    """A loop over the items."""
    return lambda batch: np.stack([function(item) for item in batch])


def _low_pass() -> Any:
    return scipy.signal.butter(4, 0.2)


def _near_identity(rng: np.random.Generator, *shape: int) -> Array:
    return 2 * np.eye(shape[-1]) + 0.1 * rng.normal(size=shape)


def cases() -> Iterator[Series]:
    """Four functions over their size, four over the batch."""
    lengths = [2**k for k in (8, 10, 12, 14, 16, 18, 20)]
    b, a = _low_pass()
    taps = torch.tensor(b), torch.tensor(a)

    def row(rng: np.random.Generator, n: int) -> Array:
        return rng.normal(size=n)

    def square(rng: np.random.Generator, n: int) -> Array:
        return rng.normal(size=(n, n))

    yield Series("fft.dct over the length", "size", lengths, row, scipy.fft.dct, fft.dct)
    yield Series(
        "signal.lfilter over the length",
        "size",
        lengths,
        row,
        lambda x: scipy.signal.lfilter(b, a, x),
        lambda x: signal.lfilter(*taps, x),
    )
    yield Series(
        "ndimage.gaussian_filter over the width",
        "size",
        [32, 64, 128, 256, 512, 1024],
        square,
        lambda x: scipy.ndimage.gaussian_filter(x, 3.0),
        lambda x: ndimage.gaussian_filter(x, 3.0),
    )
    yield Series(
        "linalg.expm over the width",
        "size",
        [8, 16, 32, 64, 128, 256],
        lambda rng, n: rng.normal(size=(n, n)) / n**0.5,
        scipy.linalg.expm,
        linalg.expm,
    )
    yield from _batches(b, a, taps)


def _batches(b: Array, a: Array, taps: tuple[torch.Tensor, torch.Tensor]) -> Iterator[Series]:
    items = [1, 4, 16, 64, 256, 1024]
    fewer = items[:-1]
    yield Series(
        "fft.dct of 1024, a batch", "batch", items, lambda rng, n: rng.normal(size=(n, 1024)), scipy.fft.dct, fft.dct
    )
    yield Series(
        "signal.lfilter of 1024, a batch",
        "batch",
        items,
        lambda rng, n: rng.normal(size=(n, 1024)),
        lambda x: scipy.signal.lfilter(b, a, x),
        lambda x: signal.lfilter(*taps, x),
    )
    yield Series(
        "linalg.sqrtm 40 × 40, a batch",
        "batch",
        fewer,
        lambda rng, n: _near_identity(rng, n, 40, 40),
        _each(scipy.linalg.sqrtm),
        linalg.sqrtm,
    )
    yield Series(
        "linalg.expm 20 × 20, a batch",
        "batch",
        fewer,
        lambda rng, n: rng.normal(size=(n, 20, 20)) / 5,
        _each(scipy.linalg.expm),
        linalg.expm,
    )
