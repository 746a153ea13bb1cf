"""Live views for the notebook: each a controller with a front end, and a page to hand over."""

from __future__ import annotations

from typing import Any

from genviz._lazy import attach, require

_NAMES = {
    "GeneTree": "genviz.widgets.gene_tree",
    "PerturbationSweep": "genviz.widgets.perturbation_sweep",
    "SlideView": "genviz.widgets.slide_view",
    "TokenSwap": "genviz.widgets.token_swap",
    "TrainingMonitor": "genviz.widgets.training_monitor",
    "Velocity": "genviz.widgets.velocity",
}

_load, __dir__, __all__ = attach(__name__, _NAMES)


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        require("anywidget", extra="notebook", purpose="show live views")
    return _load(name)
