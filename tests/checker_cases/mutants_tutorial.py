"""The wrong specimens of `scitorch.tutorial`, as its readers meet them."""

import torch

from checker_cases.case import Named, mutant
from scitorch.tutorial import (
    BadFFTFunction,
    ScipyConv2dFunction,
    WrongScipyConv2d,
    WrongScipyConv2dFunction,
    incorrect_fft,
)


def _layer():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return WrongScipyConv2d(3, 3).double()


SECOND = "double backward"

CASES = {
    "BadFFTFunction": mutant(
        BadFFTFunction, lambda draw: (draw.normal(4, 6),), Named("gradient of another function", "input")
    ),
    "incorrect_fft": mutant(
        incorrect_fft, lambda draw: (draw.normal(4, 4),), Named("gradient of another function", "input")
    ),
    "incorrect_fft of an odd width": mutant(
        incorrect_fft,
        lambda draw: (draw.normal(4, 5),),
        Named(("backward raises", "missing sum over a broadcast axis"), "input"),
    ),
    "WrongScipyConv2dFunction": mutant(
        WrongScipyConv2dFunction,
        lambda draw: (draw.normal(5, 6), draw.normal(3, 3)),
        Named("transposed", "input"),
        Named("flipped", "filter"),
    ),
    "WrongScipyConv2d": mutant(
        _layer(), lambda draw: (draw.normal(5, 5),), Named("transposed", "input"), Named("flipped", "filter")
    ),
    "ScipyConv2dFunction": mutant(
        ScipyConv2dFunction,
        lambda draw: (draw.normal(4, 5), draw.normal(2, 3), draw.normal(1, 1)),
        Named("wrong second order", "filter", SECOND),
        Named("wrong second order", "input", SECOND),
        Named("wrong second order", "bias", SECOND),
    ),
}
