"""Sphinx settings."""

from __future__ import annotations

import genviz

project = "genviz"
author = "the genviz authors"
project_copyright = "2026, the genviz authors"
release = version = genviz.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
html_theme = "sphinx_book_theme"
html_title = "genviz"

# Notebooks are run by the tests; the pages show what was stored.
nb_execution_mode = "off"
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

autodoc_typehints = "none"  # the signature shows them, numpy sections say what they mean
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
default_role = "code"
# Parameters of a constructor are linked to attributes of that name; two classes have one called `genes`.
suppress_warnings = ["ref.python"]
