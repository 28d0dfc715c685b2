"""Beta and gamma functions, Student's distribution, hypergeometric and zeta functions."""

from itertools import product

import mpmath as mp
import scipy.special as sc
from accuracy import Case, derivative, slope_of

from scitorch import special

HALF = mp.mpf(1) / 2
BETA = [
    *product([0.5, 1.0, 2.5, 12.0], [0.3, 1.0, 4.0], [0.05, 0.5, 0.9]),
    *[(1e-3, 2.0, 0.5), (1e-3, 1e-3, 0.4), (30.0, 1.0, 0.9), (50.0, 0.5, 0.99), (0.01, 100.0, 1e-5), (5.0, 5.0, 0.99)],
    *[(5.0, 5.0, 1e-8), (300.0, 0.1, 0.999), (1e3, 1e3, 0.5), (1e3, 2e3, 0.34), (1e4, 1e4, 0.51), (2.0, 1e4, 1e-4)],
    *[(1e5, 3.0, 0.99999), (1e6, 1e6, 0.4995), (2.0, 3.0, 1e-100)],
]
GAMMA = [
    *product([0.5, 1.0, 2.5, 12.0], [0.05, 0.5, 1.0, 3.0, 12.0, 40.0]),
    *[(1e-3, 1e-3), (1e-3, 0.5), (30.0, 20.0), (30.0, 80.0), (100.0, 60.0), (0.01, 30.0), (3.0, 1e-8), (0.1, 1e-30)],
    *[(1e4, 1e4), (1e4, 9.7e3), (1e6, 1.001e6), (1e-8, 2.0)],
]
STUDENT = [
    *product([0.5, 1.0, 2.0, 5.0, 30.0], [-8.0, -1.5, -0.2, 0.3, 1.0, 4.0]),
    *[(0.01, 2.0), (0.01, 1e-3), (0.01, 1e5), (1e3, 2.0), (1e3, 0.3), (1e5, -3.0), (1e8, 1.0), (3.0, 1e-8)],
    (3.0, -1e6),
]
PROBABILITIES = [1e-10, 1e-3, 0.2, 0.5, 0.8]
BETA_INVERSE = [
    (a, b, p) for a in (0.5, 1.0, 3.0, 200.0) for b in (0.4, 1.0, 7.0, 150.0) for p in (*PROBABILITIES, 0.999)
]
GAMMA_INVERSE = [(a, p) for a in (0.3, 1.0, 3.0, 25.0, 1e4) for p in PROBABILITIES]
STUDENT_INVERSE = [(df, p) for df in (0.7, 1.0, 3.0, 25.0, 1e3) for p in (1e-10, 1e-3, 0.2, 0.6, 0.9)]
PAIRS = [*product([0.3, 1.0, 2.5, 40.0], [0.7, 3.0, 11.0]), (1e6, 1.0), (1e-4, 1e5), (1e5, 1e5)]
KUMMER = [
    *product([-3.0, -1.7, 0.3, 1.0, 12.0], [-2.5, 0.7, 3.0, 20.0], [-100.0, -5.0, -0.3, 0.2, 1.0, 8.0, 60.0]),
    *[
        (40.0, -2.5, -30.0),
        (-20.3, 1.5, 10.0),
        (1e-8, 2.0, 3.0),
        (0.5, 1e6, 100.0),
        (2.5, 1e-6, -1.0),
        (0.5, 1.5, 600.0),
    ],
    *[(0.5, 3.0, -800.0), (2.5, 11.0, -1e5), (-0.5, 1.0, -1e12)],
]
GAUSS = [
    *product([-2.0, 0.3, 1.0, 2.5], [0.7, 3.0], [0.6, 3.5, 20.0], [-0.9, -0.01, 0.2, 0.7, 0.94]),
    *product([-2.0, 0.3, 11.0], [0.7, 3.0], [3.5, 20.0], [-1e4, -50.0, -3.0, 0.97, 0.9999, 1.0 - 1e-10]),
    *[
        (40.0, 1.0, 3.0, 0.5),
        (100.0, 0.5, 200.0, -0.7),
        (1e-3, 1e-3, 1e-3, 0.5),
        (1.0, 1.0, 1e6, 0.5),
        (1.0, 1e-8, 2.0, 0.5),
    ],
]
EXPONENTS = [-50.2, -7.3, -3.0, -1.0, -0.3, 0.0, 0.3, 0.6, 0.99, 1.01, 1.5, 2.0, 4.5, 20.0, 50.0]
HURWITZ = [*product([1.05, 2.0, 3.3, 12.0], [0.1, 1.0, 7.5, 300.0]), (30.0, 20.0), (1.5, 1e-3), (100.0, 3.0)]


