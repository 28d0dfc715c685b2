"""The compiled fast path does what the one in Python does: derivatives, errors, memory, threads, hooks."""

import copy
import gc
import itertools
import pickle
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from test_gradients import check_gradient, check_incoming, check_orders_of_reference, check_second_order, check_subsets
from torch._dynamo import compiled_autograd
from torch.autograd import forward_ad
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from zoo import OPERATORS, arrays, elementwise, matrices
from zoo.draw import for_samples
from zoo.references import REFERENCES

from scitorch import cli, operator
from scitorch.core import eager, modes, node
from scitorch.core.errors import CompileError, DerivativeError, KernelError, MissingDerivativeError, MissingToolError
from scitorch.native import toolchain
from scitorch.native.node import compile_node

ZOO = {name: op for name, op in OPERATORS.items() if name.startswith("zoo.")}
CALLS = 10_000
numbers = itertools.count()


@pytest.fixture(scope="module")
def module():
    """The compiled fast path, out of the cache where `make` has put it."""
    try:
        return node.load(compile_node())
    except (MissingToolError, CompileError) as error:
        pytest.skip(str(error))


@pytest.fixture(params=["compiled", "Python"], autouse=True)
def route(request, monkeypatch):
    """Every test twice: by the compiled fast path, and by the one in Python."""
    compiled = request.getfixturevalue("module") if request.param == "compiled" else None
    monkeypatch.setattr(eager, "compiled", compiled)
    for op in ZOO.values():
        monkeypatch.setattr(op, "_eager", eager.eager_call(op, op._entry.name, op._entry.dispatched))
    return request.param


def randn(*shape):
    return torch.randn(*shape, dtype=torch.double).requires_grad_()


def define(kernel, signature="()->()", **options):
    return operator(signature, batch="native", name=f"noded_{next(numbers)}", args="x", **options)(kernel)


def test_which_route_it_is(route):
    result = elementwise.cube(randn(2))
    assert type(result.grad_fn).__name__ == ("CppFunction" if route == "compiled" else "zoo_elementwise_cubeBackward")
    assert result.grad_fn.name() == "zoo_elementwise_cubeBackward"


# Derivatives


@pytest.mark.parametrize("operator", ZOO.values(), ids=ZOO)
@pytest.mark.parametrize("check", [check_gradient, check_second_order, check_subsets, check_incoming])
def test_derivatives(check, operator):
    for_samples(check, operator)


@pytest.mark.parametrize("name", [name for name in REFERENCES if name in ZOO])
def test_three_orders(name):
    for_samples(check_orders_of_reference, ZOO[name])


def test_forward_mode_over_reverse_mode():
    x, direction = randn(3), torch.ones(3).double()
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(x, direction)
        (gradient,) = torch.autograd.grad(elementwise.cube(dual).sum(), dual, create_graph=True)
        torch.testing.assert_close(forward_ad.unpack_dual(gradient).tangent, 6 * x)


TABLE, HELD = np.full(3, 2.0), []
PARTIALS = {
    "new": lambda x: 2 * torch.ones_like(x),
    "the argument": lambda x: x,
    "a view of it": lambda x: x.view(3),
    "kept": lambda x: (HELD.append(x * 1), HELD[-1])[1],
    "a view of what is kept": lambda x: (HELD.append(x * 1), HELD[-1][:])[1],
    "a table": lambda x: torch.from_numpy(TABLE),
    "spread": lambda x: torch.ones(1, dtype=x.dtype).expand(3),
    "transposed": lambda x: (x * torch.ones(2, 1, dtype=x.dtype))[0],
}


@pytest.mark.parametrize("name", PARTIALS)
def test_a_product_changes_nothing_that_somebody_has(name):
    op = define(lambda x: 1 * x)
    op.partials(x=PARTIALS[name])
    HELD.clear()
    x = torch.tensor([1.0, 2.0, 2.0], dtype=torch.double, requires_grad=True)
    g = torch.tensor([3.0, 5.0, 7.0], dtype=torch.double)
    expected = g * PARTIALS[name](x.detach()).clone()
    y = op(x)
    for _ in range(2):
        (gradient,) = torch.autograd.grad(y, x, g, retain_graph=True)
        torch.testing.assert_close(gradient, expected, rtol=0, atol=0)
    assert x.tolist() == [1, 2, 2]
    assert g.tolist() == [3, 5, 7]
    assert TABLE.tolist() == [2, 2, 2]
    assert all(held.tolist() == [1, 2, 2] for held in HELD)


