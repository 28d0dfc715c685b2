"""The table of benchmarks/catalogue.py, in Markdown."""

from importlib import metadata

from catalogue_timing import Timing

WAYS = ("SciPy", "scitorch", "torch", "torch-dct", "JAX")
HEAD = (
    f"| case | {' | '.join(WAYS)} | forward ÷ SciPy | forward + backward ÷ best peer | why above 1 |\n"
    f"|---|{'---|' * len(WAYS)}---|---|---|"
)
_CALL = "less than 0.1 ms of work: what is seen is the call"
_EXPONENTIAL = "JAX's own exponential takes half of SciPy's time; ours are SciPy's expm and expm_frechet"
WHY = {
    "fft.dct, 1024": _CALL,
    "linalg.expm, 10 × 10": _CALL,
    "linalg.expm, 100 × 100": _EXPONENTIAL,
    "linalg.expm, 500 × 500": _EXPONENTIAL,
    "signal.lfilter, 10⁴ samples, order 4, in b, a and x": _CALL,
    "signal.lfilter, 10⁶ samples, order 4, in b, a and x": "the copy of the signal that SciPy's filter can write to",
    "signal.sosfilt, 10⁴ samples, 3 sections, in sos and x": _CALL,
    "signal.sosfilt, 10⁶ samples, 3 sections, in sos and x": "SciPy's result is a view, copied block by block",
    "special.jv, 100, in v and z": "less than 0.1 ms of work forward; in v an integral for each element",
    "special.j0, 10⁴": "PyTorch's is right to 4e-7 only",
    "special.j0, 10⁶": "PyTorch's is right to 4e-7 only",
    "interpolate.CubicSpline, 1000 knots, 10⁴ sorted points, in values and points": (
        "setting up the system takes 0.3 ms in PyTorch calls; the peers get it solved"
    ),
    "ndimage.gaussian_filter, 256 × 256, σ = 5, float64": (
        "a product with the full matrix of the filter, which the peers get ready-made, is faster for small images"
    ),
    "ndimage.gaussian_filter, 1024 × 1024, σ = 5, float32": "SciPy sums single precision in double; peers don't",
    "ndimage.map_coordinates, 256 × 256, order 1, in image and coordinates": (
        "gradients in NumPy, corner by corner, in every border mode; JAX compiles one loop"
    ),
    "ndimage.map_coordinates, 256 × 256, order 3, in image and coordinates": (
        "gradients in NumPy, tap by tap, in every border mode; the peer knows none and gets the prefilter ready-made"
    ),
    "linalg.sqrtm, 100 × 100": "by Schur forms; the peers' eigenvectors fail where two eigenvalues meet",
    "linalg.solve_banded, 500 × 500, 3 diagonals, in both": _CALL,
    "linalg.solve_banded, 10⁵ × 10⁵, 3 diagonals, in both": (
        "two solves take two thirds; the bands of the transpose and of the gradient are moved in passes of their own"
    ),
    "signal.fftconvolve, 512 × 512 with 63 × 63": "PyTorch's transforms in two dimensions beside JAX's",
    "signal.oaconvolve, 10⁶ with 1000": "blocks cut out and added in PyTorch calls",
    "signal.convolve, directly, 10⁶ with 31": (
        "the three sums take 0.9 of it, none slower than SciPy's; JAX's compiled loop is faster"
    ),
    'signal.convolve2d, 128 × 128 with 3 × 3, "same"': (
        "NumPy adds nine shifted images, in as many passes; JAX compiles one loop"
    ),
    'signal.convolve2d, 512 × 512 with 15 × 15, "same"': (
        "direct sums, which keep every element's digits; the peer goes through transforms, as our fftconvolve does"
    ),
    "signal.resample, 10⁶ to 3 · 10⁵": (
        "SciPy's transforms take 0.85 of it; folding and scaling spectra are passes of their own"
    ),
    "signal.savgol_filter, 10⁶, window 31, cubic": (
        "the three sums take two thirds; padding and its gradient fill and add arrays of their own"
    ),
}
_PAGE = """# Speed of the catalogue

What a call takes: SciPy's own, ours, the best code that we'd write with PyTorch alone, torch-dct, and JAX, compiled.
Milliseconds on {threads} thread of {machine}, forward / forward and backward in all inputs that the case
names, float64 unless it says otherwise. All ways were compared, values and gradients, before they were timed, and took
turns, so that the ratios are of neighbours in time. {versions}.

Goals: forward within 1.1 of SciPy's own call, and forward with backward at least as fast as the best peer, above 0.1 ms
of work; below, what is measured is the call itself (`benchmarks/overhead.py`).

    python benchmarks/catalogue.py --write

{table}
"""


def row(timing: Timing) -> str:
    """One case: milliseconds forward and forward + backward, and the two ratios that are goals."""
    cells = [timing.case.name, *(_cell(timing, way) for way in WAYS)]
    cells.append(f"{timing.ratio('scitorch', 'SciPy', 'forward'):.2f}")
    best = timing.best_peer()
    cells.append(f"{timing.ratio('scitorch', best, 'both'):.2f} ({best})" if best else "no peer")
    cells.append(WHY.get(timing.case.name, ""))
    return "| " + " | ".join(cells) + " |"


def _cell(timing: Timing, way: str) -> str:
    medians = (timing.median(way, what) for what in ("forward", "both"))
    return " / ".join(_scaled(median) for median in medians if median is not None) or "-"


def _scaled(seconds: float) -> str:
    """Milliseconds, to three digits."""
    return f"{seconds * 1e3:.3g}" if seconds < 1 else f"{seconds * 1e3:.0f}"


def page(rows: list[str], threads: int, machine: str) -> str:
    """The whole page of the documentation."""
    versions = ", ".join(f"{name} {_version(name)}" for name in ("numpy", "scipy", "torch", "jax", "torch-dct"))
    return _PAGE.format(table="\n".join([HEAD, *rows]), threads=threads, machine=machine, versions=versions)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "(not installed)"
