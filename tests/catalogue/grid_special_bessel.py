"""Bessel, elliptic and exponential integrals, Lambert's W, error functions, orthogonal polynomials, beside SciPy.

For every function: its dtypes, shapes from none to broadcast ones, empty and of length 1, its options, and arguments
from outside its domain, where SciPy gives inf or NaN.
"""

import itertools

import numpy as np
import scipy.special

from catalogue.case import Case
from scitorch import special

RNG = np.random.default_rng(4)
SHAPES = [((), ()), ((3,), (3,)), ((2, 1), (1, 4)), ((), (1,)), ((0,), (0,)), ((2, 1), (0,)), ((2, 3), ())]
ONE = [(), (1,), (5,), (2, 3), (0,), (0, 2)]
UNARY = ["expi", "exp1", "erfcx", "erfi", "dawsn", "wofz"]
REAL, COMPLEX = (np.float32, np.float64), (np.complex64, np.complex128)


def _draw(low, high, shape, dtype=np.float64):
    values = RNG.uniform(low, high, size=shape)
    if np.issubdtype(dtype, np.complexfloating):
        values = values + 1j * RNG.uniform(low, high, size=shape)
    return np.asarray(values, dtype)


def _case(name, *arguments, rtol=None, **options):
    return Case(getattr(special, name), getattr(scipy.special, name), arguments, options, rtol)


def _bessel():
    names = ["jv", "yv", "iv", "kv", "jve", "yve", "ive", "kve", "hankel1", "hankel2"]
    for name, (first, second), dtype in itertools.product(names, SHAPES, REAL + COMPLEX):
        real = np.float32 if dtype in (np.float32, np.complex64) else np.float64
        yield _case(name, _draw(-3, 6, first, real), _draw(0.2, 8, second, dtype))
    corners = np.array([0.0, 0.5, -1.0, 1e-300, 1e5])
    for name, v in itertools.product(names, (0.0, 0.5, 2.0, -1.0, 50.0)):
        yield _case(name, v, corners)
    fixed = ["j0", "j1", "y0", "y1", "i0", "i1", "k0", "k1", "i0e", "i1e", "k0e", "k1e"]
    for name, shape, dtype in itertools.product(fixed, ONE, REAL):
        yield _case(name, _draw(0.1, 9, shape, dtype))
    for name in fixed:
        yield _case(name, np.array([0.0, -2.0, np.inf, np.nan]))
    for letter, derivative, shape in itertools.product("jyik", (False, True), ONE):
        name = f"spherical_{letter}n"
        yield _case(name, 2, _draw(0.3, 9, shape), derivative=derivative)
        yield _case(name, np.array([[0], [1], [7]]), _draw(0.3, 5, (3,), np.complex128), derivative)
        yield _case(name, np.arange(3), _draw(0.3, 5, (3,)), derivative)
    for letter, derivative in itertools.product("ji", (False, True)):
        yield _case(f"spherical_{letter}n", np.arange(4), np.zeros(4), derivative=derivative)


def _elliptic():
    for name, shape, dtype in itertools.product(("ellipk", "ellipkm1", "ellipe"), ONE, REAL):
        yield _case(name, _draw(0.05, 0.95, shape, dtype))
    for name in ("ellipk", "ellipkm1", "ellipe"):
        yield _case(name, np.array([0.0, 1.0, -1e6, 2.0, -0.5]))
    for name, (first, second), dtype in itertools.product(("ellipkinc", "ellipeinc"), SHAPES, REAL):
        yield _case(name, _draw(-5, 5, first, dtype), _draw(-3, 0.95, second, dtype))
    for first, second in SHAPES:
        yield _case("ellipj", _draw(-5, 5, first), _draw(0, 1, second))
    for m in (0.0, 1.0, -0.5, 1.5, 1e-10):
        yield _case("ellipj", _draw(-2, 2, (3,)), m)
        yield _case("ellipkinc", np.array([0.0, np.pi / 2, 4.0]), m)
        yield _case("ellipeinc", np.array([0.0, np.pi / 2, 4.0]), m)


def _others():
    for k, shape, dtype in itertools.product((0, 1, -1, 4), ONE, (np.float64, np.complex128)):
        yield _case("lambertw", _draw(-2, 9, shape, dtype), k)
        yield _case("lambertw", _draw(0.1, 9, shape, dtype), k, 1e-3)
    yield _case("lambertw", np.array([0.0, -1 / np.e, np.inf, np.nan]), np.array([[0], [-1]]))
    for name, shape, dtype in itertools.product(UNARY, ONE, REAL + COMPLEX):
        if (name, dtype) != ("wofz", np.float32):  # for which SciPy gives complex128
            yield _case(name, _draw(0.1, 4, shape, dtype))
    for name in UNARY:
        yield _case(name, np.array([0.0, -1.5, 30.0, -20.0, np.nan]))
    for n, shape in itertools.product((0, 1, 3, 80), ONE):
        yield _case("expn", n, _draw(0.1, 9, shape))
    yield _case("expn", np.array([[0], [1], [2]]), np.array([0.0, 1.0, -1.0]))
    for (first, second), third, dtype in itertools.product(SHAPES, ((), (1,)), REAL):
        yield _case("voigt_profile", _draw(-3, 3, first, dtype), _draw(0, 2, second, dtype), _draw(0, 2, third, dtype))
    yield _case("voigt_profile", np.array([0.0, 1.0, 2.0]), np.array([[0.0], [1.0]]), np.array([[[0.0]], [[1.0]]]))


def _orthogonal():
    names = ["eval_legendre", "eval_chebyt", "eval_laguerre"]
    for name, (first, second), dtype in itertools.product(names, SHAPES, REAL):
        yield _case(name, _draw(0, 6, first, dtype), _draw(-0.9, 0.9, second, dtype))
    for name, n in itertools.product([*names, "eval_hermite"], (0, 1, 2, 9)):
        yield _case(name, n, np.array([0.0, 1.0, -1.0, 3.0, -2.0]))
        yield _case(name, np.array([[n], [3]]), _draw(-1, 1, (4,)))
    for name, n in itertools.product(names, (2.0, 3.4)):
        yield _case(name, n, _draw(0.1, 1, (3,), np.complex128))
    for name, n in itertools.product(("eval_gegenbauer", "eval_genlaguerre"), (0, 3, 2.5)):
        yield _case(name, n, 1.5, _draw(0, 0.9, (3,)))
        yield _case(name, n, _draw(0.5, 2, (2, 1)), _draw(0, 0.9, (3,)))


CASES = [*_bessel(), *_elliptic(), *_others(), *_orthogonal()]
