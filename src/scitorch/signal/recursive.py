"""The two operators beneath recursive filters: one section in transposed direct form II, and a cascade of them.

Derivation of the rules, for ``a[0] = 1``; `*` is convolution, K the order. The outputs y and the final state zf are
quotient and remainder of a division by the polynomial a:

    a * y + [0 … 0, zf] = b * x + [zi, 0 … 0],        both sides of length N + K.

With L the matrix of the left side, u solves ``Lᵀ u = [gy, gzf]``: its last K samples are gzf, and the others follow
from them by the recursion with a, backwards in time. From u come all gradients: b gets the lags 0 … K of its
correlation with x, a minus those with y, zi gets the first K samples, x gets b correlated with u. The operators of
`recursive_gradients` do all of it in one pass. That last one alone is the filter itself, run backwards over gy, with a
state that its own past (gzf) left behind.

Both operators run in either direction of time, so that no signal has to be turned round.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator

from . import sections
from .direct import convolve_last, correlate_last
from .recursive_gradients import cascade_gradients, section_gradients

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
    x, zi = (sections.spread(array, shape) for array in (x, zi))
    y, zf = np.empty(x.shape, x.dtype), np.empty(zi.shape, x.dtype)
    x, result = (x[..., ::-1], y[..., ::-1]) if reverse else (x, y)
    if b.ndim == a.ndim == 1:
        zf[...] = sections.filter_section(b, a, x, zi, result)
        return y, zf
    b, a = (sections.spread(array, shape) for array in (b, a))
    for index in np.ndindex(*shape):
        zf[index] = sections.filter_section(b[index], a[index], x[index], zi[index], result[index])
    return y, zf


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
    x = sections.spread(x, shape)
    zi = sections.spread(zi, shape, 2)
    # SciPy refuses other sos[..., 3] than an exact 1, and arrays that it cannot write to.
    sos = np.divide(sos, sos[..., 3:4], order="C")
    sos[..., 3] = 1
    y, zf = np.empty(x.shape, x.dtype), np.empty(zi.shape, x.dtype)
    x, result = (x[..., ::-1], y[..., ::-1]) if reverse else (x, y)
    if sos.ndim == 2:
        zf[...] = np.moveaxis(sections.filter_cascade(sos, x, np.moveaxis(zi, -2, 0), result), 0, -2)
        return y, zf
    sos = sections.spread(sos, shape, 2)
    for index in np.ndindex(*shape):
        zf[index] = sections.filter_cascade(sos[index].copy(), x[index], zi[index], result[index])
    return y, zf


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


Parts = tuple[Tensor, ...]


def _forwards(x: Tensor, reverse: bool) -> Tensor:
    return x.flip(-1) if reverse else x


def _with_one(tail: Tensor) -> Tensor:
    """A denominator, from all of it but ``a[0] = 1``."""
    return F.pad(tail, (1, 0), value=1)


def _scaled(gb: Tensor, ga: Tensor, b: Tensor, a: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of b and a, from those of both divided by ``a[0]``, which is `scale`; a without its first."""
    first = torch.linalg.vecdot(b, gb) + torch.linalg.vecdot(a, ga)  # which conjugates b and a
    scale = scale.conj()
    return gb / scale, torch.cat([-first[..., None], ga], -1) / scale


@filter_section.vjp("b", "a", "zi")
def _section_vjp(g: Parts, b: Tensor, a: Tensor, x: Tensor, out: Parts, reverse: bool) -> dict[str, Tensor]:
    scale, (b, a) = a[..., :1], _normalized(b, a)
    gb, ga, gx, gzi = section_gradients(*g, b, a[..., 1:], x, out[0], reverse=reverse)
    gb, ga = _scaled(gb, ga, b, a[..., 1:], scale)
    return {"b": gb, "a": ga, "x": gx, "zi": gzi}


