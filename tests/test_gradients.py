"""Gradients are right to every order; where a rule is missing, or has run NumPy, the derivative raises."""

import pytest
import torch
from torch.autograd import gradcheck
from zoo import OPERATORS, every_operator, reference_of
from zoo.draw import (
    NUMERICAL,
    Case,
    as_tuple,
    carries_gradient,
    check_projected,
    for_samples,
    gradients_of,
    random_like,
    samples,
    square,
    subsets,
    tolerance,
)
from zoo.missing import is_missing, raises_missing, right_or_missing
from zoo.references import REFERENCES

from scitorch import operator, zero

pytestmark = pytest.mark.usefixtures("route")

with_reference = pytest.mark.parametrize("name", REFERENCES)


def close(ours, theirs, order=1):
    """Each further order costs a digit."""
    for a, b in zip(ours, theirs, strict=True):
        bounds = {name: 10**order * bound for name, bound in tolerance(b.dtype.to_real()).items()}
        torch.testing.assert_close(a, b, **bounds)


def check_gradient(operator, sample):
    """Reverse mode against central differences, undefined incoming gradients included."""
    case = Case(operator, sample)
    if case.reverse:
        assert gradcheck(case.function(case.reverse), case.inputs(case.reverse), **NUMERICAL)


def check_second_order(operator, sample):
    """The derivative of the gradient against central differences of the gradient, or a missing rule named."""
    case = Case(operator, sample)
    if not case.reverse:
        return
    function, inputs = case.function(case.reverse), case.inputs(case.reverse)
    with right_or_missing():
        _through_two_orders(function, inputs)
        outgoing = random_like(function(*inputs))
        outgoing = [g.requires_grad_() for g in outgoing]
        check_projected(gradients_of(function, len(inputs)), (*inputs, *outgoing))


def _through_two_orders(function, inputs):
    """Raise at once what gradgradcheck would say in other words."""
    first = torch.autograd.grad(square(function(*inputs)), inputs, create_graph=True)
    if square(first).requires_grad:
        torch.autograd.grad(square(first), inputs, allow_unused=True)


def check_orders_of_reference(operator, sample, orders=3):
    """Plain autograd through autograd, as often as asked, against the reference."""
    case = Case(operator, sample)
    if case.reverse:
        with right_or_missing():
            ours = _repeated_gradients(case.function(case.reverse), case.inputs(case.reverse), orders)
            theirs = _repeated_gradients(
                case.function(case.reverse, reference_of(operator)), case.inputs(case.reverse), orders
            )
            for order, (a, b) in enumerate(zip(ours, theirs, strict=True), 1):
                close(a, b, order)


def _repeated_gradients(function, inputs, orders):
    """The gradient of a number, the gradient of the square of that gradient, and so on."""
    results = [function(*inputs)]
    for _ in range(orders):
        value = square(results[-1])
        if not value.requires_grad:
            return results[1:]
        gradients = torch.autograd.grad(value, inputs, create_graph=True, allow_unused=True, materialize_grads=True)
        results.append(gradients)
    return results[1:]


def check_subsets(operator, sample):
    """Whichever arguments need a gradient get the one they have when all do; only what their rules name is saved."""
    case = Case(operator, sample)
    if not case.reverse:
        return
    outgoing = random_like(case.function(case.reverse)(*case.inputs(case.reverse)))
    full = dict(zip(case.reverse, _gradients(case, case.reverse, outgoing)[0], strict=True))
    for chosen in subsets(case.reverse):
        gradients, saved = _gradients(case, chosen, outgoing)
        # To rounding: a joint rule may give along what a rule of its own works out otherwise.
        torch.testing.assert_close(gradients, tuple(full[k] for k in chosen), rtol=1e-10, atol=1e-12)
        assert saved == _named_by_rules(case, chosen)


def _gradients(case, positions, outgoing):
    """Gradients of some arguments, and how many tensors were saved for them."""
    saved, inputs = [], case.inputs(positions)
    with torch.autograd.graph.saved_tensors_hooks(lambda x: saved.append(x) or x, lambda x: x):
        results = case.function(positions)(*inputs)
    assert all(part.requires_grad for part in results)
    return torch.autograd.grad(results, inputs, outgoing), len(saved)


def _named_by_rules(case, positions):
    operator = case.operator
    chosen = {operator.arguments[k] for k in positions}
    joint = [rule for rule in operator.rules.together if chosen.issuperset(rule.joint)]
    alone = chosen.difference(*(rule.joint for rule in joint))
    rules = joint + [operator.rules.vjp[name] for name in alone]
    names = {name for rule in rules if rule is not zero for name in rule.names}
    given = operator.defaults | dict(zip(operator.arguments, case.arguments, strict=False))
    present = [name for name in names if given.get(name) is not None]
    return len(present) + ("out" in names) * operator.output_count


