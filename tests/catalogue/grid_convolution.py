"""Convolutions: modes, methods, boundaries, numbers of dimensions, axes, dtypes, shapes that match and that don't."""

import itertools

import numpy as np
import scipy.signal

from catalogue.case import Case
from scitorch import signal

RNG = np.random.default_rng(13)
MODES = "full", "same", "valid"
DTYPES = np.float32, np.float64, np.complex64, np.complex128
PAIRS = [
    ((5,), (3,)),
    ((3,), (5,)),
    ((1,), (4,)),
    ((1,), (1,)),
    ((), ()),
    ((4, 5), (2, 3)),
    ((2, 3), (4, 5)),
    ((4, 2), (2, 4)),
    ((1, 5), (1, 3)),
    ((5, 1), (3, 1)),
    ((5, 1), (1, 3)),
    ((3, 4, 2), (2, 2, 2)),
    ((2, 2, 1), (3, 4, 2)),
    ((2, 1, 3, 2), (1, 2, 2, 2)),
    ((4,), (2, 2)),
]


def normal(*shape, dtype=np.float64):
    x = np.asarray(RNG.normal(size=shape))
    return (x + 1j * RNG.normal(size=shape) if np.dtype(dtype).kind == "c" else x).astype(dtype)


def case(name, *arguments, **options):
    precisions = {np.finfo(x.dtype).bits for x in arguments if isinstance(x, np.ndarray)}
    # SciPy transforms an argument of single precision in that, even beside one of double precision.
    rtol = 1e-4 if len(precisions) > 1 else None
    return Case(getattr(signal, name), getattr(scipy.signal, name), arguments, options, rtol)


CASES = [
    *(
        case(name, normal(*one), normal(*two), mode, method)
        for name, (one, two), mode, method in itertools.product(
            ("convolve", "correlate"), PAIRS, MODES, ("auto", "direct", "fft")
        )
    ),
    *(
        case(name, normal(*one, dtype=dtype), normal(*two, dtype=other), mode, method)
        for name, (one, two), dtype, other, mode, method in itertools.product(
            ("convolve", "correlate"),
            [((6,), (3,)), ((4, 3), (2, 2))],
            DTYPES[2:],
            DTYPES,
            MODES[:2],
            ("direct", "fft"),
        )
    ),
    *(
        case(name, normal(*one), normal(*two), mode, axes)
        for name, (one, two), mode, axes in itertools.product(
            ("fftconvolve", "oaconvolve"),
            [((4, 5), (2, 3)), ((4, 5), (1, 3)), ((2, 5), (4, 5)), ((3, 4), (3, 4)), ((1, 7), (3, 2))],
            MODES,
            (None, 0, -1, (0, 1), (1, 0), (0, 0), (), 2),
        )
    ),
    *(
        case(name, normal(*one), normal(*two), mode)
        for name, (one, two), mode in itertools.product(
            ("fftconvolve", "oaconvolve"),
            [
                *PAIRS,
                ((0,), (3,)),
                ((300,), (5,)),
                ((7,), (400,)),
                ((200, 3), (4, 2)),
                ((150, 90), (5, 4)),
                ((150, 4), (5, 120)),
            ],
            MODES,
        )
    ),
    *(
        case("oaconvolve", normal(301, dtype=dtype), normal(6, dtype=other))
        for dtype, other in itertools.product(DTYPES, DTYPES)
        if np.result_type(dtype, other) in (dtype, other)
    ),
    *(
        case(name, normal(*one), normal(*two), mode, boundary)
        for name, (one, two), mode, boundary in itertools.product(
            ("convolve2d", "correlate2d"),
            [((4, 5), (2, 3)), ((2, 3), (4, 5)), ((3, 3), (1, 4)), ((1, 1), (3, 2)), ((4, 3), (3, 4)), ((4,), (2,))],
            MODES,
            ("fill", "wrap", "symm"),
        )
    ),
    *(
        case(name, normal(4, 5, dtype=dtype), normal(2, 3, dtype=dtype), mode, "fill", value)
        for name, dtype, mode, value in itertools.product(("convolve2d", "correlate2d"), DTYPES, MODES, (1, -0.5))
    ),
    *(
        case(name, normal(3, 3), normal(2, 2), mode, boundary)
        for name, mode, boundary in itertools.product(("convolve2d", "correlate2d"), ("odd", "full"), ("fill", "odd"))
    ),
]