@filter_section.vjp("x")  # alone; with the others it comes along
def _section_vjp_x(g: Parts, b: Tensor, a: Tensor, reverse: bool) -> dict[str, Tensor]:
    b, a = _normalized(b.conj(), a.conj())
    return {"x": filter_section(b, a, g[0], _state_after(b, a, g[1]), reverse=not reverse)[0]}


def _divided(right: Tensor, a: Tensor, samples: int) -> tuple[Tensor, Tensor]:
    """The y and zf of ``a * y + [0 … 0, zf] = right``; a without its first, which is 1."""
    one = _with_one(torch.zeros_like(a))
    state = right[..., samples:]
    y, zf = filter_section(one, _with_one(a), right[..., :samples], torch.zeros_like(state))
    return y, zf + state


def _section_jvp(b_dot: Tensor, a_dot: Tensor, a: Tensor, x: Tensor, y: Tensor, *, reverse: bool) -> Parts:
    """From ``a * ẏ + [0 … 0, żf] = ḃ * x - ȧ * y``, for ``a[0] = 1``; a without its first."""
    right = convolve_last(_forwards(x, reverse), b_dot) - convolve_last(_forwards(y, reverse), a_dot)
    samples = x.shape[-1]
    y_dot, zf_dot = _divided(right, a, samples)
    return _forwards(y_dot, reverse), zf_dot


def _section_jvp_b(tangent: Tensor, a: Tensor, x: Tensor, out: Parts, reverse: bool) -> Parts:
    b_dot, a = _normalized(tangent, a)
    return _section_jvp(b_dot, torch.zeros_like(a), a[..., 1:], x, out[0], reverse=reverse)


def _section_jvp_a(tangent: Tensor, b: Tensor, a: Tensor, x: Tensor, out: Parts, reverse: bool) -> Parts:
    tangent = tangent / a[..., :1]
    b, a = _normalized(b, a)
    first = tangent[..., :1]
    return _section_jvp(-b * first, tangent - a * first, a[..., 1:], x, out[0], reverse=reverse)


filter_section.jvp(
    b=_section_jvp_b,
    a=_section_jvp_a,
    x=lambda tangent, b, a, zi, reverse: filter_section(b, a, tangent, torch.zeros_like(zi), reverse=reverse),
    zi=lambda tangent, b, a, x, reverse: filter_section(b, a, torch.zeros_like(x), tangent, reverse=reverse),
)


@filter_cascade.vjp("sos", "zi")
def _cascade_vjp(g: Parts, sos: Tensor, x: Tensor, zi: Tensor, reverse: bool) -> dict[str, Tensor]:
    scale, (b, a) = sos[..., 3:4], _normalized(sos[..., :3], sos[..., 3:])
    gb, ga, gx, gzi = cascade_gradients(*g, b, a[..., 1:], x, zi, reverse=reverse)
    gsos = torch.cat(_scaled(gb, ga, b, a[..., 1:], scale), -1)
    return {"sos": gsos, "x": gx, "zi": gzi}


@filter_cascade.vjp("x")
def _cascade_vjp_x(g: Parts, sos: Tensor, reverse: bool) -> dict[str, Tensor]:
    sos = sos.conj()
    b, a = _normalized(sos[..., :3], sos[..., 3:])
    states = _state_after(b, a, g[1]).flip(-2)
    return {"x": filter_cascade(torch.cat([b, a], -1).flip(-2), g[0], states, reverse=not reverse)[0]}


filter_cascade.jvp(
    x=lambda tangent, sos, zi, reverse: filter_cascade(sos, tangent, torch.zeros_like(zi), reverse=reverse),
    zi=lambda tangent, sos, x, reverse: filter_cascade(sos, torch.zeros_like(x), tangent, reverse=reverse),
)


def _against_time(gy: Tensor, gzf: Tensor, a: Tensor) -> Tensor:
    """The u of the derivation above, all of it; time runs forwards."""
    a = _with_one(a.conj())
    one = _with_one(torch.zeros_like(a[..., 1:]))
    u = filter_section(one, a, gy, _state_after(one, a, gzf), reverse=True)[0]
    return torch.cat([u, gzf.expand(*u.shape[:-1], gzf.shape[-1])], -1)