def check_incoming(operator, sample):
    """An incoming gradient may be undefined, expanded, transposed, conjugate or negative: its values alone count."""
    case = Case(operator, sample)
    if not case.reverse:
        return
    function, inputs = case.function(case.reverse), case.inputs(case.reverse)

    def pull(outgoing):
        return torch.autograd.grad(function(*inputs), inputs, outgoing)

    full = random_like(function(*inputs))
    for change in (_transposed, torch.conj, lambda g: torch._neg_view(-g), lambda g: g.new_ones(()).expand(g.shape)):
        close(pull([change(g) for g in full]), pull([_settled(change(g)) for g in full]))
    for k, g in enumerate(full):
        alone = torch.autograd.grad(function(*inputs)[k], inputs, g, allow_unused=True, materialize_grads=True)
        close(alone, pull([part if part is g else torch.zeros_like(part) for part in full]))


def _transposed(g):
    """The same values behind reversed strides."""
    reverse = tuple(reversed(range(g.dim())))
    return g.permute(reverse).contiguous().permute(reverse)


def _settled(g):
    """The same values as an ordinary tensor."""
    return g.resolve_conj().resolve_neg().clone(memory_format=torch.contiguous_format)


def check_special_gradient(operator, sample):
    """At special points a limit comes out, or a subgradient, and no NaN."""
    case = Case(operator, sample)
    inputs = case.inputs(case.reverse)
    value = square(case.function(case.reverse)(*inputs))
    assert all(g.isfinite().all() for g in (torch.autograd.grad(value, inputs) if inputs else ()))


@every_operator
def test_gradient(operator):
    for_samples(check_gradient, operator)


@every_operator
def test_second_order(operator):
    for_samples(check_second_order, operator)


@with_reference
def test_orders_up_to_three_are_the_references(name):
    for_samples(check_orders_of_reference, OPERATORS[name])


@every_operator
def test_every_subset_of_arguments(operator):
    for_samples(check_subsets, operator)


@every_operator
def test_incoming_gradients_of_every_kind(operator):
    for_samples(check_incoming, operator)


@every_operator
def test_gradient_at_special_points(operator):
    for_samples(check_special_gradient, operator, kind="special")


@every_operator
def test_results_require_grad_only_if_they_can_carry_one(operator):
    for sample in samples(operator):
        case = Case(operator, sample)
        arguments = [x.requires_grad_() if torch.is_tensor(x) else x for x in case.arguments]
        for part in as_tuple(operator(*arguments, **case.static)):
            assert part.requires_grad == carries_gradient(part)
            assert part.is_leaf != carries_gradient(part)


@every_operator
def test_missing_rules_raise(operator):
    """The call works, the derivative raises; arguments that have a rule aren't concerned."""
    for sample in samples(operator):
        case = Case(operator, sample)
        missing = [k for k in case.tensors if is_missing(operator, operator.arguments[k])]
        for position in missing if case.differentiable else ():
            (x,) = case.inputs([position])
            results = case.function([position])(x)
            with raises_missing(operator, operator.arguments[position]):
                torch.autograd.grad(square(results), x)


@every_operator
def test_zero_is_a_tensor_of_zeros(operator):
    for sample in samples(operator):
        case = Case(operator, sample)
        for position in case.reverse:
            if operator.rules.vjp[operator.arguments[position]] is zero:
                (x,) = case.inputs([position])
                (gradient,) = torch.autograd.grad(square(case.function([position])(x)), x)
                assert torch.equal(gradient, torch.zeros_like(x))


def test_second_derivative_through_a_kernel_without_rules_raises():
    """As opposed to NumPy by hand in a backward pass, which gives a silent zero."""
    once, kernel = OPERATORS["zoo.elementwise.once"], OPERATORS["zoo.elementwise.cosine_by_kernel"]
    x = torch.randn(3, dtype=torch.double, requires_grad=True)
    (first,) = torch.autograd.grad(once(x, 2.0).sum(), x, create_graph=True)
    with raises_missing(kernel, "x"):
        torch.autograd.grad(first.sum(), x)


@pytest.mark.usefixtures("scratch_registry")
def test_joint_rule_runs_once():
    runs = []
    pair = operator("(),()->()", batch="native", name="pair")(lambda a, b: a * b)
    pair.vjp(lambda g, a, b: runs.append(1) or {"a": g * b, "b": g * a})
    a, b = (torch.tensor(value, requires_grad=True) for value in (2.0, 3.0))
    assert torch.autograd.grad(pair(a, b), (a, b)) == (3, 2)
    assert runs == [1]


