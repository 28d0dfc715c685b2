"""How Sphinx builds the documentation: `make docs`."""

import re
from importlib import import_module, metadata
from itertools import groupby
from pathlib import Path

from docutils.nodes import Node
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from scitorch import Operator
from scitorch.checker.causes import CAUSES
from scitorch.coverage import supported

project = "scitorch"
author = "scitorch developers"
version = release = metadata.version("scitorch")

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
myst_heading_anchors = 3  # links to a heading of a page, as on a repository's site

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # docstrings say the types; an operator's annotations are its kernel's
numpydoc_show_class_members = False  # autodoc lists them

html_theme = "furo"
html_title = "scitorch"


class Operators(SphinxDirective):
    """Document every operator of a module: autodoc alone takes them for data."""

    required_arguments = 1

    def run(self) -> list[Node]:
        """Write one `autofunction` an operator and have it parsed."""
        module = import_module(self.arguments[0])
        names = (name for name in module.__all__ if isinstance(getattr(module, name), Operator))
        return self.parse_text_to_nodes("\n".join(f".. autofunction:: {module.__name__}.{name}" for name in names))


class Causes(SphinxDirective):
    """The mistakes that the checker names, as a table."""

    def run(self) -> list[Node]:
        """Write a list table and have it parsed."""
        rows = [f"   * - {cause}\n     - {meaning}" for cause, meaning in CAUSES.items()]
        table = [".. list-table::", "   :header-rows: 1", "", "   * - named", "     - what came", *rows]
        return self.parse_text_to_nodes("\n".join(table))


class Coverage(SphinxDirective):
    """What is differentiable, as a table for each module."""

    def run(self) -> list[Node]:
        """Write list tables and have them parsed."""
        lines: list[str] = []
        for module, rows in groupby(supported(), lambda row: row.module):
            lines += ["", f".. list-table:: scitorch.{module}", "   :header-rows: 1", ""]
            lines += ["   * - function", "     - argument", "     - derivative"]
            for row in rows:
                lines += [f"   * - ``{row.function}``", f"     - ``{row.argument}``", f"     - {row.derivative}"]
        return self.parse_text_to_nodes("\n".join(lines))


def relink(app: Sphinx, _path: Path, _parent: str, content: list[str]) -> None:
    """Let the links of an included page, which start from the repository's root, start from here."""
    here = Path(app.srcdir)

    def link(match: re.Match[str]) -> str:
        text, target = match.groups()
        if (here / target.lower()).exists():  # CHANGELOG.md is part of changelog.md
            return f"[{text}]({target.lower()})"
        if (here.parent / target).is_file():
            return f"[{text}](../{target})"
        return text if (here.parent / target).is_dir() else match[0]

    content[0] = re.sub(r"\[([^]]*)\]\((?![a-z]+:|#)([^)]+)\)", link, content[0])


def setup(app: Sphinx) -> None:
    """Add the directives, and mend the links of what is included."""
    app.add_directive("operators", Operators)
    app.add_directive("causes", Causes)
    app.add_directive("coverage", Coverage)
    app.connect("include-read", relink)
