"""Compiled is eager: whole graphs, every nesting, dynamic shapes, several operators in one function."""

import itertools
import os
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.func import grad, hessian, jacfwd, jacrev, vmap
from zoo import arrays, elementwise, every_operator, matrices, reference_of
from zoo.draw import Case, for_samples

from scitorch import nn, operator
from scitorch.tutorial import convolve_full, correlate_bias, correlate_valid, linear_op, mul_constant

pytestmark = [
    # Dynamo makes an instance of each autograd.Function that it meets.
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
    # What some references are made of.
    pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning"),
]


@pytest.fixture(autouse=True)
def _forget_compiled_code():
    torch.compiler.reset()


def compiled(function, backend="aot_eager", **options):
    return torch.compile(function, fullgraph=True, backend=backend, **options)


def randn(*shape):
    return torch.randn(*shape, dtype=torch.double)


def pulled(call, inputs):
    """The results, and the gradients of all that carry one."""
    results = call(*inputs)
    weights = [torch.linspace(1, 2, r.numel(), dtype=torch.double).reshape(r.shape).to(r.dtype) for r in results]
    return results, torch.autograd.grad(results, inputs, weights) if inputs and results else ()


@every_operator
def test_values_and_gradients(operator):
    for_samples(check_values_and_gradients, operator)


def check_values_and_gradients(operator, sample):
    torch.compiler.reset()
    case = Case(operator, sample)
    call, inputs = case.function(case.reverse), case.inputs(case.reverse)
    torch.testing.assert_close(pulled(compiled(call), inputs), pulled(call, inputs))
    torch.testing.assert_close(compiled(case.__call__)(), case())


# Functions of one tensor: a bilinear operator, a matrix function, two results, a static argument, elementwise.
FUNCTIONS = {
    "correlate_valid": (lambda f, x: f(x, x[:2, :2]).square().sum(), correlate_valid, lambda: randn(3, 3)),
    "sqrtm": (lambda f, x: (f(x) @ x[0]).sum(), matrices.sqrtm, lambda: 3 * torch.eye(2) + 0.3 * randn(2, 2)),
    "spectrum": (
        lambda f, x: f(x)[0].pow(3).sum(),
        matrices.spectrum,
        lambda: torch.tensor([[1, 0.5], [0.5, 3]]).double(),
    ),
    "sine_and_cosine": (lambda f, x: (f(x)[0] * f(x * x)[1]).sum(), elementwise.sine_and_cosine, lambda: randn(2)),
    "repeat_to": (lambda f, x: f(x.square(), num=5).pow(3).sum(), arrays.repeat_to, lambda: randn(3)),
    "cube": (lambda f, x: (f(x) * x.sum()).sum(), elementwise.cube, lambda: randn(2)),
}
every_function = pytest.mark.parametrize("name", FUNCTIONS)
NESTINGS = [n for order in (1, 2) for n in itertools.product((jacfwd, jacrev), repeat=order)]
every_nesting = pytest.mark.parametrize("nesting", NESTINGS, ids=lambda n: "-of-".join(t.__name__ for t in n))


def of(name):
    """A scalar function through the operator, the same through PyTorch, and a point."""
    make, operator, point = FUNCTIONS[name]
    return partial(make, operator), partial(make, reference_of(operator)), point()


@every_nesting
@every_function
def test_nestings(name, nesting):
    ours, theirs, x = of(name)
    for transform in reversed(nesting):
        ours, theirs = transform(ours), transform(theirs)
    torch.testing.assert_close(compiled(ours)(x), theirs(x))


