"""Predicted expression on the desktop: layers, a dock widget and a file reader for napari."""

from __future__ import annotations

from genviz._lazy import attach

_NAMES = {"view": "genviz.napari.viewing"}

__getattr__, __dir__, __all__ = attach(__name__, _NAMES)
