"""Recursive filters: orders of both sides, axes, dtypes, states given, broadcast and wrong, extensions of all kinds."""

import itertools

import numpy as np
import scipy.signal

from catalogue.case import Case
from scitorch import signal

RNG = np.random.default_rng(11)
DTYPES = np.float32, np.float64, np.complex64, np.complex128


def normal(*shape, dtype=np.float64):
    x = RNG.normal(size=shape)
    return (x + 1j * RNG.normal(size=shape) if np.dtype(dtype).kind == "c" else x).astype(dtype)


def poles(n, dtype=np.float64):
    a = 0.5 * normal(n, dtype=dtype) / n
    a[0] = 1.5
    return a


def sections(n, dtype=np.float64):
    sos = np.concatenate([normal(n, 3, dtype=dtype), 0.3 * normal(n, 3, dtype=dtype)], 1)
    sos[:, 3] = 1
    return sos


def case(name, *arguments, **options):
    return Case(getattr(signal, name), getattr(scipy.signal, name), arguments, options)


def state(order, shape, axis, kind, dtype=np.float64):
    full = list(shape)
    full[axis] = order
    if kind == "broadcast":
        full = [1 if k != axis % len(shape) else s for k, s in enumerate(full)]
    elif kind == "wrong":
        full[axis] += 1
    return normal(*full, dtype=dtype)


def lfilter_with_state(k, l, shape, axis, kind, dtype=np.float64):
    zi = state(max(k, l) - 1, shape, axis, kind, dtype)
    return case("lfilter", normal(k, dtype=dtype), poles(l, dtype), normal(*shape, dtype=dtype), axis, zi)


BUTTER = scipy.signal.butter(3, 0.2), scipy.signal.butter(2, [0.2, 0.5], "bandpass"), scipy.signal.cheby1(5, 1, 0.3)
SECTIONS = [scipy.signal.butter(n, w, "highpass", output="sos") for n, w in [(3, 0.2), (6, 0.3), (1, 0.5)]]

CASES = [
    *(
        case("lfilter", normal(k), poles(l), normal(*shape), axis)
        for k, l, (shape, axis) in itertools.product(
            (1, 2, 4),
            (1, 2, 3),
            [((7,), -1), ((2, 5), 0), ((2, 1), 1), ((3, 0, 4), -1), ((4, 2, 3), -2), ((9, 3), -1)],
        )
        if l > 1 or 0 not in shape  # SciPy's path for finite filters cannot take an empty batch
    ),
    *(
        case("lfilter", normal(k, dtype=dtype), poles(l, dtype), normal(2, 6, dtype=other))
        for k, l, dtype, other in itertools.product((1, 3), (1, 2, 3), DTYPES, DTYPES)
    ),
    *(
        lfilter_with_state(k, l, shape, axis, kind)
        for k, l, (shape, axis), kind in itertools.product(
            (1, 2, 3), (1, 2, 4), [((6,), 0), ((2, 3), -1), ((3, 2), 0)], ("full", "broadcast", "wrong")
        )
        if len(shape) > 1 or kind == "full"
    ),
    *(lfilter_with_state(2, l, (2, 5), 1, "full", dtype) for l, dtype in itertools.product((1, 3), DTYPES)),
    case("lfilter", normal(3), np.array([0.0, 1.0]), normal(4)),
    case("lfilter", normal(0), normal(2), normal(4)),
    case("lfilter", normal(2, 2), normal(2), normal(4)),
    case("lfilter", [1.0, 2.0], [1.0, 0.5], normal(4)),
    case("lfilter", 2.0, 0.5, normal(4)),
    *(
        case("sosfilt", sections(s, dtype), normal(*shape, dtype=dtype), axis)
        for s, dtype, (shape, axis) in itertools.product(
            (1, 2, 3), DTYPES, [((7,), -1), ((2, 5), 0), ((3, 0), -1), ((0, 4), -1), ((4, 2, 3), -2)]
        )
    ),
    *(
        case("sosfilt", sections(s), normal(4, 3), axis, normal(s, 2, 3) if axis == 0 else normal(s, 4, 2))
        for s, axis in itertools.product((1, 2), (0, -1))
    ),
    case("sosfilt", sections(2), normal(4, 3), -1, normal(2, 1, 2)),
    case("sosfilt", normal(2, 5), normal(4)),
    *(
        case("filtfilt", *ba, normal(*shape), axis, padtype, padlen)
        for ba, (shape, axis), padtype, padlen in itertools.product(
            BUTTER, [((20,), -1), ((2, 25), -1), ((18, 2), 0)], ("odd", "even", "constant", None), (None, 0, 3)
        )
    ),
    *(case("filtfilt", normal(k), poles(l), normal(16)) for k, l in itertools.product((1, 2, 4), (1, 2, 3))),
    *(case("filtfilt", *BUTTER[0], normal(9), padtype=padtype) for padtype in ("odd", "odder", None)),
    *(
        case("sosfiltfilt", sos, normal(*shape), axis, padtype, padlen)
        for sos, (shape, axis), padtype, padlen in itertools.product(
            SECTIONS, [((20,), -1), ((2, 25), -1), ((18, 2), 0)], ("odd", "even", "constant", None), (None, 0, 3)
        )
    ),
    *(case("sosfiltfilt", SECTIONS[0].astype(dtype), normal(30, dtype=dtype)) for dtype in DTYPES),
]
