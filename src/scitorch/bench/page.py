"""The page of a run."""

from __future__ import annotations

from collections.abc import Sequence

from scitorch.bench.tables import Table

PAGE, RATIOS, GROWTH = "benchmarks.md", "benchmarks.png", "benchmarks-growth.png"

_INTRODUCTION = """# Benchmarks

What ours takes beside what you would write or install instead, measured in one run by `make bench`;
`scitorch bench --quick` does a short one on your machine. All ways were compared, values and gradients, before they
were timed; one that isn't right says "wrong" or "raises" instead of a time. They took turns, so that ratios are of
neighbours in time. Times are medians, ratios medians of the rounds' ratios, the spread is the median absolute
deviation of ours. All is float64 unless it says otherwise, on {threads} of {processor}. {versions}.

- **SciPy** is its own call, without a derivative: the floor. **NumPy by hand** and **torch** are floors where the case
  is PyTorch's own sine.
- **Function** is an `autograd.Function` by hand around NumPy and SciPy, **custom_op** a `torch.library.custom_op`,
  **PyLops** its `TorchOperator`, **torch** (**torch.fft**, **torch-dct**) what can be had with PyTorch alone.
- **JAX** is compiled, and its results are used; **HIPS** is its autograd.
- What depends on constants only, such as a spline's system, the peers get ready-made.
- **Where the time goes** is a profile of ours: what operators' kernels take (NumPy, SciPy, C++), SciPy's solvers where
  they call back, functions that these are given, PyTorch's operations with the Python around them.

A ratio in bold misses its goal; below 0.1 ms of work the goals of functions do not apply, since what is measured is the
call itself.
"""


def page(tables: Sequence[Table], pictures: Sequence[str], processor: str, threads: int, versions: str) -> str:
    """All tables and pictures of a run.

    Parameters
    ----------
    tables : sequence of Table
        In their order.
    pictures : sequence of str
        Names of files beside the page.
    processor : str
        What was measured on.
    threads : int
        How many.
    versions : str
        The releases of all that took part.

    Returns
    -------
    str
        In Markdown.
    """
    held = "1 thread" if threads == 1 else f"{threads} threads"
    introduction = _INTRODUCTION.format(threads=held, processor=processor or "this machine", versions=versions)
    shown = [f"![{_CAPTIONS[picture]}]({picture})\n" for picture in pictures]
    return "\n".join([introduction, *(table.markdown() for table in tables), *shown])


_CAPTIONS = {RATIOS: "each way's time divided by scitorch's", GROWTH: "time over size and over the batch"}