@pytest.mark.usefixtures("scratch_registry")
def test_what_a_joint_rule_gives_along():
    """It is taken where the joint rule runs anyway; else the argument's own rule is."""
    runs = []
    product = operator("(),(),()->()", batch="native", name="product")(lambda a, b, c: a * b * c)
    product.vjp(c=lambda g, a, b: runs.append("c") or g * a * b)
    product.vjp("a", "b")(lambda g, a, b, c: runs.append("joint") or {"a": g * b * c, "b": g * a * c, "c": g * a * b})
    a, b, c = (torch.tensor(value, requires_grad=True) for value in (2.0, 3.0, 5.0))
    assert torch.autograd.grad(product(a, b, c), (a, b, c)) == (15, 10, 6)
    assert torch.autograd.grad(product(a.detach(), b.detach(), c), c) == (6,)
    assert runs == ["joint", "c"]


@pytest.mark.usefixtures("scratch_registry")
def test_it_may_give_what_stands_before():
    runs = []
    product = operator("(),()->()", batch="native", name="product")(lambda a, b: a * b)
    product.vjp(a=lambda g, b: runs.append("a") or g * b)
    product.vjp("b")(lambda g, a, b: runs.append("joint") or {"a": g * b, "b": g * a})
    a, b = (torch.tensor(value, requires_grad=True) for value in (2.0, 3.0))
    assert torch.autograd.grad(product(a, b), (a, b)) == (3, 2)
    assert torch.autograd.grad(product(a, b.detach()), a) == (3,)
    assert runs == ["joint", "a"]


@pytest.mark.usefixtures("scratch_registry")
def test_a_rule_named_again_goes_before_what_a_joint_rule_gives():
    pair = operator("(),()->()", batch="native", name="pair")(lambda a, b: a * b)
    pair.vjp(lambda g, a, b: {"a": g * b, "b": g * float("nan")})
    pair.vjp(b=lambda g, a: g * a)
    a, b = (torch.tensor(value, requires_grad=True) for value in (2.0, 3.0))
    assert torch.autograd.grad(pair(a, b), (a, b)) == (3, 2)


@pytest.mark.usefixtures("scratch_registry")
def test_a_joint_rule_beside_own_ones():
    """It is taken where all that it is named for need a gradient, until one of them gets another rule."""
    runs = []
    product = operator("(),(),()->()", batch="native", name="product")(lambda a, b, c: a * b * c)
    product.vjp(a=lambda g, b, c: runs.append("a") or g * b * c, b=lambda g, a, c: runs.append("b") or g * a * c)
    product.vjp(c=lambda g, a, b: runs.append("c") or g * a * b)
    product.joint_vjp("a", "b")(lambda g, a, b, c: runs.append("both") or {"a": g * b * c, "b": g * a * c})
    a, b, c = (torch.tensor(value, requires_grad=True) for value in (2.0, 3.0, 5.0))
    assert torch.autograd.grad(product(a, b, c), (a, b, c)) == (15, 10, 6)
    assert torch.autograd.grad(product(a, b.detach(), c), (a, c)) == (15, 6)
    assert torch.autograd.grad(product(a.detach(), b, c.detach()), b) == (10,)
    assert runs == ["both", "c", "a", "c", "b"]
    product.vjp(b=lambda g, a, c: 7 * g * a * c)
    assert torch.autograd.grad(product(a, b, c), (a, b)) == (15, 70)


@pytest.mark.usefixtures("scratch_registry")
def test_joint_rules_of_all_arguments_and_in_each_others_place():
    pair = operator("(),()->()", batch="native", name="pair")(lambda a, b: a * b)
    pair.vjp(a=lambda g, b: g * b, b=lambda g, a: g * a)
    a, b = (torch.tensor(value, requires_grad=True) for value in (2.0, 3.0))
    for factor in (3, 5):
        pair.joint_vjp()(lambda g, a, b, factor=factor: {"a": factor * g * b, "b": factor * g * a})
        assert torch.autograd.grad(pair(a, b), (a, b)) == (factor * 3, factor * 2)
    pair.vjp(lambda g, a, b: {"a": 7 * g * b, "b": 7 * g * a})
    assert torch.autograd.grad(pair(a, b), (a, b)) == (21, 14)


def test_retained_and_accumulated_gradients():
    """Several backward passes over one graph, into the `grad` of a leaf."""
    cube = OPERATORS["zoo.elementwise.cube"]
    x = torch.tensor(2.0, requires_grad=True)
    y = cube(x) + cube(x)
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad == 48


def test_saved_tensors_follow_in_place_changes():
    """A saved tensor that was written to since raises, as everywhere in torch."""
    cube = OPERATORS["zoo.elementwise.cube"]
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x.clone()
    result = cube(y).sum()
    y.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        result.backward()


def test_double_backward_over_an_empty_batch():
    x = torch.empty(0, 3, dtype=torch.double, requires_grad=True)
    (first,) = torch.autograd.grad(OPERATORS["zoo.elementwise.cube"](x).sum(), x, create_graph=True)
    assert torch.autograd.grad(first.sum(), x)[0].shape == (0, 3)
