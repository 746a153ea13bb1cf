"""One score with its interval, and scores as JSON and as a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genviz._errors import FileFormatError

SCHEMA = "genviz.scores/1"


@dataclass(frozen=True)
class Score:
    """A number, how sure it is, and what it was computed on.

    Attributes
    ----------
    value
        The score; NaN where it is not defined (say, the published correlation of constant predictions).
    ci
        95 % bootstrap interval over spots within sections; None where there is none.
    n
        What was averaged: genes for correlations, spots for everything else.
    baseline
        The same score of the baseline, or None.
    note
        What a reader should know: genes left out, sections skipped, approximations.
    """

    value: float
    ci: tuple[float, float] | None = None
    n: int = 0
    baseline: float | None = None
    note: str = ""


def scores_to_json(scores: Mapping[str, Score]) -> dict[str, Any]:
    """Write scores in the schema ``genviz.scores/1``; NaN becomes null, because JSON has no NaN.

    Parameters
    ----------
    scores
        Score name → score.

    Returns
    -------
    ``{"schema": ..., "metrics": {name: {"value", "ci", "n", "baseline", "note"}}}``
    """
    metrics = {
        name: {
            "value": _finite(score.value),
            "ci": None if score.ci is None else [_finite(bound) for bound in score.ci],
            "n": int(score.n),
            "baseline": _finite(score.baseline),
            "note": score.note,
        }
        for name, score in scores.items()
    }
    return {"schema": SCHEMA, "metrics": metrics}


def scores_from_json(document: Mapping[str, Any]) -> dict[str, Score]:
    """Read what `scores_to_json` wrote; other fields beside ``metrics`` are let be.

    Parameters
    ----------
    document
        The parsed document.

    Returns
    -------
    Score name → score; null values are NaN again.

    Raises
    ------
    FileFormatError
        For another or a newer schema, or fields that are absent.
    """
    found = document.get("schema") if isinstance(document, Mapping) else None
    if found != SCHEMA:
        raise FileFormatError(
            f"Expected scores in the schema {SCHEMA!r}; found {found!r}. Write them with genviz evaluate, "
            "or update genviz if they come from a newer version."
        )
    try:
        return {name: _score(entry) for name, entry in document["metrics"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        raise FileFormatError(
            f"Expected value, ci, n and baseline of each score; {err!r}. Write the file again."
        ) from err


def _score(entry: Mapping[str, Any]) -> Score:
    value, ci = entry["value"], entry["ci"]
    return Score(
        value=math.nan if value is None else float(value),
        ci=None if ci is None else (float(ci[0]), float(ci[1])),
        n=int(entry["n"]),
        baseline=None if entry["baseline"] is None else float(entry["baseline"]),
        note=str(entry.get("note", "")),
    )


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def scores_table(
    models: Mapping[str, Mapping[str, Score]], metrics: Sequence[str] | None = None, digits: int = 3
) -> list[list[str]]:
    """Scores of several models as rows of text: a heading, then a row a score, a column a model.

    Parameters
    ----------
    models
        Model name → its scores.
    metrics
        Scores to show, in order; all by default.
    digits
        After the point; scores of 100 and more get one.

    Returns
    -------
    Rows of equal length; a score a model does not have is a dash, an interval stands in brackets.
    """
    names = list(metrics or dict.fromkeys(name for scores in models.values() for name in scores))
    return [
        ["", *models],
        *([name, *(_cell(scores.get(name), digits) for scores in models.values())] for name in names),
    ]


def _cell(score: Score | None, digits: int) -> str:
    if score is None or math.isnan(score.value):
        return "\u2013"
    places = 1 if abs(score.value) >= 100 else digits
    interval = "" if score.ci is None else f" [{score.ci[0]:.{places}f}, {score.ci[1]:.{places}f}]"
    return f"{score.value:.{places}f}{interval}"
