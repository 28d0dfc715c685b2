"""Filters of images, and warps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.ndimage
import torch

from scitorch import ndimage
from scitorch.bench.function import Array, FunctionCase, Ways
from scitorch.bench.machine import Lazy
from scitorch.bench.peers import by_hand, torch_code

jnp, jax_ndimage = Lazy("jax.numpy"), Lazy("jax.scipy.ndimage")

SIGMA = 5.0


def cases() -> Iterator[FunctionCase]:
    """Gaussian filters in both precisions, warps of order 1 and 3."""
    yield _gaussian(256, np.float64)
    yield _gaussian(1024, np.float64, slow=True)
    yield _gaussian(1024, np.float32, slow=True)
    yield _warp(256, 1)
    yield _warp(256, 3)


def _smoothed(x: Array) -> Array:
    return scipy.ndimage.gaussian_filter(x, SIGMA)


def _gaussian(n: int, dtype: Any, *, slow: bool = False) -> FunctionCase:
    def peers() -> Ways:
        band = torch_code.gaussian_matrix(n, SIGMA).astype(dtype)
        matrix = torch.tensor(band)

        def transposed(g: Array, _: Array) -> tuple[Array]:
            return (_smoothed(g),)  # with mirrored borders, the filter's matrix is symmetric

        def flat(x: Array) -> Array:
            return _smoothed(x.reshape(n, n)).ravel()

        linear = by_hand.as_pylops(lambda pylops: pylops.FunctionOperator(flat, flat, n * n, dtype=dtype))
        return {
            "torch": lambda x: matrix @ x @ matrix.mT,
            "JAX": lambda x: jnp.asarray(band) @ x @ jnp.asarray(band.T),
            "Function": by_hand.as_function(_smoothed, transposed),
            "custom_op": by_hand.as_custom_op("x", _smoothed, transposed),
            "PyLops": lambda x: linear(x.flatten()).reshape(n, n),
        }

    return FunctionCase(
        f"ndimage.gaussian_filter, {n} × {n}, σ = 5, {dtype.__name__}",
        "functions",
        lambda rng: [rng.normal(size=(n, n)).astype(dtype)],
        _smoothed,
        lambda x: ndimage.gaussian_filter(x, SIGMA),
        peers,
        slow=slow,
        agreement=1e-8 if dtype is np.float64 else 1e-5,
    )


def _warp(n: int, order: int) -> FunctionCase:
    rows, columns = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    moved = np.stack([rows + 3 * np.sin(0.1 + columns / 20), columns + 3 * np.cos(0.2 + rows / 30)]).clip(4.3, n - 6.2)

    def peers() -> Ways:
        if order == 1:
            return {
                "torch": torch_code.bilinear,
                "JAX": lambda x, c: jax_ndimage.map_coordinates(x, c, order=1, mode="mirror"),
            }
        return {"torch": torch_code.bicubic_spline(torch.tensor(torch_code.spline_prefilter(n)))}

    return FunctionCase(
        f"ndimage.map_coordinates, {n} × {n}, order {order}, in image and coordinates",
        "functions",
        lambda rng: [rng.normal(size=(n, n)), moved],
        lambda x, c: scipy.ndimage.map_coordinates(x, c, order=order, mode="mirror"),
        lambda x, c: ndimage.map_coordinates(x, c, order=order, mode="mirror"),
        peers,
    )
