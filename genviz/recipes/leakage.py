"""The gate before every score: what a model has seen, in whatever way, is not scored as if it were new.

`genviz.recipes.leaks` says in which ways a row can leak. The same patient, where the split was not declared by patient,
is no leak but is stamped. What a checkpoint does not know is stamped "unknown". Shape legend: N rows.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from genviz._errors import UsageError
from genviz.core.counts import first_names
from genviz.recipes.leaks import (
    CONDITION,
    NOT_RECORDED,
    PANEL,
    PATIENT,
    ROW,
    SCENE,
    SECTION,
    TREE,
    UNKNOWN,
    Mask,
    Scored,
    Seen,
    leaks_of,
)  # fmt: skip

_heard: ContextVar[list[LeakReport] | None] = ContextVar("leakage", default=None)

LEAKAGE = "leakage"
"""The block beside ``metrics`` in a file of scores that holds the stamp."""

_PHRASES = {
    ROW: "were trained on",
    SECTION: "lie in sections trained on or chosen by",
    SCENE: "show scenes trained on",
    PATIENT: "are of patients trained on, and the split was declared by patient",
    CONDITION: "have profiles that the condition was fitted on",
    PANEL: "are what the gene panel was chosen on",
    TREE: "are what the gene tree was fitted on",
}


@dataclass(frozen=True)
class LeakReport:
    """What the gate found, to be written beside scores.

    Attributes
    ----------
    kinds
        Kind → number of rows; empty: no leak.
    sections
        Sections (scenes, names) of the rows that leak.
    same_patient
        Whether rows are of patients that were seen; None: unknown.
    patients
        Which.
    unknown
        Kind → why it could not be looked for.
    overridden
        Whether rows that leak were scored because it was asked for.
    """

    kinds: dict[str, int] = field(default_factory=dict)
    sections: list[str] = field(default_factory=list)
    same_patient: bool | None = None
    patients: list[str] = field(default_factory=list)
    unknown: dict[str, str] = field(default_factory=dict)
    overridden: bool = False

    def stamp(self) -> dict[str, Any]:
        """The block ``leakage`` of a result."""
        return {
            "overridden": self.overridden,
            "kinds": dict(self.kinds),
            "same_patient": UNKNOWN if self.same_patient is None else self.same_patient,
            "patients": list(self.patients),
            "unknown": dict(self.unknown),
        }


def check_leakage(rows: Scored, seen: Mapping[str, Seen], *, allow_seen: bool = False) -> LeakReport:
    """Refuse rows that leak; warn of what is not known.

    Parameters
    ----------
    rows
        Rows to score.
    seen
        Stage → what it has seen; "training" must be there.
    allow_seen
        Whether they may leak; the report says so then.

    Raises
    ------
    UsageError
        Saying how many rows leak in which way.
    """
    leaks = leaks_of(rows, seen)
    hit = {kind: mask_N for kind, mask_N in leaks.kinds.items() if mask_N.any()}
    told = [
        f"{int(mask_N.sum())} {_PHRASES[kind]} ({_where(rows, kind, mask_N)})" for kind, mask_N in hit.items()
    ]
    if hit and not allow_seen:
        raise UsageError(
            f"Expected rows that the model has not seen; of {len(rows.names)} rows {'; '.join(told)}. Score others, or "
            "pass --allow-seen (allow_seen=True): the result says so then."
        )
    if hit:
        warnings.warn(f"Scores say nothing about other rows: {'; '.join(told)}.", stacklevel=3)
    if missing := sorted(kind for kind, why in leaks.unknown.items() if why == NOT_RECORDED):
        warnings.warn(
            f"The model does not say what it has seen, so that leaks by {', '.join(missing)} could not be looked for.",
            stacklevel=3,
        )
    patient_N, any_N = leaks.patient_N, leaks.any_N()
    report = LeakReport(
        {kind: int(mask_N.sum()) for kind, mask_N in hit.items()},
        _places(rows, any_N) if hit else [],
        None if patient_N is None else bool(patient_N.any()),
        [] if patient_N is None else _distinct(rows.patients or (), patient_N),
        dict(leaks.unknown),
        bool(hit),
    )
    if (listening := _heard.get()) is not None:
        listening.append(report)
    return report


@contextmanager
def reports_heard() -> Iterator[list[LeakReport]]:
    """Collect what the gate finds inside, however deep: a job is stamped with all that it scored."""
    reports: list[LeakReport] = []
    token = _heard.set(reports)
    try:
        yield reports
    finally:
        _heard.reset(token)


def joined_reports(reports: Iterable[LeakReport]) -> LeakReport:
    """One report of several folds.

    Parameters
    ----------
    reports
        Of each fold, at least one.
    """
    parts = list(reports)
    same = {part.same_patient for part in parts}
    kinds = {kind for part in parts for kind in part.kinds}
    return LeakReport(
        {kind: sum(part.kinds.get(kind, 0) for part in parts) for kind in sorted(kinds)},
        sorted({name for part in parts for name in part.sections}),
        True if True in same else None if None in same else False,
        sorted({name for part in parts for name in part.patients}),
        {kind: why for part in parts for kind, why in part.unknown.items()},
        any(part.overridden for part in parts),
    )


def _where(rows: Scored, kind: str, mask_N: Mask) -> str:
    values = {PATIENT: rows.patients, SCENE: rows.scenes}.get(kind)
    return first_names(_places(rows, mask_N) if values is None else _distinct(values, mask_N))


def _places(rows: Scored, mask_N: Mask) -> list[str]:
    """Sections of some rows; their names where they have none."""
    return _distinct(rows.sections, mask_N) or _distinct(rows.names, mask_N)


def _distinct(values: Sequence[str], mask_N: Mask) -> list[str]:
    return sorted({str(value) for value in np.asarray(values, object)[mask_N]} - {""})
