"""Mapping over a thousand items: `torch.func.vmap`, forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import scipy.fft
import torch
from torch.func import vmap

from scitorch import fft
from scitorch.bench.function import FunctionCase, Ways, jax
from scitorch.bench.machine import Lazy
from scitorch.bench.peers import sine, torch_code

jax_fft = Lazy("jax.scipy.fft")

ITEMS = 1000


def cases() -> Iterator[FunctionCase]:
    """The call alone, and some work."""
    yield FunctionCase(
        f"vmap over {ITEMS}: sine of ten values",
        "vmap",
        lambda rng: [rng.normal(size=(ITEMS, 10))],
        np.sin,
        lambda x: _mapped()(x),
        _sines,
        floors=("SciPy", "torch"),
    )
    yield FunctionCase(
        f"vmap over {ITEMS}: fft.dct of 256",
        "vmap",
        lambda rng: [rng.normal(size=(ITEMS, 256))],
        scipy.fft.dct,
        vmap(lambda x: fft.dct(x)),
        lambda: {"torch": vmap(torch_code.dct), "JAX": lambda x: jax.vmap(lambda row: jax_fft.dct(row))(x)},
    )


@cache
def _mapped() -> Callable[..., Any]:
    return vmap(sine.ours())


def _sines() -> Ways:
    return {
        "torch": vmap(torch.sin),
        "Function": vmap(sine.Sine.apply),
        "custom_op": vmap(sine.custom_op()),
        "JAX": lambda x: jax.vmap(lambda row: jax.numpy.sin(row))(x),
    }
