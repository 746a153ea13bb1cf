"""Which bytes a run read: a fingerprint of every file of its data, kept beside records and models made from them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock

import genviz
from genviz import datasets
from genviz._errors import DataError
from genviz._settings import settings
from genviz.core.counts import first_names
from genviz.datasets.image_sets import homes
from genviz.io.fetching.manifests import load_manifest
from genviz.io.files.atomic import atomic_write_json
from genviz.io.files.output import explained

PHANTOM = "phantom"
KEPT = "data_files.json"
"""Beside what was made from the files: file → SHA-256."""


def data_files(data: Mapping[str, Any]) -> dict[str, str]:
    """Give file → SHA-256 of what a size's data names and is on this machine; of an unpacked archive its folder's.

    Parameters
    ----------
    data
        ``name`` of a data set, ``phantom`` or an ``.h5ad`` file, and ``sections`` of it; or ``cohorts``, several data
        sets. ``beside``: data sets that the experiment reads too. A file of one's own is called as it is named here:
        recipes that share models may read several of the same last name.
    """
    name = str(data["name"])
    if name == PHANTOM:
        return {PHANTOM: f"made by genviz {genviz.__version__}"}
    if name.endswith(".h5ad"):
        return {name: _digest(Path(name))} if Path(name).is_file() else {}
    wanted = dict.fromkeys(data.get("cohorts", [name]), data.get("sections")) | dict.fromkeys(
        data.get("beside", [])
    )
    found = [
        (own, *file)
        for own, sections in wanted.items()
        for file in _here(own, None if sections is None else tuple(sections), _state(own))
    ]
    return {f"{own}/{local}": _digest(path) for own, local, path in found if path.exists()}


def hold_to_data(folder: Path, files: Mapping[str, str]) -> dict[str, str]:
    """Refuse a folder whose content was made from other bytes; else note these beside it.

    What a run noted that then made nothing, for a damaged file say, binds nobody. Where all is noted already, nothing
    is written.

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
    if files.items() <= (known := _noted(folder)).items():
        return known
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{KEPT}.lock"):
            known = _noted(folder)
            if _changed(known, files) and not _holds_something(folder):
                known = {}
            check_unchanged(folder, known, files)
            atomic_write_json(folder / KEPT, known | dict(files))
    return known | dict(files)


def check_unchanged(folder: Path, before: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Refuse data of which a file has other bytes than it had.

    Parameters
    ----------
    folder
        What was made from them, for the message.
    before, now
        File → fingerprint; files of one side alone are not compared.

    Raises
    ------
    DataError
        Naming the files.
    """
    if not (other := _changed(before, now)):
        return
    back = "Bring them back (`genviz data verify`)"
    if other == [PHANTOM]:
        back = f"It was {before[PHANTOM]}, which is not installed: install that"
    raise DataError(
        f"Expected the data that {folder} was made from; {first_names(other)} has other bytes now. {back}, or choose "
        "other folders for the run (--out) and its models (--models)."
    )


def _changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return sorted(name for name in before.keys() & now.keys() if before[name] != now[name])


def _holds_something(folder: Path) -> bool:
    """Whether there is more than notes and locks."""
    return any(
        path.is_file() and path.name != KEPT and path.name[0] != "." and path.suffix != ".lock"
        for path in folder.rglob("*")
    )


def _noted(folder: Path) -> dict[str, str]:
    path = folder / KEPT
    return dict(json.loads(path.read_bytes())) if path.is_file() else {}


@cache
def _here(name: str, sections: tuple[str, ...] | None, state: int) -> list[tuple[str, Path]]:
    """Name and path of a data set's files that are here: asked once for each state of its folders, for it reads all."""
    return [(file.local, file.path) for file in datasets.verify(name, sections=sections) if file.path]


def _state(name: str) -> int:
    """Of names, sizes and times of all files in a data set's folders; behind links to folders nothing is downloaded."""
    manifest = load_manifest(name)
    places = {home for _, home in homes(manifest)}
    if settings.data_dir is not None and "hub" in manifest.facts:
        places.add(settings.data_dir / manifest.facts["hub"].get("folder", name))
    found = []
    for place in sorted(places):
        for folder, _, files in os.walk(place):
            for path in (Path(folder, file) for file in files):
                if path.is_file():
                    found.append((str(path), path.stat().st_size, path.stat().st_mtime_ns))
    return hash(tuple(sorted(found)))


def _digest(path: Path) -> str:
    """SHA-256 of a file; of a folder that of its files' names and digests, without what file managers leave there."""
    if path.is_file():
        state = path.stat()
        return _digest_of_file(path, state.st_size, state.st_mtime_ns)
    parts = [
        f"{name.as_posix()} {_digest(path / name)}\n"
        for name in sorted(file.relative_to(path) for file in path.rglob("*") if file.is_file())
        if not any(part[0] == "." for part in name.parts)
    ]
    return hashlib.sha256("".join(parts).encode()).hexdigest()


@cache
def _digest_of_file(path: Path, size: int, changed_ns: int) -> str:
    """Once for each state of a file, in pieces: slides may be larger than memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
