"""An exported or captured graph gives the same values and trains the same."""

import io
import itertools
import re

import pytest
import torch
from torch._subclasses import FakeTensorMode
from torch.export import Dim, export
from torch.func import grad, hessian, jacfwd, jacrev, vmap
from torch.fx.experimental.proxy_tensor import make_fx
from zoo import arrays, elementwise, every_operator, matrices, reference_of
from zoo.draw import Case, as_tuple, for_samples, samples

from scitorch import nn, operator
from scitorch.core.arguments import prepare
from scitorch.core.errors import DerivativeError
from scitorch.tutorial import correlate_bias, correlate_valid

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec.* is deprecated:FutureWarning"),  # torch's own decompositions
]
strict = pytest.mark.parametrize("strict", [True, False], ids=["strict", "non-strict"])


def randn(*shape):
    return torch.randn(*shape, dtype=torch.double)


class Layer(torch.nn.Module):
    """An operator of a parameter and the input, with another operator behind it."""

    def __init__(self):
        super().__init__()
        self.filter = torch.nn.Parameter(randn(2, 2))

    def forward(self, x):
        return elementwise.sine_and_cosine(correlate_valid(x, self.filter))[0]


class Call(torch.nn.Module):
    """A case of an operator."""

    def __init__(self, case):
        super().__init__()
        self.call = case.function(case.tensors, lambda *a, **k: case.operator(*a, **k))

    def forward(self, *inputs):
        return self.call(*inputs)


def gradients(module, x):
    module.zero_grad()
    module(x).pow(3).sum().backward()
    return {name: p.grad.clone() for name, p in module.named_parameters()}


@every_operator
def test_exported_values(operator):
    """Of the first sample and the last: exporting takes long."""
    for sample in {0: samples(operator)[0], -1: samples(operator)[-1]}.values():
        case = Case(operator, sample)
        inputs = case.inputs(case.tensors, requires_grad=False)
        program = export(Call(case), inputs, strict=False)
        torch.testing.assert_close(program.module()(*inputs), Call(case)(*inputs))


@strict
def test_sizes_that_change(strict):
    layer = Layer()
    program = export(
        layer, (randn(5, 6),), dynamic_shapes={"x": {0: Dim("m", min=3), 1: Dim("n", min=3)}}, strict=strict
    )
    for shape in [(5, 6), (3, 4), (9, 3)]:
        x = randn(*shape)
        torch.testing.assert_close(program.module()(x), layer(x))
        assert program.module()(x).shape == (shape[0] - 1, shape[1] - 1)


@strict
def test_saved_and_loaded(strict):
    layer, x, file = Layer(), randn(5, 6), io.BytesIO()
    torch.export.save(export(layer, (x,), strict=strict), file)
    file.seek(0)
    loaded = torch.export.load(file).module()
    torch.testing.assert_close(loaded(x), layer(x))
    torch.testing.assert_close(gradients(loaded, x), gradients(layer, x))


@pytest.mark.parametrize("compile", [False, True], ids=["eager", "compiled"])
@strict
def test_training(strict, compile):
    layer, x = Layer(), randn(5, 6)
    module = export(layer, (x,), strict=strict).module()
    torch.compiler.reset()
    run = torch.compile(module, fullgraph=True, backend="aot_eager") if compile else module
    run(x).pow(3).sum().backward()
    ours = {name: p.grad for name, p in module.named_parameters()}
    torch.testing.assert_close(ours, gradients(layer, x))


@strict
def test_training_of_layers(strict):
    model = torch.nn.Sequential(nn.ScipyConv2d(2, 2), torch.nn.Tanh(), nn.Linear(3, 2)).double()
    x = randn(2, 4, 4)
    module = export(model, (x,), strict=strict).module()
    torch.testing.assert_close(module(x), model(x))
    torch.testing.assert_close(gradients(module, x), gradients(model, x))


