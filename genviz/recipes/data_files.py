"""Which bytes a run read: a fingerprint of every file of its data, kept beside records and models made from them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock

import genviz
from genviz import datasets
from genviz._errors import DataError
from genviz.core.counts import first_names
from genviz.io.files.atomic import atomic_write_json

PHANTOM = "phantom"
KEPT = "data_files.json"
"""Beside what was made from the files: file → SHA-256."""


def data_files(data: Mapping[str, Any]) -> dict[str, str]:
    """Give file → SHA-256 of what a size's data names and is on this machine; of an unpacked archive its folder's.

    Parameters
    ----------
    data
        ``name`` of a data set, ``phantom`` or an ``.h5ad`` file, and ``sections`` of it; or ``cohorts``, several data
        sets. ``beside``: data sets that the experiment reads too.
    """
    name = str(data["name"])
    if name == PHANTOM:
        return {PHANTOM: f"made by genviz {genviz.__version__}"}
    if name.endswith(".h5ad"):
        return {Path(name).name: _digest(Path(name))} if Path(name).is_file() else {}
    wanted = dict.fromkeys(data.get("cohorts", [name]), data.get("sections")) | dict.fromkeys(
        data.get("beside", [])
    )
    found = [
        (own, file) for own, sections in wanted.items() for file in datasets.verify(own, sections=sections)
    ]
    return {f"{own}/{f.local}": _digest(f.path) for own, f in found if f.path and f.path.exists()}


def hold_to_data(folder: Path, files: Mapping[str, str]) -> dict[str, str]:
    """Refuse a folder whose content was made from other bytes; else note these beside it.

    Parameters
    ----------
    folder
        Of a run, or of trained models.
    files
        From `data_files`. Files that are not here now, or were not then, are not compared.

    Returns
    -------
    All that is noted, these files among it.

    Raises
    ------
    DataError
        Naming the files that have changed.
    """
    if not files:
        return _noted(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f".{KEPT}.lock"):
        known = _noted(folder)
        if other := sorted(name for name in files.keys() & known.keys() if files[name] != known[name]):
            raise DataError(
                f"Expected the data that {folder} was made from; {first_names(other)} has other bytes now. Bring them "
                "back (`genviz data verify`), or choose other folders for the run (--out) and its models (--models)."
            )
        if files.keys() - known.keys():
            atomic_write_json(folder / KEPT, known | dict(files))
        return known | dict(files)


def _noted(folder: Path) -> dict[str, str]:
    path = folder / KEPT
    return dict(json.loads(path.read_bytes())) if path.is_file() else {}


def _digest(path: Path) -> str:
    """SHA-256 of a file; of a folder that of its files' names and digests."""
    if path.is_file():
        state = path.stat()
        return _digest_of_file(path, state.st_size, state.st_mtime_ns)
    parts = [
        f"{file.relative_to(path).as_posix()} {_digest(file)}\n"
        for file in sorted(path.rglob("*"))
        if file.is_file()
    ]
    return hashlib.sha256("".join(parts).encode()).hexdigest()


@cache
def _digest_of_file(path: Path, size: int, changed_ns: int) -> str:
    """Once for each state of a file, in pieces: slides may be larger than memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
