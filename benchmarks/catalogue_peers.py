"""The best code that we'd write with PyTorch, or with JAX, alone, for what the catalogue computes.

What depends on constants only (a spline's system, a filter's band matrix) is given to the peers ready-made, which is
generous: users would have to make it.
"""

import math

import numpy as np
import scipy.interpolate
import scipy.ndimage
import torch
import torch.nn.functional as F

try:
    import jax
    import jax.numpy as jnp
    import jax.scipy

    jax.config.update("jax_enable_x64", True)
except ImportError:
    jax = None


def dct(x):
    """Makhoul's way: one real transform of the even samples and, backwards, the odd ones."""
    n = x.shape[-1]
    angle = torch.arange(n // 2 + 1, dtype=x.dtype) * (-math.pi / (2 * n))
    spectrum = torch.fft.rfft(torch.cat([x[..., ::2], x[..., 1::2].flip(-1)], -1))
    turned = spectrum * torch.polar(torch.full_like(angle, 2.0), angle)
    return torch.cat([turned.real, -turned.imag[..., 1 : (n + 1) // 2].flip(-1)], -1)


# Recursive filters: PyTorch has no recursion (a loop takes 40 s for 10⁶ samples), so the filter goes through its
# frequency response, padded until its ringing has died out. JAX compiles the loop.

RINGING = 4096


def lfilter(b, a, x):
    size = _fast(x.shape[-1] + RINGING)
    response = torch.fft.rfft(b, size) / torch.fft.rfft(a, size)
    return torch.fft.irfft(torch.fft.rfft(x, size) * response, size)[: x.shape[-1]]


def sosfilt(sos, x):
    size = _fast(x.shape[-1] + RINGING)
    sections = torch.fft.rfft(sos.unflatten(-1, (2, 3)), size)
    response = (sections[:, 0] / sections[:, 1]).prod(0)
    return torch.fft.irfft(torch.fft.rfft(x, size) * response, size)[: x.shape[-1]]


def jax_lfilter(b, a, x):
    b, a = b / a[0], a / a[0]

    def step(state, sample):
        y = b[0] * sample + state[0]
        return jnp.append(state[1:], 0.0) + b[1:] * sample - a[1:] * y, y

    return jax.lax.scan(step, jnp.zeros(len(a) - 1), x)[1]


def jax_sosfilt(sos, x):
    b, a = sos[:, :3] / sos[:, 3:4], sos[:, 3:] / sos[:, 3:4]

    def step(state, sample):
        after = []
        for k in range(len(b)):
            y = b[k, 0] * sample + state[k, 0]
            after.append(jnp.append(state[k, 1:], 0.0) + b[k, 1:] * sample - a[k, 1:] * y)
            sample = y
        return jnp.stack(after), sample

    return jax.lax.scan(step, jnp.zeros((len(b), 2)), x)[1]


class BesselJ0(torch.autograd.Function):
    """PyTorch has the values, without a gradient."""

    @staticmethod
    def forward(x):
        return torch.special.bessel_j0(x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        return -g * torch.special.bessel_j1(ctx.saved_tensors[0])


def spline_slopes(knots):
    """The matrix that takes values to a cubic spline's slopes."""
    return np.ascontiguousarray(scipy.interpolate.CubicSpline(knots, np.eye(len(knots)))(knots, 1))


def spline(slopes, knots):
    """A cubic spline's values at x: gathers, and Hermite's form."""

    def evaluate(y, x):
        d = slopes @ y
        k = torch.searchsorted(knots[1:-1], x.detach(), right=True)
        h = torch.diff(knots)[k]
        t = (x - knots[k]) / h
        y0, y1, d0, d1 = y[k], y[k + 1], h * d[k], h * d[k + 1]
        return y0 + t * (d0 + t * (3 * (y1 - y0) - 2 * d0 - d1 + t * (2 * (y0 - y1) + d0 + d1)))

    return evaluate


def jax_spline(slopes, knots):
    def evaluate(y, x):
        d = slopes @ y
        k = jnp.searchsorted(knots[1:-1], x, side="right")
        h = jnp.diff(knots)[k]
        t = (x - knots[k]) / h
        y0, y1, d0, d1 = y[k], y[k + 1], h * d[k], h * d[k + 1]
        return y0 + t * (d0 + t * (3 * (y1 - y0) - 2 * d0 - d1 + t * (2 * (y0 - y1) + d0 + d1)))

    return evaluate


def gaussian_matrix(n, sigma):
    """The band matrix of a Gaussian filter along one axis, its border included."""
    return np.ascontiguousarray(scipy.ndimage.gaussian_filter1d(np.eye(n), sigma, axis=0))


def spline_prefilter(n):
    """The matrix of a cubic spline's coefficients."""
    return np.ascontiguousarray(scipy.ndimage.spline_filter1d(np.eye(n), 3, axis=0, mode="mirror"))


def bilinear(image, coordinates):
    """PyTorch's sampling; it takes x before y, from -1 to 1."""
    size = torch.tensor(image.shape, dtype=image.dtype)[:, None, None]
    grid = (2 * coordinates / (size - 1) - 1).flip(0).permute(1, 2, 0)
    return F.grid_sample(image[None, None], grid[None], align_corners=True)[0, 0]


def bicubic_spline(prefilter):
    """Cubic spline sampling away from the border: sixteen gathers with the weights of B-splines."""

    def sample(image, coordinates):
        spline = prefilter @ image @ prefilter.mT
        floor = coordinates.detach().floor()
        t, k = coordinates - floor, floor.long() - 1
        u = 1 - t
        weights = [u**3 / 6, 2 / 3 - t * t * (2 - t) / 2, 2 / 3 - u * u * (2 - u) / 2, t**3 / 6]
        flat, place = spline.flatten(), k[0] * spline.shape[1] + k[1]
        rows = [
            sum(weights[q][1] * flat[place + p * spline.shape[1] + q] for q in range(4)) * weights[p][0]
            for p in range(4)
        ]
        return rows[0] + rows[1] + rows[2] + rows[3]

    return sample


def sqrtm(a):
    """PyTorch has eigenvectors, not the square root; they lose digits, and their gradients fail, where two meet."""
    values, vectors = torch.linalg.eig(a)
    return torch.linalg.solve(vectors, vectors * values.sqrt(), left=False).real


def jax_sqrtm(a):
    values, vectors = jax.lax.linalg.eig(a, compute_left_eigenvectors=False, enable_eigvec_derivs=True)
    return jnp.linalg.solve(vectors.T, (vectors * jnp.sqrt(values)).T).T.real


def banded_dense(ab, b):
    """A tridiagonal system as a full one."""
    matrix = torch.diag(ab[0, 1:], 1) + torch.diag(ab[1]) + torch.diag(ab[2, :-1], -1)
    return torch.linalg.solve(matrix, b)


def jax_banded(ab, b):
    """JAX has a solver for three diagonals, which wants zeros in the corners."""
    upper, lower = jnp.append(ab[0, 1:], 0.0), jnp.append(0.0, ab[2, :-1])
    return jax.lax.linalg.tridiagonal_solve(lower, ab[1], upper, b[:, None])[:, 0]


def fftconvolve(x, h):
    whole = [n + k - 1 for n, k in zip(x.shape, h.shape, strict=True)]
    sizes = [_fast(n) for n in whole]
    product = torch.fft.irfftn(torch.fft.rfftn(x, sizes) * torch.fft.rfftn(h, sizes), sizes)
    return product[tuple(slice(n) for n in whole)]


def convolve(x, h):
    return F.conv1d(x[None, None], h.flip(0)[None, None], padding=len(h) - 1)[0, 0]


def convolve2d(x, h):
    """Mode "same", of an odd filter, directly."""
    return F.conv2d(x[None, None], h.flip(0, 1)[None, None], padding="same")[0, 0]


def convolve2d_fft(x, h):
    """The same by transforms."""
    edge = [(k - 1) // 2 for k in h.shape]
    return fftconvolve(x, h)[edge[0] : edge[0] + x.shape[0], edge[1] : edge[1] + x.shape[1]]


def hilbert(x):
    n = x.shape[-1]
    spectrum = torch.fft.fft(x)
    weights = torch.zeros(n, dtype=x.dtype)
    weights[0] = weights[n // 2] = 1
    weights[1 : n // 2] = 2
    return torch.fft.ifft(spectrum * weights)


def jax_hilbert(x):
    n = x.shape[-1]
    weights = jnp.zeros(n).at[0].set(1).at[n // 2].set(1).at[1 : n // 2].set(2)
    return jnp.fft.ifft(jnp.fft.fft(x) * weights)


def resample(num):
    """To fewer samples, an even number of them."""

    def of(x):
        spectrum = torch.fft.rfft(x)[: num // 2 + 1]
        spectrum = torch.cat([spectrum[:-1], 2 * spectrum[-1:].real])
        return torch.fft.irfft(spectrum, num) * (num / len(x))

    return of


def jax_resample(num):
    def of(x):
        spectrum = jnp.fft.rfft(x)[: num // 2 + 1]
        spectrum = jnp.append(spectrum[:-1], 2 * spectrum[-1].real)
        return jnp.fft.irfft(spectrum, num) * (num / len(x))

    return of


def upfirdn(up, down):
    """PyTorch's convolutions have both rates."""

    def of(h, x):
        return F.conv_transpose1d(x[None, None], h[None, None], stride=up)[0, 0, ::down]

    return of


def jax_upfirdn(up, down):
    def of(h, x):
        edge = len(h) - 1
        arguments = (x[None, None], h[::-1][None, None], (down,), [(edge, edge)])
        return jax.lax.conv_general_dilated(*arguments, lhs_dilation=(up,))[0, 0]

    return of


def savgol(middle):
    """Away from the ends."""

    def of(x):
        return F.conv1d(x[None, None], middle[None, None], padding="same")[0, 0]

    return of


def jax_savgol(middle):
    return lambda x: jnp.convolve(x, middle[::-1], mode="same")


def _fast(size):
    """The next length with small prime factors."""
    return scipy.fft.next_fast_len(size, real=True)
