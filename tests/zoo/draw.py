"""From an operator's samples to tensors, and how exact a result of a dtype must be."""

import numpy as np
import torch

SEED = 1729


def complex_normal(rng, *shape):
    return np.asarray(rng.normal(size=shape) + 1j * rng.normal(size=shape))


def samples(operator, kind="ordinary"):
    """The operator's samples, always the same."""
    return operator.draw(np.random.default_rng(SEED), kind)


def tensors(sample, dtype=torch.double):
    """The sample's arguments: arrays as tensors, complex ones of the same precision; numbers and None as they are."""
    return [_tensor(x, dtype) if isinstance(x, (np.ndarray, np.generic)) else x for x in sample.arguments]


def _tensor(array, dtype):
    return torch.as_tensor(array).to(dtype.to_complex() if array.dtype.kind == "c" else dtype)


def tangents(arguments):
    """A random tensor like each tensor among the arguments."""
    generator = torch.Generator().manual_seed(SEED)
    return [torch.randn(x.shape, dtype=x.dtype, generator=generator) for x in arguments if torch.is_tensor(x)]


def tolerance(dtype):
    """For values: two thirds of the digits must be right."""
    bound = torch.finfo(dtype).eps ** (2 / 3)
    return {"rtol": bound, "atol": bound}


STEP = torch.finfo(torch.double).eps ** (1 / 3)
"""The step at which central differences lose as much to rounding as to truncation: about its square."""
NUMERICAL = {"eps": STEP, "rtol": STEP, "atol": STEP}
"""For derivatives against central differences of doubles."""
