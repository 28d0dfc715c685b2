"""`scitorch.check`: what it takes, what it refuses, and that its reference can be trusted."""

import importlib
import math

import numpy as np
import pytest
import torch

import scitorch
from scitorch import check, errors
from scitorch.checker.comparison import agrees, tolerance
from scitorch.checker.reference import Reference
from scitorch.checker.target import Target

D = torch.float64


def test_public_names():
    assert scitorch.gradcheck is torch.autograd.gradcheck
    assert scitorch.gradgradcheck is torch.autograd.gradgradcheck
    assert importlib.import_module("scitorch.checker").check is scitorch.check
    assert callable(scitorch.check), "importing the package must not take the function's place"


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * g * x**2


@torch.library.custom_op("scitorch_tests::cube", mutates_args=())
def custom_cube(x: torch.Tensor) -> torch.Tensor:
    return x**3


custom_cube.register_fake(torch.empty_like)
custom_cube.register_autograd(
    lambda ctx, g: 3 * g * ctx.saved_tensors[0] ** 2,
    setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs),
)


class Scale(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.factor = torch.nn.Parameter(torch.tensor([1.5, -2.0]))
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        return x * self.factor


@pytest.mark.parametrize(
    ("fn", "name", "arguments"),
    [
        (Cube, "Cube", ("x",)),
        (Cube.apply, "Cube", ("x",)),
        (custom_cube, "scitorch_tests::cube", ("x",)),
        (Scale(), "Scale", ("x", "factor")),
        (scitorch.tutorial.mul_constant, "mul_constant", ("tensor",)),
        (lambda signal: signal.sin(), "<lambda>", ("signal",)),
        (torch.sin, "sin", ("input0",)),
    ],
    ids=["Function", "apply", "custom_op", "module", "operator", "lambda", "builtin"],
)
def test_whatever_is_differentiable_can_be_checked(fn, name, arguments):
    options = {"kwargs": {"constant": 2.0}} if name == "mul_constant" else {}
    report = check(fn, torch.randn(3, 2), compiler=None, **options)
    gradients = [row for row in report.rows if row.property == "gradient"]
    assert (report.name, tuple(row.argument for row in gradients)) == (name, arguments)
    assert all(row.status == "right" for row in gradients)


def test_a_modules_buffers_are_left_alone():
    module = Scale()
    check(module, torch.randn(2), mode="quick")
    assert module.calls == 0
    assert module.factor.grad is None


def test_nested_inputs_are_found_by_path():
    report = check(lambda pair: pair[0] * pair[1]["b"], (torch.randn(2), {"b": torch.randn(2)}), mode="quick")
    assert {row.argument for row in report.rows if row.property == "gradient"} == {"pair[0]", "pair[1]['b']"}


def test_only_what_requires_grad_is_differentiated_if_anything_does():
    x, y = torch.randn(2, requires_grad=True), torch.randn(2)
    report = check(lambda x, y: x * y.detach(), x, y, mode="quick")
    assert report.ok
    assert {row.argument for row in report.rows if row.property == "gradient"} == {"x"}


def test_global_random_numbers_are_left_alone():
    before = torch.random.get_rng_state()
    check(torch.sin, torch.randn(2, generator=torch.Generator().manual_seed(1)), mode="quick")
    assert torch.equal(before, torch.random.get_rng_state())


def test_the_same_seed_gives_the_same_figures():
    wrong = lambda x: (2 * x - x.detach()).sin()
    x = torch.randn(3)
    first, second = (check(wrong, x, mode="quick", seed=3) for _ in range(2))
    assert [f.got for f in first.findings] == [f.got for f in second.findings]
    assert first.findings


def _changing():
    sizes = iter([2, 3])
    return lambda x: x[: next(sizes)] * 2


def _raises(x):
    raise ZeroDivisionError("by nothing")


@pytest.mark.parametrize(
    ("fn", "inputs", "error", "sentence"),
    [
        (
            torch.sin,
            [],
            errors.ArgumentError,
            "sin, inputs: expected a tensor of floating or complex numbers, got no tensor",
        ),
        (torch.sin, [2.0], errors.ArgumentError, "got no tensor"),
        (lambda n: n * 2, [torch.arange(3)], errors.ArgumentError, "got only n: torch.int64"),
        (
            torch.sin,
            [torch.tensor([1.0, math.nan])],
            errors.ArgumentError,
            "expected finite numbers, got NaN or infinity",
        ),
        (torch.sin, [torch.eye(2).to_sparse()], errors.ArgumentError, "expected a dense tensor"),
        (3, [torch.ones(2)], errors.ArgumentError, "expected a function, operator or module, got a int"),
        (_raises, [torch.ones(2)], errors.CheckError, "got ZeroDivisionError: by nothing"),
        (lambda x: x.detach().numpy(), [torch.ones(2)], errors.CheckError, "expected tensors, got ndarray"),
        (lambda x: None, [torch.ones(2)], errors.CheckError, "expected a tensor, got None"),
        (lambda x: x > 0, [torch.ones(2)], errors.CheckError, "got torch.bool"),
        (lambda x: x.sum().item(), [torch.ones(2)], errors.CheckError, "got float"),
        (
            _changing(),
            [torch.ones(4)],
            errors.CheckError,
            "expected the same shapes in every call, got [(2,)], then [(3,)]",
        ),
    ],
)
def test_bad_input_gets_one_clear_error(fn, inputs, error, sentence):
    with pytest.raises(error) as caught:
        check(fn, *inputs)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ({"mode": "fast"}, '"full" or "quick"'),
        ({"order": 0}, "at least 1"),
        ({"order": True}, "at least 1"),
        ({"compiler": "gcc"}, "aot_eager"),
    ],
)
def test_options_that_are_none(option, expected):
    with pytest.raises(errors.ArgumentError) as caught:
        check(torch.sin, torch.ones(2), **option)
    assert expected in caught.value.expected


