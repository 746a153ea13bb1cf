"""Sphinx settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import ziamath
from docutils.nodes import SkipNode
from sphinx.errors import ExtensionError

import genviz

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx

project = "genviz"
author = "the genviz authors"
project_copyright = "2026, the genviz authors"
release = version = genviz.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
html_theme = "sphinx_book_theme"
html_title = "genviz"
html_static_path = ["_static"]
html_css_files = ["site.css"]

# Notebooks are run by the tests; the pages show what was stored.
nb_execution_mode = "off"
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
highlight_language = "bash"  # blocks without a language are commands

autodoc_typehints = "none"  # the signature shows them, numpy sections say what they mean
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
default_role = "code"
# Parameters of a constructor are linked to attributes of that name; two classes have one called `genes`.
suppress_warnings = ["ref.python"]

# Equations are drawn into the pages when they are built, so that the site reads the same without a network.
html_math_renderer = "drawn"
ziamath.config.svg2 = False  # outlines where they stand: glyphs shared by name would clash between sizes
_PIXELS = 17


def drawn(equation: str, page: str, *, inline: bool) -> str:
    """Give an equation as SVG in the colour of the text, its foot on the line's; if that cannot be, the build ends."""
    try:
        picture = ziamath.Latex(equation, size=_PIXELS, color="currentColor", inline=inline)
        left = "".join(picture.mathml.itertext())
        if "\\" in left:  # a command that is not known is drawn as it stands
            raise ValueError(f"unknown command in {left!r}")
        svg = picture.svgxml()
    except Exception as err:  # its parser stumbles in many ways
        raise ExtensionError(
            f"Expected equations that can be drawn in {page}; got {equation!r} ({type(err).__name__}: {err})."
        ) from err
    svg.set("style", f"vertical-align: {picture.getyofst():.1f}px")
    svg.set("role", "img")
    svg.set("aria-label", equation)
    return ElementTree.tostring(svg, encoding="unicode")


def inline_equation(writer: Any, node: nodes.math) -> None:
    """Write an equation that stands in a sentence."""
    writer.body.append(drawn(node.astext(), writer.builder.current_docname, inline=True))
    raise SkipNode


def displayed_equation(writer: Any, node: nodes.math_block) -> None:
    """Write the lines of an equation that stands alone; lines within an environment are its own."""
    text = node.astext()
    for line in [text] if r"\begin{" in text else text.split(r"\\"):
        picture = drawn(line, writer.builder.current_docname, inline=False)
        writer.body.append(f'<div class="equation">{picture}</div>')
    raise SkipNode


def setup(app: Sphinx) -> None:
    """Register the equations' writer."""
    app.add_html_math_renderer("drawn", (inline_equation, None), (displayed_equation, None))
