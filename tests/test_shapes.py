"""Leading dimensions are batch dimensions and broadcast; strides, emptiness and rank 0 change nothing."""

import itertools

import numpy as np
import pytest
import torch
from zoo import OPERATORS, every_operator
from zoo.draw import Case, as_tuple, carries_gradient, for_samples, random_like, samples, tolerance

pytestmark = pytest.mark.usefixtures("route")


def close(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape
        bounds = tolerance(b.dtype.to_real()) if carries_gradient(b) else {"rtol": 0, "atol": 0}
        torch.testing.assert_close(a, b, **bounds)


def results_and_gradients(case, arguments):
    """The results, and the gradients of the arguments that have one."""
    leaves = [x.detach().requires_grad_() if k in case.reverse else x for k, x in enumerate(arguments)]
    results = as_tuple(case.operator(*leaves, **case.static))
    carrying = [part for part in results if part.requires_grad]
    inputs = [leaves[k] for k in case.reverse]
    return results, torch.autograd.grad(carrying, inputs, random_like(carrying)) if inputs else ()


def check_broadcasting(operator, sample):
    """Batches that broadcast are the same as batches written out; each gradient has its argument's shape."""
    case = Case(operator, sample)
    aligned = _aligned(case)
    for batches in itertools.permutations([(2, 1), (3,), ()]):
        given = itertools.cycle(batches)
        arguments = [_repeated(x, next(given)) if torch.is_tensor(x) else x for x in aligned]
        results, gradients = results_and_gradients(case, arguments)
        whole = torch.broadcast_shapes(*[_batch_of(case, k, arguments) for k in case.tensors])
        written_out = [_written_out(case, k, x, whole) if torch.is_tensor(x) else x for k, x in enumerate(arguments)]
        expected, full = results_and_gradients(case, written_out)
        close(results, expected)
        close(gradients, [g.sum_to_size(arguments[k].shape) for k, g in zip(case.reverse, full, strict=True)])


def _core_rank(case, k):
    return len(case.operator.signature.inputs[k])


def _batch_of(case, k, arguments):
    return arguments[k].shape[: arguments[k].dim() - _core_rank(case, k)]


def _aligned(case):
    """The arguments with batch dimensions of one rank, so that more may be put in front."""
    rank = max(len(_batch_of(case, k, case.arguments)) for k in case.tensors)
    return [
        x[(None,) * (rank + _core_rank(case, k) - x.dim())] if torch.is_tensor(x) else x
        for k, x in enumerate(case.arguments)
    ]


def _repeated(x, batch):
    """Several of it, no two alike."""
    factors = 1 + 0.1 * torch.arange(np.prod(batch, dtype=int), dtype=torch.double)
    return x * factors.reshape((*batch, *[1] * x.dim()))


def _written_out(case, k, x, batch):
    return x.broadcast_to((*batch, *x.shape[x.dim() - _core_rank(case, k) :])).contiguous()


def check_layouts(operator, sample):
    """Whatever the arguments' strides, offset, conjugate and negative bits: results and gradients are the same."""
    case = Case(operator, sample)
    expected = results_and_gradients(case, case.arguments)
    for layout in LAYOUTS:
        arguments = [layout(x) if torch.is_tensor(x) else x for x in case.arguments]
        before = [x.clone() if torch.is_tensor(x) else x for x in arguments]
        for ours, theirs in zip(results_and_gradients(case, arguments), expected, strict=True):
            close(ours, theirs)
        assert all(torch.equal(x, y) for x, y in zip(arguments, before, strict=True) if torch.is_tensor(x))


def reversed_strides(x):
    order = tuple(reversed(range(x.dim())))
    return x.permute(order).contiguous().permute(order)


def every_second(x):
    """Within a tensor twice as large in each dimension, at an offset."""
    larger = x.new_full([2 * n + 1 for n in x.shape], torch.nan)
    view = larger[tuple(slice(1, None, 2) for _ in x.shape)]
    return view.copy_(x)


def negative_bit(x):
    return torch._neg_view(-x)


def conjugate_bit(x):
    return x.conj().resolve_conj().conj()


def both_bits(x):
    return negative_bit(conjugate_bit(x)) if x.is_complex() else negative_bit(x)


LAYOUTS = [reversed_strides, every_second, negative_bit, conjugate_bit, both_bits]


def check_expanded(operator, sample):
    """An argument of stride 0 is the same as the copies written out."""
    case = Case(operator, sample)
    expanded = [x.expand(2, *x.shape) if torch.is_tensor(x) else x for x in _aligned(case)]
    copies = [x.contiguous() if torch.is_tensor(x) else x for x in expanded]
    for ours, theirs in zip(results_and_gradients(case, expanded), results_and_gradients(case, copies), strict=True):
        close(ours, theirs)


def check_results_are_their_own(operator, sample):
    """Contiguous, in memory that no argument and no other result has."""
    case = Case(operator, sample)
    results = as_tuple(case())
    assert all(part.is_contiguous() and part.storage_offset() == 0 for part in results)
    held = [x for x in (*results, *case.arguments) if torch.is_tensor(x) and x.numel()]
    assert len({x.untyped_storage().data_ptr() for x in held}) == len(held)


def check_empty_batch(operator, sample):
    """No items: results without elements, of the right shapes and dtypes; a shared argument gets zeros."""
    case = Case(operator, sample)
    ordinary = as_tuple(operator(*[x[None] if torch.is_tensor(x) else x for x in _aligned(case)], **case.static))
    for emptied in case.tensors:
        aligned = _aligned(case)
        aligned[emptied] = aligned[emptied].expand(1, *aligned[emptied].shape)[:0]
        results, gradients = results_and_gradients(case, aligned)
        for ours, theirs in zip(results, ordinary, strict=True):
            assert (ours.shape, ours.dtype) == ((0, *theirs.shape[1:]), theirs.dtype)
        for k, gradient in zip(case.reverse, gradients, strict=True):
            assert torch.equal(gradient, torch.zeros_like(aligned[k]))


@every_operator
def test_batches_broadcast(operator):
    for_samples(check_broadcasting, operator)


@every_operator
def test_layouts_change_nothing(operator):
    for_samples(check_layouts, operator)


@every_operator
def test_expanded_arguments(operator):
    for_samples(check_expanded, operator)


@every_operator
def test_results_are_their_own(operator):
    for_samples(check_results_are_their_own, operator)


@every_operator
def test_empty_batches(operator):
    for_samples(check_empty_batch, operator)


EMPTY_CORES = {
    "zoo.elementwise.cube": ([(0,)], {}, [(0,)]),
    "zoo.elementwise.exponential": ([(2, 0)], {}, [(2, 0)]),
    "zoo.elementwise.sine_and_cosine": ([(0,)], {}, [(0,), (0,)]),
    "zoo.arrays.cumulative_looped": ([(0,)], {}, [(0,)]),
    "zoo.arrays.cumulative_native": ([(2, 0)], {}, [(2, 0)]),
    "zoo.arrays.sort": ([(0,)], {}, [(0,), (0,)]),
    "zoo.arrays.split": ([(2,)], {"at": 2}, [(2,), (0,)]),
    "zoo.arrays.repeat_to": ([(2,)], {"num": 0}, [(0,)]),
    "zoo.arrays.outer_flat": ([(0,), (3,)], {}, [(0,)]),
    "zoo.arrays.form": ([(0,), (0, 2), (2,)], {}, [()]),
    "zoo.arrays.diagonal": ([(0, 3)], {}, [(0,)]),
    "zoo.matrices.inverse": ([(0, 0)], {}, [(0, 0)]),
}


@pytest.mark.parametrize("name", EMPTY_CORES)
def test_empty_core_dimensions(name):
    shapes, static, expected = EMPTY_CORES[name]
    inputs = [torch.ones(shape, dtype=torch.double, requires_grad=True) for shape in shapes]
    results = as_tuple(OPERATORS[name](*inputs, **static))
    assert [tuple(part.shape) for part in results] == expected
    carrying = [part for part in results if part.requires_grad]
    gradients = torch.autograd.grad(carrying, inputs, [torch.ones_like(part) for part in carrying])
    assert [g.shape for g in gradients] == [x.shape for x in inputs]


def test_empty_sum_is_zero():
    result = OPERATORS["zoo.arrays.form"](torch.ones(0), torch.ones(0, 2), torch.ones(2))
    assert torch.equal(result, torch.tensor(0.0))


@every_operator
def test_one_item_without_a_batch(operator):
    """A kernel's NumPy scalar becomes a tensor of rank 0, and never a Python number."""
    for sample in samples(operator):
        case = Case(operator, sample)
        arguments = [x if k not in case.tensors else _first_item(case, k) for k, x in enumerate(case.arguments)]
        for part, core in zip(as_tuple(operator(*arguments, **case.static)), operator.signature.outputs, strict=True):
            assert type(part) is torch.Tensor
            assert core is None or part.dim() == len(core)


def _first_item(case, k):
    x = case.arguments[k]
    return x[(0,) * (x.dim() - _core_rank(case, k))]
