"""Every catalogue function gives SciPy's values over a grid of its options."""

import importlib
import pkgutil

import pytest

from catalogue import __path__ as HERE
from catalogue.case import check_case

CASES = [
    case
    for module in pkgutil.iter_modules(HERE)
    if module.name.startswith("grid_")
    for case in importlib.import_module(f"catalogue.{module.name}").CASES
]


@pytest.mark.parametrize("case", CASES, ids=[f"{number}: {case}" for number, case in enumerate(CASES)])
def test_scipys_values(case):
    check_case(case)
