"""Derivatives of interpolators in data, knots and points, in every mode; their limits where knots or data coincide."""

import itertools

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.func import grad, hessian, jacfwd, jacrev, vmap

from scitorch import errors
from scitorch.interpolate import (
    Akima1DInterpolator,
    BSpline,
    CubicHermiteSpline,
    CubicSpline,
    PchipInterpolator,
    PPoly,
    RBFInterpolator,
    RegularGridInterpolator,
    interp,
    make_interp_spline,
)

X = torch.tensor([0.0, 0.8, 1.9, 2.5, 3.9], dtype=torch.double)
Y = torch.tensor([0.3, -1.0, 0.4, 2.2, 2.9], dtype=torch.double)
P = torch.tensor([-0.4, 0.3, 1.1, 2.3, 3.3, 4.2], dtype=torch.double)
GRID = (X, torch.tensor([0.0, 1.0, 1.7, 2.9], dtype=torch.double))
GRID_VALUES = torch.sin(torch.arange(20.0, dtype=torch.double)).reshape(5, 4)
GRID_POINTS = torch.tensor([[0.3, 0.4], [2.3, 2.45], [3.1, 1.2]], dtype=torch.double)
CENTRES = torch.tensor([[0.0, 0.1], [1.0, 0.0], [0.1, 1.0], [1.1, 1.2], [0.4, 0.6], [0.7, 0.2]], dtype=torch.double)
PLACES = torch.tensor([[0.3, 0.3], [0.9, 0.8]], dtype=torch.double)


def periodic(x, y, p):
    return CubicSpline(x, torch.cat((y, y[:1])), bc_type="periodic")(p)


def cubic(conditions):
    return lambda x, y, p: CubicSpline(x, y, bc_type=conditions)(p)


def fitted(k, **options):
    return lambda x, y, p: make_interp_spline(x, y, k=k, **options)(p)


def on_grid(method):
    def call(x, y, values, points):
        return RegularGridInterpolator((x, y), values, method, bounds_error=False, fill_value=None)(points)

    return call


def radial(kernel, **options):
    def call(y, d, smoothing, epsilon, x):
        return RBFInterpolator(y, d, smoothing=smoothing, epsilon=epsilon, kernel=kernel, **options)(x)

    return call


