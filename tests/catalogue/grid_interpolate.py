"""Interpolators over their options: built, evaluated inside and outside, differentiated, integrated."""

import itertools
import warnings

import numpy as np
import scipy.interpolate
import scipy.sparse.linalg

from catalogue.case import Case
from scitorch import interpolate

RNG = np.random.default_rng(21)
POINTS = np.array([-0.7, 0.0, 0.3, 0.99, 1.0, 2.4, 3.1, 5.5, 9.0, np.nan])


def knots(n):
    return np.concatenate(([0.0], np.cumsum(0.5 + RNG.uniform(size=n - 1))))


def normal(*shape, complex_=False):
    return RNG.normal(size=shape) + (1j * RNG.normal(size=shape) if complex_ else 0)


def using(name, call):
    """The same use of both classes of a name: `call` gets the class."""

    def make(module):
        def function(*arguments, **options):
            return call(getattr(module, name), *arguments, **options)

        function.__name__ = f"{name}.{call.__name__}"
        return function

    return make(interpolate), make(scipy.interpolate)


def evaluated(cls, x, y, points, nu=0, outside=None, **options):
    return cls(x, y, **options)(points, nu, outside)


def differentiated(cls, x, y, points, nu=1, **options):
    return cls(x, y, **options).derivative(nu)(points)


def antidifferentiated(cls, x, y, points, nu=1, **options):
    return cls(x, y, **options).antiderivative(nu)(points)


def integrated(cls, x, y, a, b, outside=None, **options):
    return cls(x, y, **options).integrate(a, b, outside)


def uses(name, x, y, **options):
    for nu, outside in itertools.product((0, 1, 2, 3, 4), (None, True, False, "periodic")):
        yield Case(*using(name, evaluated), (x, y, POINTS), {"nu": nu, "outside": outside, **options})
    for nu in (0, 1, 2):
        yield Case(*using(name, differentiated), (x, y, POINTS), {"nu": nu, **options})
        yield Case(*using(name, antidifferentiated), (x, y, POINTS), {"nu": nu, **options})
    for (a, b), outside in itertools.product([(0.2, 3.0), (3.0, 0.2), (-1.0, 12.5), (1.0, 1.0)], (None, "periodic")):
        yield Case(*using(name, integrated), (x, y, a, b), {"outside": outside, **options})


def shapes_and_axes(name, **options):
    x = knots(5)
    for shape, axis, points in itertools.product(
        [(5, 2), (2, 5), (3, 5, 2)], (0, 1, -1), [np.array(0.4), np.array([0.4, 7]), np.ones((2, 1)), np.ones((2, 0))]
    ):
        yield Case(*using(name, evaluated), (x, normal(*shape), points), {"axis": axis, **options})


def cubic():
    conditions = ["not-a-knot", "clamped", "natural", ("clamped", "natural"), ("not-a-knot", "clamped")]
    conditions += [
        ("natural", "not-a-knot"),
        ((1, 0.5), (2, -0.3)),
        ((2, 0.0), "not-a-knot"),
        "nonsense",
        ((3, 0.0), (1, 0.0)),
    ]
    conditions += [("clamped",), ("periodic", "natural")]
    for n, bc, complex_ in itertools.product((2, 3, 4, 5, 8), conditions, (False, True)):
        x, y = knots(n), normal(n, complex_=complex_)
        yield Case(*using("CubicSpline", evaluated), (x, y, POINTS), {"bc_type": bc})
    for n, complex_ in itertools.product((2, 3, 4, 5, 6, 9), (False, True)):
        y = normal(n, complex_=complex_)
        yield Case(*using("CubicSpline", evaluated), (knots(n), y, POINTS), {"bc_type": "periodic"})  # not periodic
        y[-1] = y[0]
        for nu in (0, 1, 2):
            yield Case(*using("CubicSpline", evaluated), (knots(n), y, POINTS), {"bc_type": "periodic", "nu": nu})
        yield Case(*using("CubicSpline", integrated), (knots(n), y, -3.0, 40.0), {"bc_type": "periodic"})
    yield from uses("CubicSpline", knots(6), normal(6))
    yield from uses("CubicSpline", knots(5), normal(5, 2, complex_=True), bc_type="natural")
    yield from shapes_and_axes("CubicSpline")
    value = ((1, np.ones((3, 2))), (2, np.ones((3, 2))))
    yield Case(*using("CubicSpline", evaluated), (knots(4), normal(3, 4, 2), POINTS), {"axis": 1, "bc_type": value})
    yield Case(*using("CubicSpline", evaluated), (knots(4), normal(4, 3), POINTS), {"bc_type": value})


