"""Integrals over one tail of a distribution, for derivatives that have no closed form.

A distribution function P = ∫ f dt has the derivative ∫ ∂f/∂a dt in a parameter a of its density f. Since P and 1 − P
have opposite derivatives, the integral may be taken over whichever tail is smaller, where nothing large cancels. In the
logarithm of t (or of its odds) the densities here are log-concave and smooth, and what is integrated is the density
times a polynomial in logarithms (`moment`).

References: R. J. Moore, Algorithm AS 187, Appl. Statist. 31 (1982), and R. J. Boik and J. F. Robison-Cox, J. Stat.
Softw. 3(1) (1998), differentiate a series and a continued fraction instead; those lose digits where the terms cancel
and give no higher orders. Saddle-point form of the densities: C. Loader, "Fast and accurate computation of binomial
probabilities" (2000).
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special as sc
from numpy.typing import NDArray

Array = NDArray[Any]

NODES, _ = np.polynomial.legendre.leggauss(24)
# Weights from the nodes as rounded, of which NumPy's own are wrong by up to 1e-13: exact on Legendre polynomials.
WEIGHTS = np.linalg.solve(np.polynomial.legendre.legvander(NODES, 23).T, 2.0 * (np.arange(24) == 0))
# DLMF 5.11.1, B₂ₖ / (2k(2k−1) z²ᵏ⁻¹): from 10 on the first term left out is below 1e-17. The numbers B take SciPy
# 0.3 ms.
STIRLING = [B / (2 * k * (2 * k - 1)) for k, B in enumerate(sc.bernoulli(16)[2::2], 1)]
# A panel of 24 Gauss nodes is exact to degree 47: where it agrees with its halves to this, the halves' own error is
# smaller by about 2^-48 for a function that is analytic around the panel.
AGREEMENT = 1e-10
DEPTH = 48  # bisections at most: a panel is then smaller than the distance of neighbouring floats
CROWD = 256  # panels of one item in a bisection that nothing but rounding errors keeps from agreeing
FADED = 46.0  # e^-46 = 1e-20: what lies beyond is lost in rounding, also times logarithms
CHUNK = 4096  # items at a time, so that their nodes stay within the processor's cache


def by_items(kernel: Callable[..., Array], *arguments: Any, spread: bool = True) -> Array:
    """Call a kernel of one-dimensional double arrays on broadcast arguments, a chunk of items at a time.

    Without `spread` an argument that is the same for all items comes as an array of one, for a kernel that broadcasts.
    """
    arrays = [np.asarray(x, dtype=np.float64) for x in arguments]
    shape = np.broadcast_shapes(*[x.shape for x in arrays])
    flat = [np.broadcast_to(x, shape).ravel() if spread or x.size != 1 else x.reshape(1) for x in arrays]
    result = np.empty(math.prod(shape))
    with np.errstate(all="ignore"):  # as SciPy's functions: NaN and infinities say what there is to say
        for start in range(0, result.size, CHUNK):
            part = slice(start, start + CHUNK)
            result[part] = kernel(*[x[part] if x.size > 1 else x for x in flat])
    return result.reshape(shape)


def integral(integrand: Callable[[Array, Array], Array], upper: Array, bend: Array) -> Array:
    """∫ from 0 to ``upper[k]`` of ``integrand(k, s)`` for every item k, which bends, over a length of one, at a point.

    A long way may hide that point: there, and where nothing of the bend is left (`FADED`), panels end.
    """
    edges = np.clip([np.zeros(upper.size), bend - FADED, bend, bend + FADED, upper], 0, upper)
    return integral_and_size(integrand, edges)[0]


def integral_and_size(integrand: Callable[[Array, Array], Array], edges: Array) -> tuple[Array, Array]:
    """∫ over the panels between ``edges[:, k]``, and that of the modulus roughly, by bisection until halves agree.

    The integrand gets the items' numbers k as a column and a row of nodes for each.
    """
    piece, item = np.nonzero(np.diff(edges, axis=0) > 0)
    left, width = edges[piece, item], np.diff(edges, axis=0)[piece, item]
    count = edges.shape[1]

    def panels(item: Array, left: Array, width: Array) -> Array:
        s = left[:, None] + width[:, None] * (0.5 * (1 + NODES))
        return 0.5 * width * (integrand(item[:, None], s) @ WEIGHTS)

    whole, total, size = panels(item, left, width), np.zeros(count), np.zeros(count)
    for depth in range(DEPTH):
        half = width / 2
        lower_half, upper_half = panels(item, left, half), panels(item, left + half, half)
        halves = lower_half + upper_half
        if depth == 0:
            np.add.at(size, item, np.abs(lower_half) + np.abs(upper_half))
        # `not >` rather than `<=`, so that NaN ends here as well.
        settled = ~(np.abs(halves - whole) > AGREEMENT * size[item]) | (depth == DEPTH - 1)
        settled |= np.bincount(item, minlength=count)[item] > CROWD
        np.add.at(total, item[settled], halves[settled])
        rest = ~settled
        if not rest.any():
            break
        item, width = np.tile(item[rest], 2), np.tile(half[rest], 2)
        left = np.concatenate([left[rest], left[rest] + half[rest]])
        whole = np.concatenate([lower_half[rest], upper_half[rest]])
    return total, size


def faded(exponent: Callable[[Array], Array], slope: Callable[[Array], Array], peak: Array, far: Array) -> Array:
    """Where a concave exponent has fallen `FADED` below its peak value, from a point beyond (`far`).

    Newton's method: tangents of a concave function lie above it, so every step stays beyond the root.
    """
    s = far
    for _ in range(60):
        step = (exponent(s) - peak + FADED) / slope(s)
        s = s - step
        if not np.any(step > 0.05 * s):  # the end needs no digits
            break
    return s


def moment(derivative: Callable[[int, int], Any], i: int, j: int = 0) -> Any:
    """∂ᵢ∂ⱼ eᴸ / eᴸ for a function L of two parameters: a polynomial (of Bell's) in its derivatives.

    From ∂eᴸ = L′eᴸ by Leibniz' rule, so it serves arrays and tensors alike; ``derivative(k, l)`` is that of L.
    """
    if i == j == 0:
        return 1.0
    if i == 0:
        return moment(lambda k, l: derivative(l, k), j, 0)
    return sum(
        math.comb(i - 1, k) * math.comb(j, l) * derivative(k + 1, l) * moment(derivative, i - 1 - k, j - l)
        for k in range(i)
        for l in range(j + 1)
    )


def stirling_error(z: Array) -> Array:
    """What Stirling's formula (z − 1/2) log z − z + log(2π)/2 lacks of log Γ(z)."""
    large = np.maximum(z, 10.0)
    w = 1 / large**2
    series = np.polynomial.polynomial.polyval(w, STIRLING) / large
    small = np.minimum(z, 10.0)
    exact = sc.gammaln(small) - (small - 0.5) * np.log(small) + small - 0.5 * np.log(2 * np.pi)
    return np.where(z < 10, exact, series)


def deviance(k: Array, m: Array, difference: Array) -> Array:
    """K log(k/m) + m − k, given k − m as exactly as it is known."""
    u = difference / m
    return np.where(np.abs(u) < 0.5, k * np.log1p(u), k * np.log(k / m)) - difference
