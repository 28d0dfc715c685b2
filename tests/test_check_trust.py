"""What `scitorch.check` says where there is little to say: cancellation, NaN, a part that it doesn't look at."""

import pytest
import torch

from scitorch import check

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
