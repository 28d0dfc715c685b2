"""`scitorch check`: what it finds, what it runs, what it writes, its exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from zoo.reports import RIGHT, WRONG

from scitorch import cli
from scitorch.checker import checking

SOURCE = """
import torch
print("noise from the import")

class Seven(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, g):
        return 7 * g * ctx.saved_tensors[0].cos()

def product(x, y):
    print("noise from the function")
    return x * y.sin()

def points(n):
    return torch.linspace(0.1, 1, n)

TWO = 2
"""
X = ("--input", "points(3)")


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """A folder with a file and a package, the current one; its modules are forgotten afterwards."""
    (tmp_path / "layers.py").write_text(SOURCE)
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "inner.py").write_text(SOURCE)
    (tmp_path / "package" / "relative.py").write_text("from .inner import product")
    (tmp_path / "broken.py").write_text("import nothing_of_that_name")
    (tmp_path / "leaving.py").write_text("raise SystemExit('bye')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def command(capsys, folder):
    """Run the command; gives exit code, stdout and lines of stderr."""

    def run(*arguments):
        code = cli.main(["check", *map(str, arguments)])
        out, err = capsys.readouterr()
        return code, out, err.splitlines()

    return run


@pytest.fixture
def calls(monkeypatch):
    """Replace the check by one that notes how it is called and returns `calls.report`."""

    class Calls(list):
        report = RIGHT

        def __call__(self, function, *inputs, **options):
            self.append((function, inputs, options))
            return self.report

    noted = Calls()
    monkeypatch.setattr(checking, "check", noted)
    return noted


# Whole checks


def test_a_right_function(command):
    code, out, err = command("layers.py:product", *X, *X, "--quick")
    assert (code, err) == (0, [])
    assert "\nproduct: right (" in out


def test_a_wrong_function_is_exit_code_1(command, folder):
    code, out, (line,) = command("layers.py:Seven.apply", *X, "--quick", "--html", "r.html", "--json", "r.json")
    assert (code, line) == (1, "scitorch: Seven: 1 mistake.")
    assert "The gradient of x is 7 times what it should be." in out
    assert "The gradient of x is 7 times what it should be." in (folder / "r.html").read_text()
    assert not json.loads((folder / "r.json").read_text())["ok"]


def test_the_command_runs_in_a_folder_that_knows_nothing_of_scitorch(folder):
    done = subprocess.run(  # noqa: S603  the command is the test's own
        [sys.executable, "-m", "scitorch", "check", "layers.py:Seven", *X, "--compiler", "none"],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert (done.returncode, done.stderr) == (1, "scitorch: Seven: 1 mistake.\n")
    assert "from layers import Seven" in done.stdout


# What is called


@pytest.mark.parametrize("target", ["layers.py:product", "{folder}/layers.py:product", "layers:product"])
def test_a_function_in_a_file_or_module(command, calls, folder, target):
    assert command(target.format(folder=folder), *X)[0] == 0
    assert calls[0][0].__name__ == "product"
    assert calls[0][0].__module__ == "layers"


def test_a_function_in_a_package(command, calls):
    for module in ("inner", "relative"):
        assert command(f"package.{module}:product", "--input", "torch.ones(3)")[0] == 0
    assert calls[0][0] is calls[1][0]


def test_a_file_with_the_name_of_a_loaded_module(command, calls, folder):
    (folder / "json.py").write_text(SOURCE)
    assert command("json.py:product", *X)[0] == 0
    assert calls[0][0].__module__ == "checked_json"
    assert sys.modules["json"] is json


def test_attributes_after_the_colon(command, calls):
    assert command("layers.py:Seven.apply", *X)[0] == 0
    assert calls[0][0].__self__.__name__ == "Seven"


def test_inputs_see_the_module_torch_numpy_and_math(command, calls):
    inputs = ["points(3)", "torch.ones(2) * TWO", "torch.as_tensor(np.ones(2)) * math.pi", " points(1)"]
    assert command("layers.py:product", *(part for x in inputs for part in ("--input", x)))[0] == 0
    assert [x.shape for x in calls[0][1]] == [(3,), (2,), (2,), (1,)]


def test_the_seed_is_that_of_the_inputs_too(command, calls):
    random = ("--input", "torch.randn(3) + torch.as_tensor(np.random.rand(3))")
    for seed in (1, 1, 2):
        assert command("layers.py:product", *random, "--seed", seed)[0] == 0
    (first,), (second,), (other,) = (inputs for _, inputs, _ in calls)
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert [options["seed"] for *_, options in calls] == [1, 1, 2]


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([], {"mode": "full", "order": 2, "seed": 0, "compiler": "aot_eager", "progress": None}),
        (["--quick", "--order", "3", "--compiler", "none"], {"mode": "quick", "order": 3, "compiler": None}),
        (["--compiler", "inductor", "--json", "-"], {"compiler": "inductor", "progress": False}),
    ],
)
def test_options(command, calls, arguments, options):
    assert command("layers.py:product", *X, *arguments)[0] == 0
    assert calls[0][2].items() >= options.items()


# What is shown and written


def test_json_on_stdout_is_alone(command, calls):
    calls.report = WRONG
    code, out, err = command("layers.py:product", *X, "--json", "-")
    assert code == 1
    assert json.loads(out) == json.loads(json.dumps(WRONG.to_dict()))
    assert err == ["noise from the import", f"scitorch: {WRONG.name}: 4 mistakes."]


def test_stdout_that_is_no_terminal_gets_plain_text(command, calls):
    calls.report = WRONG
    _, out, _ = command("layers.py:product", *X)
    assert out.endswith(f"{WRONG}\n")


def test_a_terminal_gets_the_table(command, calls, monkeypatch):
    monkeypatch.setattr("scitorch.checker.command.sys.stdout.isatty", lambda: True, raising=False)
    _, out, _ = command("layers.py:product", *X)
    assert "────" in out


# What cannot be done


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["layers.py"], "TARGET: expected file.py:name or package.module:name, got 'layers.py'."),
        ([":product"], "TARGET: expected file.py:name or package.module:name, got ':product'."),
        (["layers.py:"], "TARGET: expected file.py:name or package.module:name, got 'layers.py:'."),
        (["layer.py:f"], "TARGET: expected a file, got 'layer.py', which is none. Try layers.py."),
        (["nowhere/layers.py:f"], "expected a file, got 'nowhere/layers.py', which is none."),
        (["layer:f"], "TARGET: expected a module, got 'layer', which is none. Try layers"),
        (["package.iner:f"], "expected a module, got 'package.iner', which is none. Try package.inner"),
        (["layers.inner:f"], "expected a module, got 'layers.inner', which is none."),
        (["layers.py:produkt"], "expected a name, got 'produkt', which layers.py hasn't. Try product."),
        (["layers.py:Seven.aply"], "expected a name, got 'aply', which Seven hasn't. Try apply."),
        (["layers.py:TWO.x"], "expected a name, got 'x', which TWO hasn't."),
        (
            ["broken.py:f"],
            "a file that imports, got ModuleNotFoundError: No module named 'nothing_of_that_name'",
        ),
        (
            ["broken:f"],
            "a module that imports, got ModuleNotFoundError: No module named 'nothing_of_that_name'",
        ),
        (["leaving.py:f"], "expected a file that imports, got SystemExit: bye from "),
        (["leaving:f"], "expected a module that imports, got SystemExit: bye from leaving."),
        (["package/relative.py:f"], "Try package.module:name, from the folder that holds the package."),
        (["layers.py:product"], '--input: expected one for each input, got none. Try --input "torch.randn(3, 4)".'),
        (["layers.py:product", "--input", "f("], "got SyntaxError: '(' was never closed (--input, line 1) from 'f('."),
        (["layers.py:product", "--input", "1 / 0"], "got ZeroDivisionError: division by zero from '1 / 0'."),
        (["layers.py:product", "--input", "np.ones(3)"], "expected a tensor, got ndarray from 'np.ones(3)'."),
        (["layers.py:product", "--input", "[1.0]"], "Try torch.as_tensor([1.0])."),
        (["layers.py:product", *X, "--html", "none/x.html"], "--html: expected a file in a folder that exists"),
        (
            ["layers.py:product", *X, "--json", "package"],
            "--json: expected a file in a folder that",
        ),
        (["layers.py:product", *X, "--compiler", "gcc"], "--compiler"),
        (["layers.py:product", *X, "--order", "0"], "product, order: expected an integer of at least 1, got 0."),
        (["layers.py:product", *X, "--seed", "-1"], "--seed: expected 0 to 2**63 - 1, got -1."),
        (["layers.py:product", *X], "product"),
        (["layers.py:product", "--input", "torch.ones(3).long()"], "product, inputs: expected"),
        ([], "TARGET"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_2(command, arguments, message):
    code, out, err = command(*arguments)
    assert code == 2
    assert set(out.splitlines()) <= {"noise from the import", "noise from the function"}
    (line,) = err
    assert line.startswith("scitorch: ")
    assert message in line


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
def test_a_file_that_cannot_be_written(command, calls, folder):
    (folder / "full.html").symlink_to("/dev/full")
    code, _, (line,) = command("layers.py:product", *X, "--html", "full.html")
    assert code == 2
    assert "--html: expected a file that can be written, got 'full.html' (No space left on device)." in line


def test_help_says_that_inputs_are_run(command):
    code, out, err = command("--help")
    assert (code, err) == (0, [])
    assert "is run" in " ".join(out.replace("│", " ").split())
