"""How Sphinx builds the documentation: `make docs`."""

from importlib import import_module, metadata

from docutils.nodes import Node
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from scitorch import Operator

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


def setup(app: Sphinx) -> None:
    """Add the directive."""
    app.add_directive("operators", Operators)
