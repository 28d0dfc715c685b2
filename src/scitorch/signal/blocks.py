"""Direct convolution and correlation of matrices as matrix products.

SciPy's loops do some 2 · 10⁹ multiplications a second, a matrix product ten times as many. So the signal is cut into
blocks of ``width`` outputs. Each is a window of ``width + taps - 1`` samples times the band matrix of the taps, and all
windows together are one matrix. The products with the zeros beside the band are the price; tiles that fit into the
cache keep the copies cheap.

For the correlation of two long signals at a few lags the windows of one are multiplied with the blocks of the other,
and the diagonals of that small matrix added up.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[Any]

_LEAST, _MOST = 1 << 16, 1 << 10  # products, so that the rest doesn't matter; taps
_TILE = 1 << 16  # numbers


def pay(outputs: Sequence[int], taps: Sequence[int], *operands: Array) -> bool:
    """Whether it is worth it, and possible: infinities and NaN would spread over a block's zeros."""
    # NumPy's and SciPy's own loops are good for a few taps, and BLAS's inner products for many.
    few = taps[0] == 1 and taps[1] < 12
    if math.prod(outputs) * math.prod(taps) < _LEAST or few or not 1 < taps[1] <= _MOST:
        return False
    with np.errstate(all="ignore"):
        return all(np.isfinite(x.sum()) for x in operands)


def correlate(signal: Array, taps: Array, out: Array) -> None:
    """Fill ``out[i, j] = Σ signal[i+p, j+q] taps[p, q]``, of signals with more columns than taps."""
    lags, width = taps.shape[-1], _width(taps.shape[-1])
    whole = out.shape[1] // width * width
    matrices = np.zeros((len(taps), width + lags - 1, width), taps.dtype)
    matrices[(slice(None), *_band(lags, width))] = taps[:, :, None]
    for rows, columns, windows in _tiles(signal, out.shape[0], whole, lags):
        count = windows.shape[1] * (rows.stop - rows.start)
        flat = windows.reshape(-1, windows.shape[-1])
        total = flat[:count] @ matrices[0]
        for p in range(1, len(taps)):
            total += flat[p * windows.shape[1] :][:count] @ matrices[p]
        out[rows, columns] = total.reshape(rows.stop - rows.start, -1)
    if 0 < whole < out.shape[1]:  # one more block, which ends where the signal does
        correlate(signal[:, out.shape[1] - width :], taps, out[:, out.shape[1] - width :])
    elif whole == 0:
        short = np.empty((out.shape[0], width), out.dtype)
        correlate(_filled(signal, width + lags - 1), taps, short)
        out[...] = short[:, : out.shape[1]]


def convolve(signal: Array, taps: Array) -> Array:
    """Full convolution, of signals with more columns than taps."""
    (m, n), (k, l) = signal.shape, taps.shape
    out, turned = np.empty((m + k - 1, n + l - 1), signal.dtype), np.ascontiguousarray(taps[::-1, ::-1])
    if k > 1:
        correlate(np.pad(signal, ((k - 1, k - 1), (l - 1, l - 1))), turned, out)
        return out
    # A longer copy of the signal would take as long as the rest: its ends only.
    correlate(signal, turned, out[:, l - 1 : n])
    correlate(np.pad(signal[:, : l - 1], ((0, 0), (l - 1, 0))), turned, out[:, : l - 1])
    correlate(np.pad(signal[:, n - l + 1 :], ((0, 0), (0, l - 1))), turned, out[:, n:])
    return out


def correlate_lags(signal: Array, other: Array) -> Array:
    """``Σ signal[i+p, j+q] other[i, j]``, of few lags p and q."""
    (k, lags), columns = np.subtract(signal.shape, other.shape) + 1, other.shape[1]
    width = _width(lags)
    whole = columns // width * width
    sums = np.zeros((k, width + lags - 1, width), signal.dtype)
    for rows, part, windows in _tiles(signal, other.shape[0], whole, lags):
        right = other[rows, part].reshape(-1, width)
        flat = windows.reshape(-1, windows.shape[-1])
        for p in range(k):
            sums[p] += flat[p * windows.shape[1] :][: len(right)].T @ right
    result = sums[(slice(None), *_band(lags, width))].sum(-1)
    if whole < columns:
        result += correlate_lags(_filled(signal[:, whole:], width + lags - 1), _filled(other[:, whole:], width))
    return result


def _width(lags: int) -> int:
    """Outputs of a block: as measured, between the zeros beside a wide band and the copies for a narrow one."""
    return min(16 * (1 + lags // 64), 48)


def _band(lags: int, width: int) -> tuple[Array, Array]:
    """Rows and columns of the band's elements, one row for each lag."""
    column = np.arange(width)
    return np.arange(lags)[:, None] + column, np.broadcast_to(column, (lags, width))


def _filled(x: Array, columns: int) -> Array:
    return np.pad(x, ((0, 0), (0, columns - x.shape[1])))


def _tiles(signal: Array, rows: int, columns: int, lags: int) -> Iterator[tuple[slice, slice, Array]]:
    """Tiles of an output of so many rows and columns, with the windows of the signal that they see."""
    width = _width(lags)
    if columns == 0:
        return
    windows = sliding_window_view(signal, width + lags - 1, axis=1)[:, :columns:width]
    above = len(signal) - rows
    across = min(windows.shape[1], max(1, _TILE // (windows.shape[2] * (1 + above))))
    down = max(1 + above, _TILE // (windows.shape[2] * across)) - above
    for row in range(0, rows, down):
        for block in range(0, windows.shape[1], across):
            until, last = min(row + down, rows), min(block + across, windows.shape[1])
            tile = np.ascontiguousarray(windows[row : until + above, block:last])
            yield slice(row, until), slice(block * width, last * width), tile
