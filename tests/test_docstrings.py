"""Examples in docstrings, in the README and in the guides run, and print what they say."""

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import scitorch
from scitorch.core.errors import RedefinitionWarning

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
GUIDE = ROOT / "docs" / "adding-an-operator.md"
FINDER = doctest.DocTestFinder(exclude_empty=True)


NO_MODULES = {"scitorch.__main__", "scitorch._kernels.native"}  # a command, and a library of C functions


def modules():
    found = {m.name for m in pkgutil.walk_packages(scitorch.__path__, "scitorch.")}
    return [scitorch, *(importlib.import_module(name) for name in sorted(found - NO_MODULES))]


def documented(module):
    """A module's own docstrings with examples; an operator's is its kernel's."""
    names = vars(module) | {name: getattr(module, name) for name in getattr(module, "__all__", ())}
    kernels = {k: v.kernel for k, v in names.items() if isinstance(v, scitorch.Operator)}
    yield from FINDER.find(module, globs=vars(module).copy())
    for name, kernel in kernels.items():
        if kernel.__module__ == module.__name__:
            yield from FINDER.find(kernel, f"{module.__name__}.{name}", globs=vars(module).copy())


EXAMPLES = {test.name: test for module in modules() for test in documented(module) if test.examples}


def test_examples_are_found():
    assert {"scitorch.operators", "scitorch.core.operator.operator", "scitorch.nn.tutorial.Linear"} <= EXAMPLES.keys()
    assert "scitorch.tutorial.convolution.correlate_valid" in EXAMPLES


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.filterwarnings(f"ignore::{RedefinitionWarning.__module__}.{RedefinitionWarning.__name__}")
def test_docstring_examples(name):
    torch.manual_seed(0)
    failures = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(EXAMPLES[name], out=failures.append)
    assert not runner.failures, "".join(failures)


BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = [
    page
    for page in (README, *(ROOT / "docs" / f"{name}.md" for name in ("checker", "equations", "native", "scaling")))
    if page.exists()  # none is there in a wheel's tests
]
BLOCKS = {
    f"{page.name} {k}": block
    for page in PAGES
    for k, block in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")))
    if "def test_" not in block
}


@pytest.mark.parametrize("name", BLOCKS)
def test_examples_of_the_pages_run_when_pasted(name, tmp_path):
    """And print what the comment under a print says."""
    path = tmp_path / "pasted.py"
    path.write_text(BLOCKS[name], encoding="utf-8")
    done = subprocess.run(  # noqa: S603  the page's own example
        [sys.executable, path], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for said in re.findall(r"^print\(.*\n# (.*)", BLOCKS[name], re.MULTILINE):
        assert said in done.stdout


TEXT = README.read_text(encoding="utf-8") if README.exists() else ""


@pytest.mark.skipif(not GUIDE.exists(), reason="not there in a wheel's tests")
@pytest.mark.usefixtures("scratch_registry")
def test_the_guides_operators_are_right():
    """All blocks of the page as one module; its operators pass the checks that the catalogue's pass."""
    names = {"__name__": "adding_an_operator"}
    exec("\n".join(BLOCK.findall(GUIDE.read_text(encoding="utf-8"))), names)  # noqa: S102  what the page shows
    operators = [value for value in names.values() if isinstance(value, scitorch.Operator)]
    assert len(operators) == 5
    for operator in operators:
        assert set(operator.derivatives.values()) & {"rule"}
        for kind in ("ordinary", "special"):
            for sample in operator.draw(np.random.default_rng(0), kind):
                inputs = [torch.tensor(x, requires_grad=True) for x in sample.arguments]
                if operator.derivatives.get("n", "rule") != "rule":
                    inputs[0].requires_grad_(False)
                if kind == "ordinary":
                    assert torch.autograd.gradcheck(lambda *x, op=operator, s=sample: op(*x, **s.static), inputs)
                else:
                    gradient = torch.autograd.grad(operator(*inputs, **sample.static).sum(), inputs[-1])[0]
                    assert gradient.isfinite().all()
    A = (4 * torch.eye(2, dtype=torch.double) + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(names["sqrtm"], A)


def test_readme_links_lead_somewhere():
    targets = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", TEXT)
    assert [target for target in targets if not (ROOT / target).exists()] == []
