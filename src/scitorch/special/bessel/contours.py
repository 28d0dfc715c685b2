"""Derivatives of Bessel functions with respect to the order, to any order, by integrals along descending contours.

Every solution is an integral of one exponential, in which the order stands in one place (DLMF 10.9.17, 10.9.18,
10.32.12, 10.32.9):

    J_v(z)  = 1/(2πi) ∫ exp(z sinh t − v t) dt    from ∞ − πi to ∞ + πi
    H¹_v(z) = 1/(πi)  ∫ exp(z sinh t − v t) dt    from −∞ to ∞ + πi
    I_v(z)  = 1/(2πi) ∫ exp(z cosh t − v t) dt    from ∞ − πi to ∞ + πi
    K_v(z)  = 1/2     ∫ exp(−z cosh t + v t) dt   from −∞ to ∞

so that a derivative in v is a factor −t (or t) under the integral: the n-th derivative is the function itself, which
SciPy knows, times the mean of (−t)^n under that weight. The mean is what is computed here, which makes errors that both
integrals have in common drop out.

The contour decides over the digits. Each goes through the saddle point t0 = arccosh(v/z) (or arcsinh), and with
t = t0 + x the exponent, less its value at the saddle, is

    a (cosh x − 1) + v (sinh x − x),    a² = v² − z²  (v² + z² for I and K)

which has no cancellation, neither at a turning point v = z nor for large arguments. From the saddle the contour leaves
at 60° (at a turning point the one direction of descent; 45° or 90° are the best ones elsewhere, and 60° is close to
both) and ends in its valley, so that the integrand falls without coming back. Each half is cut where it has fallen by
e^{−5} and e^{−42}, and into panels no longer than 3, on each of which 40 Gauss-Legendre nodes resolve it to rounding.

All for real z > 0 and v ≥ 0; negative orders follow by reflection (DLMF 10.2.3, 10.4.7, 10.27.2, 10.27.3).
"""

from collections.abc import Callable
from math import ceil, comb, pi
from typing import Any

import numpy as np
import scipy.special
from numpy.typing import NDArray

Array = NDArray[Any]
Path = Callable[[Array], tuple[Array, Array]]  # from the arc's real parameter to x and dx/ds
Exponent = Callable[[Array], Array]

_GAUSS = np.polynomial.legendre.leggauss(40)
_NODES, _WEIGHTS = (_GAUSS[0] + 1) / 2, _GAUSS[1] / 2
_LEVELS = (5.0, 42.0)  # e^{−42} is 6e-19, below rounding of what has been summed before
_SHORTEST, _LONGEST = 1e-14, 709.0  # no contour falls faster than for z = 1e28; cosh overflows beyond 709
_LONGEST_PANEL = 3.0  # of the scale on which cosh and tanh vary
_CHUNK = 1024
_SQRT3 = 3**0.5


def differentiate_in_order(kind: str, times: int, v: Array, z: Array) -> Array:
    """The derivative of that order in v, of one of "jv", "yv", "iv", "kv", "ive", "kve", elementwise, NaN for z < 0."""
    v, z = np.broadcast_arrays(np.asarray(v, np.float64), np.asarray(z, np.float64))
    result = _at_zero(kind, times, v)
    result = np.where(z == 0, result, np.nan)
    inside = np.flatnonzero((z > 0) & np.isfinite(z) & np.isfinite(v))
    # Small arguments have long contours that take many panels, others shall not pay for them.
    inside = inside[np.argsort(-z.flat[inside])]
    for start in range(0, inside.size, _CHUNK):
        some = inside[start : start + _CHUNK]
        with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
            result.flat[some] = _FAMILIES[kind](times, v.flat[some], z.flat[some])
    return result


def _at_zero(kind: str, times: int, v: Array) -> Array:
    """The limit for z → 0+, where (z/2)^{|v|} and its reciprocal, and powers of their logarithms, decide."""
    if kind in ("jv", "iv", "ive"):
        return np.where(v > 0, 0.0, np.where(v == 0, (-1.0) ** times * np.inf, np.nan))
    if kind == "yv":
        # Y is a mixture of growing functions for negative orders; at v = 0 the first derivative is −π/2 J_0.
        return np.where(v > 0, -np.inf, np.where((v == 0) & (times == 1), -pi / 2, np.nan))
    odd = times % 2 == 1
    return np.where(v == 0, 0.0 if odd else np.inf, np.inf * np.where((v < 0) & odd, -1.0, 1.0))


