"""One self-contained HTML page to hand over: opens from disk, offline, without Python."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genviz._errors import UsageError
from genviz._keys import Layers
from genviz.io.files.atomic import atomic_write_text
from genviz.io.library import is_synthetic
from genviz.pl.colours import ERROR, EXPRESSION, UNCERTAINTY
from genviz.pl.report_data import provenance_of, report_data, result_key
from genviz.pl.report_tables import provenance_table, score_tables

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.metrics import Score

_MAX_VALUES = 12_000_000  # spots x genes; four arrays of it make a page of about 130 MB


def report(
    adata: AnnData,
    path: str | Path,
    *,
    # what to read
    key: str | None = None,
    genes: Sequence[str] | None = None,
    scores: Mapping[str, Mapping[str, Score]] | None = None,
    # how it reads
    title: str | None = None,
) -> Path:
    """Write the interactive report of a prediction.

    Parameters
    ----------
    adata
        A prediction: layers ``<key>``, ``<key>_log2``, ``<key>_lower``, ``<key>_upper``; ``counts`` if measured.
    path
        The HTML file; written atomically.
    key
        Result key; found by itself when there is one.
    genes
        Genes to embed; all by default.
    scores
        Model name → scores, shown as a table.
    title
        Heading.

    Returns
    -------
    pathlib.Path
        The file written.

    Raises
    ------
    UsageError
        Unknown genes, or more values than a page can carry.
    """
    key = key or result_key(adata)
    chosen = [str(gene) for gene in (genes if genes is not None else adata.var_names)]
    unknown = [gene for gene in chosen if gene not in adata.var_names]
    if unknown:
        raise UsageError(
            f"Expected genes of the panel, got unknown {', '.join(unknown[:5])}. See adata.var_names."
        )
    if adata.n_obs * len(chosen) > _MAX_VALUES:
        raise UsageError(
            f"Expected at most {_MAX_VALUES:,} values (spots x genes), got {adata.n_obs:,} x {len(chosen):,}. "
            f"Pass genes=[...] with at most {_MAX_VALUES // adata.n_obs} genes, or fewer rows."
        )
    provenance = provenance_of(adata, key)
    heading = title or f"Predicted expression · {adata.n_obs} spots, {len(chosen)} genes"
    data = report_data(adata, key, chosen)
    data["synthetic"] = is_synthetic(adata)
    data["colours"] = {"expression": EXPRESSION, "error": ERROR, "uncertainty": UNCERTAINTY}
    page = _fill(
        {
            "TITLE": html.escape(heading),
            "NOTES": _notes(adata, provenance),
            "SCORES": score_tables(scores) if scores else "",
            "PROVENANCE": provenance_table(provenance),
            "STYLE": _template("report.css"),
            "SCRIPT": _template("report.js"),
            # "</" would end the script element early, "<!--" would keep it from ending.
            "DATA": json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),
        }
    )
    target = Path(path)
    atomic_write_text(target, page)
    return target


def _template(name: str) -> str:
    return (resources.files("genviz.pl") / "templates" / name).read_text(encoding="utf-8")


def _fill(parts: Mapping[str, str]) -> str:
    # In one pass: what is filled in may itself look like a place to fill.
    return re.sub(r"\{\{([A-Z]+)\}\}", lambda place: parts[place[1]], _template("report.html"))


def _notes(adata: AnnData, provenance: Mapping[str, Any]) -> str:
    """What a reader must know before trusting the picture."""
    notes = []
    if Layers.COUNTS not in adata.layers:
        notes.append("No measured counts in this file: only predictions are shown.")
    if is_synthetic(adata):
        notes.append("This tissue is synthetic.")
    elif provenance.get("synthetic"):
        notes.append("The model was trained on synthetic tissue.")
    notes += [str(note) for note in provenance.get("warnings", [])]
    return "".join(f'<p class="note">{html.escape(note)}</p>' for note in notes)
