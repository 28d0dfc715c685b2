"""The two operators beneath recursive filters: one section in transposed direct form II, and a cascade of them.

Derivation of the rules, for ``a[0] = 1``; `*` is convolution, K the order. The outputs y and the final state zf are
quotient and remainder of a division by the polynomial a:

    a * y + [0 … 0, zf] = b * x + [zi, 0 … 0],        both sides of length N + K.

With L the matrix of the left side, u solves ``Lᵀ u = [gy, gzf]``: its last K samples are gzf, and the others follow
from them by the recursion with a, backwards in time. From u come all gradients: b gets the lags 0 … K of its
correlation with x, a minus those with y, zi gets the first K samples, x gets b correlated with u. That last one is
the filter itself, run backwards over gy, with a state that its own past (gzf) left behind.

Both operators run in either direction of time, so that no signal has to be turned round.
"""

from typing import Any, NamedTuple

import numpy as np
import scipy.signal
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from scitorch._kernels import recursion
from scitorch.core import Sample, operator

from .direct import correlate_last

Array = NDArray[Any]


@operator("(k),(k),(n),(j)->(n),(j)", batch="native")
def filter_section(b: Array, a: Array, x: Array, zi: Array, *, reverse: bool = False) -> tuple[Array, Array]:
    """Recursive filter of rational transfer function b / a, with its initial and final state.

    Parameters
    ----------
    b, a : Tensor of shape (..., k)
        Numerator and denominator, with ``a[0] != 0``.
    x : Tensor of shape (..., n)
    zi : Tensor of shape (..., k-1)
        State before the first sample, in transposed direct form II.
    reverse : bool
        Whether time runs from the last sample to the first.

    Returns
    -------
    y : Tensor of shape (..., n)
    zf : Tensor of shape (..., k-1)
        State after the last sample.

    Notes
    -----
    ``a[0] y[n] = Σ b[i] x[n-i] - Σ a[i] y[n-i]``, plus ``a[0] zi[n]`` for the first ``k-1`` samples. The gradients are
    runs of the filter backwards in time, and correlations; see the derivation at the head of this file. To any order
    in all arguments, at a cost that is linear in n.

    References
    ----------
    `scipy.signal.lfilter`.

    Examples
    --------
    >>> import torch
    >>> b, a = torch.tensor([1.0, 0.0]), torch.tensor([1.0, -0.5])
    >>> filter_section(b, a, torch.tensor([1.0, 0.0, 0.0]), torch.zeros(1))
    (tensor([1.0000, 0.5000, 0.2500]), tensor([0.1250]))
    """
    shape = np.broadcast_shapes(*(array.shape[:-1] for array in (b, a, x, zi)))
    x, zi = (np.broadcast_to(array, (*shape, array.shape[-1])) for array in (x, zi))
    y, zf = np.empty(x.shape, x.dtype), np.empty(zi.shape, x.dtype)
    x, result = (x[..., ::-1], y[..., ::-1]) if reverse else (x, y)
    if b.ndim == a.ndim == 1:
        zf[...] = _filter_in_blocks(b, a, x, zi, result)
        return y, zf
    b, a = (np.broadcast_to(array, (*shape, array.shape[-1])) for array in (b, a))
    for index in np.ndindex(*shape):
        zf[index] = _filter_in_blocks(b[index], a[index], x[index], zi[index], result[index])
    return y, zf


_BLOCK = 1 << 16


def _filter_in_blocks(b: Array, a: Array, x: Array, zi: Array, y: Array) -> Array:
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


