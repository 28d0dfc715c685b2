"""What all tests share: seeds, and the two routes that a call may take."""

import numpy as np
import pytest
import torch
from zoo.draw import SEED

from scitorch.core import modes, registry


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
