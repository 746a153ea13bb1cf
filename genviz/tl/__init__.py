"""Analyses over models: they take rows, ask a model, and give new rows."""

from __future__ import annotations

from genviz._lazy import attach

_NAMES = {
    "Attribution": "genviz.tl.attribution",
    "attribute": "genviz.tl.attribution",
    "enrich": "genviz.tl.enrichment",
    "RoundTrip": "genviz.tl.round_trip",
    "roundtrip": "genviz.tl.round_trip",
    "perturb": "genviz.tl.perturbation",
    "perturbation_effects": "genviz.tl.perturbation_tables",
    "perturbation_facts": "genviz.tl.perturbation_tables",
    "perturbation_summary": "genviz.tl.perturbation_tables",
    "swap_tokens": "genviz.tl.swapping",
    "velocity": "genviz.tl.flow_paths",
}

__getattr__, __dir__, __all__ = attach(__name__, _NAMES)