TRANSFORMS = {
    "hessian": hessian,
    "vmap of grad": lambda f: vmap(grad(f)),
    "grad of vmap": lambda f: grad(lambda x: vmap(f)(x).sum()),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@every_function
def test_transforms(name, transform):
    ours, theirs, x = of(name)
    x = torch.stack([x, 1.1 * x]) if "vmap" in transform else x
    transform = TRANSFORMS[transform]
    torch.testing.assert_close(compiled(transform(ours))(x), transform(theirs)(x))


@pytest.mark.parametrize("dynamic", [True, None], ids=["dynamic", "automatic"])
def test_sizes_that_change(dynamic):
    def loss(image, filter):
        return correlate_valid(image, filter).square().sum() + convolve_full(image, filter).sum()

    call = compiled(loss, dynamic=dynamic)
    with torch._dynamo.config.patch(error_on_recompile=dynamic is True):
        for m, n, k, l in [(5, 6, 2, 3), (6, 5, 3, 2), (9, 12, 4, 5), (7, 8, 3, 4)]:
            inputs = randn(m, n).requires_grad_(), randn(k, l).requires_grad_()
            ours = torch.autograd.grad(call(*inputs), inputs)
            torch.testing.assert_close(ours, torch.autograd.grad(loss(*inputs), inputs))


def test_batches_that_change():
    call = compiled(lambda a, b: arrays.cumulative_looped(a) * elementwise.cube(b), dynamic=True)
    for shape in [(2, 3), (4, 5), (6, 2)]:
        a, b = randn(*shape).requires_grad_(), randn(shape[-1])
        torch.testing.assert_close(call(a, b), a.cumsum(-1) * b**3)


def test_static_numbers_that_change():
    call = compiled(lambda x, num, c: arrays.repeat_to(mul_constant(x, constant=c), num=num))
    x = randn(3).requires_grad_()
    for num, c in [(2, 0.5), (3, 1.5), (4, 2.5), (5, -3.5), (6, 7)]:
        result = call(x, num, c)
        torch.testing.assert_close(result, (c * x)[torch.arange(num) % 3])
        torch.testing.assert_close(
            torch.autograd.grad(result.sum(), x)[0], c * torch.arange(num).remainder(3).bincount(minlength=3).double()
        )


def test_static_arguments_of_every_kind_that_change():
    reference = reference_of(arrays.every_option)
    options = [
        {"power": 2},
        {"power": 3, "scale": 2.5, "flip": True, "side": "right", "shift": 1},
        {"power": 3, "scale": -2.5, "flip": False, "side": "left", "shift": None, "taps": (1, 2)},
        {"power": 1, "scale": 2, "taps": (0, 2, 1), "span": (0.5, 3.5)},
    ]
    call, x = compiled(lambda x, options: arrays.every_option(x, **options)), randn(3)
    for option in options:
        torch.testing.assert_close(call(x, option), reference(x, **option))


def test_a_static_number_made_of_a_size():
    call = compiled(lambda x: arrays.repeat_to(x, num=2 * x.shape[0] + 1), dynamic=True)
    for n in (2, 3, 5):
        x = randn(n)
        torch.testing.assert_close(call(x), x.repeat(3)[: 2 * n + 1])


def test_a_static_number_taken_from_a_tensor():
    """Its value isn't known while the graph is made, and a schema's float must be: PyTorch's own error says so."""
    call = compiled(lambda x, c: mul_constant(x, constant=c.item()))
    with pytest.raises(torch._dynamo.exc.UserError, match="data-dependent"):
        call(randn(3), torch.tensor(2.0))


def test_python_numbers_as_tensors():
    call = compiled(lambda x, order, s: elementwise.affine(elementwise.bessel(order, x), None, s), dynamic=None)
    for order, s in [(0, 1.5), (1, 2.5), (2, -0.5), (3, 4)]:
        x = (randn(3).abs() + 0.5).requires_grad_()
        eager = s * elementwise.bessel(order, x)
        torch.testing.assert_close(call(x, order, s), eager)
        torch.testing.assert_close(torch.autograd.grad(call(x, order, s).sum(), x), torch.autograd.grad(eager.sum(), x))


def test_optional_tensors():
    call = compiled(lambda x, shift: elementwise.affine(x, shift))
    x = randn(3).requires_grad_()
    for shift in (None, randn(3).requires_grad_(), None, 2.0):
        torch.testing.assert_close(call(x, shift), 2 * x + (0 if shift is None else shift))


def test_operators_do_not_run_each_others_kernels():
    """Dynamo guards such a callable by its code; those of one factory would pass for each other."""
    adds = []
    for k in range(4):
        adds.append(operator("()->()", batch="native", args="x", name=f"adds_{k}")(lambda x, k=k: x + k))
        adds[-1].vjp(x=lambda g, k=k: (k + 1) * g)
    call = compiled(lambda add, x: add(x))
    for _ in range(2):
        for k, add in enumerate(adds):
            x = torch.zeros(1, requires_grad=True)
            result = call(add, x)
            assert (result.item(), torch.autograd.grad(result, x)[0].item()) == (k, k + 1)
    assert compiled(lambda x: torch.stack([add(x) for add in adds]))(torch.zeros(())).tolist() == [0, 1, 2, 3]


def test_several_call_sites():
    def chain(x):
        for _ in range(3):
            x = elementwise.cube(x) + elementwise.cube(x * 0.5)
        return x.sum()

    x = (0.3 * randn(2)).requires_grad_()
    eager = torch.autograd.grad(chain(x), x)
    torch.testing.assert_close(torch.autograd.grad(compiled(chain)(x), x), eager)


@pytest.mark.parametrize("backend", ["eager", "aot_eager", "inductor"])
def test_kernels_stay_opaque(backend):
    """Dynamo's own NumPy has another cube root of a negative number: nan."""
    cbrt = operator("()->()", batch="native", name=f"cbrt_{backend}")(lambda x: np.cbrt(x))
    assert compiled(lambda x: cbrt(x), backend)(torch.tensor([-8.0])).item() == pytest.approx(-2)


INDUCTOR = [
    "sqrtm",
    "sine_and_cosine",
    "cube",
]  # not `repeat_to`: inductor 2.13 gets its reference wrong


@pytest.mark.parametrize("name", INDUCTOR)
def test_inductor(name):
    ours, theirs, x = of(name)
    torch.testing.assert_close(compiled(hessian(ours), "inductor")(x), hessian(theirs)(x))
    x.requires_grad_()
    torch.testing.assert_close(
        pulled(compiled(lambda x: (ours(x),), "inductor"), (x,)), pulled(lambda x: (theirs(x),), (x,))
    )


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_training_of_layers(backend):
    model = torch.nn.Sequential(nn.ScipyConv2d(2, 2), torch.nn.ReLU(), nn.Linear(3, 2)).double()
    copies = filter, bias, weight, offset = [p.detach().clone().requires_grad_() for p in model.parameters()]
    ours = torch.optim.SGD(model.parameters(), lr=0.05)
    theirs = torch.optim.SGD(copies, lr=0.05)
    step = compiled(lambda x: model(x).square().sum(), backend)
    for _ in range(3):
        x = randn(2, 4, 4)
        hidden = F.conv2d(x[:, None], filter[None, None], bias[0])[:, 0].relu()
        for loss, optimizer in [(step(x), ours), (F.linear(hidden, weight, offset).square().sum(), theirs)]:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    torch.testing.assert_close(
        list(map(torch.detach, model.parameters())), [filter.detach(), bias.detach(), weight.detach(), offset.detach()]
    )


def test_half_precision_and_integers():
    call = compiled(lambda x: elementwise.cube(x))
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.int64, torch.cfloat):
        x = torch.tensor([1, 2, 3]).to(dtype)
        torch.testing.assert_close(call(x), elementwise.cube(x))


