"""What benchmarks/catalogue.py measures: SciPy's call, ours, and peers that have the same or can be made to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import catalogue_peers as peers
import numpy as np
import scipy.fft
import scipy.interpolate
import scipy.linalg
import scipy.ndimage
import scipy.signal
import scipy.special
import torch
from catalogue_peers import jax
from numpy.typing import NDArray

from scitorch import fft, interpolate, linalg, ndimage, signal, special

try:
    import torch_dct
except ImportError:
    torch_dct = None

Array = NDArray[Any]


@dataclass(frozen=True)
class Case:
    """One function at one size.

    All take the inputs in their order; derivatives are taken in all of them. `torch` and `jax` may be missing. All must
    agree to `agreement`, relative to the largest element.
    """

    name: str
    inputs: Callable[[np.random.Generator], Sequence[Array]]
    scipy: Callable[..., Any]
    ours: Callable[..., Any]
    torch: Callable[..., Any] | None = None
    jax: Callable[..., Any] | None = None
    more: dict[str, Callable[..., Any]] = field(default_factory=dict)
    slow: bool = False
    agreement: float = 1e-8


def _dct(name: str, *shape: int, slow: bool = False) -> Case:
    return Case(
        f"fft.dct, {name}",
        lambda rng: [rng.normal(size=shape)],
        scipy.fft.dct,
        fft.dct,
        peers.dct,
        jax and jax.scipy.fft.dct,
        {"torch-dct": torch_dct.dct} if torch_dct else {},
        slow=slow,
    )


def _expm(n: int, *, slow: bool = False) -> Case:
    return Case(
        f"linalg.expm, {n} × {n}",
        lambda rng: [rng.normal(size=(n, n)) / n**0.5],
        scipy.linalg.expm,
        linalg.expm,
        torch.linalg.matrix_exp,
        jax and jax.scipy.linalg.expm,
        slow=slow,
    )


def _lfilter(n: int, name: str, *, slow: bool = False) -> Case:
    return Case(
        f"signal.lfilter, {name} samples, order 4, in b, a and x",
        lambda rng: [*scipy.signal.butter(4, 0.2), rng.normal(size=n)],
        scipy.signal.lfilter,
        signal.lfilter,
        peers.lfilter,
        jax and peers.jax_lfilter,
        slow=slow,
    )


def _sosfilt(n: int, name: str, *, slow: bool = False) -> Case:
    return Case(
        f"signal.sosfilt, {name} samples, 3 sections, in sos and x",
        lambda rng: [scipy.signal.butter(6, 0.2, output="sos"), rng.normal(size=n)],
        scipy.signal.sosfilt,
        signal.sosfilt,
        peers.sosfilt,
        jax and peers.jax_sosfilt,
        slow=slow,
    )


def _beta(n: int, name: str, *, slow: bool = False) -> Case:
    a, b = 2.5, 1.3
    return Case(
        f"special.betainc, {name}, in x",
        lambda rng: [rng.uniform(0.01, 0.99, size=n)],
        lambda x: scipy.special.betainc(a, b, x),
        lambda x: special.betainc(a, b, x),
        None,
        jax and (lambda x: jax.scipy.special.betainc(a, b, x)),
        slow=slow,
    )


def _parameters(name: str, n: int, function: str, *ranges: tuple[float, float]) -> Case:
    return Case(
        f"special.{function}, {n}, in {name}",
        lambda rng: [rng.uniform(*bounds, size=n) for bounds in ranges],
        getattr(scipy.special, function),
        getattr(special, function),
    )


def _bessel(n: int, name: str, *, slow: bool = False) -> list[Case]:
    return [
        Case(
            f"special.jv, order 1.5, {name}",
            lambda rng: [rng.uniform(0.1, 40, size=n)],
            lambda x: scipy.special.jv(1.5, x),
            lambda x: special.jv(1.5, x),
            slow=slow,
        ),
        Case(
            f"special.j0, {name}",
            lambda rng: [rng.uniform(0.1, 40, size=n)],
            scipy.special.j0,
            special.j0,
            peers.BesselJ0.apply,
            slow=slow,
            agreement=1e-6,  # PyTorch's is no better
        ),
    ]


def _spline(n: int, name: str, order: Callable[[Array], Array], *, slow: bool = False) -> Case:
    knots = np.linspace(0, 1, 1000)
    knots[1:-1] += 1e-4 * np.sin(37 * np.arange(998))
    slopes = peers.spline_slopes(knots)
    tensors, arrays = (torch.from_numpy(slopes), torch.from_numpy(knots)), (slopes, knots)
    return Case(
        f"interpolate.CubicSpline, 1000 knots, {name}, in values and points",
        lambda rng: [np.sin(20 * knots), order(rng.uniform(0, 1, size=n))],
        lambda y, x: scipy.interpolate.CubicSpline(knots, y)(x),
        lambda y, x: interpolate.CubicSpline(tensors[1], y)(x),
        peers.spline(*tensors),
        jax and peers.jax_spline(*(jax.numpy.asarray(x) for x in arrays)),
        slow=slow,
    )


def _gaussian(n: int, dtype: Any, *, slow: bool = False) -> Case:
    band = peers.gaussian_matrix(n, 5.0).astype(dtype)
    tensor = torch.from_numpy(band)
    array = jax and jax.numpy.asarray(band)
    return Case(
        f"ndimage.gaussian_filter, {n} × {n}, σ = 5, {dtype.__name__}",
        lambda rng: [rng.normal(size=(n, n)).astype(dtype)],
        lambda x: scipy.ndimage.gaussian_filter(x, 5.0),
        lambda x: ndimage.gaussian_filter(x, 5.0),
        lambda x: tensor @ x @ tensor.mT,
        jax and (lambda x: array @ x @ array.T),
        slow=slow,
        agreement=1e-8 if dtype is np.float64 else 1e-5,
    )


def _warp(n: int, order: int) -> Case:
    rows, columns = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    moved = np.stack([rows + 3 * np.sin(0.1 + columns / 20), columns + 3 * np.cos(0.2 + rows / 30)]).clip(4.3, n - 6.2)
    matrix = torch.from_numpy(peers.spline_prefilter(n))
    return Case(
        f"ndimage.map_coordinates, {n} × {n}, order {order}, in image and coordinates",
        lambda rng: [rng.normal(size=(n, n)), moved],
        lambda x, c: scipy.ndimage.map_coordinates(x, c, order=order, mode="mirror"),
        lambda x, c: ndimage.map_coordinates(x, c, order=order, mode="mirror"),
        peers.bilinear if order == 1 else peers.bicubic_spline(matrix),
        (jax and (lambda x, c: jax.scipy.ndimage.map_coordinates(x, c, order=1, mode="mirror")))
        if order == 1
        else None,
    )


def _sqrtm(n: int) -> Case:
    return Case(
        f"linalg.sqrtm, {n} × {n}",
        lambda rng: [3 * np.eye(n) + rng.normal(size=(n, n)) / n**0.5],
        scipy.linalg.sqrtm,
        linalg.sqrtm,
        peers.sqrtm,
        jax and peers.jax_sqrtm,
    )


def _banded(n: int, name: str, dense: Callable[..., Any] | None) -> Case:
    def system(rng):
        ab = rng.uniform(-1, 1, size=(3, n))
        ab[1] += 4
        return [ab, rng.normal(size=n)]

    return Case(
        f"linalg.solve_banded, {name} × {name}, 3 diagonals, in both",
        system,
        lambda ab, b: scipy.linalg.solve_banded((1, 1), ab, b),
        lambda ab, b: linalg.solve_banded((1, 1), ab, b),
        dense,
        jax and peers.jax_banded,
    )


def _pair(*shapes: tuple[int, ...]) -> Callable[[np.random.Generator], list[Array]]:
    return lambda rng: [rng.normal(size=shape) for shape in shapes]


def _convolve2d(n: int, k: int, *, direct: bool) -> Case:
    return Case(
        f'signal.convolve2d, {n} × {n} with {k} × {k}, "same"',
        _pair((n, n), (k, k)),
        lambda x, h: scipy.signal.convolve2d(x, h, mode="same"),
        lambda x, h: signal.convolve2d(x, h, mode="same"),
        peers.convolve2d if direct else peers.convolve2d_fft,
        jax and (lambda x, h: jax.scipy.signal.convolve2d(x, h, mode="same")),
    )


def _convolutions() -> list[Case]:
    return [
        Case(
            f"signal.fftconvolve, {name}",
            _pair(*shapes),
            scipy.signal.fftconvolve,
            signal.fftconvolve,
            peers.fftconvolve,
            jax and jax.scipy.signal.fftconvolve,
        )
        for name, shapes in {
            "10⁵ with 10⁵": ((100_000,), (100_000,)),
            "512 × 512 with 63 × 63": ((512, 512), (63, 63)),
        }.items()
    ] + [
        Case(
            "signal.oaconvolve, 10⁶ with 1000",
            _pair((1_000_000,), (1000,)),
            scipy.signal.oaconvolve,
            signal.oaconvolve,
            peers.fftconvolve,
            jax and jax.scipy.signal.fftconvolve,
        ),
        Case(
            "signal.convolve, directly, 10⁶ with 31",
            _pair((1_000_000,), (31,)),
            lambda x, h: scipy.signal.convolve(x, h, method="direct"),
            lambda x, h: signal.convolve(x, h, method="direct"),
            peers.convolve,
            jax and jax.numpy.convolve,
        ),
        _convolve2d(128, 3, direct=True),
        _convolve2d(512, 15, direct=False),
    ]


def _transforms() -> list[Case]:
    taps = scipy.signal.firwin(61, 1 / 3)
    middle = scipy.signal.savgol_coeffs(31, 3, use="dot")
    inside = np.s_[15:-15]
    smoothed, jax_smoothed = peers.savgol(torch.from_numpy(middle)), peers.jax_savgol(middle)
    return [
        Case(
            "signal.hilbert, 10⁶",
            _pair((1_000_000,)),
            scipy.signal.hilbert,
            signal.hilbert,
            peers.hilbert,
            jax and peers.jax_hilbert,
        ),
        Case(
            "signal.resample, 10⁶ to 3 · 10⁵",
            _pair((1_000_000,)),
            lambda x: scipy.signal.resample(x, 300_000),
            lambda x: signal.resample(x, 300_000),
            peers.resample(300_000),
            jax and peers.jax_resample(300_000),
        ),
        Case(
            "signal.upfirdn, 10⁵, 61 taps, up 3, down 2, in taps and signal",
            lambda rng: [taps, rng.normal(size=100_000)],
            lambda h, x: scipy.signal.upfirdn(h, x, 3, 2),
            lambda h, x: signal.upfirdn(h, x, 3, 2),
            peers.upfirdn(3, 2),
            jax and peers.jax_upfirdn(3, 2),
        ),
        Case(
            "signal.savgol_filter, 10⁶, window 31, cubic",
            _pair((1_000_000,)),
            lambda x: scipy.signal.savgol_filter(x, 31, 3)[inside],
            lambda x: signal.savgol_filter(x, 31, 3)[inside],
            lambda x: smoothed(x)[inside],
            jax and (lambda x: jax_smoothed(x)[inside]),
        ),
    ]


CASES: list[Case] = [
    _dct("1024", 1024),
    _dct("256 × 1024", 256, 1024),
    _dct("10⁶", 1_000_000, slow=True),
    _expm(10),
    _expm(100),
    _expm(500, slow=True),
    _lfilter(10_000, "10⁴"),
    _lfilter(1_000_000, "10⁶", slow=True),
    _sosfilt(10_000, "10⁴"),
    _sosfilt(1_000_000, "10⁶", slow=True),
    _beta(10_000, "10⁴"),
    _beta(1_000_000, "10⁶", slow=True),
    _parameters("a, b and x", 1000, "betainc", (0.5, 20), (0.5, 20), (0.1, 0.9)),
    _parameters("df and t", 1000, "stdtr", (0.5, 20), (-3, 3)),
    _parameters("v and z", 100, "jv", (0.3, 10), (0.5, 40)),
    *_bessel(10_000, "10⁴"),
    *_bessel(1_000_000, "10⁶", slow=True),
    _spline(10_000, "10⁴ sorted points", np.sort),
    _spline(1_000_000, "10⁶ sorted points", np.sort, slow=True),
    _spline(1_000_000, "10⁶ random points", lambda x: x, slow=True),
    _gaussian(256, np.float64),
    _gaussian(1024, np.float64, slow=True),
    _gaussian(1024, np.float32, slow=True),
    _warp(256, 1),
    _warp(256, 3),
    _sqrtm(100),
    _banded(500, "500", peers.banded_dense),
    _banded(100_000, "10⁵", None),
    *_convolutions(),
    *_transforms(),
]
