"""Matrix functions, whose rules solve equations by further operators; and references for the tutorials' operators."""

import itertools

import numpy as np
import scipy.linalg
import torch
import torch.nn.functional as F

from scitorch import Sample, operator
from scitorch.tutorial import convolve_full, correlate_bias, correlate_valid, fft_magnitude, linear_op, mul_constant
from zoo.draw import complex_normal
from zoo.references import reference


def _near_identity(rng, *shape, noise=None):
    """Well-conditioned matrices with eigenvalues away from the negative real axis."""
    return 2 * np.eye(shape[-1]) + 0.3 * (rng.normal(size=shape) if noise is None else noise)


@operator("(n,n)->(n,n)")
def sqrtm(A):
    return scipy.linalg.sqrtm(A)


@operator("(m,m),(n,n),(m,n)->(m,n)")
def solve_sylvester(a, b, q):
    """The solution X of a X + X b = q."""
    return scipy.linalg.solve_sylvester(a, b, q)


sqrtm.vjp(A=lambda g, out: solve_sylvester(out.mH, out.mH, g))


@solve_sylvester.vjp
def _solve_sylvester_vjp(g, a, b, out):
    w = solve_sylvester(a.mH, b.mH, g)
    return {"a": -w @ out.mH, "b": -out.mH @ w, "q": w}


sqrtm.samples(
    lambda rng: [
        Sample(_near_identity(rng, 2, 2)),
        Sample(_near_identity(rng, 2, 2, 2)),
        Sample(_near_identity(rng, 2, 2, noise=complex_normal(rng, 2, 2))),
    ]
)
solve_sylvester.samples(
    lambda rng: [
        Sample(_near_identity(rng, 2, 2), _near_identity(rng, 3, 3), rng.normal(size=(2, 3))),
        Sample(_near_identity(rng, 2, 1, 1, 1), _near_identity(rng, 2, 2), rng.normal(size=(2, 1, 2))),
        Sample(_near_identity(rng, 2, 2), _near_identity(rng, 1, 1), complex_normal(rng, 2, 1)),
    ]
)


def _denman_beavers(A):
    """An iteration that doubles the right digits, of the root and of its derivatives, with each step."""
    root, inverse = A, torch.eye(A.shape[-1], dtype=A.dtype).expand(A.shape)
    for _ in range(9):
        root, inverse = (root + torch.linalg.inv(inverse)) / 2, (inverse + torch.linalg.inv(root)) / 2
    return root


def _kronecker(a, b, q):
    """The Sylvester equation as one linear system."""
    (m, n), dtype = q.shape[-2:], q.dtype
    system = torch.einsum("...ik,jl->...ijkl", a.to(dtype), torch.eye(n, dtype=dtype))
    system = system + torch.einsum("ik,...lj->...ijkl", torch.eye(m, dtype=dtype), b.to(dtype))
    return torch.linalg.solve(system.flatten(-2).flatten(-3, -2), q.flatten(-2)[..., None])[..., 0].unflatten(
        -1, (m, n)
    )


reference(sqrtm, _denman_beavers)
reference(solve_sylvester, _kronecker)


@operator("(n,n)->(n,n)", batch="native")
def inverse(A):
    """Explicit forward and reverse rules made of the result."""
    return np.linalg.inv(A)


inverse.vjp(A=lambda g, out: -out.mH @ g @ out.mH).jvp(A=lambda tangent, out: -out @ tangent @ out)
inverse.samples(
    lambda rng: [
        Sample(_near_identity(rng, 2, 2)),
        Sample(_near_identity(rng, 2, 3, 3)),
        Sample(_near_identity(rng, 2, 2, noise=complex_normal(rng, 2, 2))),
    ]
)
reference(inverse, torch.linalg.inv)


@operator("(n,n)->(n),(n,n)", batch="native")
def spectrum(A):
    """Two results, of the lower triangle; a rule in which each of them may have no incoming gradient."""
    return np.linalg.eigh(A)


@spectrum.vjp
def _spectrum_vjp(g, out):
    values, vectors = out
    gaps = values[..., None, :] - values[..., :, None]
    gaps = gaps + torch.eye(gaps.shape[-1], dtype=gaps.dtype)
    turned = vectors.mT @ g[1] / gaps
    symmetric = vectors @ (torch.diag_embed(g[0]) + turned.tril(-1) + turned.triu(1)) @ vectors.mT
    return {"A": symmetric.tril() + symmetric.triu(1).mT}


spectrum.samples(
    lambda rng: [Sample(np.diag([1.0, 3.0]) + 0.3 * rng.normal(size=shape)) for shape in [(2, 2), (2, 2, 2)]]
)
reference(spectrum, lambda A: torch.linalg.eigh(A.tril() + A.tril(-1).mT))


# The tutorials' operators


def _correlate(image, filter):
    (m, n), (k, l) = image.shape[-2:], filter.shape[-2:]
    return sum(
        image[..., i : m - k + 1 + i, j : n - l + 1 + j] * filter[..., i, j, None, None].conj()
        for i, j in itertools.product(range(k), range(l))
    )


def _convolve(image, filter):
    k, l = filter.shape[-2:]
    return _correlate(F.pad(image, (l - 1, l - 1, k - 1, k - 1)), filter.conj().flip(-2, -1))


def _linear(input, weight, bias=None):
    product = input @ weight.mT
    return product if bias is None else product + bias[..., None, :]


reference(correlate_valid, _correlate)
reference(convolve_full, _convolve)
reference(correlate_bias, lambda image, filter, bias: _correlate(image, filter) + bias)
reference(linear_op, _linear)
reference(fft_magnitude, lambda x: torch.fft.rfft2(x).abs())
reference(mul_constant, lambda tensor, *, constant: tensor * constant)
