"""Data sets: public ones by their manifests, and synthetic tissue that is always there."""

from __future__ import annotations

from genviz._lazy import attach

_NAMES = {
    "coad_msi": "genviz.datasets.tile_sets",
    "dsb2018": "genviz.datasets.nuclei",
    "fetch": "genviz.datasets.catalogue",
    "her2st": "genviz.datasets.spatial",
    "hest": "genviz.datasets.hest_sets",
    "list": "genviz.datasets.catalogue",
    "panel": "genviz.datasets.panels",
    "phantom": "genviz.datasets.synthetic.phantom",
    "verify": "genviz.datasets.catalogue",
}

__getattr__, __dir__, __all__ = attach(__name__, _NAMES)