def test_results_without_a_gradient_have_no_history():
    x = randn(4)
    assert not arrays.count_positive(x).requires_grad
    values, places = arrays.sort(x)
    assert (values.requires_grad, places.requires_grad) == (True, False)
    values[0].backward()
    assert x.grad.sum() == 1


def test_undefined_incoming_gradients():
    x = randn(3)
    sine, cosine = elementwise.sine_and_cosine(x)
    torch.testing.assert_close(torch.autograd.grad(sine.sum(), x, retain_graph=True)[0], cosine)
    torch.testing.assert_close(torch.autograd.grad(cosine.sum(), x)[0], -sine)


@pytest.mark.parametrize(
    ("partial", "expected"),
    [
        (lambda x: 3 * x**2, [3.0, 12.0]),
        (lambda x: 3, [3.0, 3.0]),
        (lambda x: torch.tensor(3.0), [3.0, 3.0]),
        (lambda x: (3 * x).float(), [3.0, 6.0]),
        (lambda x: (3 * x).as_subclass(Sub), [3.0, 6.0]),
        (lambda out: 3 * out, [3.0, 24.0]),
        (lambda x, out: x + out, [2.0, 10.0]),
    ],
    ids=["like x", "number", "no dimensions", "single precision", "subclass", "of the result", "of both"],
)
def test_partial_derivatives_of_all_kinds(partial, expected):
    """Where it is like the argument, the compiled path multiplies by itself."""
    cube = define(lambda x: x**3)
    cube.partials(x=partial)
    x = torch.tensor([1.0, 2.0], dtype=torch.double, requires_grad=True)
    gradient = torch.autograd.grad(cube(x).sum(), x)[0]
    torch.testing.assert_close(gradient.as_subclass(torch.Tensor), torch.tensor(expected, dtype=torch.double))


def test_a_partial_derivative_of_complex_numbers_is_conjugated():
    cube = define(lambda x: x**3)
    cube.partials(x=lambda x: 3 * x**2)
    assert torch.autograd.gradcheck(cube, randn(2) + 1j * randn(2))


def test_a_partial_derivative_of_a_wrong_shape():
    cube = define(lambda x: x**3)
    cube.partials(x=lambda x: torch.ones(3))
    x = randn(2)
    with pytest.raises(DerivativeError, match=r"expected shape \(2,\), got shape \(3,\)"):
        torch.autograd.grad(cube(x).sum(), x)


def test_batches_of_incoming_gradients():
    x = randn(2)
    rows = torch.autograd.grad(elementwise.cube(x), x, torch.eye(2, dtype=torch.double), is_grads_batched=True)[0]
    torch.testing.assert_close(rows, torch.diag(3 * x.detach() ** 2))


def test_autocast_in_the_backward_pass():
    x = randn(2).detach().float().requires_grad_()
    result = elementwise.cube(x).sum()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.autograd.grad(result, x)[0].dtype == torch.float


def test_parameters_and_numbers():
    x = torch.nn.Parameter(torch.ones(2))
    elementwise.affine(x, None, 3).sum().backward()
    assert x.grad.tolist() == [3, 3]


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")  # PyTorch looks at it itself
def test_compiled_autograd():
    """Twice with one shape, then another, then another static argument: nothing is taken for something else."""
    compiler = torch.compile(backend="aot_eager")
    for number, size in [(4, 3), (4, 3), (4, 2), (5, 2)]:
        x = torch.randn(size, dtype=torch.double, requires_grad=True)
        result = arrays.repeat_to(elementwise.exponential(x), num=number)
        weights = torch.randn_like(result)
        (expected,) = torch.autograd.grad(result, x, weights, retain_graph=True)
        with compiled_autograd._enable(compiler):
            result.backward(weights)
        torch.testing.assert_close(x.grad, expected)


