"""What the tests of the catalogue share."""

import pytest

from catalogue import grid_sparse


@pytest.fixture(autouse=True)
def _same_matrices():
    """The same random matrices in every test, whichever ran before it."""
    grid_sparse.RNG.bit_generator.state = grid_sparse.START
