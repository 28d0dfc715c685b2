"""Why ours takes longer than it should, where it does: by profiles for functions, else by how the ways are written.

By the name of the case; of its memory, after "memory: ". An entry whose case is no longer above its goal goes.
"""

_CALL = "less than 0.1 ms of work: what is seen is the call"
_EXPONENTIAL = "JAX's own exponential takes half of SciPy's time; ours are SciPy's expm and expm_frechet"
_BENEATH = (
    "below PyTorch's own machinery, which is most of it and the same for both, a library operator is dispatched, which "
    "export and the compiler need and a Function hasn't"
)
_DIRECT = "SciPy's direct sums, as the tutorial has them; the peers' loops are compiled, or go through transforms"
_SIZES = (
    "10 × 10 with 3 × 3",
    "128 × 128 with 3 × 3",
    "512 × 512 with 15 × 15",
    "1024 × 1024 with 63 × 63",
    "32 × 128 × 128 with 5 × 5",
)
WHY = {
    "sine of ten values: forward + backward": (
        "the Function that is ahead is right to first order only: its backward calls NumPy and leaves no graph"
    ),
    "sine of ten values: func.grad": _BENEATH,
    "sine of ten values: func.jvp": _BENEATH,
    "sine of ten values: vmap": _BENEATH,
    "sine of ten values: vmap of grad": _BENEATH,
    "vmap over 1000: sine of ten values": _BENEATH,
    "sine of ten values: compiled, forward + backward": (
        "entering a compiled graph and its backward costs more than such a call, torch.sin's too; the Function breaks "
        "the graph and runs eagerly"
    ),
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
    "memory: ndimage.gaussian_filter, 1024 × 1024, σ = 5, float64": (
        "an operator for each axis, each with a result of its own; SciPy writes both into one"
    ),
} | {f"correlation, {size}, float{bits}": _DIRECT for size in _SIZES for bits in (64, 32)}