def shape_preserving():
    steps = np.array([0.0, 0, 1, 3, 3, 3, 2, 2.5, -1, 0])
    for name, options in [
        ("PchipInterpolator", {}),
        ("Akima1DInterpolator", {}),
        ("Akima1DInterpolator", {"method": "makima"}),
    ]:
        for n in (2, 3, 4, 6, 10):
            yield Case(*using(name, evaluated), (knots(n), normal(n), POINTS), {"outside": True, **options})
            yield Case(*using(name, evaluated), (knots(n), steps[:n], POINTS), {"outside": True, **options})
            yield Case(*using(name, evaluated), (knots(n), np.arange(n) * 1.0, POINTS), options)
        yield from uses(name, knots(6), normal(6), **options)
        yield from shapes_and_axes(name, **options)
        yield Case(*using(name, evaluated), (knots(4), normal(4, complex_=True), POINTS), options)
    yield Case(*using("Akima1DInterpolator", evaluated), (knots(4), normal(4), POINTS), {"method": "nonsense"})
    for x in ([0.0, 1, 1], [0.0, 2, 1], [0.0, np.nan, 1], [0.0, 1]):
        for name in ("CubicSpline", "PchipInterpolator", "Akima1DInterpolator"):
            yield Case(*using(name, evaluated), (np.array(x), normal(3), POINTS))
    for y in (np.array([0.0, np.inf, 1]), normal(2), normal(2, 2)):
        yield Case(*using("CubicSpline", evaluated), (knots(3), y, POINTS))

    def hermite(cls, x, y, slopes, points, **options):
        return cls(x, y, slopes, **options)(points)

    for axis, complex_ in itertools.product((0, 1), (False, True)):
        arguments = knots(3), normal(3, 3, complex_=complex_), normal(3, 3), POINTS
        yield Case(*using("CubicHermiteSpline", hermite), arguments, {"axis": axis})
        yield Case(*using("CubicHermiteSpline", hermite), arguments, {"axis": axis, "extrapolate": False})
    yield Case(*using("CubicHermiteSpline", hermite), (knots(3), normal(3), normal(2), POINTS))


def polynomials():
    def at(cls, c, x, points, nu=0, **options):
        return cls(c, x, **options)(points, nu)

    def antiderivative(cls, c, x, points, nu, **options):
        return cls(c, x, **options).antiderivative(nu)(points)

    def integral(cls, c, x, a, b, **options):
        return cls(c, x, **options).integrate(a, b)

    for k, rest, complex_ in itertools.product((1, 2, 4), ((), (2,)), (False, True)):
        c, x = normal(k, 3, *rest, complex_=complex_), knots(4)
        for extrapolate in (True, False, "periodic"):
            for nu in (0, 1, 2):
                yield Case(*using("PPoly", at), (c, x, POINTS), {"nu": nu, "extrapolate": extrapolate})
            for nu in (-1, 1, 2, 3):
                yield Case(*using("PPoly", antiderivative), (c, x, POINTS), {"nu": nu, "extrapolate": extrapolate})
            for a, b in [(0.1, 1.0), (1.0, 0.1), (-4.0, 9.0)]:
                yield Case(*using("PPoly", integral), (c, x, a, b), {"extrapolate": extrapolate})
    yield Case(*using("PPoly", at), (normal(2, 2, 3), knots(4), POINTS), {"axis": 1})
    yield Case(*using("PPoly", at), (normal(2, 2, 3, 4), knots(4), POINTS), {"axis": 1})
    yield Case(*using("PPoly", at), (normal(2, 3), knots(3), POINTS))
    yield Case(*using("PPoly", at), (normal(3), knots(4), POINTS))


