"""GenAR: from tile features and position to raw gene counts, coarse to fine (docs/models/genar.md)."""

from __future__ import annotations

from genviz._lazy import attach

_NAMES = {
    "GenAR": "genviz.models.genar.model",
    "GenARConfig": "genviz.models.genar.config",
    "GenARNetwork": "genviz.models.genar.network",
    "preset": "genviz.models.genar.presets",
}

__getattr__, __dir__, __all__ = attach(__name__, _NAMES)
