"""The checker finds nothing in what is right: false alarms would teach people not to look."""

import pytest
from checker_cases import RIGHT
from checker_cases.case import Draw
from zoo import every_operator
from zoo.draw import Case, samples, tensors

from scitorch import check

# It says that its result is float64 whatever its input, which the property "dtypes" doesn't know.
DECLARED = {"zoo.arrays.sum_exactly": {"dtype changes"}}


def assert_nothing_found(report, but=()):
    assert all(finding.cause in but for finding in report.findings), str(report)
    failed = [row for row in report.rows if row.detail.startswith("the check itself failed")]
    assert not failed, failed
    assert any(row.property == "gradient" and row.status != "skipped" for row in report.rows)


@pytest.mark.parametrize("name", RIGHT)
def test_right_functions(name):
    assert_nothing_found(RIGHT[name].report(name))


@pytest.mark.parametrize("name", list(RIGHT)[::5])
def test_right_functions_in_quick_mode(name):
    case = RIGHT[name]
    assert_nothing_found(check(case.function, *case.inputs(Draw(name)), **(dict(case.options) | {"mode": "quick"})))


@every_operator
def test_operators(operator):
    """Every sample of the catalogue, the first in full mode; of operators that are made for tests, the first alone."""
    key = f"{operator.__module__}.{operator.__name__}"
    drawn = [sample for sample in samples(operator) if Case(operator, sample).differentiable]
    for i, sample in enumerate(drawn[: None if key.startswith("scitorch.") else 1]):
        points = [tensors(point) for point in samples(operator, "special") if point.static == sample.static]
        further = {"mode": "quick"} if i else {"special": points}
        report = check(operator, *tensors(sample), kwargs=sample.static, compiler=None, **further)
        assert_nothing_found(report, DECLARED.get(key, ()))


def test_the_tables_are_as_large_as_they_should_be():
    assert len(RIGHT) >= 40
