"""Analyses over models: they take rows, ask a model, and give new rows."""

from __future__ import annotations

from genviz._lazy import attach

_NAMES = {
    "swap_tokens": "genviz.tl.swapping",
}

__getattr__, __dir__, __all__ = attach(__name__, _NAMES)
