"""``table.md`` of a run: our numbers beside the published ones, and the honest extras below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from genviz.recipes.data_files import PHANTOM
from genviz.recipes.leakage import LEAKAGE
from genviz.recipes.page_tables import markdown
from genviz.recipes.recipe import Column, Recipe

_DASH = "–"
_ARROWS = {"higher": " ↑", "lower": " ↓", "": ""}


def result_table(recipe: Recipe, document: Mapping[str, Any], *, level: int = 1) -> str:
    """Give a page of Markdown; rows that a job gave and the recipe does not list are in ``results.json`` only.

    Parameters
    ----------
    recipe
        Whose columns are shown.
    document
        From `genviz.recipes.results.gather`.
    level
        Of its heading.
    """
    seeds = document["provenance"]["seeds"]
    rows = [row for row in document["rows"] if row["listed"] and (row["scores"] or row["published"])]
    parts = [
        f"{'#' * level} {recipe.title} ({recipe.paper}, {recipe.table})",
        recipe.about.strip(),
        f"Size `{document['size']}`, {_data(document)}, seeds {', '.join(map(str, seeds))}. Held out: "
        f"{recipe.split}. A cell is the mean over seeds ± their standard deviation (of one seed its 95 % interval, "
        "where there is one); beside it, in italics, what was published.",
        _main(recipe.columns, rows),
    ]
    if document["provenance"]["data"]["name"] == PHANTOM:
        parts.insert(
            2, "**Made-up data and a few steps: this says that everything runs, and nothing about tissue.**"
        )
    if patients := _patients(document):
        parts.append(f"Held-out rows are of patients that were trained on ({', '.join(patients)}).")
    if different := _different(recipe.columns):
        parts.append(
            f"Not the same score as published: {different}. Compare the order of the rows, not the numbers."
        )
    if recipe.extras:
        parts.append(_extras(recipe.extras, rows))
    return "\n\n".join(parts) + "\n"


def _different(columns: Sequence[Column]) -> str:
    """Scores that stand in the place of published ones, each pair once, whatever label it is of."""
    pairs = {
        f"{column.title.partition(',')[0]} here, {column.published_title} there"
        for column in columns
        if not column.comparable
    }
    return "; ".join(sorted(pairs))


def _patients(document: Mapping[str, Any]) -> list[str]:
    stamps = [job.get(LEAKAGE, {}) for job in document["provenance"]["jobs"]]
    return sorted({name for stamp in stamps for name in stamp.get("patients", [])})


def _data(document: Mapping[str, Any]) -> str:
    data = document["provenance"]["data"]
    sections = data.get("sections")
    return f"data `{data['name']}`" + (f" ({', '.join(sections)})" if sections else "")


def _main(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> str:
    head = ["", *(column.title + _ARROWS[column.better] for column in columns)]
    body = [[row["title"], *(_cell(column, row) for column in columns)] for row in rows]
    return markdown(head, body)


def _extras(extras: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> str:
    """Only rows that were measured."""
    head = ["", *(column.title + _ARROWS[column.better] for column in extras)]
    body = [[row["title"], *(_ours(column, row) for column in extras)] for row in rows if row["scores"]]
    return "Beside them, not in the paper:\n\n" + markdown(head, body)


def _cell(column: Column, row: Mapping[str, Any]) -> str:
    """Ours, then the published number in italics."""
    ours, published = _ours(column, row), _published(column, row)
    if published == _DASH:
        return ours
    return f"*{published}*" if ours == _DASH else f"{ours} *{published}*"


def _ours(column: Column, row: Mapping[str, Any]) -> str:
    score = row["scores"].get(column.score)
    if score is None or not score["values"]:
        return _DASH
    text = _text(score["value"], score["sd"], column.digits)
    if score["sd"] is None and score["ci"] and None not in score["ci"]:
        low, high = (f"{bound:.{column.digits}f}" for bound in score["ci"])
        text += f" [{low}, {high}]"
    defined, asked = len(score["values"]), len(row["seeds"])
    return text if defined == asked else f"{text} ({defined} of {asked} seeds)"


def _published(column: Column, row: Mapping[str, Any]) -> str:
    found = row["published"].get(column.score)
    return _DASH if found is None else _text(found["value"], found["sd"], column.published_digits)


def _text(value: float | None, spread: float | None, digits: int) -> str:
    if value is None:
        return _DASH
    text = f"{value:.{digits}f}"
    return text if not spread or spread < 0.5 * 10**-digits else f"{text} ± {spread:.{digits}f}"
