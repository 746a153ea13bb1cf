"""Which bytes a run read: a fingerprint of every file of its data set."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import genviz
from genviz import datasets

PHANTOM = "phantom"


def data_files(data: Mapping[str, Any]) -> dict[str, str]:
    """Give file → SHA-256 of what a size's data names and is on this machine.

    Parameters
    ----------
    data
        ``name`` of a data set, ``phantom`` or an ``.h5ad`` file, and ``sections`` of it; or ``cohorts``, several data
        sets.
    """
    name = str(data["name"])
    if name == PHANTOM:
        return {PHANTOM: f"made by genviz {genviz.__version__}"}
    if name.endswith(".h5ad"):
        return {Path(name).name: _digest(Path(name))}
    found = [
        (cohort, file)
        for cohort in data.get("cohorts", [name])
        for file in datasets.verify(cohort, sections=data.get("sections"))
    ]
    return {f"{cohort}/{f.local}": _digest(f.path) for cohort, f in found if f.path and f.path.is_file()}


def _digest(path: Path) -> str:
    """SHA-256, read in pieces: slides may be larger than memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
