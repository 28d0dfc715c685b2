"""Around an operator: checkpoints, hooks, inference mode, autocast, anomaly mode, profilers, hardware settings."""

import gc
import itertools
import weakref

import numpy as np
import pytest
import torch
from torch.utils.checkpoint import checkpoint
from zoo import elementwise, every_operator, matrices
from zoo.draw import Case, as_tuple, for_samples, square

from scitorch import nn, operator
from scitorch.core.errors import DerivativeError
from scitorch.tutorial import convolve_full, correlate_bias, correlate_valid, linear_op, mul_constant

pytestmark = pytest.mark.usefixtures("route")


numbers = itertools.count()


def randn(*shape, **options):
    return torch.randn(*shape, dtype=torch.double, **options)


def gradients(case, call=lambda function, *inputs: function(*inputs)):
    inputs = case.inputs(case.reverse)
    if inputs:
        square(call(case.function(case.reverse), *inputs)).backward()
    return [x.grad for x in inputs]


def define(kernel):
    return operator("()->()", batch="native", args="x", name=f"surrounded_{next(numbers)}")(kernel)


# Memory


@pytest.mark.parametrize("reentrant", [False, True], ids=["saved hooks", "reentrant"])
@every_operator
def test_checkpointing(operator, reentrant):
    for_samples(check_checkpointing, operator, reentrant)


def check_checkpointing(operator, sample, reentrant):
    case = Case(operator, sample)
    recomputed = gradients(case, lambda f, *x: checkpoint(f, *x, use_reentrant=reentrant))
    torch.testing.assert_close(recomputed, gradients(case))


@every_operator
def test_saved_tensors_hooks(operator):
    for_samples(check_saved_tensors_hooks, operator)


def check_saved_tensors_hooks(operator, sample):
    case = Case(operator, sample)

    def through_lists(function, *inputs):
        with torch.autograd.graph.saved_tensors_hooks(lambda x: (x.tolist(), x.dtype, x.shape), unpacked):
            return function(*inputs)

    torch.testing.assert_close(gradients(case, through_lists), gradients(case))


def unpacked(packed):
    values, dtype, shape = packed
    return torch.tensor(values, dtype=dtype).reshape(shape)


def saved(call):
    """What a call keeps for its backward pass."""
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x) or x, lambda x: x):
        result = call()
    return [x.data_ptr() for x in kept], result


def test_only_what_a_rule_names_is_saved():
    image, filter, bias = (randn(*s).requires_grad_() for s in [(4, 4), (2, 2), (1, 1)])
    cases = [
        (lambda: correlate_bias(image, filter, bias), [image, filter]),
        (lambda: correlate_bias(image, filter.detach(), bias), [filter]),
        (lambda: correlate_bias(image.detach(), filter, bias), [image]),
        (lambda: correlate_bias(image.detach(), filter.detach(), bias), []),
        (lambda: correlate_bias(image.detach(), filter.detach(), bias.detach()), []),
        (lambda: mul_constant(image, constant=2.0), []),
    ]
    for call, expected in cases:
        assert sorted(saved(call)[0]) == sorted(x.data_ptr() for x in expected)


def test_a_saved_result_is_the_result():
    x = randn(3).requires_grad_()
    kept, result = saved(lambda: elementwise.exponential(x))
    assert kept == [result.data_ptr()]


def test_nothing_lives_longer_than_the_graph():
    x = randn(3).requires_grad_()
    hidden = x * 2
    result = elementwise.exponential(elementwise.cube(hidden)).sum()
    dead = [weakref.ref(hidden)]
    result.backward()
    del hidden, result
    gc.collect()
    assert dead[0]() is None


def test_a_saved_input_that_is_changed_is_noticed():
    x = randn(3).requires_grad_()
    hidden = x * 2
    result = elementwise.cube(hidden)
    hidden.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        result.sum().backward()


def test_a_second_backward_pass_through_a_freed_graph():
    result = elementwise.cube(randn(3).requires_grad_()).sum()
    result.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        result.backward()


# Modes


@every_operator
def test_no_grad_and_inference_mode(operator):
    for_samples(check_no_grad_and_inference_mode, operator)


def check_no_grad_and_inference_mode(operator, sample):
    case, expected = Case(operator, sample), as_tuple(Case(operator, sample)())
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            inputs = case.inputs(case.tensors)
            results = case.function(case.tensors)(*inputs)
            assert not any(r.requires_grad for r in results)
            assert all(r.is_inference() == torch.is_inference_mode_enabled() for r in results)
            torch.testing.assert_close(as_tuple(case()), expected)


def test_inference_tensors_outside_inference_mode():
    with torch.inference_mode():
        image, filter = randn(4, 4), randn(2, 2)
    normal = image.clone().requires_grad_()
    torch.testing.assert_close(correlate_valid(image, filter), correlate_valid(normal.detach(), filter.clone()))
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        correlate_valid(normal, filter).sum().backward()


AUTOCAST = pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])