# Families: the functions at |v|, brought to v


def _jv(times: int, v: Array, z: Array) -> Array:
    return _rotated(times, v, z, 0)


def _yv(times: int, v: Array, z: Array) -> Array:
    return _rotated(times, v, z, 1)


def _rotated(times: int, v: Array, z: Array, which: int) -> Array:
    """J_{−u} = cos(πu) J_u − sin(πu) Y_u and Y_{−u} = sin(πu) J_u + cos(πu) Y_u, differentiated by Leibniz's rule."""
    u = np.abs(v)
    j, y = _oscillating(times, u, z)
    result = np.array((j, y)[which][times])
    back = v < 0
    if back.any():
        total = np.zeros(np.count_nonzero(back))
        for k in range(times + 1):
            # The k-th derivatives of cosine and sine are quarter turns.
            c, s = _cos_pi(u[back] + k / 2), _cos_pi(u[back] + k / 2 - 0.5)
            parts = (j[times - k][back], y[times - k][back])
            turned = c * parts[0] - s * parts[1] if which == 0 else s * parts[0] + c * parts[1]
            total += comb(times, k) * pi**k * turned
        result[back] = (-1) ** times * total
    return result


def _iv(times: int, v: Array, z: Array) -> Array:
    return _modified(times, v, z, scipy.special.iv, scipy.special.kv(np.abs(v), z))


def _ive(times: int, v: Array, z: Array) -> Array:
    return _modified(times, v, z, scipy.special.ive, scipy.special.kve(np.abs(v), z) * np.exp(-2 * z))


def _modified(times: int, v: Array, z: Array, function: Any, second: Array) -> Array:
    """I_{−u} = I_u + (2/π) sin(πu) K_u, differentiated by Leibniz's rule."""
    u = np.abs(v)
    result = function(u, z) * _mean_i(times, u, z)
    back = v < 0
    if back.any():
        means = _means_k(times, u[back], z[back])
        for k in range(times + 1):
            waves = _cos_pi(u[back] + k / 2 - 0.5) * pi**k * comb(times, k)
            result[back] += 2 / pi * waves * second[back] * means[times - k]
        result[back] *= (-1) ** times
    return result


def _kv(times: int, v: Array, z: Array) -> Array:
    return np.where(v < 0, (-1.0) ** times, 1) * scipy.special.kv(v, z) * _means_k(times, np.abs(v), z)[times]


def _kve(times: int, v: Array, z: Array) -> Array:
    return np.where(v < 0, (-1.0) ** times, 1) * scipy.special.kve(v, z) * _means_k(times, np.abs(v), z)[times]


_FAMILIES: dict[str, Callable[[int, Array, Array], Array]] = {
    "jv": _jv,
    "yv": _yv,
    "iv": _iv,
    "kv": _kv,
    "ive": _ive,
    "kve": _kve,
}


def _cos_pi(x: Array) -> Array:
    """cos(πx), exact at multiples of a half, where it stands before functions that are larger by many orders."""
    quarter = np.round(2 * x)
    rest = pi * (x - quarter / 2)
    turns = np.remainder(quarter, 4)
    return np.select([turns == 0, turns == 1, turns == 2], [np.cos(rest), -np.sin(rest), -np.cos(rest)], np.sin(rest))


# Means of powers under the contours' weights, for v ≥ 0 and z > 0


def _oscillating(times: int, v: Array, z: Array) -> tuple[list[Array], list[Array]]:
    """All derivatives up to that order of J and of Y."""
    j, y = (np.empty((times + 1, v.size)) for _ in range(2))
    for mask, evaluate in ((v < z, _beyond_turning_point), (v >= z, _before_turning_point)):
        if mask.any():
            j[:, mask], y[:, mask] = evaluate(times, v[mask], z[mask])
    return list(j), list(y)


