"""Derivatives of scipy.ndimage's functions as users call them, against differences and torch-only forms of the same."""

import itertools

import mpmath
import numpy as np
import pytest
import scipy.ndimage
import torch
from torch.autograd import gradcheck, gradgradcheck
from zoo.draw import NUMERICAL

from scitorch import errors, ndimage
from scitorch.ndimage import affine_sampling, taps
from scitorch.ndimage.borders import border_places

MODES = ("reflect", "mirror", "nearest", "wrap", "grid-wrap", "constant", "grid-constant")
every_mode = pytest.mark.parametrize("mode", MODES)


def random(*shape, seed=0, dtype=torch.double):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def learnt(*values):
    return torch.tensor(values, dtype=torch.double, requires_grad=True)


def matrix_of(function, *shape):
    """The matrix of a function that is linear in an image, column by column, from SciPy."""
    units = np.eye(int(np.prod(shape))).reshape(-1, *shape)
    return np.stack([np.ravel(function(unit)) for unit in units], axis=-1)


def gradients_of(function, *shape):
    """The same matrix from our gradients, row by row."""
    x = torch.zeros(shape, dtype=torch.double, requires_grad=True)
    out = function(x).flatten()
    return np.stack([torch.autograd.grad(part, x, retain_graph=True)[0].flatten().numpy() for part in out])


LINEAR = {
    "gaussian_filter": ({"sigma": 1.3, "order": (1, 0)}, MODES),
    "spline_filter": ({"order": 4}, MODES),
    "shift": ({"shift": (0.3, -1.4), "order": 3}, MODES),
    "zoom": ({"zoom": (1.7, 0.6), "order": 2}, MODES),
    "rotate": ({"angle": 33, "order": 5}, MODES),
    "affine_transform": ({"matrix": np.array([[0.8, 0.3], [-0.4, 1.1]]), "offset": (0.3, -0.6), "order": 3}, MODES),
    "map_coordinates": ({"coordinates": 4 * random(2, 9).numpy(), "order": 4}, MODES),
}


@pytest.mark.parametrize(("name", "mode"), [(name, mode) for name, (_, modes) in LINEAR.items() for mode in modes])
@pytest.mark.parametrize("shape", [(4, 3), (1, 5), (2, 33)])
def test_gradients_of_the_image_are_the_transposed_map_of_scipys(name, mode, shape):
    options = LINEAR[name][0] | {"mode": mode}
    expected = matrix_of(lambda x: getattr(scipy.ndimage, name)(x, **options), *shape)
    got = gradients_of(lambda x: getattr(ndimage, name)(x, **options), *shape)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-13 * max(abs(expected).max(), 1))


@pytest.mark.parametrize("name", ["shift", "zoom", "rotate"])
@pytest.mark.parametrize("mode", MODES)
def test_gradients_on_the_pixels_themselves_miss_no_border(name, mode):
    """Whole pixels and right angles, where rounding decides what is within the border; order 0 at half pixels."""
    options = {
        "shift": {"shift": (1, -2)},
        "zoom": {"zoom": 2, "grid_mode": mode not in ("constant", "wrap")},
        "rotate": {"angle": 90},
    }[name]
    for order in (0, 1, 3):
        expected = matrix_of(lambda x: getattr(scipy.ndimage, name)(x, **options, order=order, mode=mode), 4, 3)  # noqa: B023  called at once
        got = gradients_of(lambda x: getattr(ndimage, name)(x, **options, order=order, mode=mode), 4, 3)  # noqa: B023  the same
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-13)


@every_mode
@pytest.mark.parametrize("order", [0, 1, 2, 5])
def test_gaussian_in_sigma(mode, order):
    def smooth(x, sigma):
        return ndimage.gaussian_filter1d(x, sigma, 0, order, mode=mode, cval=0.3)

    arguments = (random(5, 2).requires_grad_(), learnt(0.9)[0])
    assert gradcheck(smooth, arguments, **NUMERICAL, check_forward_ad=True)
    assert gradgradcheck(smooth, arguments, **NUMERICAL)


