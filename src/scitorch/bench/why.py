"""Why ours takes longer than it should, where it does.

By the name of the case; of its memory, after "memory: ". Shares are of a profile of forward and backward together; all
other figures were measured side by side. What was only concluded, from how the ways are written, says "inferred". An
entry whose case is no longer above its goal goes.
"""

_CALL = "less than 0.1 ms of work: what is seen is the call"
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
    "linalg.expm, 100 × 100": (
        "forward: BLAS's products and factors are 0.20 of 0.35 ms, the rest is calls from Python around them, "
        "0.06 for the norm; JAX's one call takes 0.30"
    ),
    "linalg.expm, 500 × 500": (
        "forward: six products take 15.7 of 24.3 ms, factors and solutions 5.5, by OpenBLAS; JAX's own take 23.6"
    ),
    "special.jv, 100, in v and z": "less than 0.1 ms of work forward; inferred: in v an integral for each element",
    "special.betainc, 10⁴, in x": _DENSITY,
    "special.j0, 10⁴": "PyTorch's is right to 4e-7 only",
    "special.j0, 10⁶": "PyTorch's is right to 4e-7 only",
    "linalg.solve_banded, 500 × 500, 3 diagonals, in both": _CALL,
    "linalg.solve_banded, 10⁵ × 10⁵, 3 diagonals, in both": (
        "LAPACK's two solves are 3.0 of 3.7 ms, as of JAX's 3.2; making the gradient's band takes 0.2, and checking "
        "that numbers are finite, as SciPy does, 0.2"
    ),
    'signal.convolve2d, 128 × 128 with 3 × 3, "same"': (
        "the three compiled sums take 27 of 107 µs, the two crops and their gradients 32, the engine and the calls the "
        "rest; JAX's are one call"
    ),
    "signal.resample, 10⁶ to 3 · 10⁵": (
        "SciPy's transforms are all of it: of a million samples 7.3 ms, where JAX's takes 6.8, of the others the same"
    ),
    "special.betainc, 10⁶, in x": _DENSITY,
    "special.jv, order 1.5, 10⁴": "inferred: nothing; HIPS calls the same function",
    "special.jv, order 1.5, 10⁶": "inferred: nothing; HIPS calls the same function",
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
    "vmap over 1000: fft.dct of 256": (
        "vmap itself: for a small array a mapped torch.sin takes 24 µs and this 74, where the same batch as leading "
        "dimension takes 15; beside large ones, which leave the cache cold, each takes two to three times that"
    ),
    "64 items of sqrtm, 40 × 40": "on one thread nobody can be ahead",
    "memory: special.betainc, 10⁶, in x": "with gradients; inferred: the density's terms, one array each",
    "correlation, 10 × 10 with 3 × 3, float64": _CALL,
    "correlation, 10 × 10 with 3 × 3, float32": _CALL,
    "correlation, 128 × 128 with 3 × 3, float64": (
        "the three compiled sums are a quarter of it, the rest is the calls around them; JAX's are one call"
    ),
}