def _beyond_turning_point(times: int, v: Array, z: Array) -> tuple[Array, Array]:
    """J and Y oscillate, as real and imaginary part of H¹, whose saddle is t0 = iβ with cos β = v/z."""
    a = np.sqrt((z - v) * (z + v))
    beta = np.arctan2(a, v)

    exponent = _exponent(1j * a, v, 1j * a - v)
    # To −∞ the contour comes down to the real axis within the width of the integrand at most, and the wider of β and
    # the width v^{−1/3} of a turning point.
    down = np.maximum(beta, np.minimum(2 * np.maximum(v, 1) ** (-1 / 3), 1))
    out = _moments(times, 1j * beta, exponent, _rising(pi - beta))
    back = _moments(times, 1j * beta, exponent, _falling(beta, down))
    moments = out - back
    hankel = scipy.special.hankel1(v, z) * moments / moments[0]
    return np.real(hankel), np.imag(hankel)


def _before_turning_point(times: int, v: Array, z: Array) -> tuple[Array, Array]:
    """J decays and Y grows; the saddles are ±α with cosh α = v/z, the one at −α belongs to Y alone."""
    a = np.sqrt((v - z) * (v + z))
    # arccosh(v/z), without loss for v close to z and without overflow for a small z.
    alpha = np.log1p((v - z + a) / z)

    # a − v = −z²/(a + v)
    upper = _moments(times, alpha, _exponent(a, v, -z * (z / (a + v))), _rising(np.full_like(v, pi)))
    lower = _reversed(_exponent(a, v, -z * (z / (a + v))))
    real = _moments(times, -alpha, lower, _straight(1), 2 * alpha) - _moments(times, -alpha, lower, _straight(-1))
    whole = np.real(real) + np.exp(-2 * (v * alpha - a)) * np.real(upper)
    means_j, means_y = np.imag(upper) / np.imag(upper)[0], whole / whole[0]
    return scipy.special.jv(v, z) * means_j, scipy.special.yv(v, z) * means_y


def _mean_i(times: int, v: Array, z: Array) -> Array:
    """The mean of (−t)^n under I's weight."""
    result = np.empty_like(v)
    # For small orders and large arguments the saddle's contour passes exponentially large values that cancel; in
    # Schläfli's integral, along 0, πi and ∞ + πi (DLMF 10.32.4), terms have one sign.
    low = (v <= 1.5) & (z > 1)
    for mask, evaluate in ((low, _schlaefli), (~low, _saddle_i)):
        if mask.any():
            moments = np.imag(evaluate(times, v[mask], z[mask]))
            result[mask] = moments[times] / moments[0]
    return result


def _saddle_i(times: int, v: Array, z: Array) -> Array:
    b = np.hypot(v, z)
    exponent = _exponent(b, v, z * (z / (b + v)))
    return _moments(times, np.arcsinh(v / z), exponent, _rising(np.full_like(v, pi)))


def _schlaefli(times: int, v: Array, z: Array) -> Array:
    zc, vc = z[:, None], v[:, None]

    def upward(x: Array) -> Array:
        return zc * _cosh1(x) - vc * x

    def outward(x: Array) -> Array:
        return -zc * _cosh1(x) - vc * x

    turn = np.exp(-2 * z) * (_cos_pi(v) - 1j * _cos_pi(v - 0.5))
    up = _moments(times, np.zeros_like(v), upward, _straight(1j), np.full_like(v, pi))
    return up + turn * _moments(times, np.full_like(v, pi * 1j, dtype=complex), outward, _straight(1))


def _means_k(times: int, v: Array, z: Array) -> Array:
    """The means of t^n under K's weight, for n up to `times`.

    Of the two halves of the real line the one with e^{−vt} is folded on the other: for an odd n their difference, and
    not the difference of their integrals, keeps its digits.
    """
    b, t0 = np.hypot(v, z), np.arcsinh(v / z)
    rising = _exponent(b, v, z * (z / (b + v)))

    def exponent(x: Array) -> Array:
        return -rising(x)

    def folded(parity: int) -> Callable[[Array], Array]:
        return lambda x: -np.expm1(_down(x)) if parity else 1 + np.exp(_down(x))

    def _down(x: Array) -> Array:
        return -2 * v[:, None] * (t0[:, None] + np.real(x))

    halves: list[Array] = []
    for parity in (0, 1):
        right = _moments(times, t0, exponent, _straight(1), factor=folded(parity))
        left = _moments(times, t0, exponent, _straight(-1), t0, factor=folded(parity))
        halves.append(np.real(right - left))
    signs = (-1.0) ** np.arange(times + 1)  # `_moments` are of −t
    return np.stack([signs[n] * halves[n % 2][n] / halves[0][0] for n in range(times + 1)])


