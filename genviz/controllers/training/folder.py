"""The record of a training that is over, from the logs in its run folder."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from pathlib import Path

import pandas as pd

from genviz._errors import FileFormatError, UsageError
from genviz.controllers.training.record import Record, Stage

# Folder of a part -> name of the stage, as training tells it.
_NAMES = {
    "vae/part_fit": "gene VAE",
    "tokenizer/part_autoencoder": "autoencoder",
    "tokenizer/part_fit": "tokenizer",
    "meanflow/part_fit": "flow",
    "prior/part_fit": "prior",
}
_METRICS = "metrics.csv"


def read_run(folder: Path, every: int = 5) -> Record:
    """Read the metrics of every stage that a run folder has.

    Parameters
    ----------
    folder
        ``out_dir`` of a training.
    every
        Of the record.

    Raises
    ------
    UsageError
        Without a folder, or without logs in it.
    FileFormatError
        For a log that cannot be read.
    """
    if not folder.is_dir():
        raise UsageError(f"Expected the run folder of a training at {folder}; there is none.")
    logs: dict[Path, list[Path]] = defaultdict(list)
    for path in folder.rglob(_METRICS):
        part = next((parent.parent for parent in path.parents if parent.name == "log"), None)
        if part is not None:
            logs[part].append(path)
    if not logs:
        raise UsageError(
            f"Expected logs (log/{_METRICS}) in {folder}; found none. Give the out_dir of a training."
        )
    record = Record(every)
    order = list(_NAMES)
    places = {part: part.relative_to(folder).as_posix() for part in logs}
    for part in sorted(
        logs, key=lambda one: (order.index(places[one]) if places[one] in order else -1, places[one])
    ):
        record.stages.append(_stage(_name(places[part], len(logs)), logs[part], part))
    return record


def _name(place: str, n_parts: int) -> str:
    if place.startswith("member_") and place[7:].isdigit():
        return f"member {int(place[7:]) + 1} of {n_parts}"
    return _NAMES.get(place, place)


def _stage(name: str, logs: list[Path], part: Path) -> Stage:
    """One stage; a resumed training goes on in a log of its own, the latest of which counts."""
    stage = Stage(name, _n_epochs(part))
    for path in sorted(
        logs, key=lambda one: (one.parent.name != "log", len(one.parent.name), one.parent.name)
    ):
        try:
            table = pd.read_csv(path)
            by_epoch = table.drop(columns=["step"], errors="ignore").groupby("epoch").last()
        except (ValueError, KeyError, OSError) as err:
            raise FileFormatError(
                f"Expected a log of a training in {path}; it cannot be read ({err}). Leave it out."
            ) from err
        for epoch, row in by_epoch.iterrows():
            told = {str(metric): float(value) for metric, value in row.items() if not math.isnan(value)}
            if told:
                stage.add(int(str(epoch)) + 1, told)
    stage.n_epochs = max(stage.n_epochs, stage.epochs[-1] if stage.epochs else 0)
    return stage


def _n_epochs(part: Path) -> int:
    """Epochs that were asked for, where the run folder tells."""
    for path in (part.parent / "run.json", part / "run.json"):
        try:
            run = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        for recipe in (run, *(value for value in run.values() if isinstance(value, dict))):
            if isinstance(recipe.get("max_epochs"), int) and part.name != "part_autoencoder":
                return int(recipe["max_epochs"])
    return 0
