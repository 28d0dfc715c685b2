"""The checker finds nothing wrong with any catalogue function, and what the table says is differentiable is so.

The calls are some of the grid's: of every function the first, the middle and the last that a derivative can be asked
of.
"""

import inspect
from collections import defaultdict

import numpy as np
import pytest
import torch

from catalogue.case import as_tensors
from catalogue.test_grid import CASES
from scitorch import check
from scitorch.core.errors import ScitorchError
from scitorch.coverage import supported

ELSEWHERE = {"integrate", "optimize", "stats", "tutorial"}  # not in the grid: tests/equations, tests/test_tutorial.py …
MANY = 200  # elements: a larger call shows nothing more
PICKED = 3

LEFT_OUT = {  # no derivative exists there, or none that differences could tell
    "Akima1DInterpolator.integrated 15": "from 1 to 1: zero but for rounding errors, beside which nothing has a size",
    "CubicSpline.integrated 27": "the same",
    "PchipInterpolator.integrated 7": "the same",
    "expn 16": "x = 0 is the pole of E_0 and E_1",
    "hankel1 14": "z = 0 is the pole",
    "hankel2 14": "z = 0 is the pole",
    "interp 62": "x = 0 is a point of xp, where the slope jumps",
    "map_coordinates 202": "of order 2 between pixels, and wrapped at the border: there the second derivative jumps",
    "logm 28": "an eigenvalue of -1, on the branch cut",
    "sosfiltfilt 0": "the default padlen counts the zeros of sos: moving one of them makes the padding longer",
    "sosfiltfilt 109": "the same",
    "sqrtm 28": "an eigenvalue of -1, on the branch cut",
    "voigt_profile 10": "sigma = gamma = 0 is a point mass",
}


OPTIONS = {  # by default these give float64 whatever they take, as SciPy's do
    "spline_filter": {"output": None},
    "spline_filter1d": {"output": None},
}


def _suits(case):
    """In double precision, of some finite numbers."""
    arrays = [x for x in case.arguments if isinstance(x, np.ndarray) and x.dtype.kind in "fc"]
    return arrays and all(
        x.dtype.itemsize >= 8 and x.dtype != np.complex64 and 0 < x.size < MANY and np.isfinite(x).all() for x in arrays
    )


def _picked():
    by_name = defaultdict(list)
    for case in filter(_suits, CASES):
        by_name[getattr(case.ours, "__name__", repr(case.ours))].append(case)
    for name, cases in sorted(by_name.items()):
        places = sorted({round(k * (len(cases) - 1) / max(PICKED - 1, 1)) for k in range(PICKED)})
        yield from ((f"{name} {place}", cases[place]) for place in places)


PICKS = dict(_picked())


@pytest.mark.parametrize("name", [name for name in PICKS if name not in LEFT_OUT])
def test_the_checker_finds_nothing(name):
    case = PICKS[name]
    options = case.options | OPTIONS.get(name.split()[0], {})
    try:
        report = check(case.ours, *map(as_tensors, case.arguments), kwargs=options, mode="quick")
    except ScitorchError:
        with pytest.raises(Exception):  # noqa: B017, PT011  SciPy refuses too; test_grid compares how
            case.scipy(*case.arguments, **case.options)
        return
    # At the edge of a domain differences tell nothing; of what they tell, nothing may be wrong.
    assert {finding.cause for finding in report.findings} <= {"not checked"}, str(report)
    assert not [row for row in report.rows if row.detail.startswith("the check itself failed")], str(report)


def test_what_is_left_out_is_there():
    assert LEFT_OUT.keys() <= PICKS.keys()


def test_every_function_with_a_derivative_is_in_the_grid():
    called = {getattr(case.ours, "__name__", "").partition(".")[0] for case in CASES}
    listed = {row.function for row in supported() if row.module not in ELSEWHERE}
    assert listed - called == set()


@pytest.mark.parametrize(
    "row", [r for r in supported() if r.derivative == "rule" and r.module not in ELSEWHERE], ids=str
)
def test_a_gradient_reaches_what_the_table_lists(row):
    """In some call of the grid, by position or by name: of a single point, say, the values alone have a gradient."""
    tried = False
    for case in CASES:
        if getattr(case.ours, "__name__", "") != row.function or not _suits(case):
            continue
        names = (
            list(inspect.signature(case.ours).parameters)
            if not hasattr(case.ours, "arguments")
            else case.ours.arguments
        )
        given = dict(zip(names, map(as_tensors, case.arguments), strict=False)) | dict(case.options)
        x = given.get(row.argument)
        if not isinstance(x, torch.Tensor) or not x.is_floating_point():
            continue
        x.requires_grad_()
        try:
            out = case.ours(*(given[n] for n in names[: len(case.arguments)]), **case.options)
        except Exception:  # noqa: BLE001, S112  a call that SciPy refuses too
            continue
        parts = [part for part in (out if isinstance(out, tuple) else (out,)) if part.requires_grad]
        if not parts:
            tried = True
            continue
        (gradient,) = torch.autograd.grad(sum(part.abs().sum() for part in parts), x)
        assert gradient.shape == x.shape
        return
    assert not tried, "no result depends on it"
    if "." not in row.function and not any(
        getattr(c.ours, "__name__", "").startswith(f"{row.function}.") for c in CASES
    ):
        pytest.skip("no call of the grid passes it as a tensor")