def beta_density(a, b, x):
    return x ** (a - 1) * (1 - x) ** (b - 1) / mp.beta(a, b)


def _beta_tail(a, b, x, y):
    """By a series of positive terms, for x up to the mean; y = 1 − x."""
    return x**a * y**b / (a * mp.beta(a, b)) * mp.hyp2f1(a + b, 1, a + 1, x)


def beta_below(a, b, x):
    with mp.extradps(20):
        return _beta_tail(a, b, x, 1 - x) if x * (a + b) < a else 1 - _beta_tail(b, a, 1 - x, x)


def beta_above(a, b, x):
    with mp.extradps(20):
        return 1 - _beta_tail(a, b, x, 1 - x) if x * (a + b) < a else _beta_tail(b, a, 1 - x, x)


def gamma_density(a, x):
    return mp.exp((a - 1) * mp.log(x) - x - mp.loggamma(a))


def gamma_below(a, x):
    with mp.extradps(20):
        return gamma_density(a + 1, x) * mp.hyp1f1(1, a + 1, x, maxterms=10**6)


def gamma_above(a, x):
    with mp.extradps(400 if x > a else 20):  # the complement of a number that close to one
        return 1 - gamma_below(a, x)


def student_density(df, t):
    return (1 + t * t / df) ** (-(df + 1) / 2) / mp.sqrt(df) / mp.beta(df / 2, HALF)


def student_below(df, t):
    with mp.extradps(40):
        half = beta_below(df / 2, HALF, df / (df + t * t)) / 2
        return half if t < 0 else 1 - half


def inverse(function, density, start, sign=1):
    """The inverse in the last argument by Newton's method, from SciPy's value."""

    def inverted(*arguments):
        *parameters, p = arguments
        x = mp.mpf(float(start(*map(float, arguments))))
        for _ in range(7):
            x = x - sign * (function(*parameters, x) - p) / density(*parameters, x)
        return x

    return inverted


def implicit(root, function, density, argument, sign=1):
    """The derivative of such an inverse; in the last argument for None."""

    def slope(*arguments):
        *parameters, _p = arguments
        x = root(*arguments)
        above = 1 if argument is None else -slope_of(function, argument)(*parameters, x)
        return sign * above / density(*parameters, x)

    return slope


def cases_of(name, reference, points, arguments):
    """The function and its derivative in each of the arguments, by their positions."""
    ours = getattr(special, name)
    yield Case(name, ours, reference, points)
    for argument, k in arguments.items():
        yield Case(f"{name} in {argument}", derivative(ours, k), slope_of(reference, k), points)


def hyp1f1(a, b, x):
    return mp.hyp1f1(a, b, x, maxterms=10**6)


def hyp2f1(a, b, c, z):
    return mp.hyp2f1(a, b, c, z, maxterms=10**6)


def parameters_of(name, reference, points, parameters):
    for k, parameter in enumerate(parameters):
        ours = derivative(getattr(special, name), k)
        yield Case(f"{name} in {parameter}", ours, slope_of(reference, k), points)


def beta_inverse_from_above(a, b, p):
    """A root that may be nearer to one than doubles are."""
    return 1 - inverse(beta_below, beta_density, sc.betaincinv)(b, a, p)


def cases_of_inverse(name, function, density, points, arguments, sign, root=None):
    ours = getattr(special, name)
    root = root or inverse(function, density, getattr(sc, name), sign)
    yield Case(name, ours, root, points)
    *parameters, last = arguments
    in_last = implicit(root, function, density, None, sign)
    yield Case(f"{name} in {last}", derivative(ours, len(parameters)), in_last, points)
    for k, argument in enumerate(parameters):
        yield Case(f"{name} in {argument}", derivative(ours, k), implicit(root, function, density, k, sign), points)