def test_gaussian_in_several_sigmas():
    x = random(4, 5)
    assert gradcheck(lambda sigma: ndimage.gaussian_filter(x, sigma, order=(0, 1)), learnt(0.7, 1.2), **NUMERICAL)
    assert gradcheck(lambda a, b: ndimage.gaussian_filter(x, (a, b)), [learnt(0.7)[0], learnt(1.2)[0]], **NUMERICAL)
    assert gradcheck(lambda a: ndimage.gaussian_filter(x, (a, 0.5), axes=(1, 0)), learnt(0.7)[0], **NUMERICAL)
    assert gradcheck(lambda a: ndimage.gaussian_filter(x + 1j * x.flip(0), a), learnt(0.7)[0], **NUMERICAL)


def test_gaussian_without_width_is_the_identity_and_has_the_limit_as_its_gradient():
    x, sigma = random(4, 5), learnt(0.0)[0]
    out = ndimage.gaussian_filter(x, sigma)
    assert torch.equal(out, x)
    assert torch.autograd.grad(out.sum(), sigma)[0] == 0


def test_gaussian_under_vmap_asks_for_a_radius():
    x, sigmas = random(6), torch.tensor([0.5, 1.0, 2.0], dtype=torch.double)
    many = torch.func.vmap(lambda s: ndimage.gaussian_filter1d(x, s, radius=5))(sigmas)
    for one, s in zip(many, sigmas, strict=True):
        torch.testing.assert_close(one, ndimage.gaussian_filter1d(x, s.item(), radius=5))
    with pytest.raises(errors.ArgumentError, match="radius"):
        torch.func.vmap(lambda s: ndimage.gaussian_filter1d(x, s))(sigmas)


def test_gaussian_weights_to_50_digits():
    """Value and derivative in sigma of the middle weight."""
    sigma, radius = 1.3, 5
    impulse = torch.zeros(11, dtype=torch.double)
    impulse[5] = 1
    width = learnt(sigma)[0]
    middle = ndimage.gaussian_filter1d(impulse, width, radius=radius, mode="constant")[5]
    with mpmath.workdps(50):

        def exact(s):
            return 1 / mpmath.fsum(mpmath.exp(-(k**2) / (2 * s**2)) for k in range(-radius, radius + 1))

        expected, slope = exact(mpmath.mpf(sigma)), mpmath.diff(exact, mpmath.mpf(sigma))
    assert abs(middle.item() - expected) < 1e-15 * expected
    assert abs(torch.autograd.grad(middle, width)[0].item() - slope) < 1e-14 * abs(slope)


@every_mode
@pytest.mark.parametrize("order", range(6))
def test_map_coordinates_in_both(mode, order):
    generator = torch.Generator().manual_seed(1)
    # Away from the knots, at multiples of 1/2: derivatives of low orders jump there.
    halves = torch.randint(-9, 16, (2, 7), generator=generator) / 2
    points = halves + 0.1 + 0.3 * torch.rand(2, 7, generator=generator, dtype=torch.double)

    def sample(x, points):
        return ndimage.map_coordinates(x, points, order=order, mode=mode, cval=0.4)

    arguments = (random(3, 4).requires_grad_(), points.requires_grad_())
    assert gradcheck(sample, arguments, **NUMERICAL, check_forward_ad=True)
    assert gradgradcheck(sample, arguments, **NUMERICAL)


def test_map_coordinates_third_derivative_of_a_cubic_spline():
    """The spline through a cubic's samples is the cubic, away from the border."""
    k = torch.arange(-40, 41, dtype=torch.double)
    values, derivative = k**3, learnt(40.3)[0]
    out = ndimage.map_coordinates(values, derivative.reshape(1, 1), mode="mirror").sum()
    for expected in (3 * 0.3**2, 6 * 0.3, 6.0):
        (out,) = torch.autograd.grad(out, derivative, create_graph=True)
        assert abs(out.item() - expected) < 1e-10
    (out,) = torch.autograd.grad(out, derivative)
    assert out == 0


def test_map_coordinates_of_complex_images():
    x = torch.complex(random(3, 4), random(3, 4, seed=1)).requires_grad_()
    points = (random(2, 3, seed=2) + 1.3).requires_grad_()
    assert gradcheck(lambda x, p: ndimage.map_coordinates(x, p, mode="reflect"), (x, points), **NUMERICAL)


