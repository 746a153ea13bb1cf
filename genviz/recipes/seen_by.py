"""What models of each kind have seen, and rows as the gate looks at them.

Shape legend: N rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz import datasets
from genviz._keys import Obs
from genviz.io.fetching.manifests import load_manifest
from genviz.models.genar import seen as genar_seen
from genviz.models.genevar.condition.rows import sections_of_rows
from genviz.models.genevar.rows import CHOSEN_BY, CONDITION_ON, SECTIONS, SPLIT_BY
from genviz.models.genevar.seen import trained_rows
from genviz.pp.fitted_rows import FITTED_ON, fitted_on
from genviz.recipes.leakage import LeakReport, check_leakage
from genviz.recipes.leaks import CONDITION, PANEL, TRAINING, TREE, Names, Scored, Seen

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.models.genevar.fitted import Fitted as FittedGeneVAR
    from genviz.models.pathar.fitted import Fitted as FittedPathAR

HER2ST = "her2st"

_PATIENTS = "patients_of_"  # begins the facts with patients
# What data_manifests/her2st.toml says of its panels; the paper's own comes from outside.
_CHOSEN_ON = {"genes_hvg200_C2-C5": ("C2", "C3", "C4", "C5"), "genes_genar200": None}


def gate(adata: AnnData, seen: Mapping[str, Seen], *, allow_seen: bool = False) -> LeakReport:
    """Refuse rows that a model has seen; see `check_leakage`.

    Parameters
    ----------
    adata
        Rows to score.
    seen
        From `seen_by_genar`, `seen_by_pathar` or `seen_by_genevar`.
    allow_seen
        Whether they may leak; the report says so then.

    Raises
    ------
    UsageError
        Saying how many rows leak in which way.
    """
    return check_leakage(*with_patients(scored_rows(adata), seen), allow_seen=allow_seen)


def scored_rows(adata: AnnData) -> Scored:
    """Rows as the gate looks at them.

    Parameters
    ----------
    adata
        Reads the section of each row, and ``obs`` scene, patient and source where they are there.
    """
    scenes, patients, sources = (_column(adata, key) for key in (Obs.SCENE, Obs.PATIENT, Obs.SOURCE))
    return Scored(adata.obs_names.astype(str).tolist(), sections_of_rows(adata), scenes, patients, sources)


def with_patients(rows: Scored, seen: Mapping[str, Seen]) -> tuple[Scored, dict[str, Seen]]:
    """Patients of HER2ST's sections, by its manifest, where rows and stages do not say theirs.

    Names of sections tell only where all of them, scored ones and those trained on, are HER2ST's.

    Parameters
    ----------
    rows
        Rows to score.
    seen
        Stage → what it has seen.
    """
    patient_of = {section.name: section.patient for section in load_manifest(HER2ST).sections}
    trained = seen[TRAINING].sections
    own = rows.patients or [patient_of.get(section, "") for section in rows.sections]
    by_name = all(
        patient_of.get(section) == patient for section, patient in zip(rows.sections, own, strict=True)
    )
    if not trained or not by_name or not trained <= patient_of.keys():
        return rows, dict(seen)

    def told(one: Seen) -> Seen:
        if one.patients is not None or not one.sections:
            return one
        return replace(one, patients=frozenset(patient_of.get(name, "") for name in one.sections) - {""})

    return replace(rows, patients=own), {stage: told(one) for stage, one in seen.items()}


def seen_by_genar(record: Mapping[str, Any], genes: Collection[str]) -> dict[str, Seen]:
    """What a GenAR has seen, by the provenance of a prediction.

    Parameters
    ----------
    record
        ``uns["genviz"][<key>]``, parsed. Older ones know sections alone; those of baselines too.
    genes
        Genes of the prediction: a panel of a data set is known by them.
    """
    told: Mapping[str, Any] = record.get(genar_seen.SEEN) or {}
    seen = {}
    if told:
        training = told[genar_seen.TRAINING]
        rows = {section: frozenset(names) for section, names in training.get("rows", {}).items()}
        seen[TRAINING] = replace(_seen(training.get(FITTED_ON)), rows=rows)
    else:
        sections = [*(record.get("training_sections") or []), record.get("validation_section") or ""]
        known = frozenset(map(str, sections)) - {""}
        seen[TRAINING] = Seen(sections=known or None)
    seen[PANEL] = _panel(told.get(genar_seen.PANEL), genes)
    seen[TREE] = _prepared(told.get(genar_seen.TREE))
    return seen


def seen_by_rows(train: AnnData) -> dict[str, Seen]:
    """What anything has seen that is trained on some of these rows.

    Parameters
    ----------
    train
        Rows.
    """
    everything = np.ones(train.n_obs, bool)
    names = frozenset(train.obs_names.astype(str))
    return {TRAINING: replace(_seen(fitted_on(train, everything)), rows={"": names})}


def seen_by_fold(train: AnnData, genes: Sequence[str]) -> dict[str, Seen]:
    """What any model will have seen that is trained on these rows for this panel.

    Parameters
    ----------
    train
        Rows to train on.
    genes
        The panel; where it is the one marked in ``var["panel"]``, its record says what it was chosen on.
    """
    return seen_by_rows(train) | {PANEL: _panel(genar_seen.panel_from(train, genes), genes)}


def seen_by_pathar(fitted: FittedPathAR, adata: AnnData) -> dict[str, Seen]:
    """What a PathAR has seen: its images by name; their scenes as it says, or as training images at hand do.

    Parameters
    ----------
    fitted
        The model.
    adata
        Images, of all splits.
    """
    known = frozenset(fitted.training_rows)
    found = _at_hand(fitted.facts.get(FITTED_ON), adata, adata.obs_names.isin(known), len(known))
    return {TRAINING: replace(found, rows={"": known})}


def seen_by_genevar(fitted: FittedGeneVAR, adata: AnnData) -> dict[str, Seen]:
    """What a GeneVAR has seen: rows and sections of its training, and the profiles of its condition.

    Parameters
    ----------
    fitted
        The model.
    adata
        Rows, those of training too where they are at hand: older models know neither patients nor profiles.
    """
    facts, known = fitted.facts, frozenset(fitted.training_rows)
    trained_N = trained_rows(fitted, adata)
    at_hand = _at_hand(None, adata, trained_N, len(known))
    sections = _listed(facts, SECTIONS, CHOSEN_BY) or None  # also those of tiles without a profile
    told = _listed(facts, _PATIENTS)
    patients = at_hand.patients if told is None else told
    training = Seen(
        rows={"": known},
        sections=sections,
        scenes=at_hand.scenes,
        patients=patients,
        declared_by=facts.get(SPLIT_BY),
        partial=at_hand.partial and told is None,
    )
    profiles = _at_hand(facts.get(CONDITION_ON), adata, trained_N, len(known))
    names = frozenset((facts.get(CONDITION_ON) or {}).get("rows", ()))
    return {
        TRAINING: training,
        CONDITION: replace(
            profiles,
            rows={"": known | names},
            sections=(sections or frozenset()) | (profiles.sections or frozenset()) or None,
            scenes=None,
        ),
    }


def _listed(facts: Mapping[str, Any], *begins: str) -> Names | None:
    """Names in all facts that begin so; None without any."""
    lists = [values for name, values in facts.items() if name.startswith(begins) and isinstance(values, list)]
    return frozenset(str(one) for values in lists for one in values) if lists else None


def _at_hand(
    record: Mapping[str, Any] | None, adata: AnnData, trained_N: NDArray[np.bool_], n_trained: int
) -> Seen:
    """By the record, else by the training rows that the data hold."""
    if record is not None:
        return _seen(record)
    if not trained_N.any():
        return Seen()
    found = _seen(fitted_on(adata, trained_N, names=False))
    # What the split of these rows was declared by is the data's word, not the model's.
    return replace(found, declared_by=None, partial=int(trained_N.sum()) < n_trained)


def _seen(record: Mapping[str, Any] | None) -> Seen:
    """Of a record of `fitted_on`."""
    if record is None:
        return Seen()

    def names(key: str) -> Names | None:
        return frozenset(map(str, record[key])) if key in record else None

    rows = {"": names("rows") or frozenset()} if "rows" in record else None
    return Seen(
        rows, names("sections"), names("scenes"), names("patients"), names("sources"), record.get("split_by")
    )


def _prepared(stored: Mapping[str, Any] | None) -> Seen:
    """Of the record of a panel or a tree; one that names no rows came from outside."""
    if stored is None:
        return Seen()
    return _seen(stored[FITTED_ON]) if FITTED_ON in stored else Seen(given=True)


def _panel(stored: Mapping[str, Any] | None, genes: Collection[str]) -> Seen:
    """Of the record of a panel, or of the data set that the panel comes with."""
    if stored is not None and FITTED_ON in stored:
        return _prepared(stored)
    return _panel_of_a_set(genes) or _prepared(stored)


def _panel_of_a_set(genes: Collection[str]) -> Seen | None:
    """What a panel that comes with a data set was chosen on; None for other genes."""
    own = set(map(str, genes))
    for name, sections in _CHOSEN_ON.items():
        panel = set(datasets.panel(name))
        if own <= panel and 2 * len(own) > len(panel):  # less a few that the rows do not have
            return Seen(given=True) if sections is None else Seen(sections=frozenset(sections))
    return None


def _column(adata: AnnData, key: str) -> list[str] | None:
    """A column of ``obs`` as text, "" where a row has none; None without the column."""
    if key not in adata.obs:
        return None
    column = adata.obs[key]
    return ["" if missing else str(value) for value, missing in zip(column, column.isna(), strict=True)]