@operator("(s,6),(n),(s,2)->(n),(s,2)", batch="native")
def filter_cascade(sos: Array, x: Array, zi: Array, *, reverse: bool = False) -> tuple[Array, Array]:
    """Cascade of recursive filters of second order, with its initial and final states.

    Parameters
    ----------
    sos : Tensor of shape (..., s, 6)
        Numerators and denominators of the sections, with ``sos[..., 3] != 0``.
    x : Tensor of shape (..., n)
    zi : Tensor of shape (..., s, 2)
    reverse : bool
        Whether time runs from the last sample to the first.

    Returns
    -------
    y : Tensor of shape (..., n)
    zf : Tensor of shape (..., s, 2)

    Notes
    -----
    ``x`` gets the same cascade, backwards in time and in order. The sections get what `filter_section` gives, from
    the signals between them, which are computed again. To any order in all arguments.

    References
    ----------
    `scipy.signal.sosfilt`.

    Examples
    --------
    >>> import torch
    >>> sos = torch.tensor([[1.0, 0.0, 0.0, 1.0, -0.5, 0.0]])
    >>> filter_cascade(sos, torch.tensor([1.0, 0.0, 0.0]), torch.zeros(1, 2))[0]
    tensor([1.0000, 0.5000, 0.2500])
    """
    shape = np.broadcast_shapes(sos.shape[:-2], x.shape[:-1], zi.shape[:-2])
    x = np.broadcast_to(x, (*shape, x.shape[-1]))
    zi = np.broadcast_to(zi, (*shape, *zi.shape[-2:]))
    # SciPy refuses other sos[..., 3] than an exact 1, and arrays that it cannot write to.
    sos = np.divide(sos, sos[..., 3:4], order="C")
    sos[..., 3] = 1
    y, zf = np.empty(x.shape, x.dtype), np.empty(zi.shape, x.dtype)
    x, result = (x[..., ::-1], y[..., ::-1]) if reverse else (x, y)
    if sos.ndim == 2:
        zf[...] = np.moveaxis(_cascade_in_blocks(sos, x, np.moveaxis(zi, -2, 0), result), 0, -2)
        return y, zf
    sos = np.broadcast_to(sos, (*shape, *sos.shape[-2:]))
    for index in np.ndindex(*shape):
        zf[index] = _cascade_in_blocks(sos[index].copy(), x[index], zi[index], result[index])
    return y, zf


