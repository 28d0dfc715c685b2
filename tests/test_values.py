"""A value is the value that the kernel computes, on every route, and the one that torch computes where it can."""

import numpy as np
import pytest
import torch
from zoo import OPERATORS, every_operator, reference_of
from zoo.draw import Case, as_tuple, carries_gradient, for_samples, samples, tolerance
from zoo.references import REFERENCES

pytestmark = pytest.mark.usefixtures("route")


def check_values(operator, sample):
    """The results are the plain kernel's on NumPy arrays, called item by item."""
    case = Case(operator, sample)
    results = as_tuple(case())
    for index, items in _items(case, results[0]):
        expected = operator.kernel(*items, **_static(operator, sample))
        for result, part in zip(results, as_tuple(expected), strict=True):
            item = result[index]
            torch.testing.assert_close(
                item, torch.as_tensor(np.ascontiguousarray(part)).to(item.dtype).reshape(item.shape), **_close(item)
            )


def check_reference(operator, sample):
    """The results are those of the torch-only reference."""
    case = Case(operator, sample)
    expected = as_tuple(reference_of(operator)(*case.arguments, **case.static))
    for result, part in zip(as_tuple(case()), expected, strict=True):
        torch.testing.assert_close(result, part, **_close(result))


def check_modes_agree(operator, sample):
    """With a gradient needed, without, and under no_grad and inference mode: one value."""
    case = Case(operator, sample)
    expected = as_tuple(case())
    leaves = [x.clone().requires_grad_() if torch.is_tensor(x) else x for x in case.arguments]
    for guard in (torch.enable_grad, torch.no_grad, torch.inference_mode):
        with guard():
            results = as_tuple(operator(*leaves, **case.static))
        for result, part in zip(results, expected, strict=True):
            assert torch.equal(result, part)
            assert result.requires_grad == (guard is torch.enable_grad and carries_gradient(part))


def _items(case, result):
    """Every index of the batch, with the arrays of the item there."""
    operator = case.operator
    ranks = [len(core) for core in operator.signature.inputs]
    shapes = [x.shape[: x.dim() - r] for x, r in zip(case.arguments, ranks, strict=False) if torch.is_tensor(x)]
    batch = torch.broadcast_shapes(*shapes)
    assert result.shape[: len(batch)] == batch

    def item(x, rank, index):
        return x.broadcast_to((*batch, *x.shape[x.dim() - rank :]))[index].numpy() if torch.is_tensor(x) else x

    for index in np.ndindex(*batch):
        yield index, [item(x, rank, index) for x, rank in zip(case.arguments, ranks, strict=False)]


def _static(operator, sample):
    """Static arguments as the kernel gets them."""
    return {name: operator.static[name].convert(operator.name, value) for name, value in sample.static.items()}


def _close(tensor):
    return tolerance(tensor.dtype.to_real()) if carries_gradient(tensor) else {"rtol": 0, "atol": 0}


@every_operator
def test_values_are_the_kernels(operator):
    for_samples(check_values, operator)


@every_operator
def test_values_at_special_points_are_the_kernels(operator):
    for_samples(check_values, operator, kind="special")


@pytest.mark.parametrize("name", REFERENCES)
def test_values_are_the_references(name):
    for_samples(check_reference, OPERATORS[name])


@every_operator
def test_values_are_the_same_with_and_without_gradients(operator):
    for_samples(check_modes_agree, operator)


@every_operator
def test_values_do_not_depend_on_earlier_calls(operator):
    """Other shapes and other static arguments in between; a result isn't overwritten by a later one."""
    cases = [Case(operator, sample) for sample in samples(operator)]
    first = [as_tuple(case()) for case in cases]
    kept = [tuple(part.clone() for part in result) for result in first]
    second = [as_tuple(case()) for case in reversed(cases)][::-1]
    for results in (first, second):
        for parts, expected in zip(results, kept, strict=True):
            assert all(map(torch.equal, parts, expected))


def test_routes_differ(route):
    """The fixture does what it says: PyTorch's dispatcher sees the operator on one route only."""
    operator = OPERATORS["zoo.elementwise.cube"]
    with torch.autograd.profiler.profile() as profile:
        operator(torch.ones(3))
    seen = any(operator.library.name() == event.name for event in profile.function_events)
    assert seen == (route == "dispatched")