def test_views_and_mutation_around_an_operator():
    def mix(x):
        y = x.clone()
        y[0] = elementwise.cube(y[1].clone())
        y.t().add_(elementwise.cube(y.t().clone()))
        return correlate_bias(y, y[:2, :2], y[:1, :1]) + linear_op(y, y)[..., :2, :2]

    x = randn(3, 3).requires_grad_()
    torch.testing.assert_close(compiled(mix)(x), mix(x))
    torch.testing.assert_close(*[torch.autograd.grad(f(x).sum(), x) for f in (compiled(mix), mix)])


def test_double_backward_raises_pytorchs_own_error():
    x = randn(2).requires_grad_()
    (first,) = torch.autograd.grad(compiled(lambda x: elementwise.cube(x).sum())(x), x, create_graph=True)
    with pytest.raises(RuntimeError, match="aot_autograd does not currently support double backward"):
        first.sum().backward()


def test_a_truth_about_sizes_as_a_static_argument():
    @operator("(n)->(n)", name="signed")
    def signed(x, *, negative: bool):
        return -x if negative else x + 0

    call = compiled(lambda x: signed(x, negative=x.shape[0] > 4), dynamic=True)
    for n in (3, 6, 4, 7):
        x = randn(n)
        torch.testing.assert_close(call(x), -x if n > 4 else x)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # Dynamo's, after any break
def test_a_tensor_as_a_static_argument_breaks_the_graph_and_nothing_else():
    call = torch.compile(lambda x, c: mul_constant(x, constant=c) + 1, backend="aot_eager")
    for c in (2.0, 3.0):
        x = randn(3).requires_grad_()
        torch.testing.assert_close(call(x, torch.tensor(c)), c * x + 1)
        torch.testing.assert_close(torch.autograd.grad(call(x, torch.tensor(c)).sum(), x)[0], torch.full_like(x, c))


ONE_NAME = """
import numpy as np, torch
from scitorch import operator
{definition}
x = torch.tensor([3.0, 1.0, 2.0], requires_grad=True)
captured = torch.export.export(type("M", (torch.nn.Module,), {{"forward": lambda self, x: f(x) + 1}})(), (x,)).module()
y = torch.compile(captured)(x)
assert torch.equal(y, f(x) + 1), (y, f(x) + 1)
if y.requires_grad:
    assert torch.equal(torch.autograd.grad(y.sum(), x)[0], torch.autograd.grad(f(x).sum(), x)[0])
"""
DEFINITIONS = [
    '@operator("(n)->(n)")\ndef f(x): return x * x\nf.vjp(x=lambda g, x: 3 * g * x)',
    '@operator("(n)->(n)")\ndef f(x): return x * x\nf.vjp(x=lambda g, x: 2 * g * x)',
    '@operator("(n)->(n)")\ndef f(x): return x * x\nf.vjp(x=lambda g, out: 2 * g * out)',
    '@operator("(n)->(n)", dtype="integer")\ndef f(x): return np.argsort(x)',
]


def test_scripts_that_use_one_name_do_not_share_compiled_code(tmp_path):
    """Inductor's cache on disk knows operators by their names alone."""
    for definition in DEFINITIONS:
        script = ONE_NAME.format(definition=definition)
        environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
        done = subprocess.run(  # noqa: S603  the script above
            [sys.executable, "-c", script], env=environment, capture_output=True, check=False, text=True
        )
        assert done.returncode == 0, done.stderr[-2000:]
