"""Tables of a cross-validation's records, written between the markers of a Markdown page."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean, stdev

from genviz._errors import DataError
from genviz.metrics import Score, scores_from_json
from genviz.recipes.genar.variants import VARIANTS
from genviz.recipes.page_tables import Row, fill_page, markdown

REFERENCE = "ridge_section"  # the strongest linear baseline stands beside every row
RESTAINING = "restaining"


def write_page(records: Path, page: Path) -> None:
    """Replace the tables of a page by those of the records.

    Parameters
    ----------
    records
        Folder of ``<model>-<seed>.json``, see `run_crossval`; in ``restaining/`` what
        benchmarks/restain_genar.py wrote.
    page
        Markdown with markers; rewritten in place.

    Raises
    ------
    DataError
        When the folder holds no record.
    FileFormatError
        When a marker names an unknown table.
    """
    rows = read_rows(records)
    tables = {name: partial(table, rows) for name, table in TABLES.items()}
    fill_page(page, tables | {RESTAINING: partial(restaining_table, records / RESTAINING)})


def read_rows(records: Path) -> dict[str, Row]:
    """Records by model: GenAR's variants in their own order, then baselines."""
    runs: dict[str, list[dict[str, Score]]] = {}
    for path in sorted(records.glob("*-*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        runs.setdefault(str(document["model"]), []).append(scores_from_json(document))
    if not runs:
        raise DataError(f"Expected records *.json in {records}; found none. Run the cross-validation first.")
    order = [name + suffix for name, variant in VARIANTS.items() for suffix in variant.readouts]
    names = [name for name in order if name in runs] + sorted(set(runs) - set(order))
    return {name: Row(name, tuple(runs[name])) for name in names}


def main_table(rows: dict[str, Row]) -> str:
    """Every model, log2 view and depth-normalised view."""
    head = ["model", "seeds", "PCC-10", "PCC-50", "PCC-200", "95 % interval", "MSE", "95 % interval", "MAE",
            "dn PCC-200 derived", "dn PCC-200 direct"]  # fmt: skip
    body = [
        [
            f"`{row.name}`",
            str(len(row.runs)),
            *(row.cell(score) for score in ("pcc_10", "pcc_50", "pcc_200")),
            row.interval("pcc_200"),
            row.cell("mse"),
            row.interval("mse"),
            *(row.cell(score) for score in ("mae", "dn_pcc_200", "dn_direct_pcc_200")),
        ]
        for row in rows.values()
    ]
    return markdown(head, body)


def distribution_table(rows: dict[str, Row]) -> str:
    """Likelihood and coverage of the models that have a distribution."""
    head = ["model", "joint NLL / spot", "PIT gene", "closed gene", "PIT groups of 4 / 8 / 40", "PIT total"]
    body = [
        [
            f"`{row.name}`",
            row.cell("joint_nll", 1),
            row.cell("pit_coverage_gene"),
            row.cell("coverage_gene"),
            " / ".join(row.cell(f"pit_coverage_group_{n}") for n in (4, 8, 40)),
            row.cell("pit_coverage_total"),
        ]
        for row in rows.values()
        if row.mean("joint_nll") is not None
    ]
    return markdown(head, body)


def views_table(rows: dict[str, Row]) -> str:
    """What depth alone explains, and the published way of scoring."""
    scores = ("kd_pcc_200", "kd_mse", "depth_r", "pcc_200_published", "mse_published", "rvd")
    head = ["model", "known-depth PCC-200", "known-depth MSE", "depth r", "published PCC-200", "published MSE",
            "RVD"]  # fmt: skip
    return markdown(head, [[f"`{row.name}`", *map(row.cell, scores)] for row in rows.values()])


def sections_table(rows: dict[str, Row]) -> str:
    """PCC-200 and MSE of each section, and the paired difference to the reference over sections."""
    sections = sorted(
        {name.partition("@")[2] for row in rows.values() for name in row.runs[0] if "@" in name}
    )
    reference = rows.get(REFERENCE)
    head = ["model", *(f"{s} PCC-200 / MSE" for s in sections), f"PCC-200 - `{REFERENCE}`", "MSE - same"]
    body = []
    for row in rows.values():
        if row.mean(f"mse@{sections[0]}") is None:
            continue
        cells = [f"{row.mean(f'pcc_200@{s}') or 0:.3f} / {row.mean(f'mse@{s}'):.3f}" for s in sections]
        paired = [_paired(row, reference, score, sections) for score in ("pcc_200", "mse")]
        body.append([f"`{row.name}`", *cells, *paired])
    return markdown(head, body)


def _paired(row: Row, reference: Row | None, score: str, sections: Sequence[str]) -> str:
    if reference is None or reference is row:
        return ""
    pairs = [(row.mean(f"{score}@{s}"), reference.mean(f"{score}@{s}")) for s in sections]
    apart = [a - b for a, b in pairs if a is not None and b is not None]
    return f"{fmean(apart):+.3f} ± {stdev(apart):.3f}" if len(apart) > 1 else ""


def variants_table(rows: dict[str, Row]) -> str:
    """What each name of the other tables means."""
    body = [
        [f"`{name}`", variant.about, " ".join(f"`{name}{suffix}`" for suffix in variant.readouts)]
        for name, variant in VARIANTS.items()
    ]
    return markdown(["configuration", "what it shows", "rows"], body)


def restaining_table(folder: Path) -> str:
    """PCC-200 and MSE on re-stained slides, by normalisation, and the change from the slides as scanned."""
    found = {path.stem.partition("-")[2]: path for path in sorted(folder.glob("restain-*.json"))}
    if not found:
        raise DataError(f"Expected restain-*.json in {folder}; found none. Run benchmarks/restain_genar.py.")
    body = []
    for stain, path in found.items():
        document = json.loads(path.read_text(encoding="utf-8"))
        scores = {name: scores_from_json(entry) for name, entry in document.items()}
        first = next(iter(scores.values()))
        for name, own in scores.items():
            apart = [own[score].value - first[score].value for score in ("pcc_200", "mse")]
            change = ["", ""] if own is first else [f"{value:+.3f}" for value in apart]
            cells = [f"{own['pcc_200'].value:.3f}", change[0], f"{own['mse'].value:.3f}", change[1]]
            body.append([stain, name, *cells])
    return markdown(["colours", "slides", "PCC-200", "change", "MSE", "change"], body)


TABLES: dict[str, Callable[[dict[str, Row]], str]] = {
    "main": main_table,
    "distribution": distribution_table,
    "views": views_table,
    "sections": sections_table,
    "variants": variants_table,
}
