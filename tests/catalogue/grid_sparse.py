"""Sparse systems over formats, right-hand sides, dtypes and options."""

import itertools

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
import torch

from catalogue.case import Case
from scitorch.sparse import linalg

RNG = np.random.default_rng(41)
START = RNG.bit_generator.state


def normal(*shape, dtype=np.float64):
    whole = np.issubdtype(dtype, np.complexfloating)
    return (RNG.normal(size=shape) + (1j * RNG.normal(size=shape) if whole else 0)).astype(dtype)


def sparse(n, dtype=np.float64, density=0.2):
    """A well-conditioned matrix in the CSR format."""
    matrix = scipy.sparse.random_array((n, n), density=density, rng=RNG, data_sampler=lambda size: normal(size))
    return (matrix + 3 * scipy.sparse.eye_array(n)).astype(dtype).tocsr()


def as_tuple(matrix):
    return torch.as_tensor(matrix.data.copy()), matrix.indices, matrix.indptr, matrix.shape


def of_pattern(name, matrix):
    """Our function and SciPy's of matrices of one pattern: of their stored values, and of the other arguments."""
    ours, theirs = getattr(linalg, name), getattr(scipy.sparse.linalg, name)
    _, indices, indptr, shape = as_tuple(matrix)
    mirrored = scipy.sparse.csr_array((np.arange(matrix.nnz), indices, indptr), shape).T.tocsr().data
    symmetric = name in ("cg", "minres", "eigsh")

    def kept(data):  # Hermitian, wherever a difference goes
        return (data + data[mirrored].conj()) / 2 if symmetric else data

    if name == "expm_multiply":

        def call(data, B, **options):
            return ours((kept(data), indices, indptr, shape), B, **options)

    else:

        def call(data, b=None, **options):
            given = () if b is None else (b,)
            return ours((kept(data), indices, indptr, shape), *given, **options)

    def scipys(data, *b, **options):
        common = np.result_type(data, *b)
        wide = np.result_type(common, np.float64)  # SciPy's works in the precision it is given
        A = scipy.sparse.csr_array((kept(data).astype(wide), indices, indptr), shape)
        result = theirs(A, *(x.astype(wide) for x in b), **options)
        if isinstance(result, tuple):
            return tuple(x.astype(common) if isinstance(x, np.ndarray) else x for x in result)
        return result.reshape(b[0].shape).astype(common)

    call.__name__ = scipys.__name__ = name
    return call, scipys


def solve(matrix, b, **options):
    return Case(*of_pattern("spsolve", matrix), (matrix.data, b), options)


def first_of(function):
    def call(*arguments, **options):
        return function(*arguments, **options)[0]

    call.__name__ = function.__name__
    return call


def solves():
    dtypes = [np.float32, np.float64, np.complex64, np.complex128]
    for n, columns, dtype in itertools.product((1, 2, 5, 17), ((), (1,), (3,)), dtypes):
        yield solve(sparse(n, dtype), normal(n, *columns, dtype=dtype))
    for permc_spec in (None, "NATURAL", "MMD_ATA", "MMD_AT_PLUS_A", "COLAMD", "nonsense"):
        yield solve(sparse(9), normal(9), permc_spec=permc_spec)
    yield solve(sparse(4), normal(4, dtype=np.complex128), use_umfpack=False)
    yield solve(sparse(4, np.complex128), normal(4))


def iterations():
    for method, dtype in itertools.product(
        ("cg", "bicgstab", "gmres", "minres"), (np.float32, np.float64, np.complex128)
    ):
        if method == "minres" and dtype == np.complex128:
            continue
        half = sparse(8, dtype)
        matrix = (half + half.conj().T).tocsr()
        ours, theirs = map(first_of, of_pattern(method, matrix))
        for n in (1, 2, 30):
            maxiter = {"maxiter": 40 * n}
            yield Case(ours, theirs, (matrix.data, normal(8, dtype=dtype)), {"rtol": 1e-13} | maxiter, rtol=1e-4)


def exponentials():
    for n, columns, dtype in itertools.product(
        (1, 2, 7), ((), (3,)), (np.float32, np.float64, np.complex64, np.complex128)
    ):
        matrix = sparse(n, dtype)
        yield Case(*of_pattern("expm_multiply", matrix), (matrix.data / 2, normal(n, *columns, dtype=dtype)))


def without_phases(function):
    """Magnitudes of vectors, whose phases are anybody's, with values in ascending order."""

    def call(data, **options):
        found = function(data, **options)
        return tuple(abs(x) for x in found)

    call.__name__ = function.__name__
    return call


def decompositions():
    for n, dtype in itertools.product((5, 9), (np.float64,)):
        half = sparse(n, dtype)
        hermitian = (half + half.T + scipy.sparse.diags_array(2.0 * np.arange(n))).tocsr()
        for options in ({"k": 2, "which": "LA"}, {"k": 1, "sigma": 0.5}, {"k": 2, "which": "nonsense"}):
            yield Case(*map(without_phases, of_pattern("eigsh", hermitian)), (hermitian.data,), options)
        for options in ({"k": 2}, {"k": 1, "which": "LM"}, {"k": 2, "which": "nonsense"}):
            yield Case(*map(without_phases, of_pattern("svds", half)), (half.data,), options)


CASES = [*solves(), *iterations(), *exponentials(), *decompositions()]
