"""Every operator brings samples that its tests can use."""

import numpy as np
import pytest
import torch
from zoo import OPERATORS, every_operator
from zoo.draw import Case, as_tuple, samples
from zoo.references import REFERENCES

from scitorch import Sample

LARGEST = 100  # numbers in a sample: second derivatives are checked number by number


@every_operator
def test_has_samples(operator):
    """Without them every other test of the operator would pass, having tested nothing."""
    assert samples(operator)
    assert all(isinstance(sample, Sample) for kind in ("ordinary", "special") for sample in samples(operator, kind))


@every_operator
def test_every_argument_varies(operator):
    """Each tensor argument is a tensor in some sample, each static argument is given where it has no default."""
    cases = [Case(operator, sample) for sample in samples(operator)]
    assert {k for case in cases for k in case.tensors} == set(range(len(operator.arguments)))
    for case in cases:
        assert case.static.keys() <= operator.static.keys()
        assert all(name in case.static for name, argument in operator.static.items() if argument.required)


@every_operator
def test_drawing_is_reproducible(operator):
    for kind in ("ordinary", "special"):
        for first, second in zip(samples(operator, kind), samples(operator, kind), strict=True):
            assert repr(first) == repr(second)
            assert all(map(np.array_equal, first.arguments, second.arguments))


@every_operator
def test_samples_are_small_finite_and_exact(operator):
    for kind in ("ordinary", "special"):
        for sample in samples(operator, kind):
            arrays = [x for x in sample.arguments if isinstance(x, np.ndarray)]
            assert sum(x.size for x in arrays) <= LARGEST
            assert all(x.dtype in (np.float64, np.complex128) and np.isfinite(x).all() for x in arrays)


@every_operator
def test_values_are_finite(operator):
    """At special points, too: a limit comes out, and no NaN."""
    for kind in ("ordinary", "special"):
        for sample in samples(operator, kind):
            assert all(part.isfinite().all() for part in as_tuple(Case(operator, sample)()))


@every_operator
def test_repr_shows_a_call(operator):
    for sample in samples(operator):
        assert repr(sample).startswith("Sample(")
        assert all(f"{name}=" in repr(sample) for name in sample.static)


@pytest.mark.parametrize("name", REFERENCES)
def test_references_belong_to_operators(name):
    assert name in OPERATORS


def test_the_zoo_has_every_kind():
    """What the core supports beyond the catalogue is here, so that the catalogue's tests are tests of the core."""
    zoo = [operator for name, operator in OPERATORS.items() if name.startswith("zoo.")]
    kinds = {f"{argument.type_name}" for operator in zoo for argument in operator.static.values()}
    assert kinds >= {"int", "float", "bool", "str", "int | None", "tuple[int, ...]", "tuple[float, float]"}
    assert {"rule", "zero", "none"} < {said.split(":")[0] for operator in zoo for said in operator.derivatives.values()}
    results = [as_tuple(Case(operator, sample)()) for operator in zoo for sample in samples(operator)]
    assert {part.dtype for parts in results for part in parts} == {
        torch.float64,
        torch.complex128,
        torch.int64,
        torch.bool,
    }
    assert {operator.batch for operator in zoo} == {None, "native"}
    assert {len(parts) for parts in results} == {1, 2}