ENDS = torch.tensor([0.4, -0.2], dtype=torch.double)
CASES = {
    "interp": (interp, (P, X, Y)),
    "interp, ends": (lambda x, xp, fp, ends: interp(x, xp, fp, ends[0], ends[1]), (P, X, Y, ENDS)),
    "interp, period": (lambda x, xp, fp: interp(x, xp, fp, period=5.0), (P, X, Y)),
    "CubicSpline": (cubic("not-a-knot"), (X, Y, P)),
    "CubicSpline, natural": (cubic("natural"), (X, Y, P)),
    "CubicSpline, clamped": (cubic(("clamped", "not-a-knot")), (X, Y, P)),
    "CubicSpline, complex": (cubic("natural"), (X, Y + 1j * Y**2, P)),
    "CubicSpline, periodic": (periodic, (X, Y[:-1], P)),
    "CubicSpline, three periodic": (periodic, (X[:3], Y[:2], P)),
    "CubicSpline, three": (cubic("not-a-knot"), (X[:3], Y[:3], P)),
    "CubicSpline, two": (cubic("not-a-knot"), (X[:2], Y[:2], P)),
    "CubicSpline, ends": (
        lambda x, y, ends, p: CubicSpline(x, y, bc_type=((1, ends[0]), (2, ends[1])))(p),
        (X, Y, ENDS, P),
    ),
    "CubicSpline, derivative": (lambda x, y, p: CubicSpline(x, y).derivative(2)(p), (X, Y, P)),
    "CubicSpline, antiderivative": (lambda x, y, p: CubicSpline(x, y).antiderivative(2)(p), (X, Y, P)),
    "CubicSpline, integral": (lambda x, y, ends: CubicSpline(x, y).integrate(ends[0], 3 + ends[1]), (X, Y, ENDS)),
    "CubicSpline, periodic integral": (
        lambda x, y, ends: CubicSpline(x, torch.cat((y, y[:1])), bc_type="periodic").integrate(ends[0], 9 + ends[1]),
        (X, Y[:-1], ENDS),
    ),
    "CubicHermiteSpline": (lambda x, y, s, p: CubicHermiteSpline(x, y, s)(p), (X, Y, Y.flip(0), P)),
    "PchipInterpolator": (lambda x, y, p: PchipInterpolator(x, y)(p), (X, Y, P)),
    "Akima1DInterpolator": (lambda x, y, p: Akima1DInterpolator(x, y)(p[1:-1]), (X, Y, P)),
    "makima": (lambda x, y, p: Akima1DInterpolator(x, y, method="makima", extrapolate=True)(p), (X, Y, P)),
    "PPoly": (lambda c, x, p: PPoly(c, x)(p, 1), (GRID_VALUES[:3], X, P)),
    "BSpline": (lambda t, c, p: BSpline(t, c, 2)(p), (torch.cat((X, X[1:] + 4)), Y.repeat(2)[:6], P)),
    "BSpline, derivative": (lambda t, c, p: BSpline(t, c, 3)(p, 1), (torch.cat((X, X[1:] + 4)), Y, P)),
    "BSpline, integral": (
        lambda t, c, ends: BSpline(t, c, 2).integrate(ends[0] + 1.6, 4 + ends[1]),
        (torch.cat((X, X[1:] + 4)), Y.repeat(2)[:6], ENDS),
    ),
    "make_interp_spline, 2": (fitted(2), (X, Y, P)),
    "make_interp_spline, 3": (fitted(3), (X, Y, P)),
    "make_interp_spline, 4": (fitted(4), (X, Y, P)),
    "make_interp_spline, natural": (fitted(3, bc_type="natural"), (X, Y, P)),
    "make_interp_spline, ends": (
        lambda x, y, ends, p: make_interp_spline(x, y, bc_type=([(1, ends[0])], [(2, ends[1])]))(p),
        (X, Y, ENDS, P),
    ),
    "make_interp_spline, knots": (
        lambda x, y, t, p: make_interp_spline(x, y, k=1, t=torch.cat((x[:1], x[:1], t, x[-1:], x[-1:])))(p),
        (X, Y, torch.tensor([0.7, 2.0, 2.6], dtype=torch.double), P[1:-1]),
    ),
    "make_interp_spline, periodic": (
        lambda x, y, p: make_interp_spline(x, torch.cat((y, y[:1])), bc_type="periodic")(p),
        (X, Y[:-1], P),
    ),
    "grid, linear": (on_grid("linear"), (*GRID, GRID_VALUES, GRID_POINTS)),
    "grid, nearest": (on_grid("nearest"), (*GRID, GRID_VALUES, GRID_POINTS)),
    "grid, cubic": (on_grid("cubic"), (*GRID, GRID_VALUES, GRID_POINTS)),
    "grid, descending": (on_grid("linear"), (GRID[0].flip(0), GRID[1], GRID_VALUES, GRID_POINTS)),
    **{
        f"radial, {kernel}": (radial(kernel), (CENTRES, Y.repeat(2)[:6], 0.1 + 0 * ENDS[0], 1.3 + 0 * ENDS[0], PLACES))
        for kernel in ("linear", "thin_plate_spline", "cubic", "multiquadric", "inverse_quadratic", "gaussian")
    },
    "radial, neighbours": (
        radial("thin_plate_spline", neighbors=5),
        (CENTRES, Y.repeat(2)[:6], 0.1 + 0 * ENDS[0], 1.3 + 0 * ENDS[0], PLACES),
    ),
}
every_case = pytest.mark.parametrize("name", CASES)


def inputs_of(name):
    function, arguments = CASES[name]
    return function, tuple(x.detach().clone().requires_grad_() for x in arguments)


@every_case
def test_first_derivatives(name):
    function, inputs = inputs_of(name)
    assert gradcheck(function, inputs, check_forward_ad=True)


@every_case
def test_second_derivatives(name):
    function, inputs = inputs_of(name)
    assert gradgradcheck(function, inputs, check_fwd_over_rev=True)


@every_case
def test_functional_transforms(name):
    """Every nesting of two, each by the other's rules, and a batch by vmap."""
    function, arguments = CASES[name]
    for k, x in enumerate(arguments):
        if x.is_complex():
            continue

        def of(z, k=k):
            result = function(*arguments[:k], z, *arguments[k + 1 :])
            return (result.abs() ** 2).sum() if result.is_complex() else (result**2).sum()

        expected = torch.autograd.functional.hessian(of, x)
        for outer, inner in itertools.product((jacfwd, jacrev), repeat=2):
            torch.testing.assert_close(outer(inner(of))(x), expected, rtol=1e-7, atol=1e-7)
        batch = torch.stack([x, x * 1.01])
        torch.testing.assert_close(vmap(grad(of))(batch), torch.stack([grad(of)(x) for x in batch]))


@pytest.mark.parametrize("name", ["interp", "CubicSpline", "makima", "BSpline", "grid, cubic", "radial, gaussian"])
def test_compiles_whole(name):
    torch._dynamo.reset()
    function, inputs = inputs_of(name)
    compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
    ours, theirs = compiled(*inputs), function(*inputs)
    torch.testing.assert_close(ours, theirs)
    for a, b in zip(*(torch.autograd.grad(v.square().sum(), inputs) for v in (ours, theirs)), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64, torch.complex128])
