"""One record a job: its scores on disk as soon as they are known, and what tells whether they are still the answer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genviz._errors import DataError, FileFormatError
from genviz.io.files.atomic import atomic_write_json
from genviz.metrics import scores_from_json, scores_to_json
from genviz.recipes.experiment import Table
from genviz.recipes.leakage import LEAKAGE

SCHEMA = "genviz.record/1"


@dataclass(frozen=True)
class Record:
    """What one job found.

    Attributes
    ----------
    variant, seed
        Of the job.
    digest
        See `Setting.digest`.
    rows
        Row → scores.
    seconds
        Wall time of the job alone: parts that were made before it, or lay in the folder of models, are not in it.
    provenance
        Versions and hardware of the process that ran it.
    leakage
        What the gate found of the scored rows; empty where nothing that was trained met held-out rows.
    """

    variant: str
    seed: int
    digest: str
    rows: Table
    seconds: float
    provenance: Mapping[str, Any]
    leakage: Mapping[str, Any] = field(default_factory=dict)


def record_path(folder: Path, variant: str, seed: int) -> Path:
    """Where the record of a job stands."""
    return folder / f"{variant}-{seed}.json"


def write_record(folder: Path, record: Record) -> Path:
    """Write a record atomically; returns its path."""
    path = record_path(folder, record.variant, record.seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write_json(
        path,
        {
            "schema": SCHEMA, "variant": record.variant, "seed": record.seed, "digest": record.digest,
            "seconds": round(record.seconds, 1), "provenance": dict(record.provenance),
            LEAKAGE: dict(record.leakage),
            "rows": {row: scores_to_json(scores) for row, scores in record.rows.items()},
        },
    )  # fmt: skip
    return path


def read_record(path: Path) -> Record:
    """Read a record.

    Raises
    ------
    FileFormatError
        When it is damaged or of a newer format.
    """
    try:
        told = json.loads(path.read_bytes())
        if told["schema"] != SCHEMA:
            raise ValueError(f"its schema is {told['schema']!r}")
        rows = {row: scores_from_json(scores) for row, scores in told["rows"].items()}
        return Record(
            told["variant"],
            told["seed"],
            told["digest"],
            rows,
            told["seconds"],
            told["provenance"],
            told.get(LEAKAGE, {}),
        )
    except (ValueError, KeyError, TypeError) as err:
        raise FileFormatError(
            f"Expected a record of genviz recipe run in {path}; {err!r}. Delete it to have it made again."
        ) from err


def is_done(folder: Path, variant: str, seed: int, digest: str) -> bool:
    """Whether a job's record is there.

    Raises
    ------
    DataError
        When it is of other data or options than this run's.
    """
    path = record_path(folder, variant, seed)
    if not path.exists():
        return False
    if read_record(path).digest != digest:
        raise DataError(
            f"Expected records of this recipe and size in {folder}; {path.name} is of other data or options. "
            "Choose another --out, or delete it."
        )
    return True


def of_row(records: Sequence[Record], row: str) -> list[Record]:
    """Records that have scores of a row, by seed."""
    return sorted((record for record in records if row in record.rows), key=lambda record: record.seed)
