"""Beta, gamma, Student, hypergeometric and zeta functions beside SciPy's: shapes, dtypes, ends of the domains."""

from itertools import product

import numpy as np
import scipy.special

from catalogue.case import Case
from scitorch import special

SHAPES = [(), (0,), (1,), (3,), (2, 3), (2, 1, 3)]
DTYPES = [np.float32, np.float64]
POSITIVE = (0.3, 4.0)
ENDS = np.array([0.0, 1e-300, 1e-12, 0.25, 0.5, 1.0 - 1e-12, 1.0, 2.0, np.inf, np.nan, -1.0])
DOMAINS = {
    "beta": (POSITIVE, POSITIVE),
    "betaln": (POSITIVE, POSITIVE),
    "betainc": (POSITIVE, POSITIVE, (0.0, 1.0)),
    "betaincc": (POSITIVE, POSITIVE, (0.0, 1.0)),
    "betaincinv": (POSITIVE, POSITIVE, (0.0, 1.0)),
    "betainccinv": (POSITIVE, POSITIVE, (0.0, 1.0)),
    "gammainc": (POSITIVE, (0.0, 6.0)),
    "gammaincc": (POSITIVE, (0.0, 6.0)),
    "gammaincinv": (POSITIVE, (0.0, 1.0)),
    "gammainccinv": (POSITIVE, (0.0, 1.0)),
    "stdtr": (POSITIVE, (-3.0, 3.0)),
    "stdtrit": (POSITIVE, (0.0, 1.0)),
    "hyp1f1": (POSITIVE, POSITIVE, (-3.0, 3.0)),
    "hyp2f1": (POSITIVE, POSITIVE, POSITIVE, (-2.0, 0.9)),
    "zeta": ((1.1, 5.0), POSITIVE),
}
COMPLEX = {"hyp1f1", "hyp2f1"}


def _case(name, *arguments, **options):
    return Case(getattr(special, name), getattr(scipy.special, name), arguments, **options)


def _drawn(rng, bounds, shape, dtype):
    return np.asarray(rng.uniform(*bounds, size=shape)).astype(dtype)


def _over_shapes(rng):
    """Every shape for every dtype, all arguments alike; and each argument broadcast against the others."""
    for (name, domains), shape, dtype in product(DOMAINS.items(), SHAPES, DTYPES):
        yield _case(name, *[_drawn(rng, bounds, shape, dtype) for bounds in domains])
    for (name, domains), k in product(DOMAINS.items(), range(4)):
        if k < len(domains):
            shapes = [(2, 1) if j == k else (3,) for j in range(len(domains))]
            yield _case(name, *[_drawn(rng, b, s, np.float64) for b, s in zip(domains, shapes, strict=True)])
            # A number in the place of the tensor: it doesn't promote.
            numbers = [
                float(rng.uniform(*b)) if j == k else _drawn(rng, b, (3,), np.float64) for j, b in enumerate(domains)
            ]
            yield _case(name, *numbers)


def _at_ends(rng):
    """One argument at the ends of its domain and beyond; SciPy's hypergeometric functions don't return from there."""
    for name, domains in DOMAINS.items():
        if name.startswith("hyp"):
            continue
        for k in range(len(domains)):
            arguments = [_drawn(rng, bounds, (1,), np.float64) for bounds in domains]
            yield _case(name, *[ENDS if j == k else x for j, x in enumerate(arguments)])
            yield _case(name, *[-ENDS[:, None] if j == k else x for j, x in enumerate(arguments)])


def _complex(rng):
    for name, shape, precise in product(sorted(COMPLEX), SHAPES, (True, False)):
        real = [_drawn(rng, b, shape, np.float64 if precise else np.float32) for b in DOMAINS[name][:-1]]
        z = rng.uniform(-0.6, 0.6, size=shape) + 1j * rng.uniform(-0.6, 0.6, size=shape)
        yield _case(name, *real, np.asarray(z).astype(np.complex128 if precise else np.complex64))
    for shape in SHAPES:
        yield _case("zeta", np.asarray(rng.uniform(-2, 3, size=shape) + 1j * rng.normal(size=shape)))


def _riemann(rng):
    for shape, dtype in product(SHAPES, DTYPES):
        yield _case("zeta", _drawn(rng, (-6, 6), shape, dtype))
    yield _case("zeta", np.array([1.0, 0.0, -2.0, -3.0, 100.0, np.inf, np.nan]))


CASES = [case for make in (_over_shapes, _at_ends, _complex, _riemann) for case in make(np.random.default_rng(1729))]
