"""The command: its options, what it prints, its exit codes."""

import inspect
import json
import subprocess
import sys
from dataclasses import fields

import pytest

import scitorch
import scitorch.demo
from scitorch import cli
from scitorch.coverage import supported
from scitorch.demo.modes import MODES, Mode
from scitorch.demo.settings import Settings

SHORT = ["demo", "--steps", "2", "--size", "48"]


@pytest.fixture
def command(capsys, monkeypatch, tmp_path):
    """Run the command in an empty folder; gives exit code, lines of stdout and lines of stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(scitorch.demo, "MODES", MODES[:2])

    def run(*arguments):
        code = cli.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out.splitlines(), err.splitlines()

    return run


def test_a_short_demo_ends_well(command, tmp_path):
    code, out, err = command(*SHORT, "--out", tmp_path / "here")
    assert (code, err) == (0, [])
    assert any(line.startswith("filter error") and "no target" in line for line in out)
    assert any("right in 2 of 2 modes" in line for line in out)
    assert json.loads((tmp_path / "here" / "demo.json").read_text())["steps"] == 2
    assert (tmp_path / "here" / "demo.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--steps", "0"], "--steps: expected at least 1, got 0."),
        (["--steps", "many"], "--steps"),
        (["--size", "3"], "--size: expected 48 to 4096 pixels, got 3."),
        (["--size", "600"], "--size: expected at most 512 pixels"),
        (["--seed", "-1"], "--seed: expected 0 to"),
        (["--device", "abacus"], "--device: expected a device"),
        (["--image", "none.jpg"], "--image: expected a photograph, got none.jpg"),
        (["--image", __file__], "--image: expected a photograph, got"),
        (["--out", __file__], "--out: expected a folder to write to, got"),
        (["--colour"], "No such option: --colour"),
        (["more"], "more"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_2(command, tmp_path, arguments, message):
    code, out, err = command(*SHORT, *arguments)
    assert code == 2
    assert out == []
    assert len(err) == 1
    assert err[0].startswith("scitorch: ")
    assert message in err[0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("module", ["matplotlib.figure", "PIL.Image"])
def test_a_missing_extra_is_named(command, monkeypatch, tmp_path, module):
    monkeypatch.setitem(sys.modules, module, None)
    code, out, (line,) = command(*SHORT)
    assert (code, out) == (2, [])
    assert line.endswith('Try pip install "scitorch[pictures]".')
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_command_is_one_line_and_exit_code_2(command):
    code, out, (line,) = command("bogus")
    assert (code, out) == (2, [])
    assert "bogus" in line


def test_a_wrong_derivative_is_exit_code_1(command, monkeypatch):
    wrong = Mode("doubled", 1, lambda subject: 2 * MODES[1].take(subject))
    monkeypatch.setattr(scitorch.demo, "MODES", (*MODES[:1], wrong))
    code, out, err = command(*SHORT)
    assert code == 1
    assert any("WRONG" in line for line in out)
    assert err == ["scitorch: doubled: the relative error is 1.0e+00."]


def test_a_filter_off_the_target_is_exit_code_1(command, monkeypatch):
    monkeypatch.setattr("scitorch.demo.settings.DEFAULT_STEPS", 2)
    monkeypatch.setattr("scitorch.demo.settings.DEFAULT_SIZE", 48)
    code, _, (line,) = command(*SHORT)
    assert code == 1
    assert line.startswith("scitorch: The filter error")


def test_an_interruption_is_exit_code_130(command, monkeypatch, tmp_path):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(scitorch.demo, "recover", interrupt)
    code, _, err = command(*SHORT)
    assert code == 130
    assert not any(err)
    assert list((tmp_path / "scitorch-demo").iterdir()) == []


def test_the_options_default_to_the_settings(command):
    parameters = inspect.signature(cli.demo).parameters
    assert {field.name: field.default for field in fields(Settings)} == {
        name: parameter.default for name, parameter in parameters.items()
    }


@pytest.mark.parametrize("width", [200, 40])
def test_ops_lists_every_function_and_argument(command, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    code, out, err = command("ops")
    assert (code, err) == (0, [])
    assert max(map(len, out)) <= width
    rows = [line.split() for line in out]
    assert ["bias", "rule"] in rows  # of an operator
    assert ["value", "zero"] in rows  # of a distribution on whole numbers
    # A narrow terminal breaks words, so the columns are put together again, without blanks.
    columns = ["".join(text) for text in zip(*(_columns(out)), strict=True)]
    for row in supported():
        assert row.function in columns[0]
        assert row.argument in columns[1]
        assert row.derivative.replace(" ", "") in columns[2]
    for module in {row.module for row in supported()}:
        assert f"scitorch.{module}" in columns[0]


def _columns(out):
    """The words of each line, by the columns that the heading begins."""
    heading = next(line for line in out if "derivative" in line)
    first, second, third = (heading.index(name) for name in ("function", "argument", "derivative"))
    return [[part.replace(" ", "") for part in (line[first:second], line[second:third], line[third:])] for line in out]


def test_version(command):
    code, (line,), _ = command("--version")
    assert code == 0
    assert line.startswith("scitorch ")


@pytest.mark.parametrize("arguments", [[], ["--help"], ["demo", "-h"]])
def test_help(command, arguments):
    code, out, err = command(*arguments)
    assert (code, err) == (0, [])
    assert "Usage: scitorch" in "\n".join(out)


def test_the_module_is_the_command_and_its_help_loads_little():
    script = (
        "import runpy, sys; sys.argv = ['scitorch', '--help']\n"
        "try: runpy.run_module('scitorch', run_name='__main__')\n"
        "except SystemExit as end: print(end.code, *{'matplotlib', 'scipy', 'scitorch.demo'} & set(sys.modules))"
    )
    done = subprocess.run(  # noqa: S603  the command is the test's own
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1].strip() == "0"
    assert "demo" in done.stdout
