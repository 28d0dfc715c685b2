"""Bessel, elliptic and exponential integrals, Lambert's W, error functions, orthogonal polynomials."""

from functools import partial
from itertools import product

import mpmath as mp
from accuracy import Case, derivative, slope_of

from scitorch import special

ORDERS = [0.0, 0.1, 0.5, 1.0, 2.0, 3.3, 10.0, 40.5, -0.3, -1.0, -2.5, -7.0]
ARGUMENTS = [1e-6, 0.01, 0.3, 1.0, 3.0, 10.0, 39.9, 101.0, 1234.5]
PLANE = [0.3 + 0.2j, 2 + 1j, -3 + 2j, 10 - 4j, 0.1 + 0.5j, -1 - 7j]
BESSEL = list(product(ORDERS, ARGUMENTS))
TURNING = [(v, v * (1 + step)) for v in (5.0, 50.0, 1000.0) for step in (-1e-2, -1e-6, 0.0, 1e-9, 1e-3)]
COMPLEX = [(v, z) for v in (0.0, 0.5, 3.3, 10.0) for z in PLANE]


def _modulus(v, z):
    """What J and Y oscillate within; before the turning point J is smaller than that, and shall still have digits."""
    return abs(mp.hankel1(v, z))


def _modulus_slope(v, z):
    return abs((mp.hankel1(v - 1, z) - mp.hankel1(v + 1, z)) / 2)


def _steepness(v, z):
    """What the derivative in the order oscillates within."""
    return abs(slope_of(mp.hankel1, 0)(v, z))


def _scaled(function, scale):
    return lambda v, z: function(v, z) * scale(z)


def _whole_order(name, reference, points, order):
    """Functions of one argument which are Bessel functions of order 0 or 1."""
    function = partial(reference, order)
    yield Case(name, getattr(special, name), function, points)
    yield Case(f"{name} in x", derivative(getattr(special, name), 0), slope_of(function, 0), points)


def _bessel():
    growing = [(v, z) for v, z in BESSEL if z < 700]
    oscillating = {"jv": mp.besselj, "yv": mp.bessely, "hankel1": mp.hankel1, "hankel2": mp.hankel2}
    for name, reference in oscillating.items():
        # For (40.5, 1e-6), Y and H of the next order overflow.
        ours, points = getattr(special, name), [p for p in BESSEL + TURNING if p != (40.5, 1e-6)]
        scale = None if name.startswith("h") else _modulus
        # J before its turning point relative to itself, beyond it relative to the modulus, as Y.
        for part, among in (("", [p for p in points if p[0] < p[1]]), (" z<v", [p for p in points if p[0] >= p[1]])):
            beyond = part == "" and scale
            yield Case(f"{name}{part}", ours, reference, among, _modulus if beyond else None)
            yield Case(
                f"{name} in z{part}",
                derivative(ours, 1),
                slope_of(reference, 1),
                among,
                _modulus_slope if beyond else None,
            )
            yield Case(
                f"{name} in v{part}", derivative(ours, 0), slope_of(reference, 0), among, _steepness if beyond else None
            )
        yield Case(f"{name} complex", lambda v, z, f=ours: f(v.real, z), reference, COMPLEX)
        yield Case(
            f"{name} complex in z", lambda v, z, f=ours: derivative(f, 1)(v.real, z), slope_of(reference, 1), COMPLEX
        )
    some = [(v, z) for v, z in BESSEL + TURNING if z > 0.1 and v >= 0 and v <= 100]
    for name in ("jv", "yv"):
        twice = derivative(getattr(special, name), 0, 2)
        reference = slope_of(oscillating[name], 0, 2)
        yield Case(f"{name} twice in v", twice, reference, [p for p in some if p[0] > p[1]])
    decaying = {
        "iv": (mp.besseli, growing),
        "ive": (_scaled(mp.besseli, lambda z: mp.exp(-z)), BESSEL),
        "kv": (mp.besselk, growing),
        "kve": (_scaled(mp.besselk, mp.exp), BESSEL),
    }
    for name, (reference, points) in decaying.items():
        ours = getattr(special, name)
        yield Case(name, ours, reference, points)
        yield Case(f"{name} in z", derivative(ours, 1), slope_of(reference, 1), points)
        moving = [p for p in points if p[0] != 0] if name in {"kv", "kve"} else [p for p in points if p[0] or p[1] < 20]
        yield Case(f"{name} in v", derivative(ours, 0), slope_of(reference, 0), moving)
        if name in {"iv", "kv"}:
            yield Case(f"{name} complex", lambda v, z, f=ours: f(v.real, z), reference, COMPLEX)
            yield Case(
                f"{name} complex in z",
                lambda v, z, f=ours: derivative(f, 1)(v.real, z),
                slope_of(reference, 1),
                COMPLEX,
            )


