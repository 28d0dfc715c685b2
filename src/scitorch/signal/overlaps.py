"""Convolution of a long real signal with a short one by Fourier transforms of blocks that overlap.

Each block's results are right but for as many as there are taps, less one, which have wrapped around (overlap-save).
Some blocks at a time: what becomes of them until they are results stays in the cache. `size` is that of the
transforms, at least twice the taps for blocks that are mostly results.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from .tiles import share

Array = NDArray[Any]

# SciPy's stubs take them for something else.
_rfft: Any = scipy.fft.rfft
_irfft: Any = scipy.fft.irfft

_GROUP = 1 << 18  # bytes of the spectra of a group of blocks


def convolve(signal: Array, taps: Array, size: int, out: Array) -> None:
    """Fill ``out[i] = Σ signal[i-p] taps[p]``, wherever the two overlap."""
    spectrum, wrapped = _rfft(taps, size), len(taps) - 1

    def run(first: int, count: int) -> None:
        product = _rfft(_blocks(signal, first - wrapped, count, size - wrapped, size))
        product *= spectrum
        _put(_irfft(product, size)[:, wrapped:], out[first:])

    share([partial(run, *group) for group in _groups(len(out), size - wrapped, size)], _GROUP // 8)


def correlate(signal: Array, taps: Array, size: int, out: Array) -> None:
    """Fill ``out[i] = Σ signal[i+p] taps[p]``, where the second lies within the first."""
    if len(out) < len(taps):
        _correlate(signal, size, (taps, out), None)
    else:
        _correlate(signal, size, None, (taps, out))


def gradients(g: Array, signal: Array, taps: Array, size: int, out: Array, lags: Array) -> None:
    """Fill `out` with `correlate` of g with the taps, `lags` with that of g with the signal.

    Each block of g is transformed once.
    """
    _correlate(g, size, (signal, lags), (taps, out))


Pair = tuple[Array, Array]  # what the signal is correlated with, and the results


def _correlate(x: Array, size: int, long: Pair | None, short: Pair | None) -> None:
    """With something long, at a few lags, and with something short, everywhere."""
    few = len(long[1]) if long else len(short[0]) if short else 0
    step = size - few + 1
    spectrum = _rfft(short[0], size).conj() if short else None
    groups = list(_groups(len(x) - few + 1, step, size))
    sums: dict[int, Array] = {}

    def run(first: int, count: int) -> None:
        ours = _rfft(_blocks(x, first, count, step, size))
        if long:
            theirs = _rfft(_blocks(long[0], first, count, step, step), size)
            np.conjugate(theirs, out=theirs)
            theirs *= ours
            sums[first] = theirs.sum(0)
        if short:
            ours *= spectrum
            _put(_irfft(ours, size)[:, :step], short[1][first:])

    share([partial(run, *group) for group in groups], _GROUP // 8)
    if long:
        long[1][...] = _irfft(sum(sums[first] for first, _ in groups), size)[:few]


def _groups(outputs: int, step: int, size: int) -> Iterator[tuple[int, int]]:
    """The first output of each group of blocks, and how many blocks it has."""
    blocks, most = -(-outputs // step), max(1, _GROUP // (8 * size))
    for block in range(0, blocks, most):
        yield block * step, min(most, blocks - block)


def _blocks(x: Array, first: int, count: int, step: int, size: int) -> Array:
    """So many blocks of this size, one at each step from the first on; zeros where there is no signal."""
    end = first + (count - 1) * step + size
    part = x[max(0, first) : end]
    if first < 0 or end > len(x):
        part = np.zeros(end - first, x.dtype)
        part[max(0, -first) : len(x) - first] = x[max(0, first) : end]
    return as_strided(part, (count, size), (step * part.strides[0], part.strides[0]), writeable=False)


def _put(results: Array, out: Array) -> None:
    """Results of blocks, one after the other, as many as there is place for."""
    whole = len(out) // results.shape[1]
    if whole >= len(results):
        out[: results.size].reshape(results.shape)[...] = results
    else:
        out[...] = results.reshape(-1)[: len(out)]
