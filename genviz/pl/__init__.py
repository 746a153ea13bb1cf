"""Still figures (plotly) and the self-contained HTML report.

Nothing here computes a prediction: figures only read the rows of an AnnData.
"""

from __future__ import annotations

from genviz._lazy import attach

_NAMES = {
    "before_after": "genviz.pl.before_after",
    "compare": "genviz.pl.compare",
    "dose_effects": "genviz.pl.dose",
    "doses": "genviz.pl.dose",
    "gene_tree": "genviz.pl.gene_tree",
    "pairs": "genviz.pl.pairs",
    "patch_check": "genviz.pl.patch_check",
    "published": "genviz.pl.published",
    "report": "genviz.pl.report",
    "scores": "genviz.pl.scores",
    "token_maps": "genviz.pl.token_maps",
    "velocity": "genviz.pl.velocity",
}

__getattr__, __dir__, __all__ = attach(
    __name__, {name: module + "_figure" for name, module in _NAMES.items()}
)
