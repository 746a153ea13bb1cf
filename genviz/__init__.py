"""genviz: between genes and tissue images, in both directions.

Everything is a row of an AnnData. Readers (`io`) make rows, preparation (`pp`) adds tiles,
features and the gene tree, models read some columns of a row and write others, metrics and
figures (`pl`) only read them. Names are loaded on first use, so ``import genviz`` is instant.
"""

from __future__ import annotations

from genviz._lazy import attach

__version__ = "0.1.0"

_NAMES = {
    "datasets": "genviz.datasets",
    "io": "genviz.io",
    "metrics": "genviz.metrics",
    "models": "genviz.models",
    "napari": "genviz.napari",
    "pl": "genviz.pl",
    "pp": "genviz.pp",
    "settings": "genviz._settings",
    "tiles": "genviz.io.tile_access",
    "tl": "genviz.tl",
    "widgets": "genviz.widgets",
}

__getattr__, __dir__, __all__ = attach(__name__, _NAMES)
