"""Check the house rules that no other tool knows; `make lint` runs it.

- Data crosses between torch and NumPy in `core/border.py` alone.
- A file in `src` has at most 400 lines, a function at most 60 without its docstring.
- A comment that silences a tool says why.
"""

import ast
import re
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "scitorch"
FILE_LINES = 400
FUNCTION_LINES = 60

CROSSINGS = {"from_dlpack", "from_numpy", "numpy"}
# The tutorials' Functions by hand, and those that benchmarks time, do what the tutorials do, `.numpy()` included.
MAY_CROSS = (SOURCE / "core" / "border.py", SOURCE / "tutorial", SOURCE / "bench")

# The codes of `noqa: E501, N802`, `type: ignore[misc]` or `pyright: ignore[reportX]`, and whatever follows them.
SILENCER = re.compile(
    r"#\s*(?:noqa\b(?::\s*[A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*)?|(?:type|pyright):\s*ignore(?:\[[^]]*\])?)(.*)"
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def crossings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every place that names a border crossing, called or passed on."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) if name in CROSSINGS:
                yield node.lineno, name
            case ast.ImportFrom(names=names):
                yield from ((node.lineno, alias.name) for alias in names if alias.name in CROSSINGS)


def length(function: Function) -> int:
    """Count the function's lines without its docstring and decorators."""
    lines = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function, clean=False) is not None:
        docstring = function.body[0]
        lines -= docstring.end_lineno - docstring.lineno + 1
    return lines


def functions(tree: ast.Module) -> Iterator[Function]:
    """Every function and method, nested ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def broken_in_source(path: Path, text: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line and the broken rule, for the rules of `src`."""
    if (lines := text.count("\n")) > FILE_LINES:
        yield 1, f"{lines} lines, at most {FILE_LINES}: split it by SciPy's own headings"
    for function in functions(tree):
        if (lines := length(function)) > FUNCTION_LINES:
            yield function.lineno, f"{function.name} has {lines} lines, at most {FUNCTION_LINES}"
    if not any(map(path.is_relative_to, MAY_CROSS)):
        for line, name in crossings(tree):
            yield line, f"{name} crosses between torch and NumPy, which only core/border.py may"


def broken_anywhere(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the broken rule, for the rules of every Python file."""
    for number, line in enumerate(text.splitlines(), 1):
        if (silencer := SILENCER.search(line)) and not re.search(r"\w", silencer[1]):
            yield number, "a silenced rule without its reason"


def main() -> int:
    """Print every broken rule, then the measures; 1 if a rule is broken."""
    broken, lengths = [], []
    for folder in ("src", "tests", "examples", "benchmarks", "tools", "docs"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            found = [*broken_anywhere(text)]
            if path.is_relative_to(SOURCE):
                tree = ast.parse(text)
                found += broken_in_source(path, text, tree)
                lengths += map(length, functions(tree))
            broken += (f"{path.relative_to(ROOT)}:{line}: {rule}" for line, rule in sorted(found))
    print(*broken, sep="\n", end="\n" if broken else "")
    middle, longest = statistics.median(lengths or [0]), max(lengths, default=0)
    print(f"{len(lengths)} functions in src: median {middle:g} lines, longest {longest}")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
