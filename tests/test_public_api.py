"""What is public is what ``__all__`` says, and importing it costs no module that isn't used."""

import inspect
import subprocess
import sys
from importlib import import_module
from importlib.metadata import distributions, version

import pytest

import scitorch
from scitorch.core import registry

MODULES = [scitorch, *(import_module(f"scitorch.{name}") for name in ("core", "native", "nn", "tutorial"))]
every_module = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)


@every_module
def test_all_is_what_there_is(module):
    assert len(set(module.__all__)) == len(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)


@every_module
def test_nothing_of_ours_is_public_by_accident(module):
    ours = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not inspect.ismodule(value)
        and getattr(value, "__module__", "").startswith(module.__name__)
    }
    assert ours <= set(module.__all__)


@every_module
def test_star_import_gives_all(module):
    names = {}
    exec(f"from {module.__name__} import *", names)  # noqa: S102  what a star import gives
    assert set(names) - {"__builtins__"} == set(module.__all__)


def test_what_the_package_lists():
    assert dir(scitorch) == sorted([*scitorch.__all__, "__version__"])
    with pytest.raises(AttributeError, match=r"module 'scitorch' has no attribute 'nonsense'"):
        scitorch.nonsense  # noqa: B018  the access is what is tested


@pytest.mark.skipif(not list(distributions(name="scitorch")), reason="not installed")
def test_version():
    assert scitorch.__version__ == version("scitorch")


def test_every_public_name_has_a_docstring():
    public = {f"{m.__name__}.{name}": getattr(m, name) for m in MODULES for name in m.__all__ if name != "zero"}
    assert [name for name, value in public.items() if not value.__doc__] == []


def test_the_registry_has_every_operator_of_the_catalogue():
    operators = scitorch.operators()
    assert list(operators) == sorted(operators)
    for name in scitorch.tutorial.__all__:
        value = getattr(scitorch.tutorial, name)
        if isinstance(value, scitorch.Operator):
            assert operators[registry.key_of(value)] is value
    operators.clear()
    assert scitorch.operators()


def loaded_by(statement):
    """The modules that are loaded once a fresh interpreter has run a statement."""
    script = f"{statement}\nimport sys; print(*sys.modules)"
    return set(subprocess.check_output([sys.executable, "-c", script], text=True).split())  # noqa: S603  our script


def test_import_loads_no_more_than_it_needs():
    ours = loaded_by("import scitorch") - loaded_by("import torch, numpy, inspect")
    late = "scipy", "torch._dynamo", "torch._functorch", "torch._inductor", "joblib", "rich", "typer"
    late += "scitorch.native", "scitorch.nn", "scitorch.tutorial", "scitorch.cli", "scitorch.demo"
    assert [module for module in ours if module.startswith(late)] == []


def test_defining_and_calling_loads_no_compiler():
    script = """
import torch
from scitorch import operator
square = operator("()->()", batch="native", name="square")(lambda x: x * x)
square.partials(x=lambda x: 2 * x)
square(torch.ones(2, requires_grad=True)).sum().backward()
"""
    late = "scipy", "torch._dynamo", "torch._inductor", "sympy"
    assert [module for module in loaded_by(script) if module.startswith(late)] == []


def test_the_catalogue_loads_no_compiler():
    loaded = loaded_by("from scitorch import *")
    assert {"scitorch.signal", "scitorch.sparse", "scitorch.nn"} <= loaded
    assert [module for module in loaded if module.startswith(("torch._dynamo", "torch._inductor", "sympy"))] == []


@pytest.mark.parametrize("statement", ["from scitorch import nn", "from scitorch import *", "import scitorch.nn"])
def test_modules_load_on_first_use(statement):
    assert "scitorch.nn" in loaded_by(statement)


@pytest.mark.parametrize("setting", ["torch.set_default_device('meta')", "torch.inference_mode().__enter__()"])
def test_loading_the_core_under_a_setting_changes_no_route(setting):
    """What an ordinary tensor is doesn't depend on when the core is first loaded."""
    script = (
        f"import torch; plain = torch.ones(2, device='cpu'); {setting}; from scitorch.core import modes; "
        "assert modes.PLAIN == modes.dispatch_keys(plain).raw_repr()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False, text=True)  # noqa: S603  above
    assert done.returncode == 0, done.stderr
