"""What a report says on paper, on a terminal, in a figure and to a program; the progress bar."""

import io
import json
import math
import os
import pickle
import subprocess
import sys
import textwrap
import time
from dataclasses import replace

import pytest
import torch
from rich.console import Console
from zoo.reports import FINDINGS, MATRIX, NAME, POINTS, REFUSAL, RIGHT, WRONG, finding, values

import scitorch.checker
from scitorch.checker import GradientCheckError, Report, progress
from scitorch.checker.grid import caption, grids

# Plain text


def test_the_text_holds_everything():
    text = str(WRONG)
    assert text.splitlines()[0] == (
        f"{NAME}: 4 mistakes (1 right, 4 wrong, 1 raises, 1 skipped; full check, seed 3, 12.3 s)"
    )
    for row in WRONG.rows:
        assert all(part in text for part in (row.property, row.argument, row.status, *row.detail.splitlines()))
    for i, found in enumerate(FINDINGS, 1):
        assert f"Mistake {i} of 4: {found.property}" in text
        assert textwrap.indent(found.reproduction, " " * 6) in text
    for fact in ("[1, 2]", "3.5", "6.0e+00", "nan", "inf", "1-2j", "Divide by 7 & look."):
        assert fact in text


def test_the_text_is_aligned():
    heading, *rows = str(WRONG).split("\n\n")[1].splitlines()
    assert len(rows) == len(WRONG.rows) + REFUSAL.count("\n")
    for row in rows:
        if row.startswith(" "):  # a detail's second line
            assert row.index(row.strip()) == heading.index("detail")
        else:
            assert row[heading.index("status") :].split()[0] in {"right", "wrong", "raises", "skipped"}


def test_the_text_of_what_is_right():
    assert str(RIGHT).startswith("torch.sin: right (1 right, 1 raises, 1 skipped; quick check, seed 0, 0.2 s)\n")
    assert "istake" not in str(RIGHT)


def test_one_mistake_is_no_mistakes():
    assert ": 1 mistake (" in str(replace(WRONG, findings=FINDINGS[:1]))


def test_a_report_without_rows_has_a_text():
    assert str(Report("f", "quick", 0, [], [], 0.0)).startswith("f: right (nothing tried;")


def test_raising():
    assert RIGHT.ok
    RIGHT.raise_for_failures()
    assert not WRONG.ok
    with pytest.raises(AssertionError, match="4 mistakes") as caught:
        WRONG.raise_for_failures()
    assert caught.value.report is WRONG
    assert str(caught.value) == str(WRONG)


def test_the_error_keeps_its_report_between_processes():
    again = pickle.loads(pickle.dumps(GradientCheckError(WRONG)))
    assert str(again.report) == str(again) == str(WRONG)


def test_the_package_gives_its_names():
    assert dir(scitorch.checker) == sorted(scitorch.checker.__all__)
    assert callable(scitorch.checker.check)
    with pytest.raises(AttributeError, match="has no attribute 'chek'"):
        _ = scitorch.checker.chek


# Terminal


def printed(report, width, **options):
    console = Console(file=io.StringIO(), width=width, **options)
    console.print(report)
    return console.file.getvalue()


def test_a_terminal_shows_names_as_they_are():
    text = printed(WRONG, 200)
    for part in (
        NAME,
        "4 mistakes",
        "<v>",
        *(f.diagnosis for f in FINDINGS),
        "no forward mode for <f>. …",
        "[2, 1, 3, 5]",
    ):
        assert part in text


def test_a_narrow_terminal_cuts_nothing_off():
    squeezed = "".join(printed(WRONG, 50).split())
    for found in FINDINGS:
        assert "".join((found.diagnosis + found.advice).split()) in squeezed.replace("advice", "")
        assert "".join(found.reproduction.split()) in squeezed


