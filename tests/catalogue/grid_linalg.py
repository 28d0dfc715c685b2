"""Matrix functions, equations and structured solves over their options."""

import itertools

import numpy as np
import scipy.linalg

from catalogue.case import Case
from scitorch import linalg

RNG = np.random.default_rng(20)
SHAPES = [(1, 1), (2, 2), (3, 3), (5, 5), (12, 12), (2, 3, 3), (2, 1, 2, 2)]
DTYPES = [np.float32, np.float64, np.complex64, np.complex128]


def normal(*shape, dtype=np.float64):
    x = RNG.normal(size=shape)
    if np.issubdtype(dtype, np.complexfloating):
        x = x + 1j * RNG.normal(size=shape)
    return x.astype(dtype)


def near(center, *shape, dtype=np.float64, noise=0.3):
    return (center * np.eye(shape[-1]) + noise / np.sqrt(shape[-1]) * normal(*shape, dtype=dtype)).astype(dtype)


def hermitian(n, *batch, dtype=np.float64):
    half = 0.3 * normal(*batch, n, n, dtype=dtype)
    return (np.eye(n) + half @ half.conj().swapaxes(-1, -2)).astype(dtype)


def kept(function):
    """SciPy's function in the dtype of its first array, and with inputs of its own to overwrite."""

    def call(*arguments, **options):
        given = [x for x in arguments if isinstance(x, np.ndarray)]
        copies = [x.copy() if isinstance(x, np.ndarray) else x for x in arguments]
        result = function(*copies, **options)
        return (result if given[0].dtype.kind == "c" else np.real_if_close(result, 1e6)).astype(given[0].dtype)

    call.__name__ = function.__name__
    return call


def matrix_functions():
    for function, shape, dtype in itertools.product(("sqrtm", "logm", "expm"), SHAPES, DTYPES):
        if function == "logm" and dtype in (np.float32, np.complex64):
            continue  # SciPy warns of every one in single precision
        yield Case(getattr(linalg, function), getattr(scipy.linalg, function), (near(2, *shape, dtype=dtype),))
    for shape, t in itertools.product(SHAPES, [-2, -1.3, -0.5, 0, 0.25, 0.5, 1, 1.9, 3, 7.5]):
        for dtype in (np.float64, np.complex128):
            matrix = near(2, *shape, dtype=dtype)
            yield Case(linalg.fractional_matrix_power, kept(scipy.linalg.fractional_matrix_power), (matrix, t))
    special = [np.zeros((2, 2)), np.eye(3), np.diag([1.0, 2, 2]), np.array([[2.0, 1], [0, 2]]), np.triu(near(2, 4, 4))]
    for matrix, scale in itertools.product(special, [1e-12, 1.0, 50.0]):
        yield Case(linalg.expm, scipy.linalg.expm, (scale * matrix,))
        if matrix.any():
            yield Case(linalg.sqrtm, scipy.linalg.sqrtm, (scale * matrix,))
            yield Case(linalg.logm, scipy.linalg.logm, (scale * matrix,), rtol=1e-8)
    yield Case(linalg.expm, scipy.linalg.expm, (np.array([[1.0, 1e50], [0, -1]]),))
    for function in ("sqrtm", "logm", "expm"):
        ours, theirs = getattr(linalg, function), getattr(scipy.linalg, function)
        yield Case(ours, theirs, (normal(2, 3),))
        yield Case(ours, theirs, (np.ones(2),))
        yield Case(ours, theirs, (np.diag([-1.0, 2.0]) + 0j,))


def equations():
    for (m, n), dtype in itertools.product([(1, 1), (1, 3), (3, 2), (4, 4), (7, 2)], DTYPES):
        arguments = near(2, m, m, dtype=dtype), near(1, n, n, dtype=dtype), normal(m, n, dtype=dtype)
        yield Case(linalg.solve_sylvester, scipy.linalg.solve_sylvester, arguments)
    batched = near(2, 2, 1, 3, 3), near(1, 4, 2, 2), normal(3, 2)
    yield Case(linalg.solve_sylvester, scipy.linalg.solve_sylvester, batched)
    yield Case(linalg.solve_sylvester, scipy.linalg.solve_sylvester, (near(2, 3, 3), near(1, 2, 2), normal(2, 3)))
    for shape, dtype in itertools.product(SHAPES, DTYPES):
        a, q = near(0.5, *shape, dtype=dtype), normal(*shape, dtype=dtype)
        yield Case(linalg.solve_continuous_lyapunov, scipy.linalg.solve_continuous_lyapunov, (a, q))
        for method in (None, "direct", "bilinear", "Direct", "nonsense"):
            options = {} if method is None else {"method": method}
            yield Case(linalg.solve_discrete_lyapunov, kept(scipy.linalg.solve_discrete_lyapunov), (a, q), options)
    for function in ("solve_continuous_lyapunov", "solve_discrete_lyapunov"):
        yield Case(getattr(linalg, function), getattr(scipy.linalg, function), (near(1, 3, 3), normal(2, 2)))


