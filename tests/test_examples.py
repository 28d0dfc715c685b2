"""Every script below examples/ runs from start to end, without a warning; those of the gallery draw their picture."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPTS = sorted(EXAMPLES.rglob("*.py"))
GALLERY = sorted(EXAMPLES.glob("*.py"))
# torch 2.13 makes this warning itself when forward mode is first used; remove once it doesn't.
OF_TORCH = "ignore:`torch.jit.script` is deprecated:DeprecationWarning"


def test_there_are_examples():
    assert SCRIPTS


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.relative_to(EXAMPLES).as_posix())
def test_example_runs(script, tmp_path):
    options = ["--steps", "3", "--out", tmp_path / "pictures"] if script in GALLERY else []
    result = subprocess.run(  # noqa: S603  scripts of this repository
        [sys.executable, "-W", "error", "-W", OF_TORCH, script, *options],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout
    pictures = [path.name for path in tmp_path.rglob("*.png")]
    assert pictures == ([f"{script.stem}.png"] if script in GALLERY else [])