def _cascade_in_blocks(sos: Array, x: Array, zi: Array, y: Array) -> Array:
    """As `_filter_in_blocks`; SciPy copies every signal, and returns a view."""
    if recursion.available(x.dtype) and x.size:
        return np.moveaxis(recursion.filter_cascade(sos, x, np.moveaxis(zi, 0, -2), y), -2, 0)
    size = max(1, _BLOCK // max(1, x[..., 0:1].size))
    for start in range(0, max(1, x.shape[-1]), size):  # once for no samples too, which SciPy refuses
        block = np.s_[..., start : start + size]
        y[block], zi = scipy.signal.sosfilt(sos, x[block], zi=zi)
    return zi


def _state_after(b: Tensor, a: Tensor, past: Tensor) -> Tensor:
    """The state that a filter is in after `past`, latest first, came out of its recursive half.

    With w that output, ``a * w = v`` and ``y = b * w``, split w into past and future. The state is what the future
    of ``a * y - b * v`` owes to the past of w: ``a * [b * past]₊ - b * [a * past]₊``, where ₊ keeps times from 0 on.
    """
    past = past[..., None]
    return (_future(a) @ (_carried(b) @ past) - _future(b) @ (_carried(a) @ past))[..., 0]


def _carried(c: Tensor) -> Tensor:
    """The Hankel matrix ``c[1+i+j]``, which takes a past (latest first) to what it adds to the future."""
    order = c.shape[-1] - 1
    return F.pad(c[..., 1:], (0, order - 1)).unfold(-1, order, 1)


def _future(c: Tensor) -> Tensor:
    """The Toeplitz matrix ``c[i-j]`` of the convolution of the first samples."""
    order = c.shape[-1] - 1
    return F.pad(c[..., :-1], (order - 1, 0)).unfold(-1, order, 1).flip(-1)


def _normalized(b: Tensor, a: Tensor) -> tuple[Tensor, Tensor]:
    return b / a[..., :1], a / a[..., :1]


class _Gradients(NamedTuple):
    b: Tensor
    a: Tensor
    zi: Tensor
    u: Tensor


def _section_gradients(
    g: tuple[Tensor, Tensor], b: Tensor, a: Tensor, x: Tensor, y: Tensor, *, reverse: bool
) -> _Gradients:
    """Gradients of a section, by its recursive half run against its time; u is what the one of x is made of."""
    gy, gzf = g
    order = a.shape[-1] - 1
    scale = a[..., :1].conj()
    b, a = _normalized(b, a)
    one = F.pad(torch.ones_like(a[..., :1]), (0, order))
    u = filter_section(one, a.conj(), gy, _state_after(one, a.conj(), gzf), reverse=not reverse)[0]
    gzf = gzf.expand(*u.shape[:-1], order)
    if reverse:
        u = torch.cat([gzf.flip(-1), u], -1)
        gb, ga = correlate_last(u, x).flip(-1), -correlate_last(u, y).flip(-1)[..., 1:]
        gzi = u[..., u.shape[-1] - order :].flip(-1)
    else:
        u = torch.cat([u, gzf], -1)
        gb, ga = correlate_last(u, x), -correlate_last(u, y)[..., 1:]
        gzi = u[..., :order]
    # a[0] divides b and the rest of a.
    first = -(gb * b.conj()).sum(-1, keepdim=True) - (ga * a[..., 1:].conj()).sum(-1, keepdim=True)
    return _Gradients(gb / scale, torch.cat([first, ga], -1) / scale, gzi, u)


@filter_section.vjp("b", "a", "zi")
def _section_vjp(
    g: tuple[Tensor, Tensor], b: Tensor, a: Tensor, x: Tensor, out: tuple[Tensor, Tensor], reverse: bool
) -> dict[str, Tensor]:
    gradients = _section_gradients(g, b, a, x, out[0], reverse=reverse)
    return {"b": gradients.b, "a": gradients.a, "zi": gradients.zi}


@filter_section.vjp("x")
def _section_vjp_x(g: tuple[Tensor, Tensor], b: Tensor, a: Tensor, reverse: bool) -> dict[str, Tensor]:
    b, a = _normalized(b.conj(), a.conj())
    return {"x": filter_section(b, a, g[0], _state_after(b, a, g[1]), reverse=not reverse)[0]}


filter_section.jvp(
    x=lambda tangent, b, a, zi, reverse: filter_section(b, a, tangent, torch.zeros_like(zi), reverse=reverse),
    zi=lambda tangent, b, a, x, reverse: filter_section(b, a, torch.zeros_like(x), tangent, reverse=reverse),
)


@filter_cascade.vjp("sos", "zi")
def _cascade_vjp(g: tuple[Tensor, Tensor], sos: Tensor, x: Tensor, zi: Tensor, reverse: bool) -> dict[str, Tensor]:
    gy, gzf = g
    sections = [(row[..., :3], row[..., 3:]) for row in sos.unbind(-2)]
    signals = [x]
    for (b, a), state in zip(sections, zi.unbind(-2), strict=True):
        signals.append(filter_section(b, a, signals[-1], state, reverse=reverse)[0])
    rows: list[Tensor] = []
    states: list[Tensor] = []
    for k, (b, a) in reversed(list(enumerate(sections))):
        gradients = _section_gradients((gy, gzf[..., k, :]), b, a, signals[k], signals[k + 1], reverse=reverse)
        taps = b / a[..., :1]
        gy = correlate_last(gradients.u, taps.flip(-1) if reverse else taps)
        rows.insert(0, torch.cat([gradients.b, gradients.a], -1))
        states.insert(0, gradients.zi)
    return {"sos": torch.stack(rows, -2), "zi": torch.stack(states, -2)}


@filter_cascade.vjp("x")
def _cascade_vjp_x(g: tuple[Tensor, Tensor], sos: Tensor, reverse: bool) -> dict[str, Tensor]:
    sos = sos.conj()
    b, a = _normalized(sos[..., :3], sos[..., 3:])
    states = _state_after(b, a, g[1]).flip(-2)
    return {"x": filter_cascade(torch.cat([b, a], -1).flip(-2), g[0], states, reverse=not reverse)[0]}


filter_cascade.jvp(
    x=lambda tangent, sos, zi, reverse: filter_cascade(sos, tangent, torch.zeros_like(zi), reverse=reverse),
    zi=lambda tangent, sos, x, reverse: filter_cascade(sos, torch.zeros_like(x), tangent, reverse=reverse),
)


def _poles(rng: np.random.Generator, *shape: int) -> Array:
    """Stable denominators, which don't begin with 1."""
    a = rng.uniform(-0.4, 0.4, size=shape)
    a[..., 0] = 1.25
    return a


filter_section.samples(
    lambda rng: [
        Sample(rng.normal(size=3), _poles(rng, 3), rng.normal(size=4), rng.normal(size=2)),
        Sample(
            rng.normal(size=(2, 1, 2)), _poles(rng, 2), rng.normal(size=(3, 3)), rng.normal(size=(1, 1)), reverse=True
        ),
        Sample(rng.normal(size=3), _poles(rng, 3) + 0.1j, 1j * rng.normal(size=2), 1j + rng.normal(size=2)),
    ]
)


def _sections(rng: np.random.Generator, *shape: int) -> Array:
    return np.concatenate([rng.normal(size=(*shape, 3)), _poles(rng, *shape, 3)], -1)


filter_cascade.samples(
    lambda rng: [
        Sample(_sections(rng, 2), rng.normal(size=3), rng.normal(size=(2, 2)), reverse=True),
        Sample(_sections(rng, 2, 1), rng.normal(size=(3, 1, 3)), rng.normal(size=(1, 2))),
        Sample(_sections(rng, 1) + 0.1j, 1j + rng.normal(size=2), 1j * rng.normal(size=(1, 2))),
    ]
)
