"""Analyses over models: they take rows, ask a model, and give new rows."""

from __future__ import annotations

from genviz._lazy import attach

_NAMES = {
    "Attribution": "genviz.tl.attribution",
    "attribute": "genviz.tl.attribution",
    "enrich": "genviz.tl.enrichment",
    "RoundTrip": "genviz.tl.round_trips.run",
    "roundtrip": "genviz.tl.round_trips.run",
    "perturb": "genviz.tl.perturbation.run",
    "perturbation_effects": "genviz.tl.perturbation.tables",
    "perturbation_facts": "genviz.tl.perturbation.tables",
    "perturbation_summary": "genviz.tl.perturbation.tables",
    "swap_tokens": "genviz.tl.swapping",
    "velocity": "genviz.tl.flows.paths",
}

__getattr__, __dir__, __all__ = attach(__name__, _NAMES)
