"""Which library is taken, and what is said once where there is none."""

import ctypes
import warnings

import pytest

from scitorch._kernels import library

pytestmark = pytest.mark.filterwarnings("always:scitorch's compiled kernels:UserWarning")


@pytest.fixture
def anew(monkeypatch):
    """Look for the library again, here and after."""
    library.library.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    library.library.cache_clear()


def test_missing_is_said_once(anew, tmp_path):
    anew.setenv(library.VARIABLE, str(tmp_path / "none.so"))
    with pytest.warns(library.MissingKernelsWarning, match="cannot be loaded"):
        assert library.library() is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert library.library() is None


def test_none_is_asked_for(anew):
    anew.setenv(library.VARIABLE, "")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert library.library() is None


def test_built_from_other_sources(anew):
    class Old:
        def scitorch_abi(self):
            return library.ABI - 1

    anew.setattr(ctypes, "CDLL", lambda path: Old())
    anew.setenv(library.VARIABLE, "old.so")
    with pytest.warns(library.MissingKernelsWarning, match="built from other sources"):
        assert library.library() is None