def splines():
    def at(cls, t, c, points, k, nu=0, outside=None, **options):
        return cls(t, c, k, **options)(points, nu, outside)

    def derived(cls, t, c, points, k, nu, **options):
        return cls(t, c, k, **options).derivative(nu)(points)

    def integral(cls, t, c, a, b, k, outside=None):
        return cls(t, c, k).integrate(a, b, outside)

    def element(cls, t, points, **options):
        return cls.basis_element(t, **options)(points)

    for k, complex_ in itertools.product((0, 1, 2, 3, 5), (False, True)):
        n = k + 4
        t = np.concatenate(([0.0] * (k + 1), np.sort(RNG.uniform(0, 5, size=n - k - 1)), [5.0] * (k + 1)))
        c = normal(n, complex_=complex_)
        for knot, outside, nu in itertools.product((t, knots(n + k + 1)), (True, False, "periodic"), range(4)):
            if nu > k + 1 and outside is False:
                continue  # to SciPy the derivative is 0 even where the spline has no value
            points = POINTS[: len(POINTS) - (nu > k)]  # the same at NaN
            yield Case(*using("BSpline", at), (knot, c, points), {"k": k, "nu": nu, "outside": outside})
        for nu in range(-2, 3):
            yield Case(*using("BSpline", derived), (t, c, np.linspace(0, 4.9, 7)), {"k": k, "nu": nu})
        for (a, b), outside in itertools.product([(0.3, 4.0), (4.0, 0.3), (-2.0, 7.5)], (True, False, "periodic")):
            if not complex_:  # SciPy's integral takes no complex coefficients
                yield Case(*using("BSpline", integral), (t, c, a, b), {"k": k, "outside": outside})
        yield Case(*using("BSpline", element), (knots(k + 2), POINTS))
        yield Case(*using("BSpline", element), (knots(k + 2), POINTS), {"extrapolate": False})
    yield from odd_splines(at)


def odd_splines(at):
    doubled = np.array([0, 0, 0, 0, 1, 2, 2, 3, 3, 3, 4, 4, 4, 4.0])
    for nu, points in itertools.product(range(4), (POINTS, np.array([2.0, 3.0, 4.0, 0.0, 3.999]))):
        yield Case(*using("BSpline", at), (doubled, normal(10), points), {"k": 3, "nu": nu})
    for axis in (0, 1, -1):
        yield Case(*using("BSpline", at), (knots(8), normal(4, 4, 4), POINTS), {"k": 3, "axis": axis})
    yield Case(*using("BSpline", at), (knots(8)[::-1].copy(), normal(4), POINTS), {"k": 3})
    yield Case(*using("BSpline", at), (knots(7), normal(4), POINTS), {"k": 3})
    yield Case(*using("BSpline", at), (knots(8), normal(3), POINTS), {"k": 3})