@strict
def test_static_arguments_and_optional_tensors(strict):
    class Module(torch.nn.Module):
        def forward(self, x):
            repeated = arrays.repeat_to(x, num=x.shape[-1] + 2)
            option = arrays.every_option(repeated, power=2, scale=0.5, side="right", shift=1, taps=(0, 1), span=(-1, 2))
            return elementwise.affine(option) + elementwise.affine(option, None, 3.0) + elementwise.affine(option, 1.0)

    program = export(Module(), (randn(3),), dynamic_shapes=({0: Dim("n", min=2)},), strict=strict)
    for n in (3, 5):
        x = randn(n)
        torch.testing.assert_close(program.module()(x), Module()(x))


def test_decompositions_keep_the_operator():
    layer, x = Layer(), randn(5, 6)
    program = export(layer, (x,)).run_decompositions()
    assert any(node.target is correlate_valid.library for node in program.graph.nodes)
    torch.testing.assert_close(program.module()(x), layer(x))


# Graphs captured by make_fx

CAPTURES = {
    "real": {},
    "symbolic": {"tracing_mode": "symbolic"},
    "pre_dispatch": {"pre_dispatch": True},
}
FUNCTIONS = {
    "correlate_valid": (lambda f: lambda x: f(x, x[:2, :2]).pow(2).sum(), correlate_valid, lambda: randn(3, 3)),
    "inverse": (
        lambda f: lambda x: (f(x) @ x[0]).pow(2).sum(),
        matrices.inverse,
        lambda: torch.eye(2) + 0.2 * randn(2, 2),
    ),
    "sine_and_cosine": (
        lambda f: lambda x: (f(x)[0] * f(x * x)[1]).sum(),
        elementwise.sine_and_cosine,
        lambda: randn(2),
    ),
    "repeat_to": (lambda f: lambda x: f(x.square(), num=5).pow(2).sum(), arrays.repeat_to, lambda: randn(3)),
    "exponential": (lambda f: lambda x: (f(x) * x).sum(), elementwise.exponential, lambda: randn(2)),
}
every_function = pytest.mark.parametrize("name", FUNCTIONS)
every_capture = pytest.mark.parametrize("options", CAPTURES.values(), ids=CAPTURES.keys())


def captured(name, **options):
    make, operator, point = FUNCTIONS[name]
    x = point()
    return make_fx(make(operator), **options)(x), make(reference_of(operator)), x + 0.1


@every_capture
@every_function
def test_captured_values_and_training(name, options):
    graph, reference, x = captured(name, **options)
    assert FUNCTIONS[name][1].library in {node.target for node in graph.graph.nodes}
    x.requires_grad_()
    value, expected = graph(x), reference(x)
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(torch.autograd.grad(value, x), torch.autograd.grad(expected, x))


TRANSFORMS = {
    "grad": grad,
    "hessian": hessian,
    "jacrev of jacrev": lambda f: jacrev(jacrev(f)),
    "jacrev to order 3": lambda f: jacrev(jacrev(jacrev(f))),
    "jacfwd of jacrev": lambda f: jacfwd(jacrev(f)),
    "vmap of grad": lambda f: lambda x: vmap(grad(f))(torch.stack([x, 1.1 * x])),
    "vmap": lambda f: lambda x: vmap(f)(torch.stack([x, 1.1 * x])),
    "vmap of vmap": lambda f: lambda x: vmap(vmap(f))(torch.stack([x, 1.1 * x])[None]),
    "grad of vmap": lambda f: grad(lambda x: vmap(f)(torch.stack([x, 1.1 * x])).sum()),
}


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS.keys())
@every_function
def test_transforms_of_captured_graphs(name, transform):
    graph, reference, x = captured(name)
    torch.testing.assert_close(transform(graph)(x), transform(reference)(x))


NESTINGS = [n for order in (1, 2) for n in itertools.product((jacfwd, jacrev), repeat=order) if n[-1] is jacfwd]
NESTINGS.append((jacfwd, jacfwd, jacrev))  # has killed the process before


