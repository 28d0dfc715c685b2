"""The tutorial's correlation of images with a filter, plus a bias, at five sizes in both precisions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.signal

from scitorch.bench.function import Array, FunctionCase, Ways
from scitorch.bench.machine import Lazy
from scitorch.bench.peers import by_hand, jax_code, torch_code
from scitorch.tutorial import ScipyConv2dFunction, correlate_bias

hips_signal = Lazy("autograd.scipy.signal")

SIZES: tuple[tuple[tuple[int, ...], int], ...] = (
    ((10, 10), 3),
    ((128, 128), 3),
    ((512, 512), 15),
    ((1024, 1024), 63),
    ((32, 128, 128), 5),
)
LARGEST_PATCHES = 512 * 512 * 15 * 15  # beyond, conv2d in double precision copies patches into tens of gigabytes


def cases() -> Iterator[FunctionCase]:
    """Every size in both precisions."""
    for shape, k in SIZES:
        for dtype in (np.float64, np.float32):
            yield _case(shape, k, dtype)


def _case(shape: tuple[int, ...], k: int, dtype: Any) -> FunctionCase:
    def inputs(rng: np.random.Generator) -> list[Array]:
        return [rng.normal(size=size).astype(dtype) for size in (shape, (k, k), (1, 1))]

    def peers() -> Ways:
        ways: Ways = {
            "Function": ScipyConv2dFunction.apply,
            "torch.fft": torch_code.correlate_fft,
            "JAX": jax_code.correlate,
            "HIPS": _hips,
        }
        if dtype is np.float32 or shape[-1] * shape[-2] * k * k <= LARGEST_PATCHES:
            ways["torch"] = torch_code.correlate
        if shape[-1] * shape[-2] * k * k <= LARGEST_PATCHES:  # beyond, it takes as many seconds as the Function
            ways["custom_op"] = by_hand.as_custom_op("image filter bias", _correlated, _transposed)
        return ways

    return FunctionCase(
        f"correlation, {' × '.join(map(str, shape))} with {k} × {k}, {dtype.__name__}",
        "correlation",
        inputs,
        _correlated,
        correlate_bias,
        peers,
        slow=math.prod(shape) * k * k > 1e6,
        agreement=1e-8 if dtype is np.float64 else 1e-3,  # sums of millions of products, in single precision
    )


def _each(function: Any, images: Array, filters: Array, mode: str) -> Array:
    call = np.vectorize(function, excluded={"mode"}, signature="(m,n),(k,l)->(p,q)")
    return call(images, filters, mode=mode)


def _correlated(image: Array, filter: Array, bias: Array) -> Array:
    """As SciPy has it, for each image."""
    if image.ndim == 2:
        return scipy.signal.correlate2d(image, filter, mode="valid") + bias
    return _each(scipy.signal.correlate2d, image, filter, "valid") + bias


def _transposed(g: Array, image: Array, filter: Array, _: Array) -> tuple[Array, Array, Array]:
    """What the tutorial's backward does."""
    in_filter = _each(scipy.signal.correlate2d, image, g, "valid")
    return (
        _each(scipy.signal.convolve2d, g, filter, "full"),
        in_filter.reshape(-1, *filter.shape).sum(0),
        g.sum(keepdims=True).reshape(1, 1),
    )


def _hips(image: Array, filter: Array, bias: Array) -> Array:
    """HIPS has a convolution over chosen axes."""
    turned = filter[::-1, ::-1]
    axes = ([image.ndim - 2, image.ndim - 1], [0, 1])
    return hips_signal.convolve(image, turned, axes=axes, mode="valid") + bias
