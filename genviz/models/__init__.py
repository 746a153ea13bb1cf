"""Models and baselines, one life cycle: ``setup_anndata``, construct, ``train``, ``predict``, ``save``, ``load``."""

from __future__ import annotations

from genviz._lazy import attach

_NAMES = {
    "GenAR": "genviz.models.genar.model",
    "GeneVAR": "genviz.models.genevar.model",
    "PathAR": "genviz.models.pathar.model",
    "baselines": "genviz.models.baselines",
}

__getattr__, __dir__, __all__ = attach(__name__, _NAMES)