# Memory


def test_what_was_saved_is_freed_at_once():
    gc.disable()
    try:
        x, freed = randn(3), []
        for op in (elementwise.cube, elementwise.exponential):  # an input is saved, a result is
            hidden = x * 1
            result = op(hidden)
            freed += [weakref.ref(hidden), weakref.ref(result)]
            torch.autograd.grad(result.sum(), x)
            del hidden, result
        assert [ref() for ref in freed] == [None] * 4
    finally:
        gc.enable()


def test_a_graph_without_a_backward_pass_is_freed_too():
    x = randn(3)
    result = elementwise.exponential(elementwise.cube(x))
    freed = weakref.ref(result)
    del result
    assert freed() is None


def test_memory_is_stable():
    resource = pytest.importorskip("resource", reason="of Unix")
    x = randn(1000)

    def calls():
        for _ in range(CALLS):
            torch.autograd.grad(elementwise.cube(x), x, x)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    assert calls() * 1.05 > calls()  # were all tensors kept, it would be 160 MB more


def test_objects_are_stable():
    x = randn(3)

    def count():
        for _ in range(100):
            torch.autograd.grad(elementwise.sine_and_cosine(x)[0].sum(), x, create_graph=True)
        gc.collect()
        return len(gc.get_objects())

    count()
    assert abs(count() - count()) < 50


def test_deep_graphs_are_freed_without_recursion():
    x = result = randn(1)
    for _ in range(50_000):
        result = elementwise.affine(result, None, 1.0)
    del result
    assert elementwise.cube(x).requires_grad


@pytest.mark.parametrize("saved", ["input", "result"])
def test_saved_tensors_hooks_see_inputs_and_results(saved):
    packed, unpacked, x = [], [], randn(3)
    pack, unpack = (lambda t: packed.append(t) or t), (lambda t: unpacked.append(t) or t)
    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        y = (elementwise.cube if saved == "input" else elementwise.exponential)(x)
    assert [t.data_ptr() for t in packed] == [(x if saved == "input" else y).data_ptr()]
    y.sum().backward()
    assert len(unpacked) == 1


def test_an_error_in_a_hook_of_saved_tensors_is_the_users():
    def refuse(_):
        raise KeyError("full")

    x = randn(3)
    with torch.autograd.graph.saved_tensors_hooks(refuse, lambda t: t), pytest.raises(KeyError, match="full"):
        elementwise.cube(x)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t, refuse):
        result = elementwise.cube(x).sum()
    with pytest.raises(KeyError, match="full"):
        result.backward()


# Errors


def test_changes_in_place_are_noticed():
    hidden = randn(3) * 1
    result = elementwise.cube(hidden).sum()
    hidden.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        result.backward()
    exponential = elementwise.exponential(randn(3))
    exponential.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        exponential.sum().backward()


def test_a_second_backward_pass():
    for op in (elementwise.cube, elementwise.affine):  # the latter saves nothing but a number
        result = op(randn(3)).sum()
        result.backward()
        with pytest.raises(RuntimeError, match="backward through the graph a second time"):
            result.backward()


class OwnError(Exception):
    pass


def test_errors_keep_their_types():
    def refuse(x):
        raise OwnError("no")

    own = define(np.sin).partials(x=refuse)
    with pytest.raises(OwnError, match=r"^no$"):
        own(randn(2)).sum().backward()
    wrong = define(np.sin).vjp(x=lambda g: g[None, None])
    with pytest.raises(DerivativeError, match="the vjp rule of 'x': expected shape"):
        wrong(randn(2)).sum().backward()
    missing = define(np.sin)
    with pytest.raises(MissingDerivativeError, match="expected a rule for the derivative"):
        missing(randn(2)).sum().backward()
    with pytest.raises(KernelError) as raised:
        define(refuse)(randn(2))
    assert isinstance(raised.value.__cause__, OwnError)


