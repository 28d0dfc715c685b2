"""Operators of every kind that the core supports, each with samples and mostly with the same in torch alone.

`every_operator` runs a test over the whole registry: the zoo, the catalogue, and whatever the catalogue will have. An
operator that is defined later in a test isn't among them.
"""

import pytest

import scitorch
from zoo import arrays, elementwise, matrices
from zoo.references import REFERENCES, reference_of

__all__ = ["OPERATORS", "REFERENCES", "arrays", "elementwise", "every_operator", "matrices", "reference_of"]

OPERATORS = scitorch.operators()
every_operator = pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS.keys())
