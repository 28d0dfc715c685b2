"""The checker finds every mistake and names it; a table after the tests shows as what (see conftest.py)."""

import time

import pytest
import torch
from checker_cases import MUTANTS

from scitorch import check
from scitorch.checker.causes import CAUSES

pytestmark = pytest.mark.usefixtures("scratch_registry")

# Three mistakes that no table can be long of.
ORDERS = {"gradient", "double backward"}


@pytest.mark.parametrize("name", MUTANTS)
def test_mistake_is_found_and_named(name, record_property):
    mutant = MUTANTS[name]
    report = mutant.report(name)
    for named in mutant.named:
        there = [finding for finding in report.findings if named.matches(finding)]
        record_property(
            "mistake", [named.cause(), there[0].cause if there else "", bool(there and named.names(there[0]))]
        )
    for named in mutant.named:
        assert any(map(named.names, report.findings)), f"{named}\n{report}"
    unexpected = [finding for finding in report.findings if not any(named.names(finding) for named in mutant.named)]
    assert not unexpected, str(report)
    assert not [row for row in report.rows if row.detail.startswith("the check itself failed")], str(report)
    for finding in report.findings:
        assert_well_formed(finding)


def assert_well_formed(finding):
    assert finding.cause in CAUSES
    assert finding.diagnosis.endswith(".")
    assert finding.advice
    assert (finding.index is None) == (finding.expected_values is None)
    if finding.index is not None:
        assert finding.expected_values[finding.index].item() == finding.expected
        assert finding.got_values[finding.index].item() == pytest.approx(finding.got, nan_ok=True)
    code = compile(finding.reproduction, "reproduction", "exec")
    if "..." not in finding.reproduction:
        exec(code, {"__name__": "reproduction"})  # noqa: S102  that it runs is what is tested


@pytest.mark.parametrize("name", [name for name, m in MUTANTS.items() if any(n.property in ORDERS for n in m.named)])
def test_quick_mode_finds_it_too(name):
    """First-order and second-order mistakes, and names those of first order the same."""
    mutant = MUTANTS[name]
    report = mutant.report(name, mode="quick")
    for named in mutant.named:
        if named.property in ORDERS:
            assert any(map(named.names, report.findings)), f"{named}\n{report}"


def test_every_cause_has_mutants():
    """At least two of each that the checker tells apart, as the issue asks of the hypotheses."""
    counts = dict.fromkeys(CAUSES, 0)
    for mutant in MUTANTS.values():
        for cause in {named.cause() for named in mutant.named}:
            counts[cause] += 1
    assert len(MUTANTS) >= 60
    assert not [cause for cause, count in counts.items() if count < 2]


def test_quick_mode_is_quick(record_property):
    """Measured and shown, but no reason to fail: the machine may be busy."""
    x = torch.randn(64, 64, dtype=torch.double)
    check(torch.matmul, x[:2, :2], x[:2, :2], mode="quick")  # what torch imports on first use
    start = time.perf_counter()
    report = check(torch.matmul, x, x.mT.contiguous(), mode="quick")
    record_property("seconds for a quick check of a 64x64 product", f"{time.perf_counter() - start:.2f}")
    assert report.ok
