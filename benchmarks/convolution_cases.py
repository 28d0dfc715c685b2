"""What benchmarks/convolution.py measures: the tutorials' layer at five sizes, and what else one could use for it."""

import numpy as np
import scipy.fft
import scipy.signal
import torch
import torch.nn.functional as F
from torch.autograd import Function

from scitorch.bench.function import FunctionCase
from scitorch.bench.machine import Lazy
from scitorch.tutorial import ScipyConv2dFunction, correlate_valid

SIZES = [((10, 10), 3), ((128, 128), 3), ((512, 512), 15), ((1024, 1024), 63), ((32, 128, 128), 5)]
jax, jax_signal = Lazy("jax"), Lazy("jax.scipy.signal")
DIRECT_LIMIT = 100_000_000  # products, beyond which some direct loops take seconds


def cases(rows=()) -> list[FunctionCase]:
    """All sizes, or those of so many rows, in both precisions."""
    chosen = [(shape, k) for shape, k in SIZES if not rows or shape[-2] in rows]
    return [case(shape, k, dtype) for dtype in (np.float64, np.float32) for shape, k in chosen]


def case(shape, k, dtype) -> FunctionCase:
    """One size."""
    products = np.prod(shape) * k * k
    more = {"torch.fft": torch_fft, "SciPy FFT": Spectra.apply}
    if products < DIRECT_LIMIT:
        more |= {"conv2d": conv2d, "Function": function, "JAX": jax_correlate}
    size = " × ".join(map(str, shape))
    return FunctionCase(
        f"{size} with {k} × {k}, {np.dtype(dtype).name}",
        "convolution",
        lambda rng: [rng.normal(size=size).astype(dtype) for size in (shape, (k, k))],
        lambda x, h: np.reshape([scipy.signal.correlate(image, h, "valid") for image in np.atleast_3d(x)]
                                if x.ndim == 3 else scipy.signal.correlate(x, h, "valid"), valid(x.shape, h.shape)),
        correlate_valid,
        lambda: more,
        agreement=1e-9 if dtype is np.float64 else 2e-3,
    )  # fmt: skip


def function(x, h):
    return ScipyConv2dFunction.apply(x, h, torch.zeros(1, 1))


def valid(shape, taps):
    return (*shape[:-2], shape[-2] - taps[0] + 1, shape[-1] - taps[1] + 1)


def conv2d(x, h):
    images = x.reshape(-1, 1, *x.shape[-2:])
    return F.conv2d(images, h[None, None]).reshape(valid(x.shape, h.shape))


def torch_fft(x, h):
    size = x.shape[-2:]
    rows, columns = valid(x.shape, h.shape)[-2:]
    product = torch.fft.rfft2(x) * torch.fft.rfft2(h, size).conj()
    return torch.fft.irfft2(product, size)[..., :rows, :columns]


def jax_correlate(x, h):
    """With what JAX has for a batch."""
    one = lambda image: jax_signal.correlate2d(image, h, mode="valid")  # noqa: E731  as one writes it in JAX
    return jax.vmap(one)(x) if x.ndim == 3 else one(x)


class Spectra(Function):
    """SciPy's transforms by hand; the backward pass uses the forward pass's spectra."""

    @staticmethod
    def forward(ctx, x, h):
        size = x.shape[-2:]
        ctx.spectra = scipy.fft.rfft2(x.detach().numpy()), scipy.fft.rfft2(h.detach().numpy(), size)
        ctx.sizes = size, h.shape
        rows, columns = valid(x.shape, h.shape)[-2:]
        product = ctx.spectra[0] * ctx.spectra[1].conj()
        return torch.from_numpy(np.ascontiguousarray(scipy.fft.irfft2(product, size)[..., :rows, :columns]))

    @staticmethod
    def backward(ctx, *grads):
        size, taps = ctx.sizes
        g = scipy.fft.rfft2(grads[0].numpy(), size)
        gx = scipy.fft.irfft2(g * ctx.spectra[1], size)
        products = ctx.spectra[0] * g.conj()
        gh = scipy.fft.irfft2(products.reshape(-1, *products.shape[-2:]).sum(0), size)[: taps[0], : taps[1]]
        return torch.from_numpy(gx), torch.from_numpy(gh.copy())
