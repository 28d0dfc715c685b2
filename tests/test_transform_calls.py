"""Promises of calls within a transform, where the kernel is called without the dispatcher if nobody looks on."""

import pytest
import torch
from test_plain_calls import Dispatches
from torch.autograd import forward_ad
from torch.func import grad, jvp, vmap
from torch.overrides import TorchFunctionMode

from scitorch import operator

pytestmark = pytest.mark.usefixtures("scratch_registry")
X = torch.tensor([0.5, 2.0, -1.0], dtype=torch.double)


@pytest.fixture
def product():
    """Of two tensors, both of which have a rule."""
    made = operator("(),()->()", batch="native", name="product")(lambda x, y: x * y)
    return made.partials(x=lambda y: y, y=lambda x: x)


def slope(product):
    """Of the cube's sum, in a way that calls the operator in the derivative, too."""
    return grad(lambda x: product(x, product(x, x)).sum())


@pytest.mark.parametrize("transform", [slope, lambda product: vmap(grad(lambda x: product(x, product(x, x))))])
def test_a_dispatch_mode_sees_the_operator(product, transform):
    with Dispatches() as watching:
        result = transform(product)(X)
    assert product.library in watching.seen
    torch.testing.assert_close(result, 3 * X**2)


def test_a_function_mode_sees_the_call(product):
    class Names(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            seen.append(getattr(func, "__name__", ""))
            return func(*args, **(kwargs or {}))

    seen, name = [], product.library.name().partition("::")[2]
    with Names():
        result = slope(product)(X)
    assert seen.count(name) >= 2
    torch.testing.assert_close(result, 3 * X**2)


def test_a_tensor_subclass_takes_part(product):
    class Sub(torch.Tensor):
        pass

    factor = X.as_subclass(Sub)
    result = grad(lambda x: product(x, factor).sum())(X)
    torch.testing.assert_close(result.as_subclass(torch.Tensor), X)


def test_a_history_beneath_a_transform_is_kept(product):
    leaf = X.clone().requires_grad_()
    inner = grad(lambda x: product(x, leaf).sum())(X)
    torch.testing.assert_close(torch.autograd.grad(inner.sum(), leaf)[0], torch.ones_like(X))
    mapped = vmap(lambda x: product(x, leaf))(X)
    torch.testing.assert_close(torch.autograd.grad(mapped.sum(), leaf)[0], X.sum().expand(3))


def test_a_tangent_beneath_a_transform_is_kept(product):
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(X, X.cos())
        mapped = forward_ad.unpack_dual(vmap(lambda x: product(x, dual))(X)).tangent
    torch.testing.assert_close(mapped, X[:, None] * X.cos())


@pytest.mark.parametrize("compiled", [False, True])
def test_a_tangent_in_a_graph_that_runs_eagerly(product, compiled):
    def push(x, tangent):
        with forward_ad.dual_level():
            return forward_ad.unpack_dual(product(forward_ad.make_dual(x, tangent), x)).tangent

    if compiled:
        push = torch.compile(push, backend="eager")
    torch.testing.assert_close(push(X, X.cos()), X * X.cos())


def test_a_rule_may_give_the_tangent_back():
    same = operator("()->()", batch="native", name="same")(lambda x: x + 0)
    same.jvp(x=lambda tangent: tangent).vjp(x=lambda g: g)
    tangent = X.cos()
    out, pushed = jvp(same, (X,), (tangent,))
    torch.testing.assert_close((out, pushed), (X, tangent))
    twice = jvp(lambda t: jvp(same, (X,), (t,))[1], (tangent,), (X,))
    torch.testing.assert_close(twice, (tangent, X))
    with forward_ad.dual_level():
        made = forward_ad.unpack_dual(same(forward_ad.make_dual(X, tangent)))
        torch.testing.assert_close(tuple(made), (X, tangent))