def fitted():
    def fit(make, x, y, points, nu=0, **options):
        return make(x, y, **options)(points, nu)

    def knots_of(make, x, y, **options):
        return make(x, y, **options).t

    name = "make_interp_spline"
    for k, n, complex_ in itertools.product((0, 1, 2, 3, 4, 5), (6, 9), (False, True)):
        x, y = knots(n), normal(n, complex_=complex_)
        for nu in (0, 1):
            yield Case(*using(name, fit), (x, y, POINTS), {"k": k, "nu": nu})
        yield Case(*using(name, knots_of), (x, y), {"k": k})
        yield Case(*using(name, fit), (x, normal(2, n), POINTS), {"k": k, "axis": 1})
        for bc in ("not-a-knot", "natural", "clamped", ("natural", "clamped"), (None, "natural"), "nonsense"):
            yield Case(*using(name, fit), (x, y, POINTS), {"k": k, "bc_type": bc})
    for bc in [([(1, 0.5)], [(2, 0.0)]), ([(2, 0.1)], [(2, -1.0)]), ([(1, 0.1), (2, 0.3)], None), ([(9, 0.0)], None)]:
        for k in (3, 5):
            yield Case(*using(name, fit), (knots(7), normal(7), POINTS), {"k": k, "bc_type": bc})
    ends = ([(1, 0.5), (2, 0.1)], [(1, 0.0), (2, -0.2)])
    yield Case(*using(name, fit), (knots(7), normal(7), POINTS), {"k": 5, "bc_type": ends})
    for k, n in itertools.product((1, 2, 3, 4, 5), (3, 4, 6, 9)):
        y = normal(n)
        yield Case(*using(name, fit), (knots(n), y, POINTS), {"k": k, "bc_type": "periodic"})
        y[-1] = y[0]
        yield Case(*using(name, fit), (knots(n), y, POINTS), {"k": k, "bc_type": "periodic"}, rtol=1e-8)
        pair = np.stack([y, 2 * y + 1], 1)
        yield Case(*using(name, fit), (knots(n), pair, POINTS), {"k": k, "bc_type": "periodic"}, rtol=1e-8)
    x = knots(6)
    t = np.concatenate((x[:1].repeat(4), (x[2:4] + 0.1), x[-1:].repeat(4)))

    def knots_given(make, x, y, t, points, **options):
        return make(x, y, t=t, **options)(points)

    yield Case(*using(name, knots_given), (x, normal(6), t, POINTS))
    yield Case(*using(name, knots_given), (x, normal(6), t[1:], POINTS))
    yield Case(*using(name, knots_given), (x, normal(6), t + 1, POINTS))
    for x, y in [(knots(4), normal(5)), (knots(4)[::-1].copy(), normal(4)), (np.ones(4), normal(4))]:
        yield Case(*using(name, fit), (x, y, POINTS))


def grids():
    def at(cls, *arguments, nu=None, call=None, **options):
        *points, values, xi = arguments
        return cls(tuple(points), values, **options)(xi, call, nu=nu)

    def solved(cls, *arguments, nu=None, call=None, **options):
        # SciPy's default solver stops at 1e-5.
        solver = {} if cls is interpolate.RegularGridInterpolator else {"solver": scipy.sparse.linalg.spsolve}
        return at(cls, *arguments, nu=nu, call=call, **solver, **options)

    name = "RegularGridInterpolator"
    for d, rest, method, fill in itertools.product(
        (1, 2, 3), ((), (2,)), ("linear", "nearest", "slinear", "cubic"), (np.nan, None, -7.0)
    ):
        axes = [knots(4 + k) for k in range(d)]
        values = normal(*map(len, axes), *rest)
        use = solved if method in ("slinear", "cubic") else at
        for xi in (
            RNG.uniform(-0.5, 4, size=(6, d)),
            RNG.uniform(-0.5, 4, size=(2, 3, d)),
            np.ones((1, d)),
            np.full(d, np.nan),
        ):
            options = {"method": method, "bounds_error": False, "fill_value": fill}
            yield Case(*using(name, use), (*axes, values, xi), options)
        yield Case(*using(name, use), (*axes, values, RNG.uniform(0, 1.4, size=(3, d))), {"method": method})
        yield Case(*using(name, use), (*axes, values, np.full((3, d), 77.0)), {"method": method})
        backwards = [a[::-1].copy() for a in axes]
        if use is at:
            yield Case(*using(name, use), (*backwards, values, RNG.uniform(0, 1.4, size=(3, d))), {"method": method})
        yield Case(*using(name, use), (*axes, values + 1j * values**2, np.ones((2, d))), {"method": method})
    axes = [knots(7), knots(6)]
    values = normal(7, 6)
    for nu, method in itertools.product(
        [(0, 0), (1, 0), (0, 2), (1, 1), (3, 3)], ("cubic", "slinear", "quintic", "linear")
    ):
        use = at if method == "linear" else solved
        yield Case(
            *using(name, use), (*axes, values, RNG.uniform(0, 3, size=(5, 2))), {"method": method, "nu": nu}, rtol=1e-8
        )
    exact = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    for method in ("linear", "nearest"):
        yield Case(*using(name, at), (*axes, values, exact), {"method": method})
        yield Case(*using(name, at), (*axes, values, exact), {"call": method})
    yield Case(*using(name, at), (np.array([1.0]), knots(3), normal(1, 3), np.array([[1.0, 0.4]])))
    yield Case(*using(name, at), (*axes, values.T.copy(), np.ones((1, 2))))
    yield Case(*using(name, at), (*axes, values, np.ones((1, 3))))
    yield Case(*using(name, at), (*axes, values, np.ones((1, 2))), {"method": "nonsense"})
    yield Case(*using(name, at), (np.array([0.0, 2, 1]), normal(3), np.ones((1, 1))))


