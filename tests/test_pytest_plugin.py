"""The fixture that scitorch gives to other people's tests, run as they run it: in a session of its own."""

import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

MODULE = "scitorch.checker.pytest_plugin"
TESTS = """
import torch

class Seven(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, g):
        return 7 * g * ctx.saved_tensors[0].cos()

def test_right(check_gradients):
    assert check_gradients(torch.sin, torch.randn(3), mode="quick").mode == "quick"

def test_wrong(check_gradients):
    x = torch.randn(3)
    check_gradients(Seven.apply, x, mode="quick")  # the caller's line

def test_bad_input(check_gradients):
    check_gradients(torch.sin, torch.ones(3, dtype=torch.int64))
"""


@pytest.fixture
def session(pytester):
    """Run pytest on a file; gives its result and its output as one string."""
    # Where scitorch is installed, pytest finds the plugin by itself and refuses to load it once more.
    is_installed = any(entry.value == MODULE for entry in entry_points(group="pytest11"))

    def run(source, *arguments):
        pytester.makepyfile(source)
        # Another process, since a check loads much of torch, which can't be loaded twice.
        result = pytester.runpytest_subprocess(*([] if is_installed else ["-p", MODULE]), *arguments)
        return result, "\n".join(result.outlines)

    return run


def test_right_passes_and_wrong_fails_with_the_report(session):
    result, output = session(TESTS)
    result.assert_outcomes(passed=1, failed=2)
    assert "# the caller's line" in output
    assert "Seven: 1 mistake (" in output
    assert "E         diagnosis       The gradient of x is 7 times what it should be." in output
    assert "E             x = torch.tensor([" in output
    assert "ArgumentError: sin, inputs: expected a tensor of floating or complex numbers" in output


def test_the_traceback_ends_with_the_caller(session):
    _, output = session(TESTS, "-k", "test_wrong")
    assert "raise_for_failures" not in output
    assert "pytest_plugin.py" not in output
    assert "report.py" not in output


def test_a_session_that_uses_nothing_of_it_loads_nothing(session):
    result, _ = session("import sys\ndef test(): assert not {'torch', 'numpy', 'rich'} & set(sys.modules)")
    result.assert_outcomes(passed=1)


def test_the_fixture_is_listed_with_what_it_does(session):
    _, output = session("", "--fixtures")
    assert "`scitorch.check` that fails the test if it finds a mistake." in output


def test_pytest_is_told_where_it_is():
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"scitorch": MODULE}
