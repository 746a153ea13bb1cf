"""What came out of a run, beside what was published: ``results.json``, ``table.md``, ``figure.html``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from filelock import FileLock

from genviz import pl
from genviz._errors import DataError
from genviz.io.files.atomic import atomic_write_json, atomic_write_text
from genviz.io.weights.parts import config_digest
from genviz.metrics import Score
from genviz.recipes.experiment import Setting
from genviz.recipes.leakage import LEAKAGE
from genviz.recipes.recipe import Row
from genviz.recipes.records import Record, of_row, read_record
from genviz.recipes.result_table import result_table

SCHEMA = "genviz.results/1"
RESULTS, TABLE, FIGURE = "results.json", "table.md", "figure.html"
_SECONDS = "wall time of the job alone, without parts that were made before it or lay in the folder of models"


def write_results(setting: Setting, out: Path, records: Path, files: Mapping[str, str]) -> Path:
    """Gather the records of this setting; returns the path of ``results.json``.

    Of several processes on one folder the last one to write has seen all records.

    Parameters
    ----------
    setting
        What was run. Records of other rows, sizes or options are left out.
    out
        Where the three files go.
    records
        Folder of the records.
    files
        File → fingerprint of what they were made from.

    Raises
    ------
    DataError
        When there is no record of this setting.
    """
    records.mkdir(parents=True, exist_ok=True)
    with FileLock(records / ".results.lock"):
        found = _of(setting, records)
        if not found:
            raise DataError(
                f"Expected at least one record of {setting.recipe.name} in {records}; there is none."
            )
        document = gather(setting, found, files)
        atomic_write_json(out / RESULTS, document)
        atomic_write_text(out / TABLE, result_table(setting.recipe, document))
        columns = {column.score for column in setting.recipe.columns}
        if any(columns & set(row["scores"]) for row in document["rows"]):
            page = pl.published(document).to_html(include_plotlyjs=True, full_html=True)
            atomic_write_text(out / FIGURE, page)
    return out / RESULTS


def has_records(setting: Setting, records: Path) -> int:
    """How many records of this setting a folder holds."""
    return len(_of(setting, records))


def gather(setting: Setting, records: Sequence[Record], files: Mapping[str, str]) -> dict[str, Any]:
    """Give ``results.json`` as a dict: rows in the order of the table, ours and published.

    Parameters
    ----------
    setting
        What was run.
    records
        Of this setting.
    files
        File → fingerprint of what they were made from.
    """
    recipe = setting.recipe
    rows = [_row(row.name, row, records) for row in recipe.rows]
    named = {row.name for row in recipe.rows}
    more = [name for record in records for name in record.rows if name not in named]
    rows += [_row(name, None, records) for name in dict.fromkeys(more)]
    return {
        "schema": SCHEMA,
        "recipe": recipe.name, "title": recipe.title, "paper": recipe.paper, "table": recipe.table,
        "size": setting.size.name, "split": recipe.split,
        "columns": [vars(column) for column in recipe.columns],
        "extras": [vars(column) for column in recipe.extras],
        "rows": rows,
        "metrics": _metrics(rows),
        "provenance": {
            "recipe_sha256": config_digest({"source": recipe.source}),
            "data": dict(setting.data), "options": dict(setting.options),
            "data_files": dict(files),
            "seeds": sorted({record.seed for record in records}),
            "about_seconds": _SECONDS,
            "jobs": [
                {"variant": r.variant, "seed": r.seed, "seconds": r.seconds, "machine": dict(r.provenance),
                 LEAKAGE: dict(r.leakage)}
                for r in records
            ],
        },
    }  # fmt: skip


def _of(setting: Setting, folder: Path) -> list[Record]:
    """Records that this setting would write, whatever rows and seeds were asked for now."""
    rows = {row.name: row for row in setting.recipe.rows}
    found = [read_record(path) for path in sorted(folder.glob("*.json"))]
    return [
        record
        for record in found
        if record.variant in rows and record.digest == setting.digest(rows[record.variant], record.seed)
    ]


def _row(name: str, row: Row | None, records: Sequence[Record]) -> dict[str, Any]:
    """One row: every score's mean over seeds that define it, its values, the first seed's interval and note."""
    source = name if row is None else row.same_as or name
    runs = of_row(records, source)
    scores = dict.fromkeys(score for run in runs for score in run.rows[source])
    return {
        "row": name,
        "listed": row is not None,
        "title": name if row is None else row.title,
        "about": "" if row is None else row.about,
        "seeds": [run.seed for run in runs],
        "scores": {
            score: _score([run.rows[source][score] for run in runs if score in run.rows[source]])
            for score in scores
        },
        "published": {}
        if row is None
        else {score: {"value": value, "sd": sd} for score, (value, sd) in row.published.items()},
    }


def _score(runs: Sequence[Score]) -> dict[str, Any]:
    first = next((run for run in runs if run.value == run.value), runs[0])
    values = [run.value for run in runs if run.value == run.value]
    baselines = [b for run in runs if (b := run.baseline) is not None and b == b]
    return {
        "value": fmean(values) if values else None,
        "sd": stdev(values) if len(values) > 1 else None,
        "values": values,
        "n_defined": len(values),
        "ci": None if first.ci is None else [None if bound != bound else bound for bound in first.ci],
        "n": first.n,
        "baseline": fmean(baselines) if baselines else None,
        "note": first.note,
    }


def _metrics(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The same numbers as ``<row>|<score>`` in the form of every other file of scores."""
    return {
        f"{row['row']}|{name}": {key: score[key] for key in ("value", "ci", "n", "baseline", "note")}
        for row in rows
        for name, score in row["scores"].items()
    }
