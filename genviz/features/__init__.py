"""Encoders of tile pixels and stain normalisation. No files and no AnnData here: pixels in, numbers out."""

from __future__ import annotations

from genviz._lazy import attach

_NAMES = {
    "MacenkoNormaliser": "genviz.features.stain",
    "MorphologyEncoder": "genviz.features.morphology",
    "ReinhardNormaliser": "genviz.features.stain",
    "TimmEncoder": "genviz.features.timm_encoder",
    "fit_normaliser": "genviz.features.stain",
}

__getattr__, __dir__, __all__ = attach(__name__, _NAMES)