def test_a_terminal_has_colours():
    text = printed(WRONG, 200, force_terminal=True, color_system="truecolor")
    assert "\x1b[1;31mwrong" in text
    assert "\x1b[32mright" in text


# JSON


def test_json():
    record = json.loads(json.dumps(WRONG.to_dict(), allow_nan=False))
    assert (record["name"], record["ok"], record["mode"], record["seed"]) == (NAME, False, "full", 3)
    assert [row["status"] for row in record["rows"]] == [row.status for row in WRONG.rows]
    assert record["rows"][4]["detail"] == REFUSAL
    first, second, third, last = record["findings"]
    assert (first["index"], first["expected"], first["got"], first["relative_error"]) == ([1, 2], 0.5, 3.5, 6.0)
    assert first["expected_values"] == {"shape": [4, 5], "dtype": "float64", "values": MATRIX.tolist()}
    assert (second["got"], second["relative_error"]) == ("nan", "inf")
    assert third["got"] == {"re": 1.0, "im": -2.0}
    assert third["expected_values"]["values"][0] == {"re": POINTS[0].real.item(), "im": POINTS[0].imag.item()}
    assert (last["index"], last["expected_values"]) == (None, None)


@pytest.mark.parametrize(("count", "is_written"), [(4096, True), (4097, False)])
def test_json_leaves_large_arrays_out(count, is_written):
    x = torch.zeros(count)
    (record,) = Report("f", "full", 0, [], [finding(x, x)], 0.0).to_dict()["findings"]
    assert record["got_values"] == {
        "shape": [count],
        "dtype": "float32",
        "values": [0.0] * count if is_written else None,
    }


# What the heat maps show


@pytest.mark.parametrize(("shape", "cells"), [((), (1, 1)), ((5,), (1, 5)), ((3, 4), (3, 4)), ((64, 64), (64, 64))])
def test_small_arrays_are_shown_as_they_are(shape, cells):
    expected = values(*shape)
    maps = grids(finding(expected, 2 * expected))
    assert [grid.title for grid in maps] == ["expected", "got", "got − expected"]
    for grid, shown in zip(maps, (expected, 2 * expected, expected), strict=True):
        assert torch.equal(torch.tensor(grid.cells), shown.reshape(cells).float())
        assert grid.notes == []
    assert [grid.bound for grid in maps] == [2 * expected.abs().max()] * 2 + [expected.abs().max()]


def test_large_arrays_are_averaged_and_their_ends_too():
    expected = values(130, 65)
    maps = grids(finding(expected, expected + 1, index=(129, 64)))
    cells = torch.tensor(maps[0].cells, dtype=torch.float64)
    assert cells.shape == (44, 33)
    torch.testing.assert_close(cells[0, 0], expected[:3, :2].mean())
    torch.testing.assert_close(cells[-1, -1], expected[129:, 64:].mean())
    assert maps[0].mark == (43, 32)
    assert caption(maps) == ["each cell the mean of up to 3 × 2 of the 130 × 65 elements"]


@pytest.mark.parametrize("index", [None, (2, 1, 3, 5), (9, 9, 9, 9), (0,)])
def test_the_slice_with_the_worst_element_is_shown(index):
    maps = grids(replace(FINDINGS[1], index=index))
    assert maps[1].cells[3][1] != maps[1].cells[3][1]
    assert maps[2].mark == (3, 1)
    assert caption(maps)[0] == "the slice [2, 1, :, :] of shape (3, 2, 10, 200), which holds the worst element"
    assert maps[0].notes == caption(maps)
    assert maps[1].notes == [*caption(maps), "1 cell NaN", "1 cell infinite"]
    assert all(math.isfinite(grid.bound) for grid in maps)


def test_complex_numbers_are_shown_by_their_moduli():
    maps = grids(FINDINGS[2])
    torch.testing.assert_close(torch.tensor(maps[2].cells[0]), (2 * POINTS.imag).abs().float())
    assert caption(maps) == ["the moduli of complex numbers"]
    assert [grid.lower for grid in maps] == [0.0] * 3


