"""The layers: all that one does with a `torch.nn.Module`."""

import copy
import io
import pickle

import numpy as np
import pytest
import scipy.interpolate
import scipy.ndimage
import scipy.signal
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call, hessian, vmap

from scitorch.core.errors import ArgumentError, ScitorchError, ShapeError
from scitorch.nn import (
    DCT,
    AffineWarp,
    CubicSplineActivation,
    GaussianBlur,
    IIRFilter,
    Linear,
    MatrixSquareRoot,
    ScipyConv2d,
    SparseSolve,
)


class Covariance(torch.nn.Module):
    """A positive definite matrix of any input."""

    def forward(self, input):
        return input.mT @ input + torch.eye(input.shape[-1], dtype=input.dtype, device=input.device)


def shaken(layer):
    """A layer that begins with fixed parameters, with drawn ones."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.2)
    return layer


TRIDIAGONAL = 4 * torch.eye(4) - torch.diag(torch.ones(3), 1) - torch.diag(torch.ones(3), -1)
TUTORIAL = {
    "ScipyConv2d": (lambda **to: ScipyConv2d(3, 2, **to), (6, 5)),
    "Linear": (lambda **to: Linear(5, 3, **to), (6, 5)),
    "Linear, no bias": (lambda **to: Linear(5, 3, bias=False, **to), (6, 5)),
}
CATALOGUE = {
    "IIRFilter": (lambda **to: IIRFilter(2, **to), (7,)),
    "GaussianBlur": (lambda **to: shaken(GaussianBlur(0.8, radius=2, **to)), (3, 4)),
    "GaussianBlur, two sigmas": (lambda **to: shaken(GaussianBlur([0.8, 1.1], mode="wrap", radius=2, **to)), (3, 4)),
    "AffineWarp": (lambda **to: shaken(AffineWarp(mode="reflect", **to)), (3, 4)),
    "CubicSplineActivation": (lambda **to: shaken(CubicSplineActivation(5, -1, 1, **to)), (3, 2)),
    "SparseSolve": (lambda **to: shaken(SparseSolve(TRIDIAGONAL.to_sparse_csr(), **to)), (3, 4)),
}
WITHOUT_PARAMETERS = {
    "DCT": (lambda **to: DCT(axes=(-2, -1), norm="ortho"), (3, 4)),
    "DCT, inverse": (lambda **to: DCT(3, inverse=True), (5,)),
    "MatrixSquareRoot": (lambda **to: torch.nn.Sequential(Covariance(), MatrixSquareRoot(eps=0.1)), (4, 3)),
}
LAYERS = TUTORIAL | CATALOGUE
ALL = LAYERS | WITHOUT_PARAMETERS
every_layer = pytest.mark.parametrize(("make", "shape"), LAYERS.values(), ids=LAYERS.keys())
tutorial_layer = pytest.mark.parametrize(("make", "shape"), TUTORIAL.values(), ids=TUTORIAL.keys())
any_layer = pytest.mark.parametrize(("make", "shape"), ALL.values(), ids=ALL.keys())


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


# Values and derivatives


def test_scipy_conv2d_is_a_convolution_with_a_bias():
    layer, x = ScipyConv2d(3, 2), torch.randn(6, 5)
    expected = F.conv2d(x[None, None], layer.filter[None, None], layer.bias[0])[0, 0]
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize("bias", [True, False])
def test_linear_is_pytorchs(bias):
    layer, x = Linear(5, 3, bias=bias), torch.randn(6, 5)
    torch.testing.assert_close(layer(x), F.linear(x, layer.weight, layer.bias))


def test_dct_and_its_inverse():
    x = torch.randn(2, 3, 4, dtype=torch.double)
    torch.testing.assert_close(DCT(1, axes=0)(x), torch.from_numpy(scipy.fft.dct(x.numpy(), 1, axis=0)))
    for norm in (None, "ortho", "forward"):
        back = torch.nn.Sequential(DCT(axes=(0, 2), norm=norm), DCT(axes=(0, 2), norm=norm, inverse=True))
        torch.testing.assert_close(back(x), x)
    torch.testing.assert_close(DCT(norm="ortho")(x).norm(), x.norm())
    assert isinstance(DCT().type(torch.double), DCT)  # a module's own method, not hidden by the transform's type


def test_iir_filter_is_scipys_cascade():
    layer, x = IIRFilter(3, dtype=torch.double), torch.randn(2, 50, dtype=torch.double)
    expected = scipy.signal.sosfilt(layer.sos.detach().numpy(), x.numpy())
    torch.testing.assert_close(layer(x), torch.from_numpy(expected))


@pytest.mark.parametrize("dtype", [torch.float, torch.double])
@pytest.mark.parametrize("radius", [0.5, 0.999])
def test_iir_filter_is_stable_whatever_its_parameters(dtype, radius):
    extreme = torch.tensor([0, 1e-3, 0.3, 1, 3, 10, 30, 1e6, torch.inf], dtype=dtype)
    extreme = torch.cat([-extreme, extreme])
    layer = IIRFilter(len(extreme) ** 2, radius, dtype=dtype)
    with torch.no_grad():
        layer.denominator.copy_(torch.cartesian_prod(extreme, extreme))
    # Jury's conditions, exact in twice the precision: both roots of 1 + a1/z + a2/z² lie inside the unit circle.
    a1, a2 = (column.detach().double() for column in layer.sos[:, 4:].unbind(-1))
    assert (a2.abs() < 1).all()
    assert (a1.abs() < 1 + a2).all()
    assert layer(torch.randn(10, dtype=dtype)).isfinite().all()
    roots = [np.abs(np.roots(row)).max() for row in layer.sos.detach().double()[:, 3:].numpy()]
    assert max(roots) < radius + (1e-3 if dtype == torch.float else 1e-7)  # a double root moves by √eps


def test_every_stable_filter_can_be_learned():
    """The parameters' map is onto: Butterworth's poles have some."""
    sos = torch.from_numpy(scipy.signal.butter(4, 0.1, output="sos"))
    layer = IIRFilter(2, dtype=torch.double)
    q = sos[:, 5] / 0.999**2
    p = sos[:, 4] / 0.999
    with torch.no_grad():
        layer.numerator.copy_(sos[:, :3])
        layer.denominator.copy_(torch.stack([torch.atanh(p / (1 + q)), torch.atanh(q)], -1))
    torch.testing.assert_close(layer.sos, sos)


@pytest.mark.parametrize("layout", ["to_sparse_csr", "to_sparse_csc", "to_sparse_coo"])
def test_sparse_solve_of_any_layout(layout):
    x = torch.randn(2, 3, 4, dtype=torch.double)
    layer = SparseSolve(getattr(TRIDIAGONAL.triu().double(), layout)())
    torch.testing.assert_close(layer(x), torch.linalg.solve(TRIDIAGONAL.triu().double(), x[..., None])[..., 0])
    with pytest.raises(ArgumentError, match="one matrix"):
        SparseSolve((torch.ones(2, 2), [0, 1], [0, 1, 2], (2, 2)))


@pytest.mark.parametrize("sigma", [0.7, [0.7, 1.6]])
def test_gaussian_blur_is_scipys(sigma):
    x = torch.randn(3, 8, 9, dtype=torch.double)
    expected = scipy.ndimage.gaussian_filter(x.numpy(), sigma, mode="mirror", truncate=3, axes=(0, 2))
    layer = GaussianBlur(sigma, axes=(0, 2), mode="mirror", truncate=3, dtype=torch.double)
    torch.testing.assert_close(layer(x), torch.from_numpy(expected))


def test_sigma_stays_positive_however_far_a_step_goes():
    layer = GaussianBlur(0.5)
    with torch.no_grad():
        layer.log_sigma -= 50
    assert layer.sigma > 0
    assert layer(torch.randn(4, 4)).isfinite().all()


def test_affine_warp_is_scipys_about_the_centre():
    layer, x = shaken(AffineWarp(order=2, mode="mirror", dtype=torch.double)), torch.randn(5, 6, 7).double()
    matrix, centre = layer.matrix.detach().numpy(), np.array([2.5, 3.0])
    offset = centre - matrix @ centre + layer.offset.detach().numpy()
    expected = [scipy.ndimage.affine_transform(image, matrix, offset, order=2, mode="mirror") for image in x.numpy()]
    torch.testing.assert_close(layer(x), torch.from_numpy(np.stack(expected)))


def test_an_unlearned_warp_is_the_identity():
    x = torch.randn(2, 5, 6)
    torch.testing.assert_close(AffineWarp()(x), x)
    assert AffineWarp()(torch.arange(12).reshape(3, 4)).dtype == torch.float


def test_matrix_square_roots_of_repeated_eigenvalues_have_their_gradient():
    """At 4 I the root is 2 I and its derivative dA / 4."""
    A = (4 * torch.eye(3, dtype=torch.double)).requires_grad_()
    root, g = MatrixSquareRoot()(A), torch.randn(3, 3).double()
    torch.testing.assert_close(root, 2 * torch.eye(3, dtype=torch.double))
    torch.testing.assert_close(torch.autograd.grad(root, A, g)[0], g / 4)
    torch.testing.assert_close(MatrixSquareRoot(eps=5.0)(A), 3 * torch.eye(3, dtype=torch.double))


def test_spline_activation_is_the_natural_spline_and_goes_on_straight():
    layer = shaken(CubicSplineActivation(6, -2, 2, dtype=torch.double))
    spline = scipy.interpolate.CubicSpline(layer.knots.numpy(), layer.values.detach().numpy(), bc_type="natural")
    x = torch.linspace(-2, 2, 31, dtype=torch.double)
    torch.testing.assert_close(layer(x), torch.from_numpy(spline(x.numpy())))
    beyond = torch.tensor([-5.0, -2.5, 2.5, 7.0], dtype=torch.double)
    ends = beyond.clamp(-2, 2).numpy()
    straight = spline(ends) + spline(ends, 1) * (beyond.numpy() - ends)
    torch.testing.assert_close(layer(beyond), torch.from_numpy(straight))


def test_spline_activation_begins_as_the_function_it_is_given():
    x = torch.linspace(-3, 3, 61)
    torch.testing.assert_close(CubicSplineActivation(25)(x), F.silu(x), rtol=0, atol=2e-3)
    torch.testing.assert_close(CubicSplineActivation(4, initial=lambda x: 2 * x)(5 * x), 10 * x)


def test_the_tutorials_gradcheck():
    inputs = [torch.randn(20, 20, dtype=torch.double, requires_grad=True)]
    layer = ScipyConv2d(3, 3)
    assert layer.filter.dtype == torch.float
    assert gradcheck(layer, inputs, eps=1e-6, atol=1e-4)


@any_layer
def test_derivatives_in_input_and_parameters(make, shape):
    layer = make(dtype=torch.double)
    named = dict(layer.named_parameters())
    parameters = named.values()

    def call(x, *values):
        return functional_call(layer, dict(zip(named, values, strict=True)), (x,))

    inputs = (torch.randn(shape, dtype=torch.double, requires_grad=True), *parameters)
    assert gradcheck(call, inputs, check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(call, inputs, check_fwd_over_rev=True)


def test_hessian_in_the_parameters_is_that_of_least_squares():
    """The mean square of ``x @ w`` has the Hessian ``2 x.T @ x / n`` in w."""
    layer, x = Linear(3, 1, bias=False, dtype=torch.double), torch.randn(7, 3, dtype=torch.double)
    loss = lambda w: functional_call(layer, {"weight": w}, (x,)).square().mean()
    torch.testing.assert_close(hessian(loss)(layer.weight.detach()).reshape(3, 3), 2 * x.T @ x / 7)


@any_layer
def test_leading_dimensions_are_batches(make, shape):
    layer, x = make(), torch.randn(2, 4, *shape)
    expected = torch.stack([layer(image) for image in x.flatten(0, 1)]).unflatten(0, (2, 4))
    torch.testing.assert_close(layer(x), expected)
    torch.testing.assert_close(vmap(vmap(layer))(x), expected)


# Modules


@every_layer
def test_state_dict_goes_from_one_layer_to_another(make, shape):
    first, second, x = make(), make(), torch.randn(shape)
    assert not torch.equal(first(x), second(x))
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(x), second(x))


@every_layer
def test_save_and_load_with_weights_only(make, shape):
    first, second, x, file = make(), make(), torch.randn(shape), io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(first(x), second(x))


@every_layer
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_are_equal_and_independent(make, shape, duplicate):
    layer, x = make(), torch.randn(shape)
    copied, before = duplicate(layer), layer(x)
    assert torch.equal(copied(x), before)
    with torch.no_grad():
        for parameter in copied.parameters():
            parameter.add_(1)
    assert torch.equal(layer(x), before)


@every_layer
def test_to_dtype(make, shape):
    layer = make().to(torch.double)
    assert {p.dtype for p in layer.parameters()} == {torch.double}
    assert layer(torch.randn(shape, dtype=torch.double)).dtype == torch.double
    assert layer.float()(torch.randn(shape)).dtype == torch.float


@every_layer
def test_device_and_dtype_of_new_parameters(make, shape):
    layer = make(device="meta", dtype=torch.double)
    assert {(p.device.type, p.dtype) for p in layer.parameters()} == {("meta", torch.double)}
    output = layer(torch.empty(shape, device="meta", dtype=torch.double))
    assert output.shape == make()(torch.randn(shape)).shape
    assert output.device.type == "meta"
    assert {p.device.type for p in layer.to_empty(device="cpu").parameters()} == {"cpu"}


@every_layer
def test_the_seed_decides_the_parameters(make, shape):
    layers = []
    for _ in range(2):
        torch.manual_seed(7)
        layers.append(make())
    x = torch.randn(shape)
    assert torch.equal(layers[0](x), layers[1](x))
    layers[0].reset_parameters()
    assert not torch.equal(layers[0](x), layers[1](x))


def test_parameters_are_drawn_as_in_the_tutorials():
    torch.manual_seed(0)
    filter, bias = torch.randn(3, 3), torch.randn(1, 1)
    torch.manual_seed(0)
    layer = ScipyConv2d(3, 3)
    assert torch.equal(layer.filter, filter)
    assert torch.equal(layer.bias, bias)
    assert Linear(20, 30).weight.abs().max() <= 0.1


def test_names_and_shapes_of_parameters():
    assert {n: tuple(p.shape) for n, p in ScipyConv2d(3, 2).named_parameters()} == {"filter": (3, 2), "bias": (1, 1)}
    assert {n: tuple(p.shape) for n, p in Linear(5, 3).named_parameters()} == {"weight": (3, 5), "bias": (3,)}


def test_linear_without_a_bias():
    layer = Linear(5, 3, bias=False)
    assert layer.bias is None
    assert list(layer.state_dict()) == ["weight"]
    layer(torch.randn(6, 5)).sum().backward()
    assert layer.weight.grad is not None


def test_repr_says_how_the_layer_was_made():
    assert repr(ScipyConv2d(3, 2)) == "ScipyConv2d(filter_width=3, filter_height=2)"
    assert repr(Linear(5, 3)) == "Linear(input_features=5, output_features=3, bias=True)"
    assert repr(Linear(5, 3, bias=False)) == "Linear(input_features=5, output_features=3, bias=False)"
    assert repr(DCT(3, -2, inverse=True)) == "DCT(type=3, axes=-2, norm=None, inverse=True)"
    assert repr(IIRFilter(4)) == "IIRFilter(sections=4, max_radius=0.999)"
    assert repr(GaussianBlur(2)) == "GaussianBlur(sigma=2.0, axes=(-2, -1), mode='reflect', truncate=4)"
    assert (
        repr(GaussianBlur([1, 2], radius=5))
        == "GaussianBlur(sigma=[1.0, 2.0], axes=(-2, -1), mode='reflect', radius=5)"
    )
    assert repr(AffineWarp(3, 1)) == "AffineWarp(dimensions=3, order=1, mode='constant', cval=0)"
    assert repr(MatrixSquareRoot(1e-5)) == "MatrixSquareRoot(eps=1e-05)"
    assert repr(SparseSolve(TRIDIAGONAL.to_sparse_csr())) == "SparseSolve(size=4, nnz=10)"
    assert repr(CubicSplineActivation(9)) == "CubicSplineActivation(knots=9, low=-3, high=3)"


# Training


def train(model, optimizer, loss, steps=30):
    """Return the loss before and after some steps."""
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(model)
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return losses[0], losses[-1]


OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.5),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.1),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.1),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.05),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
@tutorial_layer
def test_training_with(make, shape, optimizer):
    truth, model = make(), make()
    x = torch.randn(3, *shape)
    y = truth(x).detach()
    before, after = train(model, optimizer(model.parameters()), lambda m: (m(x) - y).square().mean())
    assert after < 0.5 * before


def test_training_with_a_closure():
    x, model = torch.randn(8, 8), ScipyConv2d(3, 3)
    target = torch.randn(6, 6)
    optimizer = torch.optim.LBFGS(model.parameters())

    def closure():
        optimizer.zero_grad()
        loss = (model(x) - target).square().mean()
        loss.backward()
        return loss

    assert optimizer.step(closure) > closure()


def test_sequential_with_layers_of_pytorch():
    model = torch.nn.Sequential(ScipyConv2d(3, 3), torch.nn.Tanh(), Linear(6, 4), torch.nn.Linear(4, 1))
    x, y = torch.randn(5, 8, 8), torch.randn(5, 6, 1)
    before, after = train(model, torch.optim.Adam(model.parameters(), lr=0.05), lambda m: (m(x) - y).square().mean())
    assert after < before
    assert all(p.grad is not None for p in model.parameters())


@any_layer
def test_compiled_layer_trains_as_the_eager_one(make, shape):
    torch.compiler.reset()
    layer, inputs = make(), [torch.randn(2, *shape).requires_grad_() for _ in range(2)]
    with torch.no_grad():
        inputs[1].copy_(inputs[0])
    compiled = torch.compile(copy.deepcopy(layer), fullgraph=True, backend="aot_eager")
    for model, x in zip((layer, compiled), inputs, strict=True):
        model(x).square().sum().backward()
    torch.testing.assert_close(inputs[1].grad, inputs[0].grad)
    for ours, theirs in zip(compiled.parameters(), layer.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


def learn(truth, model, x, rate, steps=60):
    y = truth(x).detach()
    return train(model, torch.optim.Adam(model.parameters(), lr=rate), lambda m: (m(x) - y).square().mean(), steps)


@pytest.mark.parametrize(
    ("make", "shape", "rate"),
    [
        (lambda: IIRFilter(2), (4, 200), 0.1),
        (lambda: shaken(GaussianBlur([1.0, 2.0])), (12, 16), 0.1),
        (lambda: shaken(CubicSplineActivation(5)), (100,), 0.1),
    ],
    ids=["IIRFilter", "GaussianBlur", "CubicSplineActivation"],
)
def test_a_layer_learns_another_ones_parameters(make, shape, rate):
    before, after = learn(make(), make(), torch.randn(shape), rate)
    assert after < 0.05 * before


def test_a_warp_learns_how_an_image_was_moved():
    truth, model = AffineWarp(mode="nearest"), AffineWarp(mode="nearest")
    with torch.no_grad():
        truth.matrix += torch.tensor([[0.02, 0.05], [-0.05, 0.03]])
        truth.offset += torch.tensor([1.5, -1.0])
    rows, columns = torch.meshgrid(torch.arange(24.0), torch.arange(20.0), indexing="ij")
    image = torch.sin(rows / 4) + torch.cos(columns / 3) + torch.sin((rows + columns) / 5)
    optimizer = torch.optim.Adam([{"params": model.matrix, "lr": 3e-3}, {"params": model.offset, "lr": 0.1}])
    y = truth(image).detach()
    train(model, optimizer, lambda m: (m(image) - y).square().mean(), steps=150)
    torch.testing.assert_close(model.offset, truth.offset, rtol=0, atol=0.05)
    torch.testing.assert_close(model.matrix, truth.matrix, rtol=0, atol=0.005)


# Errors


@pytest.mark.parametrize("layer", [ScipyConv2d, Linear])
@pytest.mark.parametrize("size", [0, -3])
def test_a_size_below_one_is_refused(layer, size):
    with pytest.raises(ShapeError, match=rf"^{layer.__name__}, \w+: expected a positive integer, got {size}\. Try "):
        layer(3, size)


@pytest.mark.parametrize("layer", [ScipyConv2d, Linear])
@pytest.mark.parametrize("size", [2.0, "3", None, (3, 3)])
def test_a_size_that_is_no_integer_is_refused(layer, size):
    with pytest.raises(ArgumentError, match=rf"^{layer.__name__}, \w+: expected a positive integer, got .+\. Try "):
        layer(size, 3)


def test_integers_of_numpy_are_sizes():
    assert ScipyConv2d(np.int64(3), np.int32(2)).filter.shape == (3, 2)
    assert type(Linear(np.int64(3), 2).input_features) is int


@pytest.mark.parametrize(
    ("layer", "shape", "reason"),
    [
        (ScipyConv2d(3, 3), (2, 2), "the filter is larger than the image"),
        (ScipyConv2d(3, 3), (2, 5), "the filter is larger than the image"),
        (ScipyConv2d(3, 3), (1, 5), "of at least 0, got -1"),
        (ScipyConv2d(3, 3), (5,), "at least 2 dimensions"),
        (Linear(3, 2), (5, 4), "dimension i of size 4, got 3"),
    ],
)
def test_an_input_that_does_not_fit_is_refused(layer, shape, reason):
    with pytest.raises(ScitorchError, match=reason):
        layer(torch.ones(shape))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DCT(5), r"^DCT, type: expected 1, 2, 3 or 4, got 5\."),
        (lambda: DCT(norm="odd"), r"^DCT, norm: expected .*, got 'odd'\."),
        (lambda: IIRFilter(0), r"^IIRFilter, sections: expected a positive integer, got 0\. Try "),
        (lambda: IIRFilter(1.5), r"^IIRFilter, sections: expected a positive integer, got 1\.5\. Try "),
        (
            lambda: IIRFilter(1, 1.0),
            r"^IIRFilter, max_radius: expected a number between 0 and 1, exclusively, got 1\.0",
        ),
        (lambda: IIRFilter(1, None), r"^IIRFilter, max_radius: expected a number .*, got None"),
        (lambda: GaussianBlur(0.0), r"^GaussianBlur, sigma: expected positive numbers, got 0\.0\. Try "),
        (lambda: GaussianBlur([1, -1]), r"^GaussianBlur, sigma: expected positive numbers, got \[1, -1\]\. Try "),
        (lambda: GaussianBlur([1, 1, 1]), r"^GaussianBlur, sigma: expected one number, or 2, got \[1, 1, 1\]\. Try "),
        (lambda: GaussianBlur("wide"), r"^GaussianBlur, sigma: expected a number or several, got 'wide'\. Try "),
        (lambda: GaussianBlur(mode="odd"), r"^GaussianBlur, mode: expected one of reflect, .*, got 'odd'\. Try "),
        (lambda: AffineWarp(0), r"^AffineWarp, dimensions: expected a positive integer, got 0\. Try "),
        (lambda: AffineWarp(order=6), r"^AffineWarp, order: expected an integer from 0 to 5, got 6\. Try "),
        (lambda: AffineWarp(mode="odd"), r"^AffineWarp, mode: expected one of reflect, .*, got 'odd'\. Try "),
        (lambda: MatrixSquareRoot(-1.0), r"^MatrixSquareRoot, eps: expected a number of at least 0, got -1\.0\. Try "),
        (
            lambda: CubicSplineActivation(1),
            r"^CubicSplineActivation, knots: expected an integer of at least 2, got 1\.",
        ),
        (
            lambda: CubicSplineActivation(5, 1, 1),
            r"^CubicSplineActivation, high: expected a number between 1 and inf, ",
        ),
        (lambda: CubicSplineActivation(5, "a"), r"^CubicSplineActivation, low: expected a number .*, got 'a'"),
    ],
)
def test_a_layer_that_cannot_be_is_refused(make, message):
    with pytest.raises((ArgumentError, ShapeError), match=message):
        make()


@pytest.mark.parametrize(
    ("layer", "x", "reason"),
    [
        (DCT(axes=(-2, -1)), torch.ones(3), "different axes of 1 dimensions"),
        (GaussianBlur(), torch.ones(3), "different axes of 1 dimensions"),
        (AffineWarp(), torch.ones(3), "AffineWarp, input: expected at least 2 dimensions"),
        (MatrixSquareRoot(), torch.ones(2, 3), "dimension n"),
        (MatrixSquareRoot(), -torch.eye(2), "complex"),
    ],
)
def test_an_input_that_a_layer_cannot_take_is_refused(layer, x, reason):
    with pytest.raises(ScitorchError, match=reason):
        layer(x)
