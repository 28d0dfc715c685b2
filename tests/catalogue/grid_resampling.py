"""Resampling: rates, lengths, axes, extensions, windows, domains, dtypes."""

import itertools

import numpy as np
import scipy.signal

from catalogue.case import Case
from scitorch import signal

RNG = np.random.default_rng(17)
DTYPES = np.float32, np.float64, np.complex64, np.complex128
MODES = "constant", "wrap", "edge", "smooth", "symmetric", "reflect", "antisymmetric", "antireflect", "line"


def normal(*shape, dtype=np.float64):
    x = np.asarray(RNG.normal(size=shape))
    return (x + 1j * RNG.normal(size=shape) if np.dtype(dtype).kind == "c" else x).astype(dtype)


def case(name, *arguments, **options):
    return Case(getattr(signal, name), getattr(scipy.signal, name), arguments, options)


CASES = [
    *(
        case("upfirdn", normal(k), normal(*shape), up, down, axis)
        for k, (shape, axis), up, down in itertools.product(
            (1, 2, 5), [((6,), -1), ((2, 3), 0), ((1,), 0), ((2, 1, 4), -1)], (1, 2, 3), (1, 2, 3, 7)
        )
    ),
    *(
        case("upfirdn", normal(k), normal(2, n), up, down, mode=mode, cval=cval)
        for k, n, (up, down), mode, cval in itertools.product(
            (4, 11), (2, 5), [(1, 1), (2, 1), (3, 2), (2, 4)], MODES, (0,)
        )
    ),
    *(case("upfirdn", normal(4), normal(6), 2, 3, cval=1.5, mode=mode) for mode in ("constant", "odd")),
    *(case("upfirdn", normal(3, dtype=a), normal(5, dtype=b), 2, 1) for a, b in itertools.product(DTYPES, DTYPES)),
    *(case("upfirdn", h, normal(5)) for h in (normal(0), normal(2, 2), [1.0, 2.0])),
    *(case("upfirdn", normal(2), normal(3), *rates) for rates in [(0, 1), (1, 0), (1, -1)]),
    *(
        case("resample_poly", normal(*shape), up, down, axis, padtype=padtype)
        for (shape, axis), (up, down), padtype in itertools.product(
            [((30,), 0), ((2, 25), 1)],
            [(1, 1), (2, 1), (1, 2), (3, 2), (4, 6), (2, 5)],
            (*MODES, "mean", "median", "minimum", "maximum"),
        )
    ),
    *(
        case("resample_poly", normal(20, dtype=dtype), up, down, window=window)
        for dtype, (up, down), window in itertools.product(
            DTYPES, [(2, 1), (2, 3)], ("hamming", ("kaiser", 3.0), [0.5, 1.0, 0.25])
        )
        if not isinstance(window, list) or dtype in (np.float64, np.complex128)  # numbers are constants here
    ),
    *(case("resample_poly", normal(*shape), 2, 3) for shape in [(1,), (2, 3), (5, 1)]),
    case("resample_poly", normal(9), 2, 3, cval=2.0),
    case("resample_poly", normal(9), 2, 3, padtype="mean", cval=2.0),
    case("resample_poly", normal(9), 2, 3, padtype="odd"),
    case("resample_poly", normal(9), 0, 3),
    *(
        case("resample", normal(*shape, dtype=dtype), num, None, axis, window, domain)
        for (shape, axis), dtype, num, window, domain in itertools.product(
            [((6,), 0), ((2, 7), 1)],
            (np.float64, np.complex128),
            (1, 2, 5, 6, 7, 8, 13),
            (None, "hamming", ("kaiser", 2.0)),
            ("time", "freq"),
        )
        if domain == "time" or dtype == np.complex128
    ),
    *(case("resample", normal(1, dtype=dtype), num) for dtype, num in itertools.product(DTYPES, (1, 2, 3))),
    *(case("resample", normal(4, 2, dtype=dtype), 6) for dtype in DTYPES),
    *(case("resample", normal(6), num, np.arange(6) / 3) for num in (3, 6, 9)),
    case("resample", normal(6), 3, domain="odd"),
    *(
        case("hilbert", normal(*shape, dtype=dtype), n, axis)
        for (shape, axis), n, dtype in itertools.product(
            [((6,), -1), ((7,), 0), ((3, 4), 0), ((2, 1), 1)], (None, 1, 2, 5, 8, 0), (np.float32, np.float64)
        )
    ),
    case("hilbert", normal(4, dtype=np.complex128)),
]
