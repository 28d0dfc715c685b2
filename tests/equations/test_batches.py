"""Batches of problems: solved one after the other, which is said where workers are asked for; errors name the item."""

import warnings

import joblib
import pytest
import torch

import scitorch
from scitorch import integrate, optimize
from scitorch.core import modes
from scitorch.core.errors import SequentialWarning

DOUBLE = {"dtype": torch.float64}
START = torch.ones(3, 2, **DOUBLE)
TARGETS = torch.arange(1.0, 7.0, **DOUBLE).view(3, 2)


def roots():
    return optimize.root(lambda x, p: x**3 + x - p, START, (TARGETS,)).x


BATCHES = {
    "root": roots,
    "minimize": lambda: optimize.minimize(lambda x, p: ((x - p) ** 2).sum(), START, (TARGETS,)).x,
    "least_squares": lambda: optimize.least_squares(lambda x, p: x - p, START, args=(TARGETS,)).x,
    "fixed_point": lambda: optimize.fixed_point(lambda x, p: 0.5 * x + p, START, (TARGETS,)),
    "nnls": lambda: optimize.nnls(torch.eye(2, **DOUBLE), TARGETS)[0],
    "solve_ivp": lambda: (
        integrate.solve_ivp(lambda t, y, p: -p * y, (0, 1), START, t_eval=torch.ones(1, **DOUBLE), args=(TARGETS,)).y
    ),
}


@pytest.mark.parametrize("name", BATCHES)
def test_workers_have_no_effect_and_that_is_said(name):
    alone = BATCHES[name]()
    for asked in (scitorch.parallel(n_jobs=2), joblib.parallel_config("threading", n_jobs=2)):
        with asked, pytest.warns(SequentialWarning, match=f"{name}, parallel: expected n_jobs=1.*got n_jobs=2"):
            torch.testing.assert_close(BATCHES[name](), alone)


def test_who_asks_for_no_workers_or_has_one_problem_is_told_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with scitorch.parallel(n_jobs=1):
            roots()
        with scitorch.parallel(n_jobs=2):
            optimize.root(lambda x: x - 1, torch.zeros(2, **DOUBLE))
            optimize.root(lambda x: x - 1, torch.zeros(1, 2, **DOUBLE))


def test_a_batch_inside_of_a_workers_item_is_told_nothing():
    items = scitorch.operator("()->()", name="items")(lambda x: roots().sum().item() + x)
    with scitorch.parallel(n_jobs=2), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert items(torch.zeros(4, **DOUBLE)).shape == (4,)


def test_progress_shows_a_bar(capfd):
    with scitorch.parallel(progress=True):
        roots()
    assert "3/3" in capfd.readouterr().err


def test_the_error_of_a_function_is_left_as_it_is_with_a_note_of_the_item():
    def fails(x, p):
        if not modes.transforms_active() and p[0] > 4:  # while it is solved
            raise LookupError("out of the table")
        return x - p

    with pytest.raises(LookupError, match="out of the table") as raised:
        optimize.root(fails, START, (TARGETS,))
    assert raised.value.__notes__ == ["root: in item 2 of the batch"]