@every_mode
@pytest.mark.parametrize("form", ["square", "diagonal", "homogeneous", "without its last row", "other rank"])
def test_affine_transform_in_all(mode, form):
    square = torch.tensor([[0.83, 0.31], [-0.27, 0.94]], dtype=torch.double)
    column, row = torch.tensor([[0.21], [-0.13]], dtype=torch.double), torch.tensor([[0.0, 0.0, 1.0]]).double()
    matrix = {
        "square": square,
        "diagonal": square.diagonal(),
        "homogeneous": torch.cat([torch.cat([square, column], 1), row]),
        "without its last row": torch.cat([square, column], 1),
        "other rank": square[:, :1],
    }[form]
    offset, shape = torch.tensor([0.13, 0.37], dtype=torch.double), (3,) if form == "other rank" else (3, 2)
    moved = [matrix, offset] if "homogeneous" not in form and "row" not in form else [matrix]
    if form == "homogeneous":  # its last row must stay as it is
        moved = [matrix[:2]]

    def transform(x, matrix, *offset):
        matrix = torch.cat([matrix, row]) if form == "homogeneous" else matrix
        return ndimage.affine_transform(x, matrix, *offset, output_shape=shape, mode=mode, cval=0.2)

    arguments = [t.clone().requires_grad_() for t in (random(4, 3), *moved)]
    assert gradcheck(transform, arguments, **NUMERICAL)
    if mode in ("reflect", "grid-constant"):
        assert gradgradcheck(transform, arguments, **NUMERICAL)


@every_mode
def test_shift_in_shift(mode):
    def move(x, by):
        return ndimage.shift(x, by, mode=mode, cval=0.2)

    assert gradcheck(move, (random(4, 3).requires_grad_(), learnt(0.3, -1.2)), **NUMERICAL)
    assert gradgradcheck(move, (random(4, 3).requires_grad_(), learnt(0.3, -1.2)), **NUMERICAL)
    assert gradcheck(move, (random(4, 3), learnt(0.4)[0]), **NUMERICAL)
    assert gradcheck(lambda by: move(random(4, 3), (by, 0.4)), learnt(0.4)[0], **NUMERICAL)


@every_mode
def test_rotate_in_angle(mode):
    def turn(x, angle):
        return ndimage.rotate(x, angle, (2, 1), reshape=False, mode=mode, cval=0.2)

    assert gradcheck(turn, (random(2, 4, 3).requires_grad_(), learnt(33.0)[0]), **NUMERICAL)
    assert gradgradcheck(turn, (random(2, 4, 3).requires_grad_(), learnt(33.0)[0]), **NUMERICAL)


def test_tensors_that_decide_on_a_shape_raise_with_advice():
    x = random(3, 4)
    with pytest.raises(errors.LostGradientError, match="reshape=False"):
        ndimage.rotate(x, learnt(30.0)[0])
    with pytest.raises(errors.LostGradientError, match="affine_transform"):
        ndimage.zoom(x, learnt(2.0)[0])
    with pytest.raises(errors.LostGradientError, match="affine_transform"):
        ndimage.zoom(x, (2, learnt(2.0)[0]))


@pytest.mark.parametrize(
    "function", [ndimage.gaussian_filter, ndimage.shift, ndimage.median_filter, ndimage.grey_dilation]
)
def test_a_constant_beyond_the_border_takes_no_gradient(function):
    for x in (random(3, 4), random(3, 4) + 1j):
        if not x.is_complex() or function in (ndimage.gaussian_filter, ndimage.shift):
            with pytest.raises(errors.LostGradientError, match="cval"):
                function(x, 3, mode="constant", cval=learnt(1.0)[0])
            same = [function(x, 3, mode="constant", cval=c) for c in (1, 1.0, torch.tensor(1.0), np.float64(1))]
            assert all(torch.equal(same[0], other) for other in same[1:])


@every_mode
@pytest.mark.parametrize("name", ["median_filter", "grey_erosion", "grey_dilation"])
def test_selections(name, mode):
    """Distinct values, a tenth apart at least, so that differences see one selection."""
    x = torch.randperm(20, generator=torch.Generator().manual_seed(2)).double().reshape(4, 5)
    cross = torch.tensor([[0, 1, 0], [1, 1, 1], [0, 1, 1]])
    for options in (
        {"size": (2, 3)},
        {"footprint": cross},
        {"size": 3, "axes": 1},
        {"footprint": cross, "origin": (1, 0)},
    ):

        def select(x, options=options):
            return getattr(ndimage, name)(x, **options, mode=mode, cval=7.5)

        assert gradcheck(select, x.clone().requires_grad_(), **NUMERICAL, check_forward_ad=True)