def test_precision_is_kept(dtype):
    x, y, p = X.to(dtype.to_real()), Y.to(dtype), P.to(dtype.to_real())
    assert CubicSpline(x, y)(p).dtype == dtype
    assert CubicSpline(x, y)(0.5).dtype == dtype
    assert make_interp_spline(x, y)(p).dtype == dtype
    assert interp(p, x, y).dtype == dtype
    assert RegularGridInterpolator((x,), y)(p[1:2, None]).dtype == dtype
    assert RBFInterpolator(x[:, None], y)(p[:, None]).dtype == dtype


@pytest.mark.parametrize("kernel", ["linear", "thin_plate_spline", "cubic", "quintic", "multiquadric", "gaussian"])
def test_derivatives_at_the_centres_themselves_are_finite(kernel):
    def value(x):
        return RBFInterpolator(CENTRES, Y.repeat(2)[:6], kernel=kernel, epsilon=1.0)(x[None])[0]

    assert grad(value)(CENTRES[2]).isfinite().all()
    if kernel != "linear":
        near = grad(value)(CENTRES[2] + 1e-7)
        torch.testing.assert_close(grad(value)(CENTRES[2]), near, rtol=1e-4, atol=1e-4)
    if kernel in ("cubic", "quintic", "multiquadric", "gaussian"):
        torch.testing.assert_close(hessian(value)(CENTRES[2]), hessian(value)(CENTRES[2] + 1e-7), rtol=1e-4, atol=1e-4)


def test_flat_data_has_finite_gradients():
    """Where harmonic means and weights are none, no NaN comes back."""
    for cls, y in itertools.product((PchipInterpolator, Akima1DInterpolator), (X * 0, X, torch.sign(X - 1))):
        data = y.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(cls(X, data)(P[1:-1]).sum(), data)
        assert gradient.isfinite().all()


def test_repeated_knots_have_finite_gradients():
    t = torch.tensor([0, 0, 0, 0, 1, 2, 2, 3, 3, 3, 4, 4, 4, 4.0], dtype=torch.double, requires_grad=True)
    points = torch.tensor([0.0, 0.5, 2.0, 2.5, 3.0, 4.0], dtype=torch.double, requires_grad=True)
    value = BSpline(t, torch.linspace(0, 1, 10).double().sin(), 3)(points)
    assert all(g.isfinite().all() for g in torch.autograd.grad(value.sum(), (t, points)))


def test_incoming_gradients_of_complex_splines_may_have_any_strides():
    x = torch.arange(5.0, dtype=torch.float64)
    y = torch.complex(x.sin(), x.cos())[:, None].repeat(1, 2).requires_grad_()
    area = CubicSpline(x, y).integrate(0.5, 3.5)
    one = torch.ones((), dtype=torch.complex128)
    expanded = torch.autograd.grad(area, y, one.expand(2), retain_graph=True)
    torch.testing.assert_close(expanded, torch.autograd.grad(area, y, one.repeat(2)))


def test_a_cubic_is_found_again():
    x = torch.linspace(-1, 2, 12, dtype=torch.double)
    points = torch.linspace(-1, 2, 50, dtype=torch.double)
    for spline in (CubicSpline(x, x**3 - x), make_interp_spline(x, x**3 - x)):
        for nu, expected in enumerate((points**3 - points, 3 * points**2 - 1, 6 * points, 6 + 0 * points)):
            np.testing.assert_allclose(spline(points, nu), expected, atol=1e-11)
        np.testing.assert_allclose(spline.integrate(-1.0, 2.0), 2.25, rtol=1e-13)


def test_what_is_refused():
    with pytest.raises(errors.ArgumentError, match="CubicSpline, x: expected strictly increasing values, got others"):
        CubicSpline(X.flip(0), Y)
    with pytest.raises(errors.ArgumentError, match="RegularGridInterpolator, xi: expected points within the grid"):
        RegularGridInterpolator((X,), Y)(torch.tensor([[99.0]]))
    with pytest.raises(errors.ArgumentError, match="solved for directly"):
        RegularGridInterpolator((X,), Y, "cubic", solver="gmres")
    with pytest.raises(errors.ArgumentError, match="epsilon"):
        RBFInterpolator(CENTRES, Y.repeat(2)[:6], kernel="gaussian")
    with pytest.raises(errors.ArgumentError, match="make_interp_spline, t"):
        make_interp_spline(X, Y, k=1, t=torch.tensor([0.0, 0, 0.1, 0.2, 0.3, 3.9, 3.9]))