def complement_of(name, reference, below, points, arguments):
    """A complement, whose derivatives are those of the other part: these have their digits where it rounds to one."""
    ours = getattr(special, name)
    yield Case(name, ours, reference, points)
    for argument, k in arguments.items():
        slope = slope_of(below, k)
        yield Case(f"{name} in {argument}", derivative(ours, k), lambda *x, slope=slope: -slope(*x), points)


def _density_of(name, density, points, k, sign=1):
    yield Case(f"{name} in x", derivative(getattr(special, name), k), lambda *x: sign * density(*x), points)


def _twice(name, reference, points, argument, k):
    ours = derivative(getattr(special, name), k, 2)
    yield Case(f"{name} twice in {argument}", ours, slope_of(reference, k, 2), points)


def _ordinary(points, most=100.0):
    return [point for point in points if max(point) <= most and min(map(abs, point)) >= 1e-3]


CASES = [
    *cases_of("betainc", beta_below, BETA, {"a": 0, "b": 1}),
    *_density_of("betainc", beta_density, BETA, 2),
    *complement_of("betaincc", beta_above, beta_below, BETA, {"a": 0, "b": 1}),
    *_density_of("betaincc", beta_density, BETA, 2, -1),
    *_twice("betainc", beta_below, _ordinary(BETA), "a", 0),
    *cases_of("gammainc", gamma_below, GAMMA, {"a": 0}),
    *_density_of("gammainc", gamma_density, GAMMA, 1),
    *complement_of("gammaincc", gamma_above, gamma_below, GAMMA, {"a": 0}),
    *_density_of("gammaincc", gamma_density, GAMMA, 1, -1),
    *_twice("gammainc", gamma_below, _ordinary(GAMMA), "a", 0),
    *cases_of("stdtr", student_below, STUDENT, {"df": 0, "t": 1}),
    *_twice("stdtr", student_below, _ordinary(STUDENT), "df", 0),
    *cases_of_inverse("betaincinv", beta_below, beta_density, BETA_INVERSE, ("a", "b", "y"), 1),
    *cases_of_inverse(
        "betainccinv", beta_above, beta_density, BETA_INVERSE, ("a", "b", "y"), -1, beta_inverse_from_above
    ),
    *cases_of_inverse("gammaincinv", gamma_below, gamma_density, GAMMA_INVERSE, ("a", "y"), 1),
    *cases_of_inverse("gammainccinv", gamma_above, gamma_density, GAMMA_INVERSE, ("a", "y"), -1),
    *cases_of_inverse("stdtrit", student_below, student_density, STUDENT_INVERSE, ("df", "p"), 1),
    *cases_of("beta", mp.beta, PAIRS, {"a": 0, "b": 1}),
    *cases_of("betaln", lambda a, b: mp.log(mp.beta(a, b)), PAIRS, {"a": 0, "b": 1}),
    *cases_of("hyp1f1", mp.hyp1f1, [(a, b, x) for a, b in PAIRS[:9] for x in (-5.0, -0.3, 0.2, 1.0, 8.0)], {"x": 2}),
    *parameters_of("hyp1f1", hyp1f1, KUMMER, "ab"),
    *_twice("hyp1f1", hyp1f1, KUMMER[::3], "b", 1),
    *cases_of(
        "hyp2f1",
        mp.hyp2f1,
        [(a, b, c, z) for a, b in PAIRS[:9] for c in (0.6, 3.5) for z in (-3.0, -0.5, 0.2, 0.7)],
        {"z": 3},
    ),
    *parameters_of("hyp2f1", hyp2f1, GAUSS, "abc"),
    *_twice("hyp2f1", hyp2f1, GAUSS[::5], "c", 2),
    Case("zeta", special.zeta, mp.zeta, [(x,) for x in EXPONENTS]),
    Case("zeta in x", derivative(special.zeta, 0), lambda x: mp.zeta(x, 1, 1), [(x,) for x in EXPONENTS]),
    Case("zeta twice in x", derivative(special.zeta, 0, 2), lambda x: mp.zeta(x, 1, 2), [(x,) for x in EXPONENTS]),
    Case("zeta of x, q", special.zeta, mp.zeta, HURWITZ),
    Case("zeta of x, q in x", derivative(special.zeta, 0), lambda x, q: mp.zeta(x, q, 1), HURWITZ),
    Case("zeta of x, q in q", derivative(special.zeta, 1), lambda x, q: -x * mp.zeta(x + 1, q), HURWITZ),
]
