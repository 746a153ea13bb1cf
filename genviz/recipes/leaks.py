"""Which rows a model has seen, and in which way.

A row is told by the first of ``row``, ``section`` and ``scene`` that holds; where none does, by all others that hold:

==============  ========================================================================================
``row``         the model was trained on it, or on something made from it or from what it was made of
``section``     it was trained on other rows of its section, or chosen by them
``scene``       it was trained on another image of its scene
``patient``     it was trained on another row of its patient, and the split was declared by patient
``condition``   the condition was fitted on its profile, though not on its tile
``panel``       the panel of genes was chosen on its section, scene or on itself
``tree``        the gene tree was fitted there
==============  ========================================================================================

Shape legend: N rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genviz._keys import Obs

TRAINING, CONDITION, PANEL, TREE = "training", "condition", "panel", "tree"
"""Stages at which a model may have seen rows."""
ROW, SECTION, SCENE, PATIENT = "row", "section", "scene", "patient"
"""Kinds of leakage of the training itself; those of the other stages are called as the stage."""
UNKNOWN, NOT_RECORDED, GIVEN = "unknown", "not recorded", "given from outside"

Mask = NDArray[np.bool_]
Names = frozenset[str]


@dataclass(frozen=True)
class Seen:
    """Rows that one stage of a training has looked at. None: not known; empty: none.

    Attributes
    ----------
    rows
        Section → names of its rows. Under "" names of rows of `sections`, or of any section where these are not known.
    sections, scenes, patients
        Of those rows.
    sources
        What the rows were made from (the profile of a tile, the image of a crop).
    declared_by
        Column that the split was declared by.
    given
        Whether it came from outside, so that nobody can know what it has seen: a list of genes, a tree made by hand.
    partial
        Whether there may be more scenes, patients and sources than these.
    """

    rows: Mapping[str, Names] | None = None
    sections: Names | None = None
    scenes: Names | None = None
    patients: Names | None = None
    sources: Names | None = None
    declared_by: str | None = None
    given: bool = False
    partial: bool = False


@dataclass(frozen=True)
class Scored:
    """Rows to score, as far as a leak can be told by it.

    Attributes
    ----------
    names, sections
        Of each row; "" where it lies in no section.
    scenes, patients, sources
        Of each row, "" where it has none; None where rows do not say.
    """

    names: Sequence[str]
    sections: Sequence[str]
    scenes: Sequence[str] | None = None
    patients: Sequence[str] | None = None
    sources: Sequence[str] | None = None


@dataclass(frozen=True)
class Leaks:
    """Which rows leak in which way.

    Attributes
    ----------
    kinds
        Kind → mask (N,); those that are refused.
    patient_N
        Rows of patients that were seen; None where nothing tells.
    unknown
        Kind → why it could not be looked for.
    """

    kinds: Mapping[str, Mask]
    patient_N: Mask | None
    unknown: Mapping[str, str]

    def any_N(self) -> Mask:
        """Rows that are refused."""
        return _any(self.kinds)


def leaks_of(rows: Scored, seen: Mapping[str, Seen]) -> Leaks:
    """Look for every kind of leak.

    Parameters
    ----------
    rows
        Rows to score.
    seen
        Stage → what it has seen; "training" must be there.
    """
    training = seen[TRAINING]
    kinds = _of_stage(rows, training)
    own_N = _any(kinds)
    for stage in (CONDITION, PANEL, TREE):
        if stage in seen:
            kinds[stage] = _any(_of_stage(rows, seen[stage])) & ~own_N
    patient_N = _patients(rows, seen.values())
    if patient_N is not None and training.declared_by == Obs.PATIENT:
        kinds[PATIENT] = patient_N & ~own_N
    if patient_N is not None and not patient_N.any() and (training.patients is None or training.partial):
        patient_N = None
    return Leaks(kinds, patient_N, _unknown(rows, seen, patient_N))


def _any(kinds: Mapping[str, Mask]) -> Mask:
    return np.asarray(np.logical_or.reduce(list(kinds.values())), bool)


def _of_stage(rows: Scored, seen: Seen) -> dict[str, Mask]:
    """Rows, then sections and scenes of others."""
    told = bool(seen.rows or seen.sources)
    row_N = np.array([told and _is_row(rows, at, seen) for at in range(len(rows.names))], bool)
    section_N = _among(rows.sections, seen.sections) & ~row_N
    return {
        ROW: row_N,
        SECTION: section_N,
        SCENE: _among(rows.scenes, seen.scenes, len(row_N)) & ~row_N & ~section_N,
    }


def _is_row(rows: Scored, at: int, seen: Seen) -> bool:
    section, name = rows.sections[at], rows.names[at]
    source = rows.sources[at] if rows.sources else ""
    own = {name, source} - {""}
    if own & (seen.sources or frozenset()):
        return True
    known, loose = (seen.rows or {}).get(section, frozenset()), (seen.rows or {}).get("", frozenset())
    # Names of joined sections begin with the section, others do not: those mean something within it only.
    whole = {f"{section}_{one.removeprefix(f'{section}_')}" for one in own} if section else set()
    bare = {one.removeprefix(f"{section}_") for one in own} | own
    anywhere = seen.sections is None or section in seen.sections or not (section or seen.sections)
    return bool((whole | bare) & known or whole & loose or (anywhere and bare & loose))


def _among(values: Sequence[str] | None, known: Names | None, n: int = 0) -> Mask:
    if values is None or known is None:
        return np.zeros(n if values is None else len(values), bool)
    return np.array([bool(value) and value in known for value in values], bool)


def _patients(rows: Scored, seen: Iterable[Seen]) -> Mask | None:
    """Rows of patients that any stage has seen; None where rows or all stages do not say theirs."""
    known = [one.patients for one in seen if one.patients is not None]
    if rows.patients is None or not any(rows.patients) or not known:
        return None
    return _among(rows.patients, frozenset().union(*known))


def _unknown(rows: Scored, seen: Mapping[str, Seen], patient_N: Mask | None) -> dict[str, str]:
    """What could not be looked for; "not recorded" only where rows could have been compared."""
    training, found = seen[TRAINING], {}
    for stage, one in seen.items():
        if one.given:
            found[stage] = GIVEN
        elif one.rows is None and one.sections is None and one.sources is None:
            found[stage] = NOT_RECORDED
    if any(rows.scenes or ()) and (training.scenes is None or training.partial):
        found[SCENE] = NOT_RECORDED
    condition = seen.get(CONDITION)
    if condition is not None and any(rows.sources or ()) and (condition.sources is None or condition.partial):
        found[CONDITION] = NOT_RECORDED
    if patient_N is None:
        found[PATIENT] = NOT_RECORDED if any(rows.patients or ()) else "the rows do not say theirs"
    return found
