"""What `scitorch.check` says where there is little to say: cancellation, NaN, a part that it doesn't look at."""

import sys

import pytest
import torch

from scitorch import check
from scitorch.checker.lookup import evaluate
from scitorch.core.errors import ArgumentError, CheckError

D = torch.float64


def rows(report, name):
    return [row for row in report.rows if row.property == name]


@pytest.mark.parametrize("seed", range(4))
def test_rounding_that_a_normalisation_leaves_is_no_mistake(seed):
    torch.manual_seed(seed)
    assert check(torch.nn.functional.instance_norm, torch.randn(2, 3, 5, dtype=D), order=1, compiler=None).ok


def test_what_is_wrong_outside_of_the_part_looked_at_is_not_called_cut():
    class OneElement(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.sin()

        @staticmethod
        def backward(ctx, g):
            gradient = g * ctx.saved_tensors[0].cos()
            gradient[5, 7] = 0
            return gradient

    report = check(OneElement, torch.randn(70, 70, dtype=D), mode="quick")
    assert report.findings[0].cause == "wrong in one element"


@pytest.mark.parametrize("mode", ["full", "quick"])
def test_a_gradient_that_nothing_is_known_about_is_not_called_right(mode):
    x = torch.randn(3, dtype=D)

    def only_here(y):
        if not torch.equal(y.detach().real, x):
            raise ValueError("not here")
        return y.sin()

    for function in (only_here, lambda y: y / 0 * 0):
        report = check(function, x, mode=mode, compiler=None)
        assert [row.status for row in rows(report, "gradient")] == ["skipped"]
        assert "gradient not checked" in str(report)
        assert [finding.cause for finding in report.findings] == ["not checked"]
        assert not report.ok
        assert not [row for row in report.rows if row.detail.startswith("the check itself failed")], str(report)


def test_second_derivatives_of_what_is_all_rounding_are_not_judged():
    x = torch.tensor([1.1e-4, 1.3e-4, 1.9e-4], dtype=D)
    assert check(lambda x: (1 - x.cos()) / x**2, x, compiler=None).ok


def test_huge_values_and_sparse_results_are_compared():
    for function, x in ((torch.exp, torch.tensor([-700.0, 700.0], dtype=D)), (lambda x: x.to_sparse(), torch.eye(3))):
        report = check(function, x, compiler=None)
        assert report.ok
        assert not [row for row in report.rows if row.detail.startswith("the check itself failed")], str(report)


def test_inference_mode_makes_no_difference():
    with torch.inference_mode():
        assert check(torch.mul, torch.randn(3), torch.randn(3), compiler=None).ok


def test_a_mistake_in_a_batch_is_a_finding_of_the_property_that_tried_it():
    class Summed(torch.autograd.Function):
        """Right for a vector only."""

        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x - x.mean(-1, keepdim=True)

        @staticmethod
        def backward(ctx, g):
            return g - g.mean()

    report = check(Summed, torch.randn(4, dtype=D), compiler=None)
    assert {finding.property for finding in report.findings} == {"leading dimensions"}


def test_what_mixes_up_elements_is_reported_once():
    class WrongAxis(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x.softmax(-1))
            return x.softmax(-1)

        @staticmethod
        def backward(ctx, g):
            (y,) = ctx.saved_tensors
            return y * (g - (g * y).sum(0, keepdim=True))

    report = check(WrongAxis, torch.randn(4, 5, dtype=D), compiler=None)
    assert [finding.property for finding in report.findings] == ["gradient"]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: torch._weight_norm(x, x.new_ones(4, 1), 0),
        lambda x: torch.linalg.householder_product(x, x.new_ones(2)),
        lambda x: torch.linalg.eigh(x.mT @ x)[1].abs(),
    ],
    ids=["weight_norm", "householder_product", "eigenvectors"],
)
def test_more_of_pytorch_s_own_mistakes_are_called_upstream(function):
    causes = {finding.cause for finding in check(function, torch.randn(4, 2, dtype=D), compiler=None).findings}
    assert causes <= {"upstream"}  # none, once they are mended


def test_a_function_of_one_triangle_has_one_mistake_in_both_modes():
    a = torch.randn(3, 3, dtype=D)
    report = check(torch.linalg.cholesky, a @ a.mT + torch.eye(3, dtype=D), compiler=None)
    assert [finding.cause for finding in report.findings] == ["symmetric part"]


def test_a_forward_rule_is_named_by_the_factor_that_it_lacks():
    class Sine(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return torch.sin(x**2)

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * torch.cos(x**2) * 2 * x

        @staticmethod
        def jvp(ctx, tangent):
            (x,) = ctx.saved_tensors
            return tangent * torch.cos(x**2) * 2

    report = check(Sine, torch.randn(5, dtype=D), compiler=None)
    assert "lacks the factor x" in report.findings[0].diagnosis


def test_a_rule_with_a_term_that_lacks_the_incoming_gradient():
    class LogSoftmax(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x.log_softmax(-1)
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            return g - ctx.saved_tensors[0].exp()

    report = check(LogSoftmax, torch.randn(2, 5, dtype=D), compiler=None)
    assert "isn't zero for an incoming gradient of zeros" in report.findings[0].diagnosis


def test_leaving_early_is_not_to_be_right():
    """An exit code of 0, which is what `sys.exit()` asks for, would say so on the command line."""
    with pytest.raises(CheckError, match="SystemExit"):
        check(lambda x: sys.exit(), torch.randn(3))
    with pytest.raises(ArgumentError, match="SystemExit"):
        evaluate(["exit()"], {}, seed=0)


def test_a_module_s_class_is_no_module():
    with pytest.raises(ArgumentError, match="Linear"):
        check(torch.nn.Linear, torch.randn(3))
