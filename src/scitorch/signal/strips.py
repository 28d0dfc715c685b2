"""Convolution of real matrices by Fourier transforms: of whole rows, then of columns, strip by strip.

A matrix padded with zeros has many rows of nothing but zeros, and of a result many are cropped: rows that are one or
the other aren't transformed. Of a strip of columns the transforms, their product and its transform back stay in the
cache, and no spectrum of a padded matrix is ever whole in memory.

Leading dimensions broadcast.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from .tiles import share

Array = NDArray[Any]
Sides = tuple[int, int]

# SciPy's stubs take them for something else.
_rfft: Any = scipy.fft.rfft
_irfft: Any = scipy.fft.irfft
_fft: Any = partial(scipy.fft.fft, axis=-2)
_ifft: Any = partial(scipy.fft.ifft, axis=-2, overwrite_x=True)
_fast: Any = scipy.fft.next_fast_len

_STRIP = 1 << 19  # bytes of a strip's transform
_LEAST = 4  # columns of a strip: complex numbers of a cache line


def convolve(in1: Array, in2: Array) -> Array:
    """``out[i, j] = Σ in1[i-p, j-q] in2[p, q]`` wherever the two overlap."""
    sides = in1.shape[-2] + in2.shape[-2] - 1, in1.shape[-1] + in2.shape[-1] - 1
    rows, columns = _padded(sides)
    ours, theirs = _of_rows(in1, columns, sides[0]), _of_rows(in2, columns)
    result = _place(ours, sides[0], _batch(ours, theirs))
    ours = ours[..., : in1.shape[-2], :]

    def run(strip: Any) -> None:
        result[strip] = _ifft(_times(_fft(ours[strip], rows), _fft(theirs[strip], rows)))[..., : sides[0], :]

    _share(run, _strips(result, rows))
    return _rows_back(result, columns, sides[1])


def correlate(in1: Array, in2: Array) -> Array:
    """``out[i, j] = Σ in1[i+p, j+q] in2[p, q]`` where the second lies within the first."""
    rows, columns = _padded(in1.shape[-2:])
    ours, theirs = _of_rows(in1, columns), _of_rows(in2, columns)
    result = _place(ours, in1.shape[-2] - in2.shape[-2] + 1, _batch(ours, theirs))

    def run(strip: Any) -> None:
        _correlate(_fft(ours[strip], rows), _fft(theirs[strip], rows), result[strip])

    _share(run, _strips(result, rows))
    return _rows_back(result, columns, in1.shape[-1] - in2.shape[-1] + 1)


def gradients(g: Array, in1: Array, in2: Array) -> tuple[Array, Array]:
    """`correlate` of g with `in2` and with `in1`: as many results as `in1` and `in2` have elements."""
    rows, columns = _padded(g.shape[-2:])
    spectra = [_of_rows(x, columns) for x in (g, in1, in2)]
    result1, result2 = (_place(spectrum, spectrum.shape[-2], _batch(*spectra)) for spectrum in spectra[1:])

    def run(strip: Any) -> None:
        ours, first, second = (_fft(spectrum[strip], rows) for spectrum in spectra)
        _correlate(ours, second, result1[strip])
        _correlate(ours, first, result2[strip])

    _share(run, _strips(result1, rows))
    return _rows_back(result1, columns, in1.shape[-1]), _rows_back(result2, columns, in2.shape[-1])


def _padded(sides: Sides) -> Sides:
    """Sizes of at least so much for which transforms are fast."""
    return _fast(sides[0]), _fast(sides[1], real=True)


def _of_rows(x: Array, columns: int, rows: int = 0) -> Array:
    """Spectra of the rows, and place for rows up to so many; SciPy copies rows to pad them, so a few at a time."""
    shape = (*x.shape[:-2], max(rows, x.shape[-2]), columns // 2 + 1)
    spectra = np.empty(shape, np.result_type(x.dtype, np.complex64))
    height = _rows_at_once(columns, x.dtype, _items(x))

    def run(part: Any) -> None:
        spectra[part] = _rfft(x[part], columns)

    _share(run, (np.s_[..., first : min(first + height, x.shape[-2]), :] for first in range(0, x.shape[-2], height)))
    return spectra


def _share(run: Callable[[Any], None], parts: Iterable[Any]) -> None:
    share([partial(run, part) for part in parts], _STRIP // 8)


def _rows_at_once(columns: int, dtype: Any, items: int = 1) -> int:
    return max(1, _STRIP // (items * columns * dtype.itemsize))


def _items(x: Array) -> int:
    return math.prod(x.shape[:-2]) or 1


def _batch(*spectra: Array) -> tuple[int, ...]:
    return np.broadcast_shapes(*(spectrum.shape[:-2] for spectrum in spectra))


def _place(spectra: Array, rows: int, batch: tuple[int, ...]) -> Array:
    """For so many rows of a result: in the memory of these, of which no strip is needed again, unless it is shared."""
    if spectra.shape[:-2] == batch:
        return spectra[..., :rows, :]
    return np.empty((*batch, rows, spectra.shape[-1]), spectra.dtype)


def _strips(result: Array, rows: int) -> Iterator[Any]:
    width = max(_LEAST, _STRIP // (_items(result) * rows * result.itemsize))
    for first in range(0, result.shape[-1], width):
        yield np.s_[..., first : first + width]


def _times(ours: Array, theirs: Array) -> Array:
    """Their product, in the first one's memory if it fits."""
    fits = np.broadcast_shapes(ours.shape, theirs.shape) == ours.shape
    return np.multiply(ours, theirs, out=ours if fits else None)


def _correlate(ours: Array, theirs: Array, result: Array) -> None:
    """Fill a strip of results; `theirs` is written over."""
    np.conjugate(theirs, out=theirs)
    result[...] = _ifft(_times(theirs, ours))[..., : result.shape[-2], :]


def _rows_back(spectra: Array, columns: int, wanted: int) -> Array:
    """The transforms back of rows, the first columns of each, a few rows at a time."""
    out = np.empty((*spectra.shape[:-1], wanted), np.finfo(spectra.dtype).dtype)
    flat, results = spectra.reshape(-1, spectra.shape[-1]), out.reshape(-1, wanted)
    height = _rows_at_once(columns, out.dtype)

    def run(part: slice) -> None:
        results[part] = _irfft(flat[part], columns)[:, :wanted]

    _share(run, (slice(first, first + height) for first in range(0, len(flat), height)))
    return out
