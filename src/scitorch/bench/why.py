"""Why ours takes longer than it should, where it does.

By the name of the case; of its memory, after "memory: ". Shares are of a profile of forward and backward together; all
other figures were measured side by side. What was only concluded, from how the ways are written, says "inferred". An
entry whose case is no longer above its goal goes.
"""

_CALL = "less than 0.1 ms of work: what is seen is the call"
_EXPONENTIAL = "JAX's own exponential takes half of SciPy's time; ours are SciPy's expm and expm_frechet"
_THREE = "the three compiled sums are a sixth of it, the rest is the calls around them; JAX's are one call"
_DENSITY = (
    "SciPy's function is half of it; the density keeps its digits for large parameters, the peer multiplies powers"
)
WHY = {
    "sine of ten values: forward + backward": (
        "the Function that is ahead is right to first order only: its backward calls NumPy and leaves no graph"
    ),
    "sine of ten values: compiled, forward + backward": (
        "compiled, torch.sin itself takes 57 µs, ours 79, custom_op 85, this Function 50: entering a compiled graph "
        "and its backward costs more than such a call; the Function breaks the graph and runs eagerly"
    ),
    "fft.dct, 1024": _CALL,
    "linalg.expm, 10 × 10": _CALL,
    "linalg.expm, 100 × 100": _EXPONENTIAL,
    "linalg.expm, 500 × 500": _EXPONENTIAL,
    "signal.lfilter, 10⁴ samples, order 4, in b, a and x": (
        "the compiled loop is a tenth of it, the rest is the calls of the operators that the gradients are made of"
    ),
    "signal.sosfilt, 10⁴ samples, 3 sections, in sos and x": (
        "the compiled loop is a seventh of it, the rest is the calls of the operators that the gradients are made of"
    ),
    "special.jv, 100, in v and z": "less than 0.1 ms of work forward; inferred: in v an integral for each element",
    "special.betainc, 10⁴, in x": _DENSITY,
    "special.j0, 10⁴": "PyTorch's is right to 4e-7 only",
    "special.j0, 10⁶": "PyTorch's is right to 4e-7 only",
    "interpolate.CubicSpline, 1000 knots, 10⁴ sorted points, in values and points": (
        "no call takes more than a seventh: setting up the system in PyTorch calls, which the peers get solved"
    ),
    "ndimage.gaussian_filter, 256 × 256, σ = 5, float64": (
        "the peers get the full matrix of the filter ready-made, and its product is measured to be faster at this size"
    ),
    "ndimage.gaussian_filter, 1024 × 1024, σ = 5, float32": "inferred: SciPy sums float32 in double; peers don't",
    "ndimage.map_coordinates, 256 × 256, order 1, in image and coordinates": (
        "SciPy's own loop is a seventh; gradients are NumPy's, corner by corner; JAX compiles one loop"
    ),
    "ndimage.map_coordinates, 256 × 256, order 3, in image and coordinates": (
        "SciPy's own loops are a fifth; gradients are NumPy's, tap by tap; the peer gets the prefilter ready-made"
    ),
    "linalg.sqrtm, 100 × 100": (
        "Schur forms are half of it, their roots a quarter; the peers' eigenvectors fail where two eigenvalues meet"
    ),
    "linalg.solve_banded, 500 × 500, 3 diagonals, in both": _CALL,
    "linalg.solve_banded, 10⁵ × 10⁵, 3 diagonals, in both": (
        "two solves are half of it; the bands of the transpose and of the gradient are moved in passes of their own"
    ),
    "signal.fftconvolve, 512 × 512 with 63 × 63": (
        "transforms are a third of it forward and, inferred, as much of the backward: PyTorch's beside JAX's"
    ),
    'signal.convolve2d, 128 × 128 with 3 × 3, "same"': (
        "the compiled sums are a tenth of it, the rest is the calls around them; JAX's are one call"
    ),
    "signal.resample, 10⁶ to 3 · 10⁵": (
        "SciPy's transforms are three quarters of it; folding and scaling spectra are passes of their own"
    ),
    "memory: ndimage.gaussian_filter, 1024 × 1024, σ = 5, float64": (
        "inferred: an operator for each axis, each with a result of its own; SciPy writes both into one"
    ),
    "fft.dct, 256 × 1024": "inferred: all take SciPy's transforms; the rest is the calls around them",
    "signal.oaconvolve, 10⁶ with 1000": "cutting blocks is a sixth of it, adding them a quarter, in PyTorch calls",
    "ndimage.gaussian_filter, 1024 × 1024, σ = 5, float64": (
        "inferred: an operator for each axis, each with a result of its own; SciPy writes both into one"
    ),
    "special.betainc, 10⁶, in x": _DENSITY,
    "special.jv, order 1.5, 10⁴": "inferred: nothing; HIPS calls the same function",
    "special.jv, order 1.5, 10⁶": "inferred: nothing; HIPS calls the same function",
    "interpolate.CubicSpline, 1000 knots, 10⁶ sorted points, in values and points": (
        "gathering the pieces' coefficients in NumPy calls is half of it; SciPy's compiled loop meets them in order"
    ),
    "interpolate.CubicSpline, 1000 knots, 10⁶ random points, in values and points": (
        "inferred: gathering and adding the pieces' coefficients in NumPy calls; JAX compiles one loop"
    ),
    "integrate.solve_ivp, Lotka-Volterra, RK45, in start and parameters": (
        "of 63 ms, SciPy's steps take 11 and 2546 calls of the torch function 40 (of NumPy's: 1.4): SciPy with that "
        "function by hand takes 51. Handing over takes 7, the search for what the function uses 3"
    ),
    "integrate.solve_ivp, Robertson, Radau, in start and rates": (
        "of 58 ms, SciPy's steps take 17 and 1082 calls of the torch function 24 (of NumPy's: 1): SciPy with that "
        "function by hand takes 43. 32 exact Jacobians take 9, handing over 3, refining the solution 2"
    ),
    "optimize.root_scalar, 10000 at once": (
        "of 7.5 ms, SciPy's solver takes 4.6 without its function, ten calls of the mapped torch function 2, vmap "
        "itself 0.5; the torch loop is Newton's from a near guess, without a bracket"
    ),
    "optimize.curve_fit, 10⁵ points, in the measurements": (
        "of 15 ms, MINPACK takes 8.7, 7 values 2.8 (torch's exponential takes four times NumPy's), 6 exact Jacobians "
        "from their graphs 4, as much as SciPy's differences of a torch function; the covariance 0.9"
    ),
    "optimize.nnls, 500 × 200, in both": (
        "0.2 ms of Python around SciPy's 3.1, up to 0.5 where other work takes its caches: shapes, weakly active "
        "bounds, results"
    ),
    "vmap over 1000: fft.dct of 256": "vmap itself: the same batch as leading dimension takes SciPy's time",
    "64 items of sqrtm, 40 × 40": "on one thread nobody can be ahead",
    "memory: signal.fftconvolve, 512 × 512 with 63 × 63": "with gradients; inferred: padded arrays, both spectra",
    "memory: linalg.expm, 500 × 500": "with gradients; inferred: powers in SciPy's expm_frechet",
    "memory: special.betainc, 10⁶, in x": "with gradients; inferred: the density's terms, one array each",
    "memory: interpolate.CubicSpline, 1000 knots, 10⁶ sorted points, in values and points": (
        "with gradients; inferred: the slope at each point, beside the gradient"
    ),
    "correlation, 10 × 10 with 3 × 3, float64": _CALL,
    "correlation, 10 × 10 with 3 × 3, float32": _CALL,
    "correlation, 128 × 128 with 3 × 3, float64": _THREE,
    "correlation, 128 × 128 with 3 × 3, float32": _THREE,
}
