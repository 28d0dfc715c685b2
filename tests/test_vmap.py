"""`vmap` of an operator, and of its derivatives, is the loop."""

import itertools

import pytest
import torch
from torch.func import grad, jacrev, vjp, vmap
from zoo import OPERATORS, every_operator
from zoo.draw import Case, as_tuple, carries_gradient, for_samples, random_like, samples, square, tolerance
from zoo.missing import right_or_missing

pytestmark = pytest.mark.usefixtures("route")

SIZE = 2  # of the mapped dimension


def close(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        bounds = tolerance(b.dtype.to_real()) if carries_gradient(b) else {"rtol": 0, "atol": 0}
        torch.testing.assert_close(a, b, **bounds)


MANY = 30  # combinations: of more, an even choice


def in_dims_of(arguments):
    """Combinations of not mapped, mapped in front and mapped behind: all for up to three tensors; others aren't mapped.

    Of more tensors every few, by a step that three doesn't divide: it meets each of the three ways of each tensor.
    """
    choices = [(None, 0, -1) if torch.is_tensor(x) else (None,) for x in arguments]
    dims = [dims for dims in itertools.product(*choices) if set(dims) != {None}]
    step = -(-len(dims) // MANY)
    return dims[:: step + (step % 3 == 0)]


def spread(x, dim):
    """Several of it, no two alike, stacked along `dim`."""
    return x if dim is None else torch.stack([x * (1 + 0.1 * k) for k in range(SIZE)], dim)


def item(x, dim, k):
    return x if dim is None else x.select(dim, k)


def loop(function, arguments, dims, out_dim=0):
    """What vmap is defined by."""
    results = [as_tuple(function(*[item(x, d, k) for x, d in zip(arguments, dims, strict=True)])) for k in range(SIZE)]
    return [torch.stack(parts, out_dim) for parts in zip(*results, strict=True)]


def check_vmap(operator, sample):
    """The values, for every choice of `in_dims`, and for results mapped in front and behind."""
    case = Case(operator, sample)

    def function(*arguments):
        return operator(*arguments, **case.static)

    for dims in in_dims_of(case.arguments):
        arguments = [spread(x, d) for x, d in zip(case.arguments, dims, strict=True)]
        for out_dim in (0, -1):
            ours = as_tuple(vmap(function, dims, out_dim)(*arguments))
            close(ours, loop(function, arguments, dims, out_dim))


def check_vmap_of_grad(operator, sample):
    """The gradients of every item, with respect to mapped arguments and to those that aren't."""
    case = Case(operator, sample)
    if not case.reverse:
        return
    positions = tuple(case.reverse)

    def gradients(*arguments):
        argnums = tuple(range(len(positions)))
        return grad(lambda *chosen: square(case.function(positions)(*chosen)), argnums)(*arguments)

    inputs = case.inputs(positions, requires_grad=False)
    for dims in in_dims_of(inputs):
        arguments = [spread(x, d) for x, d in zip(inputs, dims, strict=True)]
        close(vmap(gradients, dims)(*arguments), loop(gradients, arguments, dims))


def check_nested_vmap(operator, sample):
    """A vmap in a vmap, each over its own arguments and dimensions."""
    case = Case(operator, sample)
    outer = [0 if torch.is_tensor(x) else None for x in case.arguments]
    inner = [-1 if k == case.tensors[0] else None for k in range(len(case.arguments))]

    def function(*arguments):
        return operator(*arguments, **case.static)

    def inner_loop(*arguments):
        return tuple(loop(function, arguments, inner))

    arguments = [spread(spread(x, b), a) for x, a, b in zip(case.arguments, outer, inner, strict=True)]
    ours = as_tuple(vmap(vmap(function, tuple(inner)), tuple(outer))(*arguments))
    close(ours, loop(inner_loop, arguments, outer))


def check_batched_gradients(operator, sample):
    """Many incoming gradients at once, by `is_grads_batched` and by a vmap of the pullback."""
    case = Case(operator, sample)
    if not case.reverse:
        return
    function, inputs = case.function(case.reverse), case.inputs(case.reverse)
    results = function(*inputs)
    outgoing = [spread(g, 0) for g in random_like(results)]
    one_by_one = loop(
        lambda *g: torch.autograd.grad(results, inputs, g, retain_graph=True), outgoing, [0] * len(outgoing)
    )
    close(torch.autograd.grad(results, inputs, outgoing, retain_graph=True, is_grads_batched=True), one_by_one)
    _, pull = vjp(function, *case.inputs(case.reverse, requires_grad=False))
    close(vmap(pull)(tuple(outgoing)), one_by_one)


def check_batched_second_order(operator, sample):
    """The same through a double backward."""
    case = Case(operator, sample)
    if not case.reverse:
        return
    function, inputs = case.function(case.reverse), case.inputs(case.reverse)
    with right_or_missing():
        first = torch.autograd.grad(square(function(*inputs)), inputs, create_graph=True)
        first = [g for g in first if g.requires_grad]
        outgoing = [spread(g, 0) for g in random_like(first)]

        def second(g, **options):
            return torch.autograd.grad(
                first, inputs, g, retain_graph=True, allow_unused=True, materialize_grads=True, **options
            )

        if first:
            one_by_one = loop(lambda *g: second(g), outgoing, [0] * len(outgoing))
            close(second(outgoing, is_grads_batched=True), one_by_one)


@every_operator
def test_vmap(operator):
    for_samples(check_vmap, operator)


@every_operator
def test_vmap_of_grad(operator):
    for_samples(check_vmap_of_grad, operator)


@every_operator
def test_nested_vmap(operator):
    for_samples(check_nested_vmap, operator)


@every_operator
def test_batched_incoming_gradients(operator):
    for_samples(check_batched_gradients, operator)


@every_operator
def test_batched_second_order(operator):
    for_samples(check_batched_second_order, operator)


@every_operator
def test_jacobians_in_chunks(operator):
    case = Case(operator, samples(operator)[0])
    if case.reverse:
        function, point = case.flat(case.reverse)
        whole = jacrev(function)(point)
        for size in (1, 2):
            close([jacrev(function, chunk_size=size)(point)], [whole])
        vectorized = torch.autograd.functional.jacobian(function, point, vectorize=True)
        close([vectorized], [whole])


@every_operator
def test_vmap_in_chunks_and_of_one(operator):
    """`chunk_size`, and a mapped dimension of size 1."""
    case = Case(operator, samples(operator)[0])
    dims = tuple(0 if torch.is_tensor(x) else None for x in case.arguments)

    def function(*arguments):
        return operator(*arguments, **case.static)

    arguments = [spread(x, d) for x, d in zip(case.arguments, dims, strict=True)]
    close(as_tuple(vmap(function, dims, chunk_size=1)(*arguments)), as_tuple(vmap(function, dims)(*arguments)))
    single = [x[:1] if torch.is_tensor(x) else x for x in arguments]
    close(as_tuple(vmap(function, dims)(*single)), [part[None] for part in as_tuple(case())])


def test_vmap_closes_over_tensors_that_need_gradients():
    """The gradient of a shared tensor is the sum over the items."""
    multiply = OPERATORS["zoo.arrays.form"]
    a, M, b = (x.requires_grad_() for x in Case(multiply, samples(multiply)[0]).arguments)
    xs = torch.randn(3, *a.shape, dtype=a.dtype)
    results = vmap(lambda x: multiply(x, M, b))(xs)
    expected = torch.stack([multiply(x, M, b) for x in xs])
    close(torch.autograd.grad(results.sum(), (M, b)), torch.autograd.grad(expected.sum(), (M, b)))
