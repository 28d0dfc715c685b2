"""Gaussian filters: standard deviations, orders, ends, radii, axes, dtypes."""

import itertools

import numpy as np
import scipy.ndimage

from catalogue.case import Case
from scitorch import ndimage

RNG = np.random.default_rng(23)
MODES = "reflect", "mirror", "nearest", "wrap", "constant", "grid-mirror", "grid-wrap", "grid-constant"


def case(*arguments, **options):
    return Case(ndimage.gaussian_filter, scipy.ndimage.gaussian_filter, arguments, options)


def normal(*shape, dtype=np.float64):
    x = np.asarray(RNG.normal(size=shape))
    return (x + 1j * RNG.normal(size=shape) if np.dtype(dtype).kind == "c" else x).astype(dtype)


CASES = [
    *(
        case(normal(*shape), sigma, order, None, mode, 0.5)
        for shape, sigma, order, mode in itertools.product(
            [(7,), (4, 5), (1,), (4, 3, 3)], (0.7, 2.0, 0.0), (0, 1, 2, 3), MODES
        )
        if shape != (1,) or order % 2 == 0  # all the rest are zero up to rounding
    ),
    *(
        case(normal(3, 4, dtype=dtype), 0.8, mode=mode)
        for dtype, mode in itertools.product((np.float32, np.complex64, np.complex128), MODES[:5])
    ),
    *(
        case(normal(3, 4), sigma, order, mode=mode, radius=radius, axes=axes)
        for (sigma, order, mode, radius), axes in itertools.product(
            [(1.0, 0, "wrap", 2), ((0.5, 1.0), (0, 1), ("mirror", "nearest"), (1, 3)), (0.6, 1, "reflect", 0)],
            (None, 0, -1, (0, 1), (1, 0), (1, 1), 2),
        )
    ),
    *(case(normal(6), 1.0, truncate=truncate) for truncate in (0.4, 1.0, 2.5)),
    case(normal(6), 1.0, -1),
    case(normal(6), 1.0, radius=-1),
    case(normal(6), 1.0, mode="odd"),
    case(normal(2, 0), 1.0),
]
