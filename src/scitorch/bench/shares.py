"""Where the time of a call goes: which part of it is whose."""

from __future__ import annotations

import sys
import sysconfig
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from time import perf_counter
from types import CodeType, FrameType
from typing import Any

import numpy as np
import scipy
import torch

import scitorch
from scitorch.bench.case import Call

KERNELS, SOLVERS, USER, AROUND = "kernels", "SciPy's solvers", "the user's function", "PyTorch and Python around"
_OUTSIDE, _TORCH = "outside", "torch"
_INHERITED = (KERNELS, USER)  # whatever these call is theirs

_FOLDERS = {  # the first that a file lies in
    str(Path(__file__).parent): USER,  # the functions of cases
    str(Path(scitorch.__file__).parent): AROUND,
    str(Path(scipy.__file__).parent): SOLVERS,
    str(Path(np.__file__).parent): SOLVERS,
    str(Path(torch.__file__).parent): _TORCH,
    sysconfig.get_path("purelib"): "",  # the caller's, as what else is installed
    sysconfig.get_path("stdlib"): "",
}


class Clock:
    """A profile function: adds up the seconds of each owner, its own not counted.

    Parameters
    ----------
    kernels : collection of code objects
        Of the functions that operators run.

    Attributes
    ----------
    seconds : dict
        By owner.
    """

    def __init__(self, kernels: Collection[CodeType]) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._kernels = frozenset(kernels)
        self._owners = [_OUTSIDE]
        self._last = perf_counter()

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        """What Python calls at each event."""
        owner = self._owners[-1]
        self.seconds[owner] += perf_counter() - self._last
        if event == "call":
            self._owners.append(owner if owner in _INHERITED else self._of_code(frame.f_code, owner))
        elif event == "return" and len(self._owners) > 1:  # the function that installed this one returns, too
            self._owners.pop()
        self._last = perf_counter()

    def _of_code(self, code: CodeType, caller: str) -> str:
        if code in self._kernels:
            return KERNELS
        file = code.co_filename
        owner = next((who for folder, who in _FOLDERS.items() if file.startswith(folder)), USER) or caller
        if file.startswith("<"):  # what Python makes of text, as for data classes
            return caller
        called_back = AROUND in self._owners or SOLVERS in self._owners  # as by torch.func.vmap it isn't
        return _OUTSIDE if owner == USER and not called_back else owner


def shares(call: Call, seconds: float = 0.2) -> dict[str, float]:
    """The part of a call's time that each owner has, the largest first.

    Parameters
    ----------
    call : callable
        Takes nothing; has been called before.
    seconds : float
        For so long, and once at least, it is called.

    Returns
    -------
    dict
        Of what operators' kernels take, SciPy's solvers where they call back, functions that these are given, and all
        else: PyTorch's operations and the Python around them.

    Notes
    -----
    Python calls a profile function at each call and return. What that takes by itself isn't counted, but what the
    interpreter takes for it is: many small steps in Python look somewhat longer than they are. PyTorch's operators
    aren't told from the Python that uses them, since Python reports the calls of functions alone.
    """
    clock = Clock(_kernels())
    end = perf_counter() + seconds
    while True:
        _profiled(call, clock)
        if perf_counter() > end:
            break
    taken = clock.seconds
    taken[AROUND] += taken.pop(_OUTSIDE, 0.0) + taken.pop(_TORCH, 0.0)
    total = sum(taken.values())
    return {owner: taken[owner] / total for owner in sorted(taken, key=taken.__getitem__, reverse=True)}


def _profiled(call: Call, clock: Callable[[FrameType, str, Any], None]) -> None:
    before = sys.getprofile()
    sys.setprofile(clock)
    try:
        call()
    finally:
        sys.setprofile(before)


def _kernels() -> set[CodeType]:
    functions = (operator.kernel for operator in scitorch.operators().values())
    return {function.__code__ for function in functions if hasattr(function, "__code__")}


def described(found: Mapping[str, float]) -> str:
    """In words, without what is below a hundredth."""
    return ", ".join(f"{owner} {share:.0%}" for owner, share in found.items() if share >= 0.01)