def right_or_clear(name, nesting):
    """The derivative of a captured graph is right, or the error says that forward mode can't get there."""
    ours, theirs, x = captured(name)
    for transform in reversed(nesting):
        ours, theirs = transform(ours), transform(theirs)
    try:
        value = ours(x)
    except DerivativeError as error:
        named = FUNCTIONS[name][1].name
        assert re.match(rf"{named}, .*: expected .*, got .*forward", str(error))  # noqa: PT017  both ends are right
    else:
        torch.testing.assert_close(value, theirs(x))


@pytest.mark.parametrize("nesting", NESTINGS, ids=lambda n: "-of-".join(t.__name__ for t in n))
@every_function
def test_innermost_and_repeated_forward_mode_is_right_or_raises(name, nesting):
    right_or_clear(name, nesting)


@every_function
def test_dual_tensors_through_a_captured_graph(name):
    graph, reference, x = captured(name)
    tangents = []
    for function in (graph, reference):
        with torch.autograd.forward_ad.dual_level():
            result = function(torch.autograd.forward_ad.make_dual(x, torch.ones_like(x)))
            tangents.append(torch.autograd.forward_ad.unpack_dual(result).tangent)
    torch.testing.assert_close(*tangents)


@pytest.mark.parametrize("transform", [grad, hessian, jacfwd], ids=["grad", "hessian", "jacfwd"])
@every_function
def test_captured_transforms(name, transform):
    make, operator, point = FUNCTIONS[name]
    x = point()
    graph = make_fx(transform(make(operator)))(x)
    torch.testing.assert_close(graph(x + 0.1), transform(make(reference_of(operator)))(x + 0.1))


# What compilers ask of an operator


@every_operator
def test_opcheck(operator):
    for_samples(check_opcheck, operator)


def check_opcheck(operator, sample):
    case = Case(operator, sample)
    inputs, _ = prepare(operator.name, operator.arguments, operator.defaults, operator.real, case.arguments)
    static = {name: s.default for name, s in operator.static.items()} | case.static
    torch.library.opcheck(operator.library, tuple(inputs), static)


@every_operator
def test_meta_and_fake_tensors(operator):
    for_samples(check_meta_and_fake, operator)


def seen(results):
    return [(r.shape, r.dtype, r.stride() if r.numel() else None) for r in as_tuple(results)]


def check_meta_and_fake(operator, sample):
    case = Case(operator, sample)
    shapes = seen(case())
    meta = [x.to("meta") if torch.is_tensor(x) else x for x in case.arguments]
    with FakeTensorMode() as mode:
        fake = [mode.from_tensor(x) if torch.is_tensor(x) else x for x in case.arguments]
        assert seen(operator(*fake, **case.static)) == shapes
    results = as_tuple(operator(*meta, **case.static))
    assert seen(results) == shapes
    assert all(r.device.type == "meta" for r in results)


def test_meta_tensors_carry_gradients_that_fit():
    inputs = [torch.empty(s, device="meta", requires_grad=True) for s in [(7, 5, 6), (2, 3), (1, 1)]]
    gradients = torch.autograd.grad(correlate_bias(*inputs).sum(), inputs)
    assert [(g.shape, g.device) for g in gradients] == [(x.shape, x.device) for x in inputs]


def test_layers_on_the_meta_device():
    with torch.device("meta"):
        model = torch.nn.Sequential(nn.ScipyConv2d(2, 2), nn.Linear(3, 2))
        assert model(torch.empty(5, 4, 4)).shape == (5, 3, 2)


def test_a_captured_operator_under_transforms_that_meet_its_shapes_first():
    """Planning must not dispatch: it runs in the middle of PyTorch's interpreter here."""
    fresh = operator("(n),(n)->(n)", batch="native", name="fresh")(lambda a, b: a * b)
    fresh.vjp(a=lambda g, b: g * b, b=lambda g, a: g * a)
    x = torch.randn(1, 3, dtype=torch.double)
    got = torch.vmap(grad(lambda a, b: fresh.library(a, b).sum()))(x, 2 * x)
    torch.testing.assert_close(got, 2 * x)
