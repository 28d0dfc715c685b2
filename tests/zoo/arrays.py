"""Operators with core dimensions: sizes by arithmetic or a function, static arguments, several results."""

import numpy as np
import torch
import torch.nn.functional as F

from scitorch import Sample, operator
from zoo.draw import complex_normal
from zoo.references import reference


def _vectors(rng):
    return [Sample(rng.normal(size=shape)) for shape in [(4,), (2, 3), (2, 1, 1)]]


@operator("(n)->(n)")
def cumulative_looped(x):
    return np.cumsum(x)


@operator("(n)->(n)", batch="native")
def cumulative_native(x):
    """The same as `cumulative_looped`, over the batch at once."""
    return np.cumsum(x, axis=-1)


for _cumulative in (cumulative_looped, cumulative_native):
    _cumulative.vjp(x=lambda g: g.flip(-1).cumsum(-1).flip(-1))
    _cumulative.samples(lambda rng: [*_vectors(rng), Sample(complex_normal(rng, 3))])
    reference(_cumulative, lambda x: x.cumsum(-1))


@operator("(n)->(n),(n)", batch="native", dtype=(None, "integer"))
def sort(x):
    """Integers beside floats."""
    order = np.argsort(x, axis=-1)
    return np.take_along_axis(x, order, -1), order


sort.vjp(x=lambda g, out: torch.zeros_like(g[0]).scatter(-1, out[1], g[0])).samples(_vectors)
reference(sort, lambda x: torch.sort(x, dim=-1))


@operator("(n)->()", batch="native", dtype="integer")
def count_positive(x):
    """A result that carries no gradient, alone; no rule is needed."""
    return np.count_nonzero(x > 0, axis=-1)


count_positive.samples(_vectors)
reference(count_positive, lambda x: (x > 0).sum(-1))


@operator("(n)->(n//2+1)", batch="native", dtype="complex")
def rfft(x):
    """Complex results of real numbers."""
    return np.fft.rfft(x)


rfft.vjp(x=lambda g, x: torch.fft.ifft(g, n=x.shape[-1], norm="forward").real)
rfft.samples(_vectors)
reference(rfft, torch.fft.rfft)


@operator("(n)->()", batch="native", dtype=torch.float64)
def sum_exactly(x):
    """A result of one dtype, whatever the input's."""
    return x.sum(-1, dtype=np.float64)


sum_exactly.vjp(x=lambda g, x: g[..., None].expand(x.shape)).samples(_vectors)
reference(sum_exactly, lambda x: x.sum(-1, dtype=torch.double))


@operator("(n)->(num)", batch="native")
def repeat_to(x, *, num: int):
    """A static argument names a dimension."""
    return np.take(x, np.arange(num) % x.shape[-1], axis=-1)


repeat_to.vjp(x=lambda g, x, num: torch.zeros_like(x).index_add(-1, torch.arange(num) % x.shape[-1], g))
repeat_to.samples(
    lambda rng: [
        Sample(rng.normal(size=3), num=5),
        Sample(rng.normal(size=(2, 3)), num=2),
        Sample(complex_normal(rng, 2), num=4),
    ]
)
reference(repeat_to, lambda x, *, num: x[..., torch.arange(num) % x.shape[-1]])


@operator("(n)->(n)", batch="native")
def every_option(
    x,
    *,
    power: int,
    scale: float = 1.0,
    flip: bool = False,
    side: str = "left",
    shift: int | None = None,
    taps: tuple[int, ...] = (0,),
    span: tuple[float, float] = (0.0, 1.0),
):
    """Static arguments of every kind."""
    rolled = sum(np.roll(x, tap + (shift or 0) * (1 if side == "right" else -1), axis=-1) for tap in taps)
    rolled = rolled[..., ::-1] if flip else rolled
    return span[0] + (span[1] - span[0]) * scale * rolled**power


def _every_option(x, *, power, scale=1.0, flip=False, side="left", shift=None, taps=(0,), span=(0.0, 1.0)):
    rolled = sum(torch.roll(x, tap + (shift or 0) * (1 if side == "right" else -1), -1) for tap in taps)
    rolled = rolled.flip(-1) if flip else rolled
    return span[0] + (span[1] - span[0]) * scale * rolled**power


@every_option.vjp
def _every_option_vjp(g, x, power, scale, flip, side, shift, taps, span):
    sign = 1 if side == "right" else -1
    rolled = sum(torch.roll(x, tap + (shift or 0) * sign, -1) for tap in taps)
    g = (span[1] - span[0]) * scale * (g.flip(-1) if flip else g) * power * rolled ** (power - 1)
    return {"x": sum(torch.roll(g, -tap - (shift or 0) * sign, -1) for tap in taps)}


every_option.samples(
    lambda rng: [
        Sample(rng.normal(size=3), power=2),
        Sample(rng.normal(size=(2, 4)), power=3, scale=-0.5, flip=True, side="right", shift=1, taps=(0, 2)),
        Sample(rng.normal(size=3), power=1, shift=-2, taps=[1, 1, 0], span=(-1.0, 2.5)),
        Sample(rng.normal(size=3), power=2, taps=(1,), span=(1, 3)),
    ]
)
reference(every_option, _every_option)