CURVES = {
    "analytic": (torch.sin, torch.linspace(-2, 2, 5, dtype=D), torch.cos),
    "not analytic": (
        torch.erf,
        torch.linspace(-2, 2, 5, dtype=D),
        lambda x: 2 / math.sqrt(math.pi) * torch.exp(-(x**2)),
    ),
    "absolute value": (torch.abs, torch.tensor([-2.0, 1e-3, 5.0], dtype=D), torch.sign),
    "small and large": (torch.log, torch.tensor([1e-8, 1.0, 1e8], dtype=D), torch.reciprocal),
    "fast": (
        lambda x: torch.erf(1e6 * x),
        torch.tensor([1e-6, 3e-7], dtype=D),
        lambda x: 2e6 / math.sqrt(math.pi) * torch.exp(-((1e6 * x) ** 2)),
    ),
    "at the edge of its domain": (
        torch.erfinv,
        torch.tensor([1 - 1e-6, 0.5], dtype=D),
        lambda x: math.sqrt(math.pi) / 2 * torch.exp(torch.erfinv(x) ** 2),
    ),
    "large offset": (
        lambda x: torch.erf(x) + 1e6,
        torch.tensor([0.3, 1.0], dtype=D),
        lambda x: 2 / math.sqrt(math.pi) * torch.exp(-(x**2)),
    ),
    "in single precision": (
        lambda x: torch.erf(x.float()).double(),
        torch.tensor([0.3, 1.0], dtype=D),
        lambda x: 2 / math.sqrt(math.pi) * torch.exp(-(x**2)),
    ),
    "zero": (torch.sin, torch.zeros(3, dtype=D), torch.cos),
    "constant": (lambda x: x * 0 + 1, torch.ones(3, dtype=D), torch.zeros_like),
    "staircase": (torch.floor, torch.tensor([0.3, 2.5], dtype=D), torch.zeros_like),
}


@pytest.mark.parametrize("name", CURVES)
def test_the_reference_is_right_and_knows_its_error(name):
    function, x, derivative = CURVES[name]
    reference = Reference(Target(function, [x], {}).wide())
    g = torch.linspace(1, 2, x.numel(), dtype=D)
    value, error = reference.pull(0, [g])
    assert agrees(g * derivative(x), value, tolerance(g * derivative(x), error))
    if name != "in single precision":
        assert bool((error <= 1e-5 * (1 + value.abs())).all()), "an error that size would hide mistakes"


def test_the_reference_of_complex_numbers_has_pytorchs_convention():
    z = torch.randn(4, dtype=torch.complex128)
    subject = Target(lambda z: z.conj() * z * z, [z], {}).wide()
    g = torch.randn(4, dtype=torch.complex128)
    value, error = Reference(subject).pull(0, [g])
    (expected,) = subject.pull([g])
    assert expected is not None
    assert agrees(expected, value, tolerance(expected, error))


def test_complex_steps_are_taken_only_in_arguments_that_the_function_is_analytic_in():
    signal, filter = torch.randn(5, dtype=D), torch.randn(5, dtype=D)
    subject = Target(lambda signal, filter: signal * filter.conj(), [signal, filter], {}).wide()
    reference, g = Reference(subject), torch.randn(5, dtype=D)
    reference.push([signal, torch.zeros_like(filter)])
    torch.testing.assert_close(reference.pull(1, [g])[0], g * signal)


def test_a_jacobian_too_large_to_keep_is_projected(monkeypatch):
    monkeypatch.setattr("scitorch.checker.reference.JACOBIAN_ELEMENTS", 1)
    x = torch.randn(3, 2, dtype=D)
    subject = Target(lambda x: torch.softmax(x, -1), [x], {}).wide()
    g = torch.randn(3, 2, dtype=D)
    value, error = Reference(subject).pull(0, [g])
    (expected,) = subject.pull([g])
    assert expected is not None
    assert agrees(expected, value, tolerance(expected, error))


