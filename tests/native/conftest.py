"""The test kernels as operators, compiled once a run into a cache of its own."""

import pytest

from native.sources import DECLARATIONS, SOURCE
from scitorch import operator
from scitorch.core import registry
from scitorch.native import c_kernel


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(folder, monkeypatch):
    """What tests compile is no part of the user's cache."""
    monkeypatch.setenv("SCITORCH_CACHE", str(folder))


@pytest.fixture(scope="session")
def ops(folder):
    """The operators, out of the registry: no test of all operators shall meet them."""
    before = dict(registry._operators)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCITORCH_CACHE", str(folder))
        made = {
            name: operator(
                signature, name=f"native_{name}", dtype="complex" if name == "turn" else None,
                threads=True if name == "wait_a_while" else None,
            )(c_kernel(SOURCE, declaration, errors={3: "an index outside of x"}))
            for name, (signature, declaration) in DECLARATIONS.items()
        }  # fmt: skip
    registry._operators.clear()
    registry._operators.update(before)
    made["scale"].vjp(x=lambda g, a: made["scale"](g, a=a))
    made["correlate"].vjp(
        x=lambda g, w: made["convolve"](g, w),
        w=lambda g, x: made["correlate"](x, g),
    )
    made["convolve"].vjp(
        x=lambda g, w: made["correlate"](g, w),
        w=lambda g, x: made["correlate"](g, x),
    )
    return made
