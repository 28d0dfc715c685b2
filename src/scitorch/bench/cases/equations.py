"""Sparse systems, differential equations, roots: everything that an equation defines."""

from __future__ import annotations

from collections.abc import Iterator

from scitorch.bench.case import Case


def cases() -> Iterator[Case]:
    """None as yet; yields `FunctionCase`s of the group "functions", as the modules beside this one do."""
    yield from ()
