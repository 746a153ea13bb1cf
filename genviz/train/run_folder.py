"""The run folder of a training: whose it is, and that one run never takes up another's checkpoints."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import CheckpointError, UsageError
from genviz.io.files.atomic import atomic_write_json
from genviz.io.weights.parts import config_digest
from genviz.train.fitting import LAST

RUN = "run.json"
_OURS = {LAST, "log"}


def array_digest(values: NDArray[Any]) -> str:
    """SHA-256 of an array's shape and values."""
    told = f"{values.dtype.str} {values.shape}".encode()
    return hashlib.sha256(told + np.ascontiguousarray(values).tobytes()).hexdigest()


def claim(folder: Path, run: dict[str, Any], *, parts: str, resume: bool) -> None:
    """Write what a run is into its folder; when resuming, insist that it is the same run.

    A fresh run deletes what an earlier one left in the folders of its parts.

    Parameters
    ----------
    folder
        The run folder.
    run
        JSON values that decide the result.
    parts
        Pattern of the folders inside that hold checkpoints (``member_*``).
    resume
        Go on from the checkpoints in the folder.

    Raises
    ------
    UsageError
        When the folder to resume is of a run with other options or rows.
    CheckpointError
        When it does not say whose it is, or its parts hold what training did not write.
    """
    path, digest = folder / RUN, config_digest(run)
    if resume and path.exists():
        _insist(path, digest)
        return
    found = sorted(folder.glob(parts))
    if resume and found:
        raise CheckpointError(
            f"Expected {RUN} beside the checkpoints in {folder} to know which run they are of; it is missing. "
            "Train without resume, or in another folder."
        )
    _clear(found)
    atomic_write_json(path, {"digest": digest, **run})


def _insist(path: Path, digest: str) -> None:
    try:
        found = json.loads(path.read_text())["digest"]
    except (ValueError, KeyError, TypeError) as err:
        raise CheckpointError(
            f"Expected {path} to say which run this is; it is damaged. Train without resume."
        ) from err
    if found != digest:
        raise UsageError(
            f"Expected to resume the run in {path.parent} with its own options and rows; they differ. "
            "Use the options it was started with, or start a new run in another folder."
        )


def _clear(parts: list[Path]) -> None:
    """Delete folders of checkpoints, after a look at all of them."""
    for part in parts:
        foreign = [part] if part.is_symlink() or not part.is_dir() else _foreign(part)
        if foreign:
            raise CheckpointError(
                f"Expected {part} to hold only what training writes ({', '.join(sorted(_OURS))}); found "
                f"{foreign[0].name}. A new run would delete it: move it away, or choose another out_dir."
            )
    for part in parts:
        shutil.rmtree(part)


def _foreign(part: Path) -> list[Path]:
    """What training did not write; its own partial files are hidden."""
    return [
        path
        for path in sorted(part.iterdir())
        if path.name not in _OURS and not (path.name.startswith(".last.") and ".partial" in path.name)
    ]
