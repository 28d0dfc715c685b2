"""What only the trigonometric transforms promise: their matrices to fifty digits, and compiled calls."""

import itertools

import mpmath
import numpy as np
import pytest
import torch

from scitorch import fft
from scitorch.fft.transform import trigonometric_transform

N = 6


def matrix(family, type, j, k):
    """The entry that takes point j to frequency k."""
    half = mpmath.mpf(1) / 2
    p = {1: (j, k, N - 1), 2: (j + half, k, N), 3: (j, k + half, N), 4: (j + half, k + half, N)}[type]
    if family == "dst":
        p = {1: (j + 1, k + 1, N + 1), 2: (j + half, k + 1, N), 3: (j + 1, k + half, N), 4: p}[type]
        single = type == 3 and j == N - 1
    else:
        single = (type in (1, 3) and j == 0) or (type == 1 and j == N - 1)
    wave = mpmath.sin if family == "dst" else mpmath.cos
    return (1 if single else 2) * wave(mpmath.pi * p[0] * p[1] / p[2])


@pytest.mark.parametrize(("family", "type"), list(itertools.product(("dct", "dst"), (1, 2, 3, 4))))
def test_value_and_gradient_to_fifty_digits(family, type):
    with mpmath.workdps(50):
        exact = np.array([[float(matrix(family, type, j, k)) for j in range(N)] for k in range(N)])
    x = torch.eye(N, dtype=torch.double, requires_grad=True)
    y = getattr(fft, family)(x, type)
    np.testing.assert_allclose(y.detach().numpy(), exact.T, atol=4e-15)
    g = torch.randn(N, N, dtype=torch.double)
    (gradient,) = torch.autograd.grad(y, x, g)
    np.testing.assert_allclose(gradient.numpy(), g.numpy() @ exact, atol=4e-14)


OPTIONS = list(itertools.product(("cosine", "sine"), (1, 2, 3, 4), ("backward", "ortho", "forward"), (False, True)))


@pytest.mark.parametrize("n", [2, 5])
@pytest.mark.parametrize(("family", "type", "norm", "orthogonalize"), OPTIONS)
def test_transposed_is_the_transposed_matrix(family, type, norm, orthogonalize, n):
    form = {"family": family, "type": type, "norm": norm, "orthogonalize": orthogonalize}
    matrix = trigonometric_transform(torch.eye(n, dtype=torch.double), **form)
    transposed = trigonometric_transform(torch.eye(n, dtype=torch.double), transposed=True, **form)
    torch.testing.assert_close(transposed, matrix.mT, rtol=0, atol=1e-15 * n * n)


@pytest.mark.parametrize("name", ["dct", "idct", "dst", "idst"])
@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
def test_inverse(name, norm):
    x = torch.randn(2, 5, dtype=torch.complex128)
    inverse = getattr(fft, name[1:] if name.startswith("i") else f"i{name}")
    for type in (1, 2, 3, 4):
        back = inverse(getattr(fft, name)(x, type, norm=norm), type, norm=norm)
        torch.testing.assert_close(back, x, rtol=0, atol=1e-14)


def test_orthogonalized_complex_input_is_transformed_in_both_parts():
    """SciPy 1.17 drops the option for complex input."""
    x = torch.randn(4, dtype=torch.complex128)
    parts = [fft.dct(part, 2, orthogonalize=True) for part in (x.real, x.imag)]
    torch.testing.assert_close(fft.dct(x, 2, orthogonalize=True), torch.complex(*parts))


@pytest.mark.parametrize("name", ["dct", "idst", "dctn", "idstn"])
def test_derivatives_of_public_functions(name):
    function = getattr(fft, name)
    x = torch.randn(3, 4, dtype=torch.double, requires_grad=True)
    for options in ({"type": 2}, {"type": 1, "norm": "ortho", "orthogonalize": False}, {"type": 3, "norm": "forward"}):
        call = lambda x, options=options: function(x, **options) ** 2
        assert torch.autograd.gradcheck(call, x, check_forward_ad=True)
        assert torch.autograd.gradgradcheck(call, x)


def test_compiled():
    compiled = torch.compile(lambda x: fft.dctn(x, 2, (5, 3), norm="ortho"), fullgraph=True, backend="aot_eager")
    x = torch.randn(3, 4, requires_grad=True)
    torch.testing.assert_close(compiled(x), fft.dctn(x, 2, (5, 3), norm="ortho"))
    (ours,) = torch.autograd.grad(compiled(x).square().sum(), x)
    (eager,) = torch.autograd.grad(fft.dctn(x, 2, (5, 3), norm="ortho").square().sum(), x)
    torch.testing.assert_close(ours, eager)