class _Pulled(NamedTuple):
    """Gradients of what `section_gradients` takes."""

    gy: Tensor
    gzf: Tensor
    b: Tensor
    a: Tensor
    x: Tensor
    y: Tensor


def _pulled(h: Parts, u: Tensor, b: Tensor, a: Tensor, x: Tensor, y: Tensor) -> _Pulled:
    """With h the incoming gradients of `section_gradients`, which is linear in u; time runs forwards.

    u is linear in gy and gzf, and the transpose of that is the division by a.
    """
    hb, ha, hx, hzi = h
    samples = x.shape[-1]
    ha = F.pad(ha, (1, 0))
    hu = convolve_last(x, hb) - convolve_last(y, ha) + convolve_last(hx, b) + F.pad(hzi, (0, samples))
    hgy, hgzf = _divided(hu, a, samples)
    return _Pulled(
        hgy,
        hgzf,
        correlate_last(u, hx),
        -correlate_last(u, hgy)[..., 1:],
        correlate_last(u, hb),
        -correlate_last(u, ha),
    )


@section_gradients.vjp
def _section_gradients_vjp(
    g: Parts, gy: Tensor, gzf: Tensor, b: Tensor, a: Tensor, x: Tensor, y: Tensor, reverse: bool
) -> dict[str, Tensor]:
    gy, x, y, hx = (_forwards(signal, reverse) for signal in (gy, x, y, g[2]))
    pulled = _pulled((*g[:2], hx, g[3]), _against_time(gy, gzf, a), b, a, x, y)._asdict()
    return pulled | {name: _forwards(pulled[name], reverse) for name in ("gy", "x", "y")}


@cascade_gradients.vjp
def _cascade_gradients_vjp(
    g: Parts, gy: Tensor, gzf: Tensor, b: Tensor, a: Tensor, x: Tensor, zi: Tensor, reverse: bool
) -> dict[str, Tensor]:
    """All sections forwards, for the signals between them, backwards, for their u, and the way back of both."""
    hb, ha, hx, hzi = g
    gy, hx, signal = (_forwards(one, reverse) for one in (gy, hx, x))
    signals = [signal]
    count = b.shape[-2]
    for k in range(count):
        state = zi[..., k, :]
        signals.append(filter_section(b[..., k, :], _with_one(a[..., k, :]), signals[-1], state)[0])
    us: list[Tensor] = []
    for k in reversed(range(count)):
        us.insert(0, _against_time(gy, gzf[..., k, :], a[..., k, :]))
        gy = correlate_last(us[0], b[..., k, :])
    pulled: list[_Pulled] = []
    for k in range(count):
        h = hb[..., k, :], ha[..., k, :], hx, hzi[..., k, :]
        pulled.append(_pulled(h, us[k], b[..., k, :], a[..., k, :], signals[k], signals[k + 1]))
        hx = pulled[-1].gy
    # The signals between the sections have gradients of their own, of which each section gives what it filtered some.
    incoming = torch.zeros_like(hx)
    rows: list[Parts] = []
    for k in reversed(range(count)):
        own = incoming + pulled[k].y
        zero = torch.zeros_like(pulled[k].gzf)
        gb, ga, gx, gzi = section_gradients(own, zero, b[..., k, :], a[..., k, :], signals[k], signals[k + 1])
        rows.insert(0, (pulled[k].gzf, pulled[k].b + gb, pulled[k].a + ga, gzi))
        incoming = gx + pulled[k].x
    hgzf, hb, ha, hzi = (torch.stack(part, -2) for part in zip(*rows, strict=True))
    return {"gy": _forwards(hx, reverse), "gzf": hgzf, "b": hb, "a": ha, "x": _forwards(incoming, reverse), "zi": hzi}


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
