"""Bessel functions and their neighbours against mpmath at 50 digits: benchmarks/accuracy_cases_a.py, some points."""

import statistics
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from accuracy_cases_a import CASES

EVERY = 4  # of the points; `python benchmarks/accuracy.py` measures all


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_accuracy(case):
    errors = replace(case, points=case.points[::EVERY]).errors()
    assert statistics.median(errors) < 1e-13
    assert max(errors) < 1e-8
