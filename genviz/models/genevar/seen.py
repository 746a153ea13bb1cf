"""What a GeneVAR has seen in training: which rows, by section and name, and whose.

Shape legend: N rows.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Set
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError
from genviz._keys import Obs, Uns
from genviz.core.counts import first_names
from genviz.core.splits import check_straddling
from genviz.models.genevar.condition.rows import sections_of_rows
from genviz.models.genevar.rows import CHOSEN_BY, PATIENTS, SECTIONS, SPLIT_BY, UNPAIRED_SECTIONS

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.models.genevar.fitted import Fitted

log = logging.getLogger("genviz")


def trained_rows(fitted: Fitted, adata: AnnData) -> NDArray[np.bool_]:
    """Which rows a model was trained on: by section and name, whether or not either side's names carry the section.

    Parameters
    ----------
    fitted
        The model.
    adata
        Rows.
    """
    known, own = set(fitted.training_rows), set(fitted.facts.get(SECTIONS, []))
    return rows_among(adata, lambda section: known if not own or section in own else None)


def rows_among(adata: AnnData, known: Callable[[str], Set[str] | None]) -> NDArray[np.bool_]:
    """Which rows are among known ones; names of rows of joined sections begin with the section, others do not.

    Parameters
    ----------
    adata
        Rows.
    known
        From a section to names of its rows, maybe of others too; None: it is not known.
    """
    names = zip(sections_of_rows(adata), adata.obs_names.astype(str), strict=True)
    return np.array(
        [not (known(section) or set()).isdisjoint(_spellings(section, name)) for section, name in names], bool
    )


def seen_rows(fitted: Fitted, adata: AnnData) -> NDArray[np.bool_]:
    """Which rows may not be held out for a model.

    They are those it was trained on, all others of their sections, of the sections of tiles without a profile
    and of those that chose the epoch (who chose has seen them), and where the split was declared by patient all of the
    patients in it.

    Parameters
    ----------
    fitted
        The model.
    adata
        Rows.
    """
    facts = fitted.facts
    own = {name for which in (SECTIONS, UNPAIRED_SECTIONS, CHOSEN_BY) for name in facts.get(which, [])} - {""}
    seen_N = trained_rows(fitted, adata) | np.isin(sections_of_rows(adata), sorted(own))
    if facts.get(SPLIT_BY) == Obs.PATIENT and Obs.PATIENT in adata.obs:
        seen_N |= np.isin(adata.obs[Obs.PATIENT].astype(str), facts.get(PATIENTS, []))
    return np.asarray(seen_N)


def seen_patients(fitted: Fitted, rows: AnnData, known: AnnData | None = None) -> list[str] | None:
    """Patients of rows that a model was trained on rows of; None where nothing tells.

    Parameters
    ----------
    fitted
        The model. Checkpoints from before patients were noted do not know them.
    rows
        Rows.
    known
        With such a checkpoint its training rows, if they are at hand.
    """
    if Obs.PATIENT not in rows.obs:
        return None
    own = fitted.facts.get(PATIENTS)
    if own is None and known is not None and Obs.PATIENT in known.obs:
        own = known.obs[Obs.PATIENT].astype(str)
    return None if own is None else sorted({*rows.obs[Obs.PATIENT].astype(str)} & {*own})


def patients_told(
    adata: AnnData, used_N: NDArray[np.bool_], split_key: str, unpaired: AnnData | None = None
) -> dict[str, Any]:
    """Facts about the patients of a training; nothing where rows do not say theirs.

    Parameters
    ----------
    adata
        All rows, those for testing too.
    used_N
        Which are trained on, or choose the epoch.
    split_key
        Column with the split.
    unpaired
        Rows of which only tiles are trained on. Where they do not say their patients, those of the same sections count.

    Raises
    ------
    DataError
        For a patient in two splits, or in `unpaired` and held out, where the split was declared by patient. Otherwise
        there is a warning: sections of one patient may be held out of each other, but scores then say nothing about the
        next patient.
    """
    if Obs.PATIENT not in adata.obs:
        return {}
    patient_N = adata.obs[Obs.PATIENT].astype(str).to_numpy(object)
    others = set() if unpaired is None else _patients_of_tiles(unpaired, adata, patient_N)
    own = set(patient_N[used_N])
    facts: dict[str, Any] = {PATIENTS: sorted(own | others)}
    if split_key not in adata.obs:
        return facts
    declared = json.loads(str(adata.uns.get(Uns.GENVIZ, {}).get(Uns.SPLIT) or "{}")).get("group_key")
    if declared is not None and split_key == Obs.SPLIT:
        facts[SPLIT_BY] = str(declared)
    try:
        check_straddling(patient_N.tolist(), adata.obs[split_key].astype(str).tolist())
    except DataError as err:
        if facts.get(SPLIT_BY) == Obs.PATIENT:
            raise
        log.warning("%s Scores of the rows left out will not be those of another patient.", err)
    if strangers := sorted((others - own) & set(patient_N[~used_N])):
        fault = (
            f"unpaired tiles of training patients; {len(strangers)} are held out: {first_names(strangers)}."
        )
        if facts.get(SPLIT_BY) == Obs.PATIENT:
            raise DataError(f"Expected {fault} Leave their tiles out.")
        log.warning("Expected %s Scores of their rows will not be those of a patient never seen.", fault)
    return facts


def _patients_of_tiles(unpaired: AnnData, adata: AnnData, patient_N: NDArray[np.object_]) -> set[str]:
    """Patients of tiles without a profile: their own column, or that of rows of the same sections."""
    if Obs.PATIENT in unpaired.obs:
        return set(unpaired.obs[Obs.PATIENT].dropna().astype(str))
    sections = set(sections_of_rows(unpaired)) - {""}
    return set(patient_N[np.isin(sections_of_rows(adata), sorted(sections))])


def _spellings(section: str, name: str) -> set[str]:
    """A row's name without its section before it and with it: joined sections carry it, single ones do not."""
    return {name, f"{section}_{name}", name.removeprefix(f"{section}_")} if section else {name}