def _fixed():
    axis = [(x,) for x in [*ARGUMENTS, 0.77, 5.3, 20.2]]
    both = axis + [(-x,) for (x,) in axis]
    finite = [(x,) for (x,) in axis if x < 700]
    for order in (0, 1):
        yield from _whole_order(f"j{order}", mp.besselj, both, order)
        yield from _whole_order(f"y{order}", mp.bessely, axis, order)
        yield from _whole_order(f"i{order}", mp.besseli, finite, order)
        yield from _whole_order(f"k{order}", mp.besselk, finite, order)
        yield from _whole_order(f"i{order}e", _scaled(mp.besseli, lambda x: mp.exp(-x)), axis, order)
        yield from _whole_order(f"k{order}e", _scaled(mp.besselk, mp.exp), axis, order)


def _half(function):
    """A spherical function by the one of half order."""
    return lambda n, z: mp.sqrt(mp.pi / (2 * z)) * function(n + mp.mpf(1) / 2, z)


def _spherical():
    points = [(float(n), z) for n in (0, 1, 2, 5, 12) for z in (1e-3, 0.3, 1.0, 4.0, 17.0, 101.0)]
    # SciPy's k has no factor 2/π, as DLMF's.
    families = {"j": _half(mp.besselj), "y": _half(mp.bessely), "i": _half(mp.besseli), "k": _half(mp.besselk)}
    for letter, reference in families.items():
        ours = getattr(special, f"spherical_{letter}n")
        yield Case(f"spherical_{letter}n", ours, reference, points)
        yield Case(f"spherical_{letter}n in z", derivative(ours, 1), slope_of(reference, 1), points)


def _jacobi(kind):
    return lambda u, m: mp.ellipfun(kind, u, m=m)


def _amplitude(u, m):
    sn, cn = mp.ellipfun("sn", u, m=m), mp.ellipfun("cn", u, m=m)
    angle = mp.atan2(sn, cn)
    return angle + 2 * mp.pi * mp.nint((u / (4 * mp.ellipk(m)) * 2 * mp.pi - angle) / (2 * mp.pi))


def _elliptic():
    parameters = [(m,) for m in (0.0, 1e-12, 1e-4, 0.1, 0.5, 0.9, 0.999, 1 - 1e-10, -1e-7, -0.5, -3.0, -1e3, -1e6)]
    pairs = [
        (phi, m)
        for phi in (1e-3, 0.3, 1.0, 1.5, 1.5707, 2.0, 5.0, -4.0, 20.0)
        for m in (0.0, 1e-9, 0.2, 0.5, 0.95, -0.7, -50.0)
    ]
    arguments = [(u, m) for u in (1e-3, 0.4, 1.0, 2.2, 7.0, -3.0) for m in (0.0, 1e-9, 1e-3, 0.3, 0.5, 0.9, 0.999)]
    for name, reference, points in (
        ("ellipk", mp.ellipk, parameters),
        ("ellipe", mp.ellipe, parameters),
        ("ellipkm1", lambda p: mp.ellipk(1 - p), [(p,) for p in (1e-30, 1e-9, 1e-3, 0.3, 1.0, 2.0, 500.0)]),
    ):
        ours = getattr(special, name)
        yield Case(name, ours, reference, points)
        yield Case(f"{name} in m", derivative(ours, 0), slope_of(reference, 0), points)
        yield Case(f"{name} twice in m", derivative(ours, 0, 2), slope_of(reference, 0, 2), points)
    for name, reference in (("ellipkinc", mp.ellipf), ("ellipeinc", mp.ellipe)):
        ours = getattr(special, name)
        yield Case(name, ours, reference, pairs)
        for argument, letter in enumerate(("phi", "m")):
            yield Case(f"{name} in {letter}", derivative(ours, argument), slope_of(reference, argument), pairs)
        yield Case(f"{name} twice in m", derivative(ours, 1, 2), slope_of(reference, 1, 2), pairs)
    for index, kind in enumerate(("sn", "cn", "dn", "ph")):
        ours, reference = lambda u, m, k=index: special.ellipj(u, m)[k], _amplitude if kind == "ph" else _jacobi(kind)
        yield Case(f"ellipj {kind}", ours, reference, arguments, None if kind == "ph" else lambda u, m: 1)
        for argument, letter in enumerate("um"):
            yield Case(
                f"ellipj {kind} in {letter}",
                derivative(ours, argument),
                slope_of(reference, argument),
                [p for p in arguments if p[1] > 0] if letter == "m" else arguments,
                None if kind == "ph" else lambda u, m, a=argument: max(mp.mpf(1), abs(slope_of(_amplitude, a)(u, m))),
            )


def _wofz(z):
    return mp.exp(-z * z) * mp.erfc(-1j * z)


