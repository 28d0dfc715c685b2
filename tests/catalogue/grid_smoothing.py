"""Savitzky-Golay filters: windows even and odd, orders, derivatives, ends, axes, dtypes."""

import itertools

import numpy as np
import scipy.signal

from catalogue.case import Case
from scitorch import signal

RNG = np.random.default_rng(19)
MODES = "interp", "mirror", "nearest", "wrap", "constant"


def case(*arguments, **options):
    return Case(signal.savgol_filter, scipy.signal.savgol_filter, arguments, options)


CASES = [
    *(
        case(RNG.normal(size=shape), window, order, deriv, 0.5, axis, mode)
        for (shape, axis), (window, order), deriv, mode in itertools.product(
            [((9,), -1), ((2, 12), -1), ((8, 3), 0)],
            [(1, 0), (3, 1), (5, 2), (4, 2), (7, 3), (6, 1), (8, 3)],
            (0, 1, 2),
            MODES,
        )
    ),
    *(case(RNG.normal(size=10).astype(np.float32), 5, 2, mode=mode, cval=2.0) for mode in MODES),
    *(case(RNG.normal(size=n), 7, 2, mode=mode) for n, mode in itertools.product((1, 2, 4), MODES)),
    *(case(RNG.normal(size=9), window, 4, mode=mode) for window, mode in itertools.product((4, 3), (*MODES, "odd"))),
]