@pytest.mark.parametrize("name", ["grey_erosion", "grey_dilation"])
def test_structure(name):
    x = torch.randperm(20, generator=torch.Generator().manual_seed(2)).double().reshape(4, 5).requires_grad_()
    heights = (0.4 * torch.rand(2, 3, generator=torch.Generator().manual_seed(3)).double()).requires_grad_()
    counts = torch.tensor([[1, 0, 1], [1, 1, 1]])
    for options, mode in itertools.product(({}, {"footprint": counts}, {"origin": (0, 1)}), MODES):

        def select(x, structure, options=options, mode=mode):
            return getattr(ndimage, name)(x, structure=structure, **options, mode=mode, cval=7.5)

        assert gradcheck(select, (x, heights), **NUMERICAL)


def test_erosion_is_max_pooling_upside_down():
    x = random(1, 1, 9, 8).requires_grad_()
    ours = ndimage.grey_dilation(x[0, 0], 3, mode="constant", cval=-float("inf"))
    theirs = torch.nn.functional.max_pool2d(x, 3, stride=1, padding=1)[0, 0]
    assert torch.equal(ours, theirs)
    g = random(9, 8, seed=5)
    torch.testing.assert_close(torch.autograd.grad(ours, x, g), torch.autograd.grad(theirs, x, g))


