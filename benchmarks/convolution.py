"""Valid correlation of images with a filter beside what else one could use, forward and with both gradients.

    python benchmarks/convolution.py [128] [--quick] [--threads 1] [--write]

The five sizes and two precisions of the tutorials' layer, each in one run: blocks of calls of all ways take turns, so
that a drift of the machine touches all alike. All results are compared before anything is timed.
"""

import argparse
import platform
import subprocess
import sys
from pathlib import Path

from scitorch.bench.machine import hold_to

PAGE = Path(__file__).parents[1] / "docs" / "convolution-speed.md"
HEAD = (
    "| case | what | scitorch | conv2d | torch.fft | SciPy | SciPy FFT | JAX | to the best |\n"
    "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
)
WAYS = ("scitorch", "conv2d", "torch.fft", "SciPy", "SciPy FFT", "JAX")
LIKEWISE = {"SciPy": "Function"}  # the tutorial's, with gradients, goes before SciPy's call

TEXT = """# How fast convolution is

`scitorch.tutorial.correlate_valid`, valid correlation of an image with a filter, on {machine}. Milliseconds a call,
medians over rounds in which all ways take turns; "both" is the value and both gradients. conv2d is
`torch.nn.functional.conv2d`; torch.fft and SciPy FFT multiply spectra of the whole image, SciPy's in an
`autograd.Function` that saves them for its backward pass; SciPy is `correlate2d` in the tutorial's Function, at
1024 × 1024 `scipy.signal.correlate`; JAX is `jax.scipy.signal.correlate2d` under `jit`. The last column is how long
ours takes beside the best of the others, the median over the rounds: below 1 is faster. What would take seconds a call
isn't run (—).

Where ours takes longer, it is for one of two reasons. At 10 × 10 all is overhead: of the operator, of PyTorch's
engine, of calling the kernel (3 µs, of which the sums take 0.4; with both gradients three times); so it is, in part,
with both gradients at 128 × 128. And nothing of the forward pass is kept for the backward pass: transforms of tiles,
which stay in the cache, are about as fast as those of the whole image with spectra saved, but not always faster.
Saving the image's would spare one of six transforms of each tile. Tried at 512 × 512 with 15 × 15, that is 12 % of
the kernels' time, with both gradients, in both precisions, for 1.3 times the image's memory (tiles overlap) in every
graph and 10 % more time forward; and the spectra would be a second result that every transform, exported graph and
rule of the operator has to carry. That isn't worth it.

`python benchmarks/convolution.py --write` measured this.
"""


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", type=int, help="only images of so many rows")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--limit", type=float, default=4.0, help="seconds for the rounds of a case")
    parser.add_argument("--quick", action="store_true", help="few rounds")
    parser.add_argument("--machine", default=platform.machine(), help="what the page says it was measured on")
    parser.add_argument("--write", action="store_true", help=f"into docs/{PAGE.name}")
    options = parser.parse_args()
    if options.threads:
        hold_to(options.threads)
        report(options)
        return
    tables = [TEXT.format(machine=options.machine)]
    for threads, title in ((1, "On one thread"), (2, "On two threads")):
        # Libraries read how many threads they may take as they are loaded: a process of its own for each.
        arguments = [*map(str, options.sizes), f"--limit={options.limit}", *["--quick"] * options.quick]
        command = [sys.executable, __file__, *arguments, f"--threads={threads}"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603  this script
        tables.append(f"## {title}\n\n{done.stdout}")
        print(tables[-1], flush=True)
    if options.write:
        PAGE.write_text("\n".join(tables), encoding="utf-8")


def report(options: argparse.Namespace) -> None:
    """Print the table of one number of threads, rows as soon as they are measured."""
    from convolution_cases import cases

    from scitorch.bench.timing import Pace, measure

    print(HEAD, flush=True)
    for case in cases(options.sizes):
        timing = measure(case, Pace(7, 0.5) if options.quick else Pace(40, options.limit))
        for what in ("forward", "both"):
            print(row(timing, what), flush=True)


def row(timing, what: str) -> str:
    """One line of the table; SciPy's call alone stands where its Function isn't run."""
    measured = {way: key for way in WAYS for key in (way, LIKEWISE.get(way)) if (key, what) in timing.benchmarks}
    best = min((way for way in measured if way != "scitorch"), key=lambda way: timing.median(measured[way], what))
    cells = [f"{timing.median(measured[way], what) * 1e3:.3g}" if way in measured else "—" for way in WAYS]
    ratio = timing.ratio("scitorch", measured[best], what)
    return f"| {' | '.join([timing.case.name, what, *cells, f'{ratio:.2f} ({best})'])} |"


if __name__ == "__main__":
    main()
