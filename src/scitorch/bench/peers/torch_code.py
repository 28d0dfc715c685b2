"""The best code that we'd write with PyTorch alone for what the catalogue computes.

What depends on constants only (a spline's system, a filter's band matrix) is given to the peers ready-made, which is
generous: users would have to make it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.fft
import scipy.interpolate
import scipy.ndimage
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]
Way = Callable[..., Tensor]


def dct(x: Tensor) -> Tensor:
    """Makhoul's way: one real transform of the even samples and, backwards, the odd ones."""
    n = x.shape[-1]
    angle = torch.arange(n // 2 + 1, dtype=x.dtype) * (-math.pi / (2 * n))
    spectrum = torch.fft.rfft(torch.cat([x[..., ::2], x[..., 1::2].flip(-1)], -1))
    turned = spectrum * torch.polar(torch.full_like(angle, 2.0), angle)
    return torch.cat([turned.real, -turned.imag[..., 1 : (n + 1) // 2].flip(-1)], -1)


# Recursive filters: PyTorch has no recursion (a loop takes 40 s for 10⁶ samples), so the filter goes through its
# frequency response, padded until its ringing has died out.

RINGING = 4096


def lfilter(b: Tensor, a: Tensor, x: Tensor) -> Tensor:
    """A recursive filter."""
    size = _fast(x.shape[-1] + RINGING)
    response = torch.fft.rfft(b, size) / torch.fft.rfft(a, size)
    return torch.fft.irfft(torch.fft.rfft(x, size) * response, size)[: x.shape[-1]]


def sosfilt(sos: Tensor, x: Tensor) -> Tensor:
    """The same in sections."""
    size = _fast(x.shape[-1] + RINGING)
    sections = torch.fft.rfft(sos.unflatten(-1, (2, 3)), size)
    response = (sections[:, 0] / sections[:, 1]).prod(0)
    return torch.fft.irfft(torch.fft.rfft(x, size) * response, size)[: x.shape[-1]]


class BesselJ0(torch.autograd.Function):
    """PyTorch has the values, without a gradient."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        """The values."""
        return torch.special.bessel_j0(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep the argument."""
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The next Bessel function."""
        return -grad_outputs[0] * torch.special.bessel_j1(ctx.saved_tensors[0])


def spline_slopes(knots: Array) -> Array:
    """The matrix that takes values to a cubic spline's slopes."""
    return np.ascontiguousarray(scipy.interpolate.CubicSpline(knots, np.eye(len(knots)))(knots, 1))


def spline(slopes: Tensor, knots: Tensor) -> Way:
    """A cubic spline's values at x: gathers, and Hermite's form."""

    def evaluate(y: Tensor, x: Tensor) -> Tensor:
        d = slopes @ y
        k = torch.searchsorted(knots[1:-1], x.detach(), right=True)
        h = torch.diff(knots)[k]
        t = (x - knots[k]) / h
        y0, y1, d0, d1 = y[k], y[k + 1], h * d[k], h * d[k + 1]
        return y0 + t * (d0 + t * (3 * (y1 - y0) - 2 * d0 - d1 + t * (2 * (y0 - y1) + d0 + d1)))

    return evaluate


def gaussian_matrix(n: int, sigma: float) -> Array:
    """The band matrix of a Gaussian filter along one axis, its border included."""
    return np.ascontiguousarray(scipy.ndimage.gaussian_filter1d(np.eye(n), sigma, axis=0))


def spline_prefilter(n: int) -> Array:
    """The matrix of a cubic spline's coefficients."""
    return np.ascontiguousarray(scipy.ndimage.spline_filter1d(np.eye(n), 3, axis=0, mode="mirror"))


def bilinear(image: Tensor, coordinates: Tensor) -> Tensor:
    """PyTorch's sampling; it takes x before y, from -1 to 1."""
    size = torch.tensor(image.shape, dtype=image.dtype)[:, None, None]
    grid = (2 * coordinates / (size - 1) - 1).flip(0).permute(1, 2, 0)
    return F.grid_sample(image[None, None], grid[None], align_corners=True)[0, 0]


def bicubic_spline(prefilter: Tensor) -> Way:
    """Cubic spline sampling away from the border: sixteen gathers with the weights of B-splines."""

    def sample(image: Tensor, coordinates: Tensor) -> Tensor:
        spline = prefilter @ image @ prefilter.mT
        floor = coordinates.detach().floor()
        t, k = coordinates - floor, floor.long() - 1
        u = 1 - t
        weights = [u**3 / 6, 2 / 3 - t * t * (2 - t) / 2, 2 / 3 - u * u * (2 - u) / 2, t**3 / 6]
        flat, place = spline.flatten(), k[0] * spline.shape[1] + k[1]
        total = torch.zeros_like(t[0])
        for p in range(4):
            row = [weights[q][1] * flat[place + p * spline.shape[1] + q] for q in range(4)]
            total = total + (row[0] + row[1] + row[2] + row[3]) * weights[p][0]
        return total

    return sample


def sqrtm(a: Tensor) -> Tensor:
    """PyTorch has eigenvectors, not the square root; they lose digits, and their gradients fail, where two meet."""
    values, vectors = torch.linalg.eig(a)
    return torch.linalg.solve(vectors, vectors * values.sqrt(), left=False).real


def banded_dense(ab: Tensor, b: Tensor) -> Tensor:
    """A tridiagonal system as a full one."""
    matrix = torch.diag(ab[0, 1:], 1) + torch.diag(ab[1]) + torch.diag(ab[2, :-1], -1)
    return torch.linalg.solve(matrix, b)


def fftconvolve(x: Tensor, h: Tensor) -> Tensor:
    """A full convolution by real transforms, in any number of dimensions."""
    whole = [n + k - 1 for n, k in zip(x.shape, h.shape, strict=True)]
    sizes = [_fast(n) for n in whole]
    product = torch.fft.irfftn(torch.fft.rfftn(x, sizes) * torch.fft.rfftn(h, sizes), sizes)
    return product[tuple(slice(n) for n in whole)]


def convolve(x: Tensor, h: Tensor) -> Tensor:
    """A full convolution, directly."""
    return F.conv1d(x[None, None], h.flip(0)[None, None], padding=len(h) - 1)[0, 0]


def convolve2d(x: Tensor, h: Tensor) -> Tensor:
    """Mode "same", of an odd filter, directly."""
    return F.conv2d(x[None, None], h.flip(0, 1)[None, None], padding="same")[0, 0]


def convolve2d_fft(x: Tensor, h: Tensor) -> Tensor:
    """The same by transforms."""
    edge = [(k - 1) // 2 for k in h.shape]
    return fftconvolve(x, h)[edge[0] : edge[0] + x.shape[0], edge[1] : edge[1] + x.shape[1]]


def hilbert(x: Tensor) -> Tensor:
    """The analytic signal."""
    n = x.shape[-1]
    spectrum = torch.fft.fft(x)
    weights = torch.zeros(n, dtype=x.dtype)
    weights[0] = weights[n // 2] = 1
    weights[1 : n // 2] = 2
    return torch.fft.ifft(spectrum * weights)


def resample(num: int) -> Way:
    """To fewer samples, an even number of them."""

    def of(x: Tensor) -> Tensor:
        spectrum = torch.fft.rfft(x)[: num // 2 + 1]
        spectrum = torch.cat([spectrum[:-1], 2 * spectrum[-1:].real])
        return torch.fft.irfft(spectrum, num) * (num / len(x))

    return of


def upfirdn(up: int, down: int) -> Way:
    """PyTorch's convolutions have both rates."""

    def of(h: Tensor, x: Tensor) -> Tensor:
        return F.conv_transpose1d(x[None, None], h[None, None], stride=up)[0, 0, ::down]

    return of


def savgol(middle: Tensor) -> Way:
    """Away from the ends."""

    def of(x: Tensor) -> Tensor:
        return F.conv1d(x[None, None], middle[None, None], padding="same")[0, 0]

    return of


def _fast(size: int) -> int:
    """The next length with small prime factors."""
    length: Any = scipy.fft.next_fast_len(size, real=True)
    return length


def correlate(image: Tensor, filter: Tensor, bias: Tensor) -> Tensor:
    """The tutorial's correlation, directly."""
    images = image.reshape(-1, 1, *image.shape[-2:])
    return F.conv2d(images, filter[None, None]).reshape(*image.shape[:-2], *_valid(image, filter)) + bias


def correlate_fft(image: Tensor, filter: Tensor, bias: Tensor) -> Tensor:
    """The same by transforms; circular ones of the image's size are enough, as the filter stays within it."""
    sizes = [_fast(n) for n in image.shape[-2:]]
    product = torch.fft.rfft2(image, sizes) * torch.fft.rfft2(filter, sizes).conj()
    rows, columns = _valid(image, filter)
    return torch.fft.irfft2(product, sizes)[..., :rows, :columns] + bias


def _valid(image: Tensor, filter: Tensor) -> tuple[int, int]:
    return image.shape[-2] - filter.shape[-2] + 1, image.shape[-1] - filter.shape[-1] + 1