def test_median_of_one_dimension_with_gaps_counts_what_the_footprint_counts():
    """SciPy 1.17 takes the gaps too; its general filter doesn't."""
    x, counts = random(9), np.array([1, 0, 1, 1, 1], bool)
    expected = scipy.ndimage.generic_filter(
        x.numpy(), lambda window: np.sort(window)[len(window) // 2], footprint=counts
    )
    np.testing.assert_array_equal(ndimage.median_filter(x, footprint=counts), expected)


@every_mode
def test_median_of_windows_larger_than_a_line(mode):
    """For these SciPy 1.17 reads memory that isn't the line's."""
    for n, k in itertools.product(range(1, 5), range(1, 8)):
        x = random(n)
        for origin in range(-(k // 2), (k - 1) // 2 + 1):
            places = border_places(n, k // 2 + origin, k - 1 - k // 2 - origin, mode)
            windows = np.lib.stride_tricks.sliding_window_view(np.where(places < 0, 0.3, x.numpy()[places]), k)
            expected = np.sort(windows, axis=-1)[:, k // 2]
            got = ndimage.median_filter(x, k, mode=mode, cval=0.3, origin=origin)
            np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    "call",
    [
        lambda x, p: ndimage.gaussian_filter(x, 1.5),
        lambda x, p: ndimage.spline_filter(x),
        lambda x, p: ndimage.map_coordinates(x, p, mode="reflect"),
        lambda x, p: ndimage.affine_transform(x, torch.eye(2) * p[0, 0]),
        lambda x, p: ndimage.shift(x, p[0]),
        lambda x, p: ndimage.zoom(x, 1.5),
        lambda x, p: ndimage.rotate(x, 30.0),
        lambda x, p: ndimage.median_filter(x, 3),
        lambda x, p: ndimage.grey_erosion(x, structure=p),
    ],
    ids=["gaussian", "spline", "coordinates", "affine", "shift", "zoom", "rotate", "median", "erosion"],
)
def test_functions_compile_for_changing_shapes(call):
    torch._dynamo.reset()
    compiled = torch.compile(call, fullgraph=True, dynamic=True, backend="aot_eager")
    for n in (6, 7, 9):
        x, p = random(n, n + 1).requires_grad_(), random(2, 2, seed=n).requires_grad_()
        results = [call(x, p), compiled(x, p)]
        torch.testing.assert_close(*results)
        gradients = [
            torch.autograd.grad(out.sum(), (x, p), materialize_grads=True, allow_unused=True) for out in results
        ]
        torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("transform", ["compile", "vmap", "hessian"])
def test_functions_under_transforms(transform):
    """The public functions, not only their operators, go through torch's transforms."""
    x, points = random(5, 4), torch.tensor([[1.3, 2.2], [0.7, 1.6]], dtype=torch.double)

    def loss(by):
        smooth = ndimage.gaussian_filter(x, 0.5 + by[0] ** 2, radius=2)
        moved = ndimage.affine_transform(ndimage.shift(smooth, by, mode="mirror"), torch.eye(2).double() * 0.9)
        turned = ndimage.rotate(moved, 30 * by[0], reshape=False)
        return (ndimage.map_coordinates(turned, points + by[0]) ** 2).sum()

    by = torch.tensor([0.21, -0.13], dtype=torch.double)
    if transform == "compile":
        torch.testing.assert_close(torch.compile(loss, fullgraph=True, backend="aot_eager")(by), loss(by))
    elif transform == "vmap":
        many = torch.stack([by, 2 * by])
        torch.testing.assert_close(torch.func.vmap(loss)(many), torch.stack([loss(b) for b in many]))
    else:
        hessian = torch.func.hessian(loss)(by)
        step = 1e-5
        gradient = torch.func.grad(loss)
        for k in range(2):
            e = torch.eye(2, dtype=torch.double)[k] * step
            torch.testing.assert_close(
                hessian[k], (gradient(by + e) - gradient(by - e)) / (2 * step), rtol=1e-6, atol=1e-6
            )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.complex64])
def test_dtypes_come_back_as_they_went_in(dtype):
    x = random(4, 5).to(dtype)
    calls = [
        ndimage.gaussian_filter(x, 1.0),
        ndimage.spline_filter(x, output=None),
        ndimage.map_coordinates(x, torch.ones(2, 3)),
        ndimage.rotate(x, 30),
        ndimage.zoom(x, 2),
    ]
    calls += [] if dtype.is_complex else [ndimage.median_filter(x, 3), ndimage.grey_erosion(x, 3)]
    assert {out.dtype for out in calls} == {dtype}


def test_whole_numbers_become_the_default_dtype():
    x = torch.arange(12).reshape(3, 4)
    assert ndimage.gaussian_filter(x, 1.0).dtype == torch.float32
    assert ndimage.map_coordinates(x, torch.ones(2, 3)).dtype == torch.float32
    assert ndimage.median_filter(x, 3).dtype == torch.float32


@pytest.mark.parametrize("diagonal", [False, True])
def test_affine_coordinates_are_scipys_to_the_last_bit(diagonal):
    """Mode "wrap" jumps at the border, so that coordinates there give away how they were rounded."""
    rng = np.random.default_rng(1729)
    x = random(3, 4)
    for _ in range(20):
        # Decimal fractions, whose multiples meet whole numbers but for rounding.
        matrix = torch.as_tensor(rng.integers(1, 20, size=(2, 1 if diagonal else 2)) / 10)
        offset = torch.as_tensor(rng.integers(-10, 10, size=2) / 10)
        points = affine_sampling.moved(matrix, offset, (15, 15), diagonal)
        linear = matrix[:, 0] if diagonal else matrix
        expected = scipy.ndimage.affine_transform(x, linear, offset, (15, 15), order=1, mode="wrap")
        got = ndimage.map_coordinates(x, points, order=1, mode="wrap").reshape(15, 15)
        torch.testing.assert_close(got, torch.as_tensor(expected))


@pytest.mark.parametrize("order", range(1, 6))
def test_spline_weights_and_their_derivatives_to_50_digits(order):
    """Against the B-spline as a sum of truncated powers."""
    with mpmath.workdps(50):
        for times, u in itertools.product(range(order + 1), (0.0, 0.123, 0.5, 0.987)):
            weights = taps._weights(np.array([u]), order, times)
            for i, weight in enumerate(weights):
                x = order - i + mpmath.mpf(u)
                powers = (
                    (-1) ** k * mpmath.binomial(order + 1, k) * mpmath.ff(order, times) * (x - k) ** (order - times)
                    for k in range(order + 2)
                    if x > k or (x == k and times == order)  # the piece to the right of a knot
                )
                assert abs(weight[0] - mpmath.fsum(powers) / mpmath.factorial(order)) < 3e-15
