"""What the catalogue costs beside SciPy's own call and what else one could use, side by side in one run.

    python benchmarks/catalogue.py [expm dct] [--quick] [--threads 1] [--write]

JAX and torch-dct take part where they are installed (``pip install "scitorch[bench]"``). All results are compared
before anything is timed. Blocks of calls of all ways take turns, so that a drift of the machine touches all alike;
ratios are medians over the rounds.
"""

import argparse
import os
import platform
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "catalogue-speed.md"


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="cases that have one of these in their name")
    parser.add_argument("--rounds", type=int, default=40, help="at most so many")
    parser.add_argument("--limit", type=float, default=8.0, help="seconds for the rounds of a case")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="without the large cases, few rounds")
    parser.add_argument("--machine", default=platform.machine(), help="what the page says it was measured on")
    parser.add_argument("--write", action="store_true", help=f"into docs/{PAGE.name}")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.limit = min(options.rounds, 7), min(options.limit, 0.5)
    hold_to(options.threads)
    report(options)


def hold_to(threads: int) -> None:
    """So many threads for everybody. Libraries read this as they are loaded, hence all later imports."""
    for name in ("OMP", "OPENBLAS", "MKL"):
        os.environ[f"{name}_NUM_THREADS"] = str(threads)
    if hasattr(os, "sched_setaffinity"):  # JAX starts as many threads as there are cores, unless it sees fewer
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])


def report(options: argparse.Namespace) -> None:
    """Print the table, a row as soon as it is measured."""
    from catalogue_cases import CASES
    from catalogue_table import HEAD, page, row
    from catalogue_timing import measure

    cases = [case for case in CASES if not (options.quick and case.slow)]
    if options.names:
        cases = [case for case in cases if any(name in case.name for name in options.names)]
    print(HEAD)
    rows = []
    for case in cases:
        rows.append(row(measure(case, options.rounds, options.limit, options.threads)))
        print(rows[-1], flush=True)
    if options.write:
        PAGE.write_text(page(rows, options.threads, options.machine))


if __name__ == "__main__":
    main()
