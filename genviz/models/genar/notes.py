"""What a reader must know about rows before trusting their prediction, one sentence or two each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz._keys import Obs
from genviz.models.genar.checkpoint import Fitted
from genviz.models.genar.rows import Rows

if TYPE_CHECKING:
    from anndata import AnnData

_UNFAMILIAR = 0.1
_FOLLOWS = 0.25
_SHOWN = 4


def notes_on_tissue(fitted: Fitted, rows: Rows) -> list[str]:
    """Rows and sections unlike the training tissue, and sections that are training tissue."""
    notes = []
    scaler = fitted.ensemble.scaler
    share = scaler.unfamiliar(rows.features_NF, rows.libraries)
    if share > _UNFAMILIAR:
        notes.append(
            f"{share:.0%} of these rows look unlike any training tissue (stain, scanner or tissue type). "
            "Predictions there are extrapolations."
        )
    for section, shift in scaler.foreign(rows.features_NF, rows.libraries).items():
        notes.append(
            f"Section {section}: as a whole its features lie apart from the training tissue (mean squared shift "
            f"{shift:.2f}; training sections differ by at most {scaler.shift:.2f}), as another stain, scanner or a "
            "wrong mpp would do: check these, and do not lean on the intervals."
        )
    seen = seen_sections(fitted, rows)
    if seen:
        notes.append(
            f"Section {', '.join(seen)} has the name of a section that this model was trained on: scores there say "
            "nothing about tissue it has not seen."
        )
    return notes


def seen_sections(fitted: Fitted, rows: Rows) -> list[str]:
    """Sections of these rows that have the name of a training section."""
    return [str(name) for name in dict.fromkeys(rows.libraries) if str(name) in fitted.training_rows]


def notes_on_depth(
    fitted: Fitted, adata: AnnData, rows: Rows, total_N: NDArray[Any], *, told: bool
) -> list[str]:
    """Whether the predicted depth can be trusted: it cannot for a patient that the model does not know.

    Parameters
    ----------
    fitted, adata, rows
        Model; rows to predict, twice.
    total_N
        Predicted panel total of each row.
    told
        Whether a depth was given.
    """
    trained = set(fitted.facts.get("patients", []))
    given = set(adata.obs[Obs.PATIENT].astype(str)) if Obs.PATIENT in adata.obs else set()
    others = sorted(given - trained)
    about = ""
    if trained and others:
        about = f"Trained on patient {', '.join(sorted(trained))}, predicting patient {', '.join(others)}"
    if told:
        return [f"{about}: intervals may not carry over."] if about else []
    known = bool(trained) and bool(given) and not others
    if known or seen_sections(fitted, rows):
        return (
            [f"{about}: depth and intervals may not carry over. Tell depth= if you know it."] if about else []
        )
    facts = fitted.facts
    learned = facts.get("median_panel_counts") or {"all": facts.get("median_panel_count", float("nan"))}
    return [
        f"{about or 'It is not known whether these rows are of a patient that the model was trained on'}: depth and "
        f"intervals may not carry over. Predicted median panel count {_listed(medians(total_N, rows.libraries))}; "
        f"in the training sections {_listed(learned)}. No image shows how deeply a section was sequenced: tell its "
        "median panel count (depth=, or --depth on the command line) if you know it."
    ]


def notes_on_told(told_N: NDArray[Any], total_N: NDArray[Any], rows: Rows, what: str) -> list[str]:
    """Sections whose predicted median total is not the told one.

    Parameters
    ----------
    told_N, total_N
        Panel total of each row as told, and as it came out.
    rows
        The rows.
    what
        The model, in words.
    """
    realised = medians(total_N, rows.libraries)
    return [
        f"Section {section}: told median panel count {told:.0f}, but the predicted counts have "
        f"{realised[section]:.0f}: {what} does not follow a told depth all the way. Do not compare totals."
        for section, told in medians(told_N, rows.libraries).items()
        if abs(realised[section] - told) > _FOLLOWS * max(told, 1.0)
    ]


def medians(total_N: NDArray[Any], libraries: NDArray[Any]) -> dict[str, float]:
    """Median total of each section."""
    return {str(name): float(np.median(total_N[libraries == name])) for name in dict.fromkeys(libraries)}


def _listed(values: Mapping[str, float]) -> str:
    """``C2 2300, C3 2900``; of many the range."""
    if len(values) > _SHOWN:
        return f"{min(values.values()):.0f} to {max(values.values()):.0f} ({len(values)} sections)"
    return ", ".join(f"{value:.0f} ({name})" for name, value in values.items())