def test_one_sided_slopes_at_a_kink():
    subject = Target(torch.abs, [torch.tensor([0.0, 2.0], dtype=D)], {}).wide()
    right, left = Reference(subject).one_sided(0, [torch.ones(2, dtype=D)])
    np.testing.assert_allclose(right, [1, 1], atol=1e-6)
    np.testing.assert_allclose(left, [-1, 1], atol=1e-6)


def test_higher_orders_are_checked_when_asked_for():
    rows = check(torch.sin, torch.randn(3), order=4, mode="quick").rows
    assert [row.argument for row in rows if row.argument.startswith("order")] == ["order 3", "order 4"]
    assert not any(row.property == "double backward" for row in check(torch.sin, torch.randn(3), order=1).rows)


def test_upstream_faults_are_told_from_the_users():
    report = check(torch.linalg.det, torch.randn(3, 3), compiler=None)
    assert {f.cause for f in report.findings} <= {"upstream"}
    mine = check(lambda x: torch.linalg.det(x).detach() * x.sum(), torch.randn(3, 3), mode="quick")
    assert {f.cause for f in mine.findings} == {"detached"}


def test_a_large_argument_is_looked_at_in_part():
    x = torch.randn(80, 80)
    assert check(lambda x: x.sin().cumsum(0), x, mode="quick").ok
    wrong = check(lambda x: 2 * x.sin() - x.sin().detach(), x, mode="quick")
    assert [f.cause for f in wrong.findings] == ["detached"]
    assert len(wrong.findings[0].expected_values) == 256


BEFORE = {"precision", "side effects", "deterministic"}


def test_a_non_deterministic_function_is_checked_no_further():
    report = check(lambda x: x * torch.rand(3), torch.ones(3))
    assert [f.cause for f in report.findings] == ["non-deterministic"]
    assert all(row.status == "skipped" for row in report.rows if row.property not in BEFORE)


CUT = {
    "detach": lambda x: x * x.sum().detach(),
    "data": lambda x: x * x.data.sum(),
    "item": lambda x: x * x.sum().item(),
    "torch.tensor": lambda x: x * torch.tensor(x.sum().item()),
    "no_grad": torch.no_grad()(lambda x: x * 2),
    "whole": lambda x: x.detach() * 2,
}


@pytest.mark.parametrize("how", CUT)
def test_a_path_that_was_cut_is_told_from_a_wrong_rule(how):
    report = check(CUT[how], torch.randn(3), mode="quick")
    assert {f.cause for f in report.findings} - {"aliases its input"} == {"detached"}


def test_a_function_that_writes_into_its_input_moves_nothing():
    x = torch.randn(3)
    before = x.clone()
    report = check(lambda x: x.detach().mul_(2) + 0 * x, x, mode="quick")
    assert "mutates its input" in {f.cause for f in report.findings}
    assert "non-deterministic" not in {f.cause for f in report.findings}
    assert torch.equal(x, before)


def test_where_everything_cancels_rounding_is_no_mistake():
    assert check(torch.nn.LayerNorm(4), torch.randn(3, 4), mode="full", compiler=None, order=1).ok


def test_a_result_that_is_constant_may_have_a_dtype_of_its_own():
    assert check(lambda x: (torch.ones(3), x.sum()), torch.randn(3), compiler=None).ok


def test_what_raises_is_no_mistake_but_a_row_that_says_so():
    report = check(Cube, torch.randn(3), compiler=None)
    assert report.ok
    (row,) = {row.detail for row in report.rows if row.property == "forward mode"}
    assert "NotImplementedError" in row


def test_a_function_of_single_precision_alone_is_held_against_its_own():
    def single(x):
        assert x.dtype == torch.float32
        return x.exp()

    report = check(single, torch.randn(3), compiler=None)
    assert report.ok
    assert report.rows[0].status == "skipped"
    assert "AssertionError" in report.rows[0].detail
    assert not check(lambda x: single(x) + single(x).detach(), torch.randn(3), mode="quick").ok


def test_a_function_that_reads_one_triangle_is_told_from_a_wrong_one():
    a = torch.randn(3, 3, dtype=D)
    report = check(torch.linalg.cholesky, a @ a.mT + torch.eye(3), mode="quick", order=1)
    assert report.findings[0].cause == "symmetric part"
    assert check(lambda a: torch.linalg.cholesky((a + a.mT) / 2), a @ a.mT + torch.eye(3), mode="quick", order=1).ok


def test_what_differences_cannot_tell_is_not_called_right():
    nowhere = check(lambda x: torch.log(x), torch.tensor([-1.0, -2.0]), compiler=None, order=1)
    assert {row.status for row in nowhere.rows if row.property in {"gradient", "forward mode"}} == {"skipped"}
    partly = check(torch.asin, torch.tensor([0.5, 1.0]), compiler=None, order=1)  # at the edge of its domain
    (row,) = [row for row in partly.rows if row.property == "gradient"]
    assert row.status == "right"
    assert "without a reference" in row.detail
