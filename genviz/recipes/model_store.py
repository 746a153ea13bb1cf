"""Trained models by what they were trained with, so that recipes which need the same one train it once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from genviz.io.weights.parts import config_digest

_SHOWN = 12


@contextmanager
def model_folder(store: Path, kind: str, told: Mapping[str, Any]) -> Iterator[Path]:
    """Give the folder of a model, held against a second process that wants to train the same one.

    What is in it is the caller's: a finished model, an unfinished training to go on with, or nothing.

    Parameters
    ----------
    store
        Folder of all models.
    kind
        First part of the folder's name: what sort of model it is.
    told
        Everything that decides its weights: configuration, rows, seed. Plain JSON.
    """
    folder = store / f"{kind}-{config_digest(told)[:_SHOWN]}"
    store.mkdir(parents=True, exist_ok=True)
    with FileLock(store / f"{folder.name}.lock"):
        folder.mkdir(exist_ok=True)
        yield folder
