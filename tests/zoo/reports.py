"""Reports made by hand: of a right function, and of one with every kind of mistake to show."""

import math

import torch

from scitorch.checker.report import Finding, Report, Row

NAME = "package.<module>:f & [bold]'g'[/]"
REFUSAL = "NotImplementedError: no forward mode for <f>.\nA second line & more.\nA third [line]."


def values(*shape, dtype=torch.float64):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(1))


def finding(expected_values=None, got_values=None, **options):
    given = {
        "property": "gradient",
        "argument": "x",
        "cause": "constant factor",
        "diagnosis": "The gradient is 7 times what it should be.",
        "advice": "Divide by 7 & look.",
        "reproduction": "import torch\n\nif 1 < 2 & 3:\n    print('" + "long " * 40 + "')",
        "expected_values": expected_values,
        "got_values": got_values,
    }
    return Finding(**given | options)


MATRIX, VOLUME, POINTS = values(4, 5), values(3, 2, 10, 200), values(6, dtype=torch.complex128)
BROKEN = VOLUME.clone()
BROKEN[2, 1, 3, 5], BROKEN[2, 1, 4, 100] = math.nan, math.inf

FINDINGS = [
    finding(MATRIX, 7 * MATRIX, index=(1, 2), expected=0.5, got=3.5, relative_error=6.0),
    finding(VOLUME, BROKEN, argument="<v>", index=(2, 1, 3, 5), expected=0.25, got=math.nan, relative_error=math.inf),
    finding(POINTS, POINTS.conj(), argument="z", index=(2,), expected=1 + 2j, got=1 - 2j, relative_error=0.5),
    finding(property="compile", argument="", cause="compiled differs", diagnosis="Compiled is not eager.", advice=""),
]
ROWS = [
    Row("deterministic", "", "right", "two calls", 0.0, 0.01),
    Row("gradient", "x", "wrong", FINDINGS[0].diagnosis, 6.0, 1.23),
    Row("gradient", "<v>", "wrong", FINDINGS[1].diagnosis, math.inf, 0.5),
    Row("gradient", "z", "wrong", FINDINGS[2].diagnosis, 0.5, 0.5),
    Row("forward mode", "x", "raises", REFUSAL, None, 0.02),
    Row("compile", "", "wrong", FINDINGS[3].diagnosis),
    Row("vmap", "x", "skipped", "quick"),
]
WRONG = Report(NAME, "full", 3, ROWS, FINDINGS, 12.345)
RIGHT = Report("torch.sin", "quick", 0, [ROWS[0], ROWS[4], ROWS[6]], [], 0.25)
