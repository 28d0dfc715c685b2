"""Filters, convolutions and transforms of signals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.signal
import torch

from scitorch import signal
from scitorch.bench.function import Array, FunctionCase, Ways
from scitorch.bench.machine import Lazy
from scitorch.bench.peers import jax_code, torch_code

jnp, jax_signal = Lazy("jax.numpy"), Lazy("jax.scipy.signal")


def cases() -> Iterator[FunctionCase]:
    """Recursive filters, convolutions, transforms."""
    for n, name in (10_000, "10⁴"), (1_000_000, "10⁶"):
        yield _lfilter(n, name, slow=n > 10_000)
        yield _sosfilt(n, name, slow=n > 10_000)
    yield from _convolutions()
    yield _convolve2d(128, 3, direct=True)
    yield _convolve2d(512, 15, direct=False)
    yield from _spectra()
    yield _upfirdn()
    yield _savgol()


def _lfilter(n: int, name: str, *, slow: bool) -> FunctionCase:
    return FunctionCase(
        f"signal.lfilter, {name} samples, order 4, in b, a and x",
        "functions",
        lambda rng: [*_low_pass(4), rng.normal(size=n)],
        scipy.signal.lfilter,
        signal.lfilter,
        lambda: {"torch": torch_code.lfilter, "JAX": jax_code.lfilter},
        slow=slow,
    )


def _sosfilt(n: int, name: str, *, slow: bool) -> FunctionCase:
    return FunctionCase(
        f"signal.sosfilt, {name} samples, 3 sections, in sos and x",
        "functions",
        lambda rng: [_low_pass(6, output="sos"), rng.normal(size=n)],
        scipy.signal.sosfilt,
        signal.sosfilt,
        lambda: {"torch": torch_code.sosfilt, "JAX": jax_code.sosfilt},
        slow=slow,
    )


def _low_pass(order: int, output: str = "ba") -> Any:
    return scipy.signal.butter(order, 0.2, output=output)


def _pair(*shapes: tuple[int, ...]) -> Callable[[np.random.Generator], list[Array]]:
    return lambda rng: [rng.normal(size=shape) for shape in shapes]


def _convolutions() -> Iterator[FunctionCase]:
    def by_transforms() -> Ways:
        return {"torch": torch_code.fftconvolve, "JAX": lambda x, h: jax_signal.fftconvolve(x, h)}

    for name, shapes in {
        "10⁵ with 10⁵": ((100_000,), (100_000,)),
        "512 × 512 with 63 × 63": ((512, 512), (63, 63)),
    }.items():
        ours, theirs = signal.fftconvolve, scipy.signal.fftconvolve
        yield FunctionCase(
            f"signal.fftconvolve, {name}", "functions", _pair(*shapes), theirs, ours, by_transforms, slow=True
        )
    yield FunctionCase(
        "signal.oaconvolve, 10⁶ with 1000",
        "functions",
        _pair((1_000_000,), (1000,)),
        scipy.signal.oaconvolve,
        signal.oaconvolve,
        by_transforms,
        slow=True,
    )
    yield FunctionCase(
        "signal.convolve, directly, 10⁶ with 31",
        "functions",
        _pair((1_000_000,), (31,)),
        lambda x, h: scipy.signal.convolve(x, h, method="direct"),
        lambda x, h: signal.convolve(x, h, method="direct"),
        lambda: {"torch": torch_code.convolve, "JAX": lambda x, h: jnp.convolve(x, h)},
        slow=True,
    )


def _convolve2d(n: int, k: int, *, direct: bool) -> FunctionCase:
    def peers() -> Ways:
        return {
            "torch": torch_code.convolve2d if direct else torch_code.convolve2d_fft,
            "JAX": lambda x, h: jax_signal.convolve2d(x, h, mode="same"),
        }

    return FunctionCase(
        f'signal.convolve2d, {n} × {n} with {k} × {k}, "same"',
        "functions",
        _pair((n, n), (k, k)),
        lambda x, h: scipy.signal.convolve2d(x, h, mode="same"),
        lambda x, h: signal.convolve2d(x, h, mode="same"),
        peers,
        slow=not direct,
    )


def _spectra() -> Iterator[FunctionCase]:
    num = 300_000
    yield FunctionCase(
        "signal.hilbert, 10⁶",
        "functions",
        _pair((1_000_000,)),
        scipy.signal.hilbert,
        signal.hilbert,
        lambda: {"torch": torch_code.hilbert, "JAX": jax_code.hilbert},
        slow=True,
    )
    yield FunctionCase(
        "signal.resample, 10⁶ to 3 · 10⁵",
        "functions",
        _pair((1_000_000,)),
        lambda x: scipy.signal.resample(x, num),
        lambda x: signal.resample(x, num),
        lambda: {"torch": torch_code.resample(num), "JAX": jax_code.resample(num)},
        slow=True,
    )


def _upfirdn() -> FunctionCase:
    taps: Any = scipy.signal.firwin(61, 1 / 3)
    return FunctionCase(
        "signal.upfirdn, 10⁵, 61 taps, up 3, down 2, in taps and signal",
        "functions",
        lambda rng: [taps, rng.normal(size=100_000)],
        lambda h, x: scipy.signal.upfirdn(h, x, 3, 2),
        lambda h, x: signal.upfirdn(h, x, 3, 2),
        lambda: {"torch": torch_code.upfirdn(3, 2), "JAX": jax_code.upfirdn(3, 2)},
        slow=True,
    )


def _savgol() -> FunctionCase:
    """Away from the ends, where the peers have no polynomials."""
    middle, inside = scipy.signal.savgol_coeffs(31, 3, use="dot"), np.s_[15:-15]

    def peers() -> Ways:
        smoothed = torch_code.savgol(torch.tensor(middle))
        return {
            "torch": lambda x: smoothed(x)[inside],
            "JAX": lambda x: jax_code.savgol(jnp.asarray(middle))(x)[inside],
        }

    return FunctionCase(
        "signal.savgol_filter, 10⁶, window 31, cubic",
        "functions",
        _pair((1_000_000,)),
        lambda x: scipy.signal.savgol_filter(x, 31, 3)[inside],
        lambda x: signal.savgol_filter(x, 31, 3)[inside],
        peers,
        slow=True,
    )
