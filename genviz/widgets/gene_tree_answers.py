"""What the gene tree view answers: the tree, a section, a group; arrays as binary, never as JSON.

Shape legend: N rows, G genes, K scales.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genviz.controllers.gene_tree.controller import GeneTreeController
from genviz.controllers.gene_tree.rows import log_correlation, number
from genviz.pl.colours import ERROR, EXPRESSION
from genviz.pl.section import section_of
from genviz.widgets.messages import Answer

_CHANGES = 40


def tree_answer(control: GeneTreeController) -> Answer:
    """All that does not depend on what is looked at.

    Parameters
    ----------
    control
        The view's controller.
    """
    tree, history = control.tree, control.history
    return Answer(
        {
            "genes": list(tree.genes),
            "scales": list(tree.scales),
            "labels": [[control.label(k, group) for group in range(n)] for k, n in enumerate(tree.scales)],
            "sections": control.rows.sections,
            "synthetic": control.synthetic,
            "model": control.model is not None,
            "trainable": control.model is not None and control.rows.measured_NG is not None,
            "clamped": clamped(control),
            "colours": {"expression": list(EXPRESSION), "error": list(ERROR)},
            "history": {
                "at": history.at,
                "steps": [step.name for step in history.steps],
                "undo": history.steps[history.at].parent is not None,
                "redo": history.can_redo,
            },
        },
        {
            "groups": np.ascontiguousarray(tree.groups, np.int32),
            "order": np.asarray(tree.order, np.int32),
            "mean": control.rows.mean_G.astype(np.float32),
        },
    )


def clamped(control: GeneTreeController) -> dict[str, Any] | None:
    """What is held, in words, and the genes that move most; None when nothing is.

    Parameters
    ----------
    control
        The view's controller.
    """
    if not control.clamps:
        return None
    held, table = control.clamps[0], control.changes()
    how = f"× {held['factor']:g}" if held["factor"] is not None else f"= {held['value']:g} counts a spot"
    where = "all spots" if held["rows"] is None else f"{len(held['rows'])} spots"
    top = table.head(_CHANGES)
    numbers = top[["before", "after", "change"]].to_numpy()
    return {
        "words": f"{held['label']} {how} in {where}",
        "moved": len(table),
        "changes": [[gene, *map(number, line)] for gene, line in zip(top["gene"], numbers, strict=True)],
    }


def section_answer(control: GeneTreeController, library: str) -> Answer:
    """Places of the spots of a section, and its tissue.

    Parameters
    ----------
    control
        The view's controller.
    library
        Section; "" where rows name none.
    """
    section = section_of(control.adata, library or None, max_px=1000)
    data: dict[str, Any] = {"diameter": section.diameter_um, "extent": [0.0, 0.0]}
    arrays = {"xy": section.xy_um.astype(np.float32), "rows": section.rows.astype(np.int32)}
    pictures = {}
    if section.backdrop is not None:
        data["extent"] = [section.backdrop.width_um, section.backdrop.height_um]
        pictures["tissue"] = base64.b64decode(section.backdrop.uri.partition(",")[2])
    return Answer(data, arrays, pictures)


def group_answer(control: GeneTreeController, k: int, group: int, library: str) -> Answer:
    """Sums of a group over the spots of a section, and its genes.

    Parameters
    ----------
    control
        The view's controller.
    k, group
        Scale index and group.
    library
        Section.

    Raises
    ------
    UsageError
        A group that is not there.
    """
    control.history.state.label(k, group)  # refuses a group that is not there
    rows = control.rows.rows_of(library)
    predicted, measured, held = control.values(k, group)
    table = control.enrichment(k, group)
    arrays: dict[str, NDArray[Any]] = {"predicted": predicted[rows].astype(np.float32)}
    if measured is not None:
        arrays["measured"] = measured[rows].astype(np.float32)
    if held is not None:
        arrays["change"] = (held - predicted)[rows].astype(np.float32)
    return Answer(
        {
            "label": control.label(k, group),
            "name": control.history.state.name(k, group),
            "predicted": number(predicted.mean()),
            "measured": None if measured is None else number(measured.mean()),
            "r": None if measured is None else log_correlation(predicted, measured),
            "genes": control.rows.gene_table(control.tree, k, group, control.clamped_G),
            "sets": None if table is None else [_set_line(one) for one in table.itertuples()],
        },
        arrays,
    )


def _set_line(one: Any) -> list[Any]:
    return [one.set, one.n_overlap, one.n_set, *map(number, (one.fold, one.p, one.q)), one.genes]