@AUTOCAST
def test_autocast_computes_in_float32(dtype):
    x, weight = torch.randn(3, 4, requires_grad=True), torch.randn(2, 4, requires_grad=True)
    expected = linear_op(x, weight)
    with torch.autocast("cpu", dtype):
        assert (x @ x.mT).dtype == dtype
        result = linear_op(x, weight)
        half = linear_op(x.to(dtype), weight.to(dtype))
        inside = torch.autograd.grad(result.sum(), (x, weight), retain_graph=True)
    assert (result.dtype, half.dtype) == (torch.float32, torch.float32)
    torch.testing.assert_close(result, expected)
    outside = torch.autograd.grad(result.sum(), (x, weight))
    exact = torch.autograd.grad(expected.sum(), (x, weight))
    torch.testing.assert_close(inside, exact)
    torch.testing.assert_close(outside, exact)


@AUTOCAST
def test_autocast_in_training(dtype):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), nn.Linear(4, 2))
    x = torch.randn(3, 4)
    with torch.autocast("cpu", dtype):
        loss = model(x).square().mean()
    loss.backward()
    rough = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    model(x).square().mean().backward()
    torch.testing.assert_close(rough, [p.grad for p in model.parameters()], rtol=0.1, atol=0.05)


def test_autocast_under_transforms_and_in_forward_mode():
    x, t, weight = torch.randn(3, 4), torch.randn(3, 4), torch.randn(2, 4)
    exact = linear_op(t, weight)
    with torch.autocast("cpu", torch.bfloat16):
        value, tangent = torch.func.jvp(lambda x: linear_op(x, weight), (x,), (t,))
        batched = torch.func.vmap(linear_op, (0, None))(torch.stack([x, t]), weight)
    assert (value.dtype, tangent.dtype, batched.dtype) == (torch.float32,) * 3
    torch.testing.assert_close(tangent, exact)
    torch.testing.assert_close(batched[1], exact)


def test_default_dtype():
    torch.set_default_dtype(torch.float64)
    try:
        assert elementwise.cube(torch.arange(3)).dtype == torch.float64
        assert elementwise.cube(2).dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert elementwise.cube(torch.arange(3)).dtype == torch.float32


def test_default_device():
    with torch.device("meta"):
        assert elementwise.cube(torch.ones(3, device="cpu")).device.type == "cpu"
        assert elementwise.affine(torch.ones(3, device="cpu"), 1.0, 2.0).tolist() == [3.0] * 3


# What PyTorch tells its user


def test_anomaly_mode_names_the_operator():
    root = define(np.sqrt).partials(x=lambda out: 0 / (out - out))
    with (
        pytest.warns(UserWarning, match="Anomaly Detection"),
        torch.autograd.detect_anomaly(),
        pytest.warns(UserWarning, match="Error detected in"),
        pytest.raises(RuntimeError, match=f"Function '.*{root.name}Backward' returned nan values"),
    ):
        root(torch.ones(2, requires_grad=True)).sum().backward()


def test_profiles_and_graphs_name_the_operator():
    x = randn(4, 4).requires_grad_()
    result = correlate_valid(x, x[:2, :2])
    assert "correlate_valid" in result.grad_fn.name()
    with torch.profiler.profile() as profile:
        correlate_valid(x, x[:2, :2]).sum().backward()
    assert any("correlate_valid" in event.key for event in profile.key_averages())


def test_tensor_hooks_and_retained_gradients():
    x, seen = randn(3).requires_grad_(), []
    y = elementwise.cube(x)
    y.retain_grad()
    y.register_hook(seen.append)
    y.grad_fn.register_hook(lambda inputs, outputs: seen.append(outputs[0]))
    y.sum().backward()
    assert len(seen) == 2
    torch.testing.assert_close(x.grad, 3 * x.detach() ** 2)
    torch.testing.assert_close(y.grad, torch.ones(3).double())


def test_results_may_be_changed_in_place():
    x = randn(3).requires_grad_()
    y = elementwise.cube(x)
    y.mul_(2)
    y[0] = 0
    y.sum().backward()
    torch.testing.assert_close(x.grad, 6 * x.detach() ** 2 * torch.tensor([0, 1, 1]))


def test_functional_jacobians_and_batched_gradients():
    A = torch.eye(2).double() * 2 + 0.1
    vectorized, looped = (torch.autograd.functional.jacobian(matrices.sqrtm, A, vectorize=v) for v in (True, False))
    forward = torch.autograd.functional.jacobian(matrices.sqrtm, A, vectorize=True, strategy="forward-mode")
    torch.testing.assert_close(vectorized, looped)
    torch.testing.assert_close(forward, looped)
    assert torch.autograd.functional.hessian(lambda x: convolve_full(x, x).sum(), A, vectorize=True).shape == (2,) * 4


def test_errors_in_rules_leave_pytorch_usable():
    broken = define(np.copy).vjp(x=lambda g: g[None])
    for attempt in (torch.func.grad, torch.func.hessian, lambda f: torch.func.vmap(torch.func.grad(f))):
        with pytest.raises(DerivativeError):
            attempt(lambda x: broken(x).sum())(randn(3))
    with torch.autograd.forward_ad.dual_level(), pytest.raises(DerivativeError):
        broken(torch.autograd.forward_ad.make_dual(randn(3), randn(3)))
    torch.testing.assert_close(
        torch.func.grad(lambda x: elementwise.cube(x).sum())(torch.ones(2)), torch.tensor([3.0, 3])
    )
