"""The table of benchmarks/catalogue.py, in Markdown."""

from importlib import metadata

from catalogue_timing import Timing

WAYS = ("SciPy", "scitorch", "torch", "torch-dct", "JAX")
HEAD = (
    f"| case | {' | '.join(WAYS)} | forward ÷ SciPy | forward + backward ÷ best peer | why above 1 |\n"
    f"|---|{'---|' * len(WAYS)}---|---|---|"
)
_PAGE = """# Speed of the catalogue

What a call takes: SciPy's own, ours, the best code that we'd write with PyTorch alone, torch-dct, and JAX, compiled.
Milliseconds on {threads} thread of {machine}, forward / forward and backward in all inputs that the case
names, float64 unless it says otherwise. All ways were compared, values and gradients, before they were timed, and took
turns, so that the ratios are of neighbours in time. {versions}.

Goals: forward within 1.1 of SciPy's own call, and forward with backward at least as fast as the best peer, above 0.1 ms
of work; below, what is measured is the call itself (`benchmarks/overhead.py`).

    python benchmarks/catalogue.py --write

{table}
"""


def row(timing: Timing) -> str:
    """One case: milliseconds forward and forward + backward, and the two ratios that are goals."""
    cells = [timing.case.name, *(_cell(timing, way) for way in WAYS)]
    cells.append(f"{timing.ratio('scitorch', 'SciPy', 'forward'):.2f}")
    best = timing.best_peer()
    cells.append(f"{timing.ratio('scitorch', best, 'both'):.2f} ({best})" if best else "no peer")
    cells.append(timing.case.note)
    return "| " + " | ".join(cells) + " |"


def _cell(timing: Timing, way: str) -> str:
    medians = (timing.median(way, what) for what in ("forward", "both"))
    return " / ".join(_scaled(median) for median in medians if median is not None) or "-"


def _scaled(seconds: float) -> str:
    """Milliseconds, to three digits."""
    return f"{seconds * 1e3:.3g}" if seconds < 1 else f"{seconds * 1e3:.0f}"


def page(rows: list[str], threads: int, machine: str) -> str:
    """The whole page of the documentation."""
    versions = ", ".join(f"{name} {_version(name)}" for name in ("numpy", "scipy", "torch", "jax", "torch-dct"))
    return _PAGE.format(table="\n".join([HEAD, *rows]), threads=threads, machine=machine, versions=versions)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "(not installed)"