def riccati():
    functions = ("solve_continuous_are", "solve_discrete_are")
    sizes, dtypes = [(1, 1), (2, 1), (2, 2), (3, 2), (2, 4)], (np.float64, np.complex128)
    for name, (m, n), dtype, with_e, with_s, balanced in itertools.product(
        functions, sizes, dtypes, (False, True), (False, True), (True, False)
    ):
        arguments = [near(0.3, m, m, dtype=dtype), normal(m, n, dtype=dtype), hermitian(m, dtype=dtype)]
        arguments += [hermitian(n, dtype=dtype), near(1, m, m, dtype=dtype) if with_e else None]
        arguments += [0.1 * normal(m, n, dtype=dtype) if with_s else None]
        ours, theirs = getattr(linalg, name), getattr(scipy.linalg, name)
        yield Case(ours, theirs, tuple(arguments), {"balanced": balanced})
    for name in functions:
        ours, theirs = getattr(linalg, name), getattr(scipy.linalg, name)
        yield Case(ours, theirs, (near(0.3, 2, 1, 2, 2), normal(3, 2, 1), hermitian(2), np.eye(1)))
        yield Case(ours, theirs, (near(0.3, 2, 2), normal(2, 1), normal(2, 2), np.eye(1)))
        yield Case(ours, theirs, (near(0.3, 2, 2), normal(3, 1), hermitian(2), np.eye(1)))


def banded():
    ours, theirs = linalg.solve_banded, scipy.linalg.solve_banded
    for (l, u), n, b, dtype in itertools.product(
        itertools.product(range(3), repeat=2), (1, 2, 5), ((), (1,), (3,)), (np.float64, np.complex128)
    ):
        ab = 0.3 * normal(l + u + 1, n, dtype=dtype)
        ab[u] += 2
        yield Case(ours, theirs, ((l, u), ab, normal(n, *b, dtype=dtype)))
    for dtype in DTYPES:
        ab = normal(3, 6, dtype=dtype) + np.array([[0], [4], [0]], dtype=dtype)
        for options in ({}, {"check_finite": False}, {"overwrite_ab": True, "overwrite_b": True}):
            yield Case(ours, kept(theirs), ((1, 1), ab, normal(6, dtype=dtype)), options)
    yield Case(ours, theirs, ((1, 1), normal(2, 1, 3, 4) + 3, normal(3, 4, 2)))
    yield Case(ours, theirs, ((1, 1), normal(3, 4), normal(2, 4, 2)))
    yield Case(ours, theirs, ((1, 1), normal(3, 4), normal(3)))
    yield Case(ours, theirs, ((2, 1), normal(3, 4), normal(4)))
    yield Case(ours, theirs, ((1, 1), np.full((3, 4), np.nan), normal(4)))
    yield Case(ours, theirs, ((0, 0), np.zeros((1, 2)), normal(2)))
    ours, theirs = linalg.solveh_banded, scipy.linalg.solveh_banded
    for rows, n, b, lower, dtype in itertools.product((1, 2, 3), (3, 5), ((), (1,), (3,)), (False, True), DTYPES):
        ab = 0.3 * normal(rows, n, dtype=dtype)
        main = 0 if lower else rows - 1
        ab[main] = 3 + 0.3 * np.abs(ab[main])
        yield Case(ours, theirs, (ab, normal(n, *b, dtype=dtype)), {"lower": lower})
    yield Case(ours, theirs, (-np.ones((2, 3)), normal(3)))
    yield Case(ours, theirs, (np.ones((2, 3)) * np.array([[0.1], [2.0]]) + 0 * normal(4, 1, 1), normal(2, 3, 1)))
    yield Case(ours, theirs, (np.ones((2, 3)), normal(4)))


