"""Two runs of a recipe beside each other: what was different about them, and what came out differently."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genviz._errors import FileFormatError, UsageError
from genviz.recipes.leakage import LEAKAGE
from genviz.recipes.results import RESULTS, SCHEMA


def read_results(path: Path) -> dict[str, Any]:
    """Read the results of a run.

    Parameters
    ----------
    path
        A run folder, or its ``results.json``.

    Raises
    ------
    UsageError
        When there are none.
    FileFormatError
        When the file is something else.
    """
    file = path / RESULTS if path.is_dir() else path
    if not file.is_file():
        raise UsageError(
            f"Expected the results of a run at {file}; there is no such file. See `genviz recipe run`."
        )
    try:
        document: dict[str, Any] = json.loads(file.read_bytes())
        if document["schema"] != SCHEMA:
            raise ValueError(f"its schema is {document['schema']!r}")
    except (ValueError, KeyError, TypeError) as err:
        raise FileFormatError(f"Expected results of `genviz recipe run` in {file}; {err}.") from err
    return document


def difference(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    """Compare two results.

    Parameters
    ----------
    a, b
        From `read_results`.

    Returns
    -------
    ``setting``: what differs in recipe, size, data, options, versions and hardware, name → [a, b]; ``scores``: a list
    of ``{row, score, a, b, difference, spread, beyond}``, the spread being that of the seeds of both (None with one
    seed each) and ``beyond`` whether the difference exceeds twice it; ``only_a``, ``only_b``: scores of one of them.
    """
    setting_a, setting_b = _setting(a), _setting(b)
    scores_a, scores_b = _scores(a), _scores(b)
    return {
        "setting": {
            name: [setting_a.get(name), setting_b.get(name)]
            for name in sorted(setting_a.keys() | setting_b.keys())
            if setting_a.get(name) != setting_b.get(name)
        },
        "scores": [_beside(*key, scores_a[key], scores_b[key]) for key in scores_a if key in scores_b],
        "only_a": ["|".join(key) for key in scores_a if key not in scores_b],
        "only_b": ["|".join(key) for key in scores_b if key not in scores_a],
    }


def _beside(row: str, score: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    there = a["value"] is not None and b["value"] is not None
    step = b["value"] - a["value"] if there else None
    spreads = [one["sd"] for one in (a, b) if one["sd"] is not None]
    spread = max(spreads) if spreads else None
    return {
        "row": row, "score": score, "a": a["value"], "b": b["value"], "difference": step, "spread": spread,
        "beyond": None if step is None or spread is None else abs(step) > 2 * spread,
    }  # fmt: skip


def _scores(document: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
    return {(row["row"], name): score for row in document["rows"] for name, score in row["scores"].items()}


def _setting(document: Mapping[str, Any]) -> dict[str, Any]:
    """Everything but scores, flat: one name a value."""
    told = document["provenance"]
    flat = {name: document[name] for name in ("recipe", "size", "split")}
    flat |= {name: told[name] for name in ("recipe_sha256", "seeds")}
    for group in ("data", "options", "data_files"):
        flat |= {f"{group}.{name}": value for name, value in told[group].items()}
    for name in ("overridden", "same_patient"):
        flat[f"leakage.{name}"] = sorted({str(job.get(LEAKAGE, {}).get(name)) for job in told["jobs"]})
    for job in told["jobs"]:
        for name, value in job["machine"].items():
            values = value.items() if isinstance(value, dict) else [("", value)]
            for part, one in values:
                key = f"machine.{name}" + (f".{part}" if part else "")
                flat[key] = sorted({*flat.get(key, []), str(one)})
    return flat
