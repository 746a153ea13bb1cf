"""Whole experiments and jobs: from files to results, what the command line and the notebooks call."""

from __future__ import annotations

from genviz._lazy import attach

_NAMES = {
    "run_demo": "genviz.recipes.demo",
    "sections_or_phantom": "genviz.recipes.demo",
}

__getattr__, __dir__, __all__ = attach(__name__, _NAMES)
