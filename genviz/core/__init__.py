"""Domain maths on plain arrays, numpy and scipy only: gene tree, geometry, counts, splits, statistics."""

from __future__ import annotations

from genviz._lazy import attach

_NAMES = {
    "GeneTree": "genviz.core.gene_tree",
    "default_scales": "genviz.core.gene_tree_fit",
    "fit_gene_tree": "genviz.core.gene_tree_fit",
    "row_generator": "genviz.core.keyed",
}

__getattr__, __dir__, __all__ = attach(__name__, _NAMES)