# Contours


def _rising(height: Array) -> Path:
    """From 0 at 60° to ∞ + i height."""
    h = height[:, None]

    def path(s: Array) -> tuple[Array, Array]:
        lift = np.tanh(_SQRT3 * s / h)
        return s + 1j * h * lift, 1 + 1j * _SQRT3 * (1 - lift * lift)

    return path


def _falling(depth: Array, width: Array) -> Path:
    """From 0 back to −∞ − i depth, which it nears over a distance `width`."""
    d, w = depth[:, None], width[:, None]

    def path(s: Array) -> tuple[Array, Array]:
        drop = np.tanh(s / w)
        return -s - 1j * d * drop, -1 - 1j * d / w * (1 - drop * drop)

    return path


def _straight(direction: complex) -> Path:
    return lambda s: (direction * s, np.full_like(s, direction, dtype=type(direction)))


def _moments(
    times: int,
    t0: Array,
    exponent: Exponent,
    path: Path,
    end: Array | None = None,
    factor: Callable[[Array], Array] | None = None,
) -> Array:
    """∫ (−t0 − x)^n exp(exponent(x)) dx along the path, to `end` at most, for n = 0, 1, …, times."""
    total = np.zeros((times + 1, t0.size), complex)
    start = np.zeros(t0.size)
    for level in _LEVELS:
        stop = _reach(exponent, path, level, t0.size)
        stop = stop if end is None else np.minimum(stop, end)
        panels = max(1, ceil(np.max(stop - start) / _LONGEST_PANEL))
        width = (stop - start)[:, None] / panels
        for panel in range(panels):
            x, speed = path(start[:, None] + (panel + _NODES) * width)
            weight = np.exp(exponent(x)) * speed * _WEIGHTS * width
            weight = weight if factor is None else weight * factor(x)
            for n in range(times + 1):
                total[n] += (weight * (-t0[:, None] - x) ** n).sum(-1)
        start = stop
    return total


def _reach(exponent: Exponent, path: Path, level: float, size: int) -> Array:
    """Where on the path the integrand has fallen by e^{−level}, bisecting the logarithm to a tenth of a percent."""
    low, high = np.full(size, np.log(_SHORTEST)), np.full(size, np.log(_LONGEST))
    for _ in range(15):
        middle = (low + high) / 2
        x, _speed = path(np.exp(middle)[:, None])
        short = ~(np.real(exponent(x))[:, 0] < -level)
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.exp(high)


def _exponent(a: Array, v: Array, a_less_v: Array) -> Exponent:
    """The exponent, but for small x as (a + v)/2 (e^x − 1) + (a − v)/2 (e^{−x} − 1) − v x."""
    ac, vc, growing, falling = (w[:, None] for w in (a, v, (a + v) / 2, a_less_v / 2))

    def exponent(x: Array) -> Array:
        small = np.abs(x) < 0.5
        near = np.where(small, x, 0)
        q = near * near
        term = near * q / 6
        sinhx = term
        for k in (4, 6, 8, 10, 12):
            term = term * q / (k * (k + 1))
            sinhx = sinhx + term
        far = growing * np.expm1(x) + falling * np.expm1(-x) - vc * x
        return np.where(small, ac * _cosh1(near) + vc * sinhx, far)

    return exponent


def _reversed(exponent: Exponent) -> Exponent:
    """The same around the saddle on the other side, for −t."""
    return lambda x: -exponent(-x)


def _cosh1(x: Array) -> Array:
    """The difference cosh x − 1."""
    half = np.sinh(x / 2)
    return 2 * half * half
