"""Cosine and sine transforms: every type, norm and way to scale the ends, along every axis, cropped and padded."""

import itertools

import numpy as np
import scipy.fft

from catalogue.case import Case
from scitorch import fft

RNG = np.random.default_rng(7)
TYPES = 1, 2, 3, 4
NORMS = None, "backward", "ortho", "forward"
ONE = "dct", "idct", "dst", "idst"
MANY = "dctn", "idctn", "dstn", "idstn"


def case(name, x, *arguments, **options):
    return Case(getattr(fft, name), getattr(scipy.fft, name), (x, *arguments), options)


def normal(*shape, dtype=np.float64):
    x = RNG.normal(size=shape)
    return (x + 1j * RNG.normal(size=shape) if np.dtype(dtype).kind == "c" else x).astype(dtype)


CASES = [
    *(
        case(name, normal(5), type=type, norm=norm, orthogonalize=ortho)
        for name, type, norm, ortho in itertools.product(ONE, TYPES, NORMS, (None, False, True))
    ),
    *(
        case(name, normal(3, 4), type, n, axis)
        for name, type, n, axis in itertools.product(ONE, TYPES, (None, 1, 2, 6), (0, -1))
    ),
    *(
        case(name, normal(*shape, dtype=dtype), type, norm="ortho")
        for name, type, dtype, shape in itertools.product(
            ONE, TYPES, (np.float32, np.complex64, np.complex128), [(1,), (2, 6), (0, 3), (3, 0)]
        )
    ),
    *(
        case(name, normal(3, 2, 4), type=type, norm=norm, orthogonalize=ortho)
        for name, type, norm, ortho in itertools.product(MANY, TYPES, NORMS, (None, False, True))
    ),
    *(
        case(name, normal(3, 2, 4), 2, s, axes)
        for name, s, axes in itertools.product(
            MANY, (None, 3, (5, 2), (2, -1), (2, 3, 4, 5), (0, 2)), (None, 1, -1, (0, 2), (-1, 1), (1, 1), (0, 3))
        )
    ),
    *(case(name, normal(2, 3), axes=()) for name in MANY),
    *(case(name, normal(2, 3), workers=2) for name in (*ONE, *MANY)),
    *(case(name, normal(2, 3), type=5) for name in (*ONE, *MANY)),
    *(case(name, normal(2, 3), norm="odd") for name in (*ONE, *MANY)),
]
