"""Recursive filters of arrays and their gradients: by the compiled kernels, else by SciPy's loops."""

from typing import Any

import numpy as np
import scipy.linalg
import scipy.signal
from numpy.typing import NDArray

from scitorch._kernels import recursion

from .sums import correlate_valid

Array = NDArray[Any]
Pair = tuple[Array, Array]  # gradients of the result and of the last state

_BLOCK = 1 << 16


def spread(array: Array, batch: tuple[int, ...], core: int = 1) -> Array:
    """In these leading dimensions; as it is where it has them, since `numpy.broadcast_to` takes 3 µs for nothing."""
    shape = array.shape[array.ndim - core :]
    return array if array.shape == (*batch, *shape) else np.broadcast_to(array, (*batch, *shape))


def filter_section(b: Array, a: Array, x: Array, zi: Array, y: Array) -> Array:
    """Fill y, block after block, and return the last state.

    SciPy, for what no compiled kernel takes, copies a read-only signal. In blocks the copies stay in the cache; of the
    whole signal, the fresh memory costs as much time as the filter. The state passes from one block to the next
    without rounding.
    """
    if recursion.available(x.dtype) and a[0] != 0 and x.size:
        return recursion.filter_section(b, a, x, zi, y)
    size = max(1, _BLOCK // max(1, x[..., 0:1].size))
    for start in range(0, x.shape[-1], size):
        block = np.s_[..., start : start + size]
        y[block], zi = scipy.signal.lfilter(b, a, x[block].copy(), zi=zi)
    return zi


def filter_cascade(sos: Array, x: Array, zi: Array, y: Array) -> Array:
    """As `filter_section`; SciPy copies every signal, and returns a view."""
    if recursion.available(x.dtype) and x.size:
        return np.moveaxis(recursion.filter_cascade(sos, x, np.moveaxis(zi, 0, -2), y), -2, 0)
    size = max(1, _BLOCK // max(1, x[..., 0:1].size))
    for start in range(0, max(1, x.shape[-1]), size):  # once for no samples too, which SciPy refuses
        block = np.s_[..., start : start + size]
        y[block], zi = scipy.signal.sosfilt(sos, x[block], zi=zi)
    return zi


def section_gradients(b: Array, a: Array, g: Pair, x: Array, y: Array, out: Array) -> tuple[Array, Array, Array]:
    """Fill `out` with x's gradient, and return those of b, a and the first state, given those of y and the last one.

    a is without ``a[0]``, which is 1. The derivation is at the head of `recursive`.
    """
    if recursion.available(x.dtype) and x.size:
        return recursion.section_gradients(b, a, g, x, y, out)
    samples, order = x.shape[-1], len(a)
    u = np.empty((*x.shape[:-1], samples + order), x.dtype)
    u[..., samples:] = g[1]
    poles = np.concatenate([np.ones(1, a.dtype), a.conj()])
    one = np.eye(1, order + 1, dtype=x.dtype)[0]
    state = -g[1] @ scipy.linalg.hankel(a.conj())
    filter_section(one, poles, g[0][..., ::-1], state, u[..., :samples][..., ::-1])
    out[...] = _correlate(u, b)
    return _correlate(u, x), -_correlate(u, y)[..., 1:], u[..., :order]


def _correlate(u: Array, other: Array) -> Array:
    return correlate_valid(u[..., None, :], other[..., None, :])[..., 0, :]


def cascade_gradients(b: Array, a: Array, g: Pair, x: Array, zi: Array, out: Array) -> tuple[Array, Array, Array]:
    """The same of a cascade, given its states (..., s, 2) before the first sample."""
    if recursion.available(x.dtype) and x.size:
        return recursion.cascade_gradients(b, a, g, x, zi, out)
    signals = [x]
    for taps, tail, state in zip(b, a, np.moveaxis(zi, -2, 0), strict=True):
        signals.append(np.empty_like(out))
        filter_section(taps, np.concatenate([np.ones(1, a.dtype), tail]), signals[-2], state, signals[-1])
    gb, ga, gzi = (np.empty((*x.shape[:-1], *like.shape[-2:]), x.dtype) for like in (b, a, zi))
    gradient = g[0]
    for k in reversed(range(len(b))):
        pair = gradient, g[1][..., k, :]
        gradient = np.empty_like(out)
        found = section_gradients(b[k], a[k], pair, signals[k], signals[k + 1], gradient)
        gb[..., k, :], ga[..., k, :], gzi[..., k, :] = found
    out[...] = gradient
    return gb, ga, gzi
