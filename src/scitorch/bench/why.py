"""Why ours takes longer than it should, where it does.

By the name of the case; of its memory, after "memory: ". Shares are of a profile of forward and backward together; all
other figures were measured side by side. An entry whose case is no longer above its goal goes.
"""

_CALL = "less than 0.1 ms of work: what is seen is the call"
_DENSITY = (
    "with gradients: SciPy's function is nine tenths of it; the density of 10⁴ takes 0.12 ms, the peer's powers 0.04: "
    "it has all its digits for large parameters, too"
)
_PYTORCHS = (
    "PyTorch's is right to 4e-7 only; of 10⁴, its orders 0 and 1 take 0.206 and 0.204 ms, SciPy's, which ours are, "
    "0.223 and 0.223"
)
_SAME = "HIPS calls the same functions: kernels are all but 2 % of it; the order, a number, is made a tensor in 7 µs"
WHY = {
    "sine of ten values: forward + backward": (
        "the Function that is ahead is right to first order only: its backward calls NumPy and leaves no graph"
    ),
    "sine of ten values: compiled, forward + backward": (
        "compiled, torch.sin itself takes 59 µs, ours 83, custom_op 87, this Function 49: entering a compiled graph "
        "and its backward costs more than such a call, two calls by the dispatcher 13; the Function breaks the graph "
        "and runs eagerly"
    ),
    "fft.dct, 1024": _CALL,
    "fft.dct, 256 × 1024": "custom_op calls the same transforms; the two are within each other's spread",
    "linalg.expm, 10 × 10": _CALL,
    "linalg.expm, 100 × 100": (
        "forward: BLAS's products and factors are 0.20 of 0.35 ms, the rest is calls from Python around them, "
        "0.06 for the norm; JAX's one call takes 0.30"
    ),
    "special.jv, 100, in v and z": "less than 0.1 ms of work forward; with gradients, contour integrals in v are 92 %",
    "special.betainc, 10⁴, in x": _DENSITY,
    "special.j0, 10⁴": _PYTORCHS,
    "special.j0, 10⁶": _PYTORCHS,
    "linalg.sqrtm, 100 × 100": (
        "forward: the Schur form takes 3.0 of 3.5 ms and the triangular root 0.3, as SciPy's own; the product with its "
        "basis and keeping it, which spares the gradient another, 0.1"
    ),
    "linalg.solve_banded, 500 × 500, 3 diagonals, in both": _CALL,
    "linalg.solve_banded, 10⁵ × 10⁵, 3 diagonals, in both": (
        "LAPACK's two solves are 2.9 of 3.8 ms, where all of JAX's takes 3.1; making the gradient's band takes 0.2, "
        "and checking that numbers are finite, as SciPy does, 0.2"
    ),
    'signal.convolve2d, 128 × 128 with 3 × 3, "same"': (
        "the three compiled sums take 27 of 107 µs, the two crops and their gradients 32, the engine and the calls the "
        "rest; JAX's are one call"
    ),
    "signal.resample, 10⁶ to 3 · 10⁵": ("SciPy's two transforms take 8.8 of 9.2 ms forward, JAX's 8.5"),
    "special.betainc, 10⁶, in x": _DENSITY,
    "special.jv, order 1.5, 10⁴": _SAME,
    "special.jv, order 1.5, 10⁶": _SAME,
    "integrate.solve_ivp, Lotka-Volterra, RK45, in start and parameters": (
        "of 63 ms beside other work, SciPy's steps take 11 and 2546 calls of the torch function 40 (of NumPy's: 1.4): "
        "SciPy with that function by hand takes 51. Handing over takes 7, the search for what the function uses 3"
    ),
    "integrate.solve_ivp, Robertson, Radau, in start and rates": (
        "of 58 ms beside other work, SciPy's steps take 17 and 1082 calls of the torch function 24 (of NumPy's: 1): "
        "SciPy with that function by hand takes 43. 32 exact Jacobians take 9, handing over 3, refining the solution 2"
    ),
    "optimize.root_scalar, 10000 at once": (
        "of 7.5 ms, SciPy's solver takes 4.6 without its function, ten calls of the mapped torch function 2, vmap "
        "itself 0.5; the torch loop is Newton's from a near guess, without a bracket"
    ),
    "optimize.curve_fit, 10⁵ points, in the measurements": (
        "in a profile of 23 ms, MINPACK takes 7.3, eight values 2.3, pulling six exact Jacobians back out of their "
        "graphs 4.4, zeros and copies for them 1.3, the covariance 1.2"
    ),
    "optimize.nnls, 500 × 200, in both": (
        "0.5 ms of Python around SciPy's 2.9: whether a bound is weakly active 0.13, the rest tensors, checks, results"
    ),
    "vmap over 1000: fft.dct of 256": (
        "vmap itself: for a small array a mapped torch.sin takes 24 µs and this 74, where the same batch as leading "
        "dimension takes 15; beside large ones, which leave the cache cold, each takes two to three times that"
    ),
    "64 items of sqrtm, 40 × 40": "on one thread nobody can be ahead",
    "memory: special.betainc, 10⁶, in x": (
        "with gradients: the density and its product with the incoming gradient, an array each"
    ),
    "correlation, 10 × 10 with 3 × 3, float64": _CALL,
    "correlation, 10 × 10 with 3 × 3, float32": _CALL,
    "correlation, 128 × 128 with 3 × 3, float64": (
        "the three compiled sums are a quarter of it, the rest is the calls around them; JAX's are one call"
    ),
}
