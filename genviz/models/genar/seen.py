"""What a GenAR has seen: the rows it was trained on, and those that its panel and its gene tree came from.

A prediction carries this record, so that whoever scores it later can tell whether its rows were held out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz._keys import Var
from genviz.models.genar.checkpoint import Fitted
from genviz.models.genar.rows import Rows
from genviz.pp.fitted_rows import FITTED_ON, fitted_on
from genviz.pp.panel import GIVEN, panel_of, panel_record

if TYPE_CHECKING:
    from anndata import AnnData

SEEN = "seen"
"""The fact in a checkpoint, and the entry of a prediction's provenance."""
TRAINING, PANEL, TREE = "training", "panel", "tree"


def seen_in_training(
    adata: AnnData, genes: Sequence[str], used_N: NDArray[np.bool_], split_key: str, tree: dict[str, Any]
) -> dict[str, Any]:
    """Fact of a training: what it, the choice of its panel and the fit of its tree have looked at.

    Parameters
    ----------
    adata
        All rows.
    genes
        The panel.
    used_N
        Rows trained on, and those that early stopping looks at.
    split_key
        Column that parted them from others.
    tree
        How the tree came about, and `FITTED_ON` which rows.

    Returns
    -------
    Stage → record; a stage of which nothing is known is left out.
    """
    record: dict[str, Any] = {
        TRAINING: {FITTED_ON: fitted_on(adata, used_N, split_key=split_key)},
        TREE: tree,
    }
    if (panel := panel_from(adata, genes)) is not None:
        record[PANEL] = panel
    return record


def seen_record(fitted: Fitted, rows: Rows) -> dict[str, Any]:
    """The same for the provenance of a prediction, with the predicted rows that were trained on, by section.

    Parameters
    ----------
    fitted
        The model. One from before this was recorded knows its training rows, not where its panel and tree came from.
    rows
        The predicted rows.
    """
    record = dict(fitted.facts.get(SEEN) or {TRAINING: {FITTED_ON: _training_of_old(fitted)}})
    trained = {section: frozenset(names) for section, names in fitted.training_rows.items()}
    among: dict[str, list[str]] = {}
    for section, name in zip(map(str, rows.libraries), map(str, rows.names), strict=True):
        known = trained.get(section, frozenset())
        if not {name, f"{section}_{name}", name.removeprefix(f"{section}_")}.isdisjoint(known):
            among.setdefault(section, []).append(name)
    return record | {TRAINING: record[TRAINING] | {"rows": among}}


def panel_from(adata: AnnData, genes: Sequence[str]) -> dict[str, Any] | None:
    """How a panel was chosen, and `FITTED_ON` which rows; None when it was marked and nobody wrote down how.

    Parameters
    ----------
    adata
        Reads ``var["panel"]`` and its record.
    genes
        The panel; one that is not marked was given as a list.
    """
    if Var.PANEL not in adata.var or set(panel_of(adata)) != set(genes):
        return {"method": GIVEN}
    record = panel_record(adata)
    return (
        None if record is None else {name: record[name] for name in ("method", FITTED_ON) if name in record}
    )


def _training_of_old(fitted: Fitted) -> dict[str, Any]:
    stopping = fitted.facts.get("val")
    record: dict[str, Any] = {"sections": sorted({*fitted.training_rows, *([stopping] if stopping else [])})}
    if (patients := fitted.facts.get("patients")) is not None:
        record["patients"] = list(patients)
    return record
