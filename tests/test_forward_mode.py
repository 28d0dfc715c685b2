"""Forward mode agrees with central differences and with reverse mode, derived from the vjp rule or given."""

import pytest
import torch
from torch.autograd import forward_ad, gradcheck
from zoo import OPERATORS, every_operator
from zoo.draw import (
    NUMERICAL,
    Case,
    as_tuple,
    check_projected,
    for_samples,
    gradients_of,
    random_like,
    samples,
    subsets,
)
from zoo.missing import is_missing, raises_missing, right_or_missing

from scitorch import operator

pytestmark = pytest.mark.usefixtures("route")


FORWARD = {"check_forward_ad": True, "check_backward_ad": False, "check_undefined_grad": False}


def check_forward(operator, sample):
    """Forward mode against central differences, of one tangent and of batches of them."""
    case = Case(operator, sample)
    if case.forward:
        with right_or_missing():
            assert gradcheck(
                case.function(case.forward),
                case.inputs(case.forward),
                **NUMERICAL,
                **FORWARD,
                check_batched_forward_grad=True,
            )


def check_forward_over_reverse(operator, sample):
    """The tangent of the gradient, in the arguments and in the incoming gradient, against central differences."""
    case = Case(operator, sample)
    if not case.reverse:
        return
    function, inputs = case.function(case.reverse), case.inputs(case.reverse)
    gradients = gradients_of(function, len(inputs))
    with right_or_missing():
        outgoing = [g.requires_grad_() for g in random_like(function(*inputs))]
        tangents(lambda *xs: [gradients(*xs)], [*inputs, *outgoing])  # gradcheck would hide what is missing
        check_projected(gradients, (*inputs, *outgoing), **FORWARD)


def check_transpose(operator, sample):
    """For every subset of moving arguments, <g, J t> = <J* g, t>."""
    case = Case(operator, sample)
    for chosen in subsets(case.reverse):
        function, inputs = case.function(chosen), case.inputs(chosen)
        results = function(*inputs)
        outgoing, moving = random_like(results), random_like(inputs)
        pulled = torch.autograd.grad(results, inputs, outgoing)
        with right_or_missing():
            torch.testing.assert_close(_inner(tangents(function, inputs, moving), outgoing), _inner(moving, pulled))


def tangents(function, inputs, moving=None):
    """Tangents of the results, by dual tensors."""
    with forward_ad.dual_level():
        pairs = zip(inputs, random_like(inputs) if moving is None else moving, strict=True)
        results = function(*[forward_ad.make_dual(x.detach(), tangent) for x, tangent in pairs])
        return [forward_ad.unpack_dual(part).tangent for part in results]


def _inner(left, right):
    return sum((a.conj() * b).real.sum() for a, b in zip(left, right, strict=True))


@every_operator
def test_forward_derivative(operator):
    for_samples(check_forward, operator)


@every_operator
def test_forward_over_reverse(operator):
    for_samples(check_forward_over_reverse, operator)


@every_operator
def test_forward_is_the_transpose_of_reverse(operator):
    for_samples(check_transpose, operator)


@every_operator
def test_func_jvp_is_the_dual_tensors(operator):
    for sample in samples(operator):
        case = Case(operator, sample)
        inputs = case.inputs(case.forward, requires_grad=False)
        if inputs:
            function = case.function(case.forward)
            values, ours = torch.func.jvp(function, inputs, random_like(inputs))
            torch.testing.assert_close(ours, tuple(tangents(function, inputs)))
            torch.testing.assert_close(values, function(*inputs))


@every_operator
def test_tangents_have_their_results_dtype_and_shape(operator):
    for sample in samples(operator):
        case = Case(operator, sample, torch.float)
        inputs = case.inputs(case.forward, requires_grad=False)
        function = case.function(case.forward)
        for tangent, result in zip(
            tangents(function, inputs) if inputs else (), function(*inputs), strict=bool(inputs)
        ):
            assert (tangent.shape, tangent.dtype) == (result.shape, result.dtype)


@every_operator
def test_no_tangent_without_a_moving_argument(operator):
    """Inside a dual level, values stay values; results that carry no derivative never have a tangent."""
    for sample in samples(operator):
        case = Case(operator, sample)
        with forward_ad.dual_level():
            assert all(forward_ad.unpack_dual(part).tangent is None for part in as_tuple(case()))


@every_operator
def test_missing_rules_raise(operator):
    for sample in samples(operator):
        case = Case(operator, sample)
        for position in case.tensors if case.differentiable else ():
            name = operator.arguments[position]
            if is_missing(operator, name) and name not in operator.rules.jvp:
                with raises_missing(operator, name):
                    tangents(case.function([position]), case.inputs([position]))


@every_operator
def test_explicit_rules_are_the_derived_ones(operator, monkeypatch):
    """Where both are there, forward mode without the explicit rules, derived from the vjp, gives the same."""
    cases = [Case(operator, sample) for sample in samples(operator)]
    explicit = [tangents(case.function(case.reverse), case.inputs(case.reverse)) for case in cases if case.reverse]
    monkeypatch.setattr(operator.rules, "jvp", {})
    derived = [tangents(case.function(case.reverse), case.inputs(case.reverse)) for case in cases if case.reverse]
    torch.testing.assert_close(explicit, derived)


def test_dual_tensor_keeps_its_primal():
    cube = OPERATORS["zoo.elementwise.cube"]
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(torch.tensor(2.0), torch.tensor(1.0))
        primal, tangent = forward_ad.unpack_dual(cube(dual))
    assert (primal, tangent) == (8, 12)


@pytest.mark.usefixtures("scratch_registry")
def test_explicit_rule_is_preferred():
    """It is what runs in forward mode, and in forward mode alone."""
    used = []
    square = operator("()->()", batch="native", name="square")(lambda x: x * x)
    square.vjp(x=lambda g, x: used.append("vjp") or 2 * g * x)
    square.jvp(x=lambda tangent, x: used.append("jvp") or 2 * tangent * x)
    x = torch.tensor(3.0)
    assert tangents(lambda x: [square(x)], [x], [torch.tensor(1.0)]) == [6]
    assert used == ["jvp"]
    torch.func.grad(square)(x)
    assert used == ["jvp", "vjp"]


@pytest.mark.usefixtures("scratch_registry")
def test_results_without_a_tangent():
    """As `torch.argmax`: nothing to differentiate, and so nothing that is missing."""
    largest = operator("(n)->()", dtype="integer", batch="native", name="largest")(lambda x: x.argmax(-1))
    x = torch.randn(3, dtype=torch.double)
    assert torch.func.jvp(largest, (x,), (x,))[0] == x.argmax()
    assert torch.equal(torch.func.jacfwd(lambda x: x * largest(x))(x), torch.eye(3).double() * x.argmax())


@pytest.mark.parametrize("autocast", [False, True])
def test_meta_tensors(autocast):
    x = torch.empty(3, device="meta")
    square = OPERATORS["zoo.elementwise.cube"]
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        assert torch.func.jvp(square, (x,), (x,))[1].shape == (3,)
        assert torch.func.hessian(lambda x: square(x).sum())(x).shape == (3, 3)
        assert torch.autograd.grad(square(x.requires_grad_()).sum(), x)[0].device.type == "meta"
