"""What all tests share: seeds, and the two routes that a call may take."""

import re
from collections import Counter

import numpy as np
import pytest
import torch
from zoo.draw import SEED

from scitorch.core import modes, registry
from scitorch.core.errors import MissingToolError
from scitorch.native import toolchain


@pytest.fixture(autouse=True)
def _seeded():
    """The same random numbers in every test, alone or in company."""
    torch.manual_seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002  whoever draws from NumPy's global generator shall get the same as well


@pytest.fixture(params=["fast", "dispatched"])
def route(request, monkeypatch):
    """Run a test twice: as users run it, and with no tensor ordinary enough for the eager fast path.

    A test file asks for it with ``pytestmark = pytest.mark.usefixtures("route")``.
    """
    if request.param == "dispatched":
        monkeypatch.setattr(modes, "PLAIN", -1)
    return request.param


@pytest.fixture
def scratch_registry():
    """Operators that a test defines are gone from the registry after it, so that no other test meets them."""
    before = dict(registry._operators)
    yield
    registry._operators.clear()
    registry._operators.update(before)


NATIVE = re.compile(r"native/test_|\[native[/.]|\[scitorch\.native\.c")  # tests, examples, pages, docstrings


def pytest_collection_modifyitems(items):
    """Without a compiler, what compiles is left out: all else must work."""
    try:
        toolchain.compiler("c"), toolchain.compiler("c++")
    except MissingToolError as error:
        for item in items:
            if NATIVE.search(item.nodeid):
                item.add_marker(pytest.mark.skip(reason=str(error)))


def pytest_terminal_summary(terminalreporter):
    """After the tests of the checker: what each kind of mistake was named, and what was measured beside."""
    reports = [r for found in terminalreporter.stats.values() for r in found if getattr(r, "when", "") == "call"]
    properties = [(name, value) for report in reports for name, value in report.user_properties]
    mistakes = [value for name, value in properties if name == "mistake"]
    if not mistakes:
        return
    table = Counter((wanted, named or "(not found)", right) for wanted, named, right in mistakes)
    found, right = (sum(bool(mistake[i]) for mistake in mistakes) / len(mistakes) for i in (1, 2))
    terminalreporter.section("the checker's confusion table")
    terminalreporter.line(f"{len(mistakes)} mistakes: {found:.1%} found, {right:.1%} named rightly")
    width = max(len(wanted) for wanted, _, _ in table)
    for wanted in dict.fromkeys(wanted for wanted, _, _ in sorted(table)):
        named = (
            f"{name} x{count}" + ("" if ok and name == wanted else " (the same here)" if ok else " (WRONG)")
            for (cause, name, ok), count in sorted(table.items())
            if cause == wanted
        )
        terminalreporter.line(f"{wanted:{width}}  named  {', '.join(named)}")
    for name, value in properties:
        if name != "mistake":
            terminalreporter.line(f"{name}: {value}")