def toeplitz():
    for dtype, m, n in itertools.product([*DTYPES, np.int64], (1, 2, 4), (1, 3, 4)):
        c, r = ((10 * normal(k)).astype(dtype) for k in (m, n))
        yield Case(linalg.toeplitz, scipy.linalg.toeplitz, (c, r))
        yield Case(linalg.toeplitz, scipy.linalg.toeplitz, (c,))
        yield Case(linalg.circulant, scipy.linalg.circulant, (c,))
    yield Case(linalg.toeplitz, scipy.linalg.toeplitz, (normal(2, 1, 3), normal(4, 2)))
    yield Case(linalg.toeplitz, scipy.linalg.toeplitz, (normal(2, 3), normal(3, 2)))
    yield Case(linalg.toeplitz, scipy.linalg.toeplitz, (np.array(2.0),))
    yield Case(linalg.toeplitz, scipy.linalg.toeplitz, (normal(2), normal(2, dtype=np.complex128)))
    for shape in [(), (0,), (2, 3), (2, 0), (0, 3), (2, 1, 4)]:
        yield Case(linalg.circulant, scipy.linalg.circulant, (normal(*shape),))

    def row_given(solve):
        return lambda c, r, b, **options: solve((c, r), b, **options)

    ours, theirs = linalg.solve_toeplitz, scipy.linalg.solve_toeplitz
    for n, b, dtype in itertools.product((1, 2, 5), ((), (1,), (3,)), (np.float64, np.complex128)):
        c, r = 0.3 * normal(n, dtype=dtype), 0.3 * normal(n, dtype=dtype)
        c[0] = 3
        yield Case(ours, theirs, (c, normal(n, *b, dtype=dtype)))
        for options in ({}, {"check_finite": False}):
            yield Case(row_given(ours), row_given(theirs), (c, r, normal(n, *b, dtype=dtype)), options)
    c = np.array([3.0, 1, 0.5]) + 0.1 * normal(2, 1, 3)
    yield Case(ours, theirs, (c, normal(4, 3, 2)))
    yield Case(row_given(ours), row_given(theirs), (c, normal(3), normal(3, 2)))
    yield Case(ours, theirs, (np.zeros(3), normal(3)))
    yield Case(ours, theirs, (normal(3), normal(4)))


def decompositions():
    for shape, side, dtype in itertools.product(
        [(1, 1), (2, 2), (3, 2), (2, 3), (5, 5), (1, 4), (4, 1), (2, 3, 2)], ("right", "left"), DTYPES
    ):
        yield Case(
            linalg.polar,
            scipy.linalg.polar,
            (normal(*shape, dtype=dtype) + np.eye(*shape[-2:], dtype=dtype),),
            {"side": side},
        )
    yield Case(linalg.polar, scipy.linalg.polar, (np.eye(2),), {"side": "up"})
    yield Case(linalg.polar, scipy.linalg.polar, (np.ones(2),))
    ours, theirs = linalg.eigh_tridiagonal, scipy.linalg.eigh_tridiagonal
    drivers = ("auto", "stemr", "stebz", "stev", "stevd", "sterf", "nonsense")
    for n, driver, only, dtype in itertools.product((1, 2, 6), drivers, (False, True), (np.float32, np.float64)):
        arguments = normal(n, dtype=dtype), normal(n - 1, dtype=dtype)
        if n == 1 and driver == "nonsense":
            continue
        yield Case(ours, theirs, arguments, {"eigvals_only": only, "lapack_driver": driver})
    for n, only, driver, (least, most) in itertools.product(
        (5, 7), (False, True), ("auto", "stemr", "stebz"), ((0, 0), (1, 3), (0, 4), (4, 4), (3, 9), (2, 1))
    ):
        options = {"select": "i", "select_range": (least, most), "eigvals_only": only, "lapack_driver": driver}
        yield Case(ours, theirs, (normal(n), normal(n - 1)), options)
    yield Case(ours, theirs, (normal(4), normal(3)), {"select": "index", "select_range": (1, 2), "tol": 1e-12})
    yield Case(ours, theirs, (normal(4), normal(3)), {"select": "i"})
    yield Case(ours, theirs, (normal(4), normal(3)), {"select": "nonsense"})
    yield Case(ours, theirs, (normal(4), normal(4)))
    yield Case(ours, theirs, (normal(4, dtype=np.complex128), normal(3, dtype=np.complex128)))


CASES = [*matrix_functions(), *equations(), *riccati(), *banded(), *toeplitz(), *decompositions()]