def test_scales_are_shared_unless_one_would_vanish():
    x = values(3, 3)
    assert len({grid.bound for grid in grids(finding(x, 9 * x))[:2]}) == 1
    apart = grids(finding(x, 11 * x))
    assert len({grid.bound for grid in apart[:2]}) == 2
    assert caption(apart) == ["expected and got each on a scale of its own"]


def test_zeros_and_nothing_finite():
    zero = torch.zeros(3)
    assert [grid.bound for grid in grids(finding(zero, zero))] == [0.0] * 3
    assert [grid.bound for grid in grids(finding(zero * math.nan, zero))] == [0.0] * 3


def test_arrays_of_different_shapes_have_no_difference():
    maps = grids(finding(values(2, 3), values(3, 1, 2), index=(1, 1)))
    assert [(grid.title, len(grid.cells)) for grid in maps] == [("expected", 2), ("got", 1)]
    assert caption(maps) == ["expected and got differ in shape, so that there is no difference"]
    assert [grid.mark for grid in maps] == [None, None]


@pytest.mark.parametrize("pair", [(None, None), (None, MATRIX), (torch.zeros(0), torch.zeros(0))])
def test_without_elements_there_is_no_map(pair):
    assert grids(finding(*pair)) == []


@pytest.mark.parametrize("dtype", [torch.bool, torch.int32, torch.bfloat16, torch.complex64])
def test_every_dtype_can_be_shown(dtype):
    x = torch.tensor([0, 1, 1], dtype=dtype).requires_grad_(dtype.is_floating_point)
    assert grids(finding(x, x))[0].cells == [[0.0, 1.0, 1.0]]


# Figures


def test_the_figure_has_three_maps_for_each_finding_with_values():
    figure = WRONG.plot()
    titles = [axes.get_title().split("\n")[0] for axes in figure.axes if axes.get_title()]
    assert titles == ["expected", "got", "got − expected"] * 3
    figure.savefig(io.BytesIO())


@pytest.mark.parametrize("report", [RIGHT, replace(WRONG, findings=[finding(values(2), values(3))])])
def test_every_report_can_be_drawn(report):
    report.plot().savefig(io.BytesIO())


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'Report.plot, matplotlib: .* Try pip install "scitorch\[pictures\]"'):
        WRONG.plot()


# Progress


def steps(enabled, seconds):
    with progress.progress(2, enabled) as step:
        step("one [bold]")
        time.sleep(seconds)
        step("two")
        time.sleep(seconds)


@pytest.mark.parametrize(("enabled", "patience"), [(None, 0.0), (False, 0.0), (True, 60.0)])
def test_no_bar(capfd, monkeypatch, enabled, patience):
    monkeypatch.setattr(progress, "PATIENCE", patience)
    steps(enabled, 0.1)
    assert capfd.readouterr() == ("", "")


def test_a_bar_for_what_takes_longer(capsys, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.05)
    steps(True, 0.3)
    out, err = capsys.readouterr()
    assert out == ""
    assert "one [bold]" in err
    assert "two" in err
    assert err.endswith("\x1b[2K")  # it takes itself away


def test_a_bar_goes_away_when_the_check_fails(capsys, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    with pytest.raises(TypeError):
        steps(True, "no number")
    assert capsys.readouterr().err.endswith("\x1b[2K")


def test_a_bar_by_itself_on_a_terminal():
    pty = pytest.importorskip("pty")
    script = "from scitorch.checker.progress import *; import time, sys\n"
    script += "with progress(1) as step: step('one'); time.sleep(1.5); print('out')"
    ours, theirs = pty.openpty()
    done = subprocess.run(  # noqa: S603  the command is the test's own
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=theirs, text=True, check=True
    )
    assert b"one" in os.read(ours, 10000)
    assert done.stdout == "out\n"