@operator("(m),(n)->(...)", shape=lambda a, b: (a[0] * b[0],))
def outer_flat(a, b):
    """A shape from a function."""
    return np.outer(a, b).ravel()


outer_flat.vjp(
    a=lambda g, a, b: (g.reshape(*g.shape[:-1], a.shape[-1], b.shape[-1]) * b[..., None, :]).sum(-1),
    b=lambda g, a, b: (g.reshape(*g.shape[:-1], a.shape[-1], b.shape[-1]) * a[..., :, None]).sum(-2),
)
outer_flat.samples(
    lambda rng: [
        Sample(rng.normal(size=2), rng.normal(size=3)),
        Sample(rng.normal(size=(2, 1, 2)), rng.normal(size=(3, 1))),
    ]
)
reference(outer_flat, lambda a, b: (a[..., :, None] * b[..., None, :]).flatten(-2))


@operator("(n)->(...),(...)", batch="native", shape=lambda x, at: ((at,), (x[0] - at,)))
def split(x, *, at: int):
    """Two shapes from a function, and results that are views of the input."""
    return x[..., :at], x[..., at:]


split.vjp(x=lambda g: torch.cat(g, -1))
split.samples(lambda rng: [Sample(rng.normal(size=4), at=1), Sample(rng.normal(size=(2, 3)), at=0)])
reference(split, lambda x, *, at: (x[..., :at], x[..., at:]))


@operator("(m),(m,n),(n)->()", batch="native")
def form(a, M, b):
    """A joint rule, of which each call uses what it needs."""
    return np.einsum("...m,...mn,...n->...", a, M, b)


@form.vjp
def _form_vjp(g, a, M, b):
    # Products and sums, since matmul takes no real matrix beside a complex one.
    g, a, M, b = g[..., None, None], a.conj()[..., :, None], M.conj(), b.conj()[..., None, :]
    return {"a": (g * M * b).sum(-1), "M": g * a * b, "b": (g * a * M).sum(-2)}


form.samples(
    lambda rng: [
        Sample(rng.normal(size=2), rng.normal(size=(2, 3)), rng.normal(size=3)),
        Sample(rng.normal(size=(2, 1, 2)), rng.normal(size=(2, 2)), rng.normal(size=(3, 2))),
        Sample(complex_normal(rng, 2), complex_normal(rng, 2, 1), rng.normal(size=1)),
    ]
)
reference(form, lambda a, M, b: (a[..., :, None] * M * b[..., None, :]).sum((-2, -1)))


@operator("(3),(3)->(3)", batch="native")
def cross(a, b):
    """Whole numbers as dimensions; each rule is the operator itself."""
    return np.cross(a, b)


cross.vjp(a=lambda g, b: cross(b, g), b=lambda g, a: cross(g, a))
cross.samples(
    lambda rng: [
        Sample(rng.normal(size=3), rng.normal(size=3)),
        Sample(rng.normal(size=(2, 1, 3)), rng.normal(size=(2, 3))),
    ]
)
reference(cross, lambda a, b: torch.linalg.cross(*torch.broadcast_tensors(a, b)))


@operator("(m,n)->(min(m,n))", batch="native")
def diagonal(x):
    """The lesser of two sizes; NumPy gives a view that cannot be written to."""
    return np.diagonal(x, axis1=-2, axis2=-1)


@diagonal.vjp
def _diagonal_vjp(g, x):
    m, n = x.shape[-2:]
    return {"x": F.pad(torch.diag_embed(g), (0, n - min(m, n), 0, m - min(m, n)))}


diagonal.samples(lambda rng: [Sample(rng.normal(size=shape)) for shape in [(2, 3), (3, 2), (2, 2, 2)]])
reference(diagonal, lambda x: torch.diagonal(x, 0, -2, -1))


@operator("(m),(n)->(max(m,n)+m%2)", batch="native")
def add_padded(a, b):
    """The greater of two sizes, and a remainder."""
    size = max(a.shape[-1], b.shape[-1]) + a.shape[-1] % 2
    return sum(np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, size - x.shape[-1])]) for x in (a, b))


add_padded.vjp(a=lambda g, a: g.narrow(-1, 0, a.shape[-1]), b=lambda g, b: g.narrow(-1, 0, b.shape[-1]))
add_padded.samples(
    lambda rng: [
        Sample(rng.normal(size=2), rng.normal(size=3)),
        Sample(rng.normal(size=(2, 3)), rng.normal(size=(1, 2))),
    ]
)


def _add_padded(a, b):
    size = max(a.shape[-1], b.shape[-1]) + a.shape[-1] % 2
    return F.pad(a, (0, size - a.shape[-1])) + F.pad(b, (0, size - b.shape[-1]))


reference(add_padded, _add_padded)