def _voigt(x, sigma, gamma):
    z = (x + 1j * gamma) / (sigma * mp.sqrt(2))
    return mp.re(_wofz(z)) / (sigma * mp.sqrt(2 * mp.pi))


def _others():
    plane = [(z,) for z in PLANE]
    axis = [(x,) for x in (1e-8, 0.01, 0.3, 1.0, 2.5, 6.9, 7.2, 30.0, 1e4, 1e9)]
    both = axis + [(-x,) for (x,) in axis if x < 20]
    branches = [(z, k) for z in (0.3, 1.0, 20.0, 1e6, -0.2, -5.0) for k in (0, 1, -1, 3)]
    yield Case("lambertw", special.lambertw, mp.lambertw, branches)
    yield Case("lambertw in z", derivative(special.lambertw, 0), slope_of(mp.lambertw, 0), branches)
    yield Case("lambertw complex", special.lambertw, mp.lambertw, [(z, k) for z in PLANE for k in (0, 2)])
    finite = [(x,) for x in (1e-8, 0.01, 0.3, 1.0, 2.5, 30.0, 300.0)]
    table = {
        "expi": (mp.ei, finite + [(-x,) for (x,) in finite]),
        "exp1": (mp.e1, finite),
        "erfcx": (lambda x: mp.exp(x * x) * mp.erfc(x), both),
        "erfi": (mp.erfi, [(x,) for (x,) in both if abs(x) < 20]),
        "dawsn": (lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x), [(x,) for (x,) in both if abs(x) < 1e3]),
        "wofz": (_wofz, [(x,) for (x,) in both if abs(x) < 1e3]),
    }
    for name, (reference, points) in table.items():
        ours = getattr(special, name)
        for part, among in (("", points), (" complex", plane)):
            yield Case(f"{name}{part}", ours, reference, among)
            yield Case(f"{name}{part} in z", derivative(ours, 0), slope_of(reference, 0), among)
    pairs = [(float(n), x) for n in (0, 1, 2, 5, 60) for x in (1e-6, 0.1, 1.0, 3.0, 50.0)]
    yield Case("expn", special.expn, lambda n, x: mp.expint(int(n), x), pairs)
    yield Case("expn in x", derivative(special.expn, 1), slope_of(lambda n, x: mp.expint(int(n), x), 1), pairs)
    profiles = list(product((0.3, 1.0, -4.0, 30.0), (1e-3, 0.5, 2.0), (0.01, 1.0, 9.0)))
    yield Case("voigt_profile", special.voigt_profile, _voigt, profiles)
    for argument, letter in enumerate(("x", "sigma", "gamma")):
        yield Case(
            f"voigt_profile in {letter}",
            derivative(special.voigt_profile, argument),
            slope_of(_voigt, argument),
            profiles,
        )


def _laguerre(n, x):
    """By its sum, as mpmath's function doesn't come to an end at a zero."""
    return mp.fsum(mp.binomial(n, k) * (-x) ** k / mp.factorial(k) for k in range(int(n) + 1))


def _larger(*functions):
    """A scale for functions with zeros."""
    return lambda *arguments: max(mp.mpf(1), *(abs(f(*arguments)) for f in functions))


def _orthogonal():
    whole = [(float(n), x) for n in (0, 1, 2, 7, 30) for x in (0.0, 1e-6, 0.3, 0.77, 0.999, -0.6, 1.0, 1.7, 12.0)]
    real = [(n, x) for n in (0.0, 0.5, 2.0, 3.3, 25.5, -1.7) for x in (-0.99, -0.3, 0.1, 0.9, 0.9999, 1.001, 1.7, 12.0)]
    families = {"legendre": mp.legendre, "chebyt": mp.chebyt, "hermite": mp.hermite, "laguerre": _laguerre}
    for name, reference in families.items():
        ours, slope = getattr(special, f"eval_{name}"), slope_of(reference, 1)
        yield Case(f"eval_{name}", ours, reference, whole, _larger(reference))
        yield Case(f"eval_{name} in x", derivative(ours, 1), slope, whole, _larger(slope))
    between = {
        "legendre": lambda n, x: mp.hyp2f1(-n, n + 1, 1, (1 - x) / 2),
        "chebyt": lambda n, x: mp.re(mp.cos(n * mp.acos(x))),
    }
    for name, reference in between.items():
        ours, slope = getattr(special, f"eval_{name}"), slope_of(reference, 0)
        yield Case(f"eval_{name}, any n", ours, reference, real, _larger(reference))
        yield Case(f"eval_{name} in n", derivative(ours, 0), slope, real, _larger(slope))


CASES = [*_bessel(), *_fixed(), *_spherical(), *_elliptic(), *_others(), *_orthogonal()]
