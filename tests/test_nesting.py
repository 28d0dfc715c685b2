"""Any nesting of forward and reverse mode agrees with any other, and with torch alone.

No eager fast path is ever taken under transforms, so that these tests need no second route.
"""

import itertools
from functools import reduce

import pytest
import torch
from torch.func import hessian, jacfwd, jacrev, jvp, vjp
from zoo import OPERATORS, every_operator, reference_of
from zoo.draw import STEP, Case, for_samples, samples, tolerance
from zoo.missing import right_or_missing

ONE_OF_EACH_KIND = {
    "bilinear": "scitorch.tutorial.convolution.correlate_valid",
    "matrix function": "zoo.matrices.sqrtm",
    "two results": "zoo.elementwise.sine_and_cosine",
    "two results, one matrix": "zoo.matrices.spectrum",
    "static argument": "zoo.arrays.repeat_to",
    "elementwise": "zoo.elementwise.cube",
    "elementwise, looped": "zoo.elementwise.exponential",
    "explicit forward rule": "zoo.matrices.inverse",
    "real of complex": "zoo.elementwise.abs2",
}
LARGEST = 32  # arguments' numbers of which all the second derivatives are taken; beyond, along directions

one_of_each_kind = pytest.mark.parametrize("name", ONE_OF_EACH_KIND.values(), ids=ONE_OF_EACH_KIND.keys())


def along(function):
    """The derivative along one direction, by forward mode without a vmap."""
    return lambda x: jvp(function, (x,), (_direction(x),))[1]


def back(function):
    """The gradient of one combination of the results, by reverse mode without a vmap."""

    def gradient(x):
        value, pull = vjp(function, x)
        return pull(_weights(value))[0]

    return gradient


def _direction(x):
    return torch.linspace(1, 2, len(x), dtype=x.dtype)


def _weights(value):
    return torch.linspace(-1, 1, len(value), dtype=value.dtype)


# Forward mode of some of torch's own functions is wrong in the second order (`torch.linalg.solve`, for one).
BY_REVERSE = {jacfwd: jacrev, along: lambda function: lambda x: jacrev(function)(x) @ _direction(x)}


def nestings(steps, order):
    """Every one up to this order."""
    return [nesting for depth in range(order) for nesting in itertools.product(steps, repeat=depth + 1)]


def nested(nesting, function):
    """The innermost derivative first."""
    return reduce(lambda inner, step: step(inner), nesting, function)


def check_nesting(operator, sample, steps=(jacfwd, jacrev), order=2):
    """Every nesting is the reference's."""
    case, reference = Case(operator, sample), reference_of(operator)
    for nesting in nestings(steps, order) if reference else ():
        if positions := _positions(case, nesting):
            function, point = case.flat(positions)
            if len(point) > LARGEST and jacrev in steps:
                continue
            by_reverse = [BY_REVERSE.get(step, step) for step in nesting]
            torch_only = nested(by_reverse, case.flat(positions, reference)[0])
            with right_or_missing():
                _close(nested(nesting, function)(point), torch_only(point), order)


def check_nesting_by_differences(operator, sample, order=2):
    """Every nesting along one direction is the central difference of the nesting that is one less deep."""
    case = Case(operator, sample)
    for nesting in nestings((along, back), order):
        if positions := _positions(case, nesting):
            function, point = case.flat(positions)
            inner, outer = nested(nesting[:-1], function), nesting[-1]
            with right_or_missing():
                ours = outer(inner)(point)
                change = STEP * _direction(point)
                theirs = (inner(point + change) - inner(point - change)) / (2 * STEP)
                if outer is back:
                    ours, theirs = ours @ _direction(point), theirs @ _weights(theirs)
                torch.testing.assert_close(ours, theirs, rtol=STEP, atol=STEP)


def _positions(case, nesting):
    return case.reverse if {jacrev, back} & set(nesting) else case.forward


def _close(ours, theirs, order):
    bounds = {name: 10**order * bound for name, bound in tolerance(theirs.dtype).items()}
    torch.testing.assert_close(ours, theirs, **bounds)


@every_operator
def test_second_order(operator):
    for_samples(check_nesting, operator)


@every_operator
def test_second_order_by_differences(operator):
    for_samples(check_nesting_by_differences, operator)


@every_operator
def test_second_order_without_vmap(operator):
    """Nothing but the two transforms: a vmap in between can hide a derivative that is lost."""
    for_samples(check_nesting, operator, (along, back))


@one_of_each_kind
@pytest.mark.parametrize("steps", [(jacfwd, jacrev), (along, back)], ids=["Jacobians", "directions"])
def test_third_order(name, steps):
    check_nesting(OPERATORS[name], samples(OPERATORS[name])[0], steps, order=3)


@one_of_each_kind
def test_hessian(name):
    operator = OPERATORS[name]
    case = Case(operator, samples(operator)[0])

    def total(call=None):
        function, _ = case.flat(case.reverse, call)
        return lambda x: (function(x).sin() * torch.arange(1.0, 1 + len(function(x)))).sum()

    _, point = case.flat(case.reverse)
    _close(hessian(total())(point), torch.autograd.functional.hessian(total(reference_of(operator)), point), 2)