def radial():
    def at(cls, y, d, x, **options):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return cls(y, d, **options)(x)

    name = "RBFInterpolator"
    kernels = ("linear", "thin_plate_spline", "cubic", "quintic", "multiquadric")
    kernels += ("inverse_multiquadric", "inverse_quadratic", "gaussian", "nonsense")
    for kernel, dimensions, degree, epsilon in itertools.product(kernels, (1, 2), (None, -1, 0, 2), (None, 1.7)):
        y, x = RNG.uniform(size=(9, dimensions)), RNG.uniform(size=(4, dimensions))
        options = {"kernel": kernel, "degree": degree, "epsilon": epsilon, "smoothing": 0.01}
        yield Case(*using(name, at), (y, normal(9), x), options, rtol=1e-6)
    y, x = RNG.uniform(size=(9, 2)), RNG.uniform(size=(4, 2))
    for d, neighbors in itertools.product([(9,), (9, 2), (9, 2, 3)], (None, 1, 4, 9, 50)):
        options = {"neighbors": neighbors, "degree": 0 if neighbors == 1 else None, "kernel": "linear"}
        for complex_ in (False, True):
            yield Case(*using(name, at), (y, normal(*d, complex_=complex_), x), options, rtol=1e-7)
    yield Case(*using(name, at), (y, normal(9), y), {"smoothing": 0.0}, rtol=1e-7)
    for wrong in [{"degree": -2}, {"neighbors": 2}, {"kernel": "gaussian"}, {"degree": 9}]:
        yield Case(*using(name, at), (y, normal(9), x), wrong)
    yield Case(*using(name, at), (y, normal(8), x))
    yield Case(*using(name, at), (y, normal(9), x[0]))
    yield Case(*using(name, at), (y, normal(9), x[:, :1]))


def linear():
    ends = [
        {},
        {"left": -1.0},
        {"right": 2.0},
        {"left": np.nan, "right": 0.0},
        {"period": 2.5},
        {"period": -2.5},
        {"period": 0},
    ]
    for n, options, complex_ in itertools.product((1, 2, 6), ends, (False, True)):
        x = knots(n)
        for points in (POINTS, x, np.array(0.4), np.array([[7.0], [0.0]]), np.empty(0)):
            yield Case(interpolate.interp, np.interp, (points, x, normal(n, complex_=complex_)), options)
    yield Case(interpolate.interp, np.interp, (POINTS, np.array([0.0, 1, 1, 2]), normal(4)))
    yield Case(interpolate.interp, np.interp, (POINTS, RNG.permutation(knots(5)), normal(5)), {"period": 3.0})
    yield Case(interpolate.interp, np.interp, (POINTS, knots(3), normal(2)))
    yield Case(interpolate.interp, np.interp, (POINTS, np.empty(0), np.empty(0)))


CASES = [*cubic(), *shape_preserving(), *polynomials(), *splines(), *fitted(), *grids(), *radial(), *linear()]
