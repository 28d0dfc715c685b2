"""The layers: all that one does with a `torch.nn.Module`."""

import copy
import io
import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call, hessian, vmap

from scitorch.core.errors import ArgumentError, ScitorchError, ShapeError
from scitorch.nn import Linear, ScipyConv2d

LAYERS = {
    "ScipyConv2d": (lambda **to: ScipyConv2d(3, 2, **to), (6, 5)),
    "Linear": (lambda **to: Linear(5, 3, **to), (6, 5)),
    "Linear, no bias": (lambda **to: Linear(5, 3, bias=False, **to), (6, 5)),
}
every_layer = pytest.mark.parametrize(("make", "shape"), LAYERS.values(), ids=LAYERS.keys())


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


def test_the_tutorials_gradcheck():
    inputs = [torch.randn(20, 20, dtype=torch.double, requires_grad=True)]
    layer = ScipyConv2d(3, 3)
    assert layer.filter.dtype == torch.float
    assert gradcheck(layer, inputs, eps=1e-6, atol=1e-4)


@every_layer
def test_derivatives_in_input_and_parameters(make, shape):
    layer = make(dtype=torch.double)
    names, parameters = zip(*layer.named_parameters(), strict=True)

    def call(x, *values):
        return functional_call(layer, dict(zip(names, values, strict=True)), (x,))

    inputs = (torch.randn(shape, dtype=torch.double, requires_grad=True), *parameters)
    assert gradcheck(call, inputs, check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(call, inputs, check_fwd_over_rev=True)


def test_hessian_in_the_parameters_is_that_of_least_squares():
    """The mean square of ``x @ w`` has the Hessian ``2 x.T @ x / n`` in w."""
    layer, x = Linear(3, 1, bias=False, dtype=torch.double), torch.randn(7, 3, dtype=torch.double)
    loss = lambda w: functional_call(layer, {"weight": w}, (x,)).square().mean()
    torch.testing.assert_close(hessian(loss)(layer.weight.detach()).reshape(3, 3), 2 * x.T @ x / 7)


@every_layer
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
@every_layer
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


@every_layer
def test_compiled_layer_trains_as_the_eager_one(make, shape):
    torch.compiler.reset()
    layer, x = make(), torch.randn(2, *shape)
    compiled = torch.compile(copy.deepcopy(layer), fullgraph=True, backend="aot_eager")
    for model in (layer, compiled):
        model(x).square().sum().backward()
    for ours, theirs in zip(compiled.parameters(), layer.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


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
