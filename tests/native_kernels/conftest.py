"""Nothing here runs where the kernels weren't built, which a machine without a compiler may do."""

import pytest

from scitorch._kernels.library import library


@pytest.fixture(autouse=True)
def compiled():
    if library() is None:
        pytest.skip("the compiled kernels weren't built")