def test_errors_in_anomaly_mode():
    root = define(np.sqrt).partials(x=lambda out: 0 / (out - out))
    with (
        pytest.warns(UserWarning, match="Anomaly Detection"),
        torch.autograd.detect_anomaly(),
        pytest.warns(UserWarning, match=r"Error detected in .*Backward"),
        pytest.raises(RuntimeError, match="returned nan values"),
    ):
        root(torch.ones(2, requires_grad=True)).sum().backward()


# Around a call


def test_hooks_of_a_node():
    x, seen = randn(3), []
    result = elementwise.cube(x)
    result.grad_fn.register_prehook(lambda grads: (2 * grads[0],))
    result.grad_fn.register_hook(lambda gradients, grads: seen.append((gradients, grads)))
    result.sum().backward()
    torch.testing.assert_close(x.grad, 6 * x.detach() ** 2)
    assert len(seen) == 1


def test_operators_are_copied_and_pickled_as_ever():
    assert copy.deepcopy(elementwise.cube) is elementwise.cube
    assert pickle.loads(pickle.dumps(elementwise.cube)) is elementwise.cube


def test_threads_share_a_graph_and_calls():
    x, start = randn(4, 4), threading.Barrier(8)
    shared = matrices.inverse(x + 5 * torch.eye(4)).sum()
    (expected,) = torch.autograd.grad(shared, x, retain_graph=True)

    def gradients(_):
        start.wait()
        own = matrices.inverse(x + 5 * torch.eye(4)).sum()
        return [torch.autograd.grad(y, x, retain_graph=True)[0] for y in (shared, own) for _ in range(20)]

    with ThreadPoolExecutor(8) as pool:
        for given in pool.map(gradients, range(8)):
            torch.testing.assert_close(given, [expected] * 40)


class Function(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


class Dispatch(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


class Sub(torch.Tensor):
    pass


def test_whoever_looks_on_sees_the_call():
    """The fast path steps aside in every such surrounding, and for every tensor that isn't ordinary."""
    make = eager._compiled_straight if eager.compiled else eager._straight
    straight, x, seen = make(elementwise.cube, "cube"), torch.ones(2), []

    def aside(t):
        return straight((t,), ()) is NotImplemented

    def watch(t):
        seen.append((modes.eager(), aside(x)))
        return t

    assert not aside(x)
    assert not aside(torch.nn.Parameter(x))
    torch.func.vmap(watch)(x)
    torch.func.grad(lambda t: watch(t).sum())(x)
    make_fx(watch)(x)
    make_fx(watch, pre_dispatch=True)(x)
    with Function():
        watch(x)
    with Dispatch():
        watch(x)
    assert seen == [(False, True)] * 6
    strange = [x.to("meta"), x.to_sparse(), torch.conj(x.cfloat()), x.as_subclass(Sub), 1.0, [1.0], x.half()]
    assert all(map(aside, strange))


# Where it comes from


def test_the_command_compiles_once(capsys):
    for _ in range(2):
        if cli.main(["compile"]):
            pytest.skip(capsys.readouterr().err)
    assert set(capsys.readouterr().out.split()) == {str(node.library())}


def test_without_a_compiler_the_command_says_so(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("SCITORCH_CACHE", str(tmp_path))
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert cli.main(["compile"]) == 2
    assert "compiler: expected a compiler for C++ on this machine" in capsys.readouterr().err
    assert node._found() is None


def test_a_broken_library_is_one_warning(monkeypatch, tmp_path):
    monkeypatch.setenv("SCITORCH_CACHE", str(tmp_path))
    node.library().parent.mkdir()
    node.library().write_text("no library")
    with pytest.warns(UserWarning, match=r"expected a library that can be loaded, got .* Try scitorch compile\."):
        assert node._found() is None


def test_it_can_be_left_out(module, monkeypatch):
    assert node._found() is not None
    monkeypatch.setenv("SCITORCH_NODE", "0")
    assert node._found() is None


def test_its_name_tells_what_it_was_compiled_for(monkeypatch):
    names = {node.name()}
    monkeypatch.setattr(torch, "__version__", "3.0")
    names.add(node.name())
    monkeypatch.setattr(node, "FLAGS", ("-O3",))
    assert len({*names, node.name()}) == 3
    assert toolchain.cache_folder() in node.library().parents
