"""Baselines: what simple methods predict from the same features, rows and genes as GenAR.

>>> results = baselines.fit_predict(train, test, genes=panel)
>>> metrics.expression(measured, results["ridge"], key="ridge")
"""

from __future__ import annotations

from genviz._lazy import attach

_NAMES = {
    "NAMES": "genviz.models.baselines.registry",
    "average": "genviz.models.baselines.averaging",
    "fit_predict": "genviz.models.baselines.registry",
}

__getattr__, __dir__, __all__ = attach(__name__, _NAMES)
