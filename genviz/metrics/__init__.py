"""Scores of predictions against measurements, each with its interval and its baseline."""

from __future__ import annotations

from genviz._lazy import attach

_NAMES = {
    "Score": "genviz.metrics.score",
    "expression": "genviz.metrics.expression_scores",
    "expression_difference": "genviz.metrics.expression_scores",
    "scores_from_json": "genviz.metrics.score",
    "scores_table": "genviz.metrics.score",
    "scores_to_json": "genviz.metrics.score",
}

__getattr__, __dir__, __all__ = attach(__name__, _NAMES)
