"""The style sheet of a report's page."""

from __future__ import annotations

from collections.abc import Iterator

from .heat import shades

# Each pair of a colour and its ground has a contrast of at least 4.5.
THEMES = {
    "light": {
        "ink": "#1b1f24",
        "soft": "#59636e",
        "ground": "#ffffff",
        "panel": "#f6f7f8",
        "line": "#dce0e4",
        "right": "#0f6b35",
        "right-ground": "#e3f4e8",
        "wrong": "#b3161b",
        "wrong-ground": "#fdeaea",
        "raises": "#7d4e00",
        "raises-ground": "#fdf1d8",
        "skipped": "#59636e",
        "skipped-ground": "#eef0f2",
        "odd": "#f4d35e",
        "on-weak": "#1b1f24",
        "on-strong": "#ffffff",
        "on-odd": "#1b1f24",
    },
    "dark": {
        "ink": "#e4e8ec",
        "soft": "#9aa5b1",
        "ground": "#14171b",
        "panel": "#1c2127",
        "line": "#343b44",
        "right": "#6fd08f",
        "right-ground": "#173323",
        "wrong": "#ff938c",
        "wrong-ground": "#431c1e",
        "raises": "#e9bd63",
        "raises-ground": "#3a2d11",
        "skipped": "#a3adb8",
        "skipped-ground": "#262c33",
        "odd": "#b8940e",
        "on-weak": "#e4e8ec",
        "on-strong": "#14171b",
        "on-odd": "#000000",
    },
}

RULES = """
& { color: var(--ink); background: var(--ground); box-sizing: border-box; max-width: 1040px; margin: 0 auto;
  padding: 40px 32px 24px; font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  overflow-wrap: anywhere; }
& * { box-sizing: border-box; }
& header { border-bottom: 1px solid var(--line); padding-bottom: 20px; }
& h1, & h2, & p, & dl, & dd, & figure { margin: 0; }
& h1 { font: 600 28px/1.25 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; color: inherit;
  margin: 2px 0 10px; }
& h2 { font-size: 20px; line-height: 1.35; font-weight: 650; color: inherit; }
& code, & pre { font: 13px/1.55 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  color: inherit; background: none; padding: 0; }
& .kind, & dt, & thead th { color: var(--soft); font-size: 12.5px; font-weight: 500; letter-spacing: 0.01em; }
& .verdict { display: inline-block; font-size: 17px; font-weight: 650; padding: 3px 14px; border-radius: 99px; }
& header .facts { color: var(--soft); margin-top: 10px; }
& .right { color: var(--right); background: var(--right-ground); }
& .wrong { color: var(--wrong); background: var(--wrong-ground); }
& .raises { color: var(--raises); background: var(--raises-ground); }
& .skipped { color: var(--skipped); background: var(--skipped-ground); }
& section { margin-top: 32px; }
& .finding { border-left: 4px solid var(--wrong); padding: 2px 0 2px 20px; }
& .advice { margin-top: 6px; max-width: 75ch; }
& dl.facts { display: flex; flex-wrap: wrap; gap: 8px 36px; margin-top: 16px; }
& dd { font: 600 15px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
& .maps { display: grid; grid-template-columns: repeat(auto-fit, minmax(280px, 1fr)); gap: 20px; margin-top: 20px; }
& figcaption { font-weight: 600; font-size: 14px; margin-bottom: 6px; }
& figure { min-width: 0; }
& figure svg { display: block; max-width: 100%; height: auto; overflow: visible; }
& svg text { font: 11px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; text-anchor: middle; }
& .weak { fill: var(--on-weak); } & .strong { fill: var(--on-strong); } & .odd { fill: var(--on-odd); }
& .mark, & .halo { fill: none; vector-effect: non-scaling-stroke; }
& .halo { stroke: var(--ground); stroke-width: 4.5px; } & .mark { stroke: var(--ink); stroke-width: 2px; }
& .nan, & .inf { fill: var(--odd); }
& .nan-line, & .inf-line { fill: none; stroke: var(--on-odd); stroke-width: 1px; stroke-opacity: 0.4;
  vector-effect: non-scaling-stroke; }
& .scale { display: flex; flex-wrap: wrap; justify-content: space-between; margin-top: 10px; min-width: 140px;
  max-width: 100%; font-size: 12.5px; color: var(--soft); font-variant-numeric: tabular-nums; }
& .scale .strip { width: 100%; height: 8px; margin-bottom: 2px; }
& .note { color: var(--soft); font-size: 13px; margin-top: 8px; max-width: 90ch; }
& figure .note { max-width: 256px; margin-top: 2px; }
& .finding .kind + pre { margin-top: 4px; }
& .maps ~ .kind, & .facts ~ .kind, & .advice ~ .kind { margin-top: 18px; }
& pre { margin: 0; padding: 12px 16px; overflow-x: auto; background: var(--panel); border: 1px solid var(--line);
  border-radius: 6px; white-space: pre; }
& .wide { overflow-x: auto; margin-top: 12px; }
& table { border-collapse: collapse; width: 100%; font-size: 14px; color: inherit; background: none; margin: 0;
  overflow-wrap: normal; }
& tr { background: none; }
& th, & td { text-align: left; vertical-align: baseline; padding: 6px 16px 6px 0; border: 0;
  border-bottom: 1px solid var(--line); max-width: none; }
& tbody th { font-weight: 500; }
& td:last-child { padding-right: 0; width: 42%; color: var(--soft); overflow-wrap: anywhere; white-space: pre-line; }
& .number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
& .status { white-space: nowrap; font-weight: 600; font-size: 13px; padding: 1px 9px; border-radius: 99px; }
& summary { cursor: pointer; }
& details pre { white-space: pre-wrap; margin-top: 6px; }
& footer { color: var(--soft); font-size: 12.5px; margin-top: 32px; }
@media print { & .finding, & tr { break-inside: avoid; } }
"""


def style() -> str:
    """The style sheet, light or dark as the reader's system asks for.

    Returns
    -------
    str
        CSS of which each rule begins with the report's own class, so that a notebook's page stays as it is.
    """
    return (
        _theme("light")
        + f"\n@media (prefers-color-scheme: dark) {{{_theme('dark')}}}"
        + RULES.replace("&", ".scitorch-report")
    )


def _theme(name: str) -> str:
    variables = "; ".join(f"--{variable}: {colour}" for variable, colour in THEMES[name].items())
    return f"\n.scitorch-report {{ color-scheme: {name}; {variables}; }}\n" + " ".join(_shades(name))


def _shades(name: str) -> Iterator[str]:
    return (f".scitorch-report .{shade}{{fill:{colour}}}" for shade, colour in shades(name))
