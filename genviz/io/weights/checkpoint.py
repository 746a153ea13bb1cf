"""Checkpoints: a folder of plain files that says what it is and notices damage.

| file | content |
|---|---|
| ``config.json`` | format number, kind, genviz version, configuration, SHA-256 of it and of every other file |
| ``weights.safetensors`` | tensors by name |
| ``genes.txt``, ``split.json``, ``card.md`` ... | texts, by file name |

Nothing in it is a pickle, so loading a checkpoint from a stranger runs no code of theirs.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genviz import __version__
from genviz._errors import CheckpointError, UsageError
from genviz.io.files.atomic import atomic_dir, atomic_write_json
from genviz.io.weights.parts import (
    CONFIG,
    FORMAT,
    PLAIN_NAME,
    WEIGHTS,
    config_digest,
    damage,
    damaged,
    file_digest,
    is_checkpoint,
    packed,
    plain_config,
    read_header,
    unpacked,
    verified,
)

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    Attributes
    ----------
    path
        Its folder.
    kind
        What it is a checkpoint of ("genar").
    config
        The model's configuration, JSON values only.
    tensors
        Name → numpy array, or torch tensor on the CPU if asked for.
    texts
        File name → text.
    version
        The genviz that wrote it.
    format
        Number of the format it is in.
    sha256
        Of ``config.json``, which names the SHA-256 of all other files: identifies the whole.
    """

    path: Path
    kind: str
    config: dict[str, Any]
    tensors: dict[str, Any]
    texts: dict[str, str]
    version: str
    format: int
    sha256: str


def save_checkpoint(
    folder: str | os.PathLike[str],
    config: Mapping[str, Any],
    tensors: Mapping[str, np.ndarray | torch.Tensor],
    extra_text: Mapping[str, str] | None = None,
    *,
    kind: str = "genar",
) -> str:
    """Write a checkpoint folder, at once or not at all.

    A folder that holds an older checkpoint is replaced; one that holds anything else is refused.

    Parameters
    ----------
    folder
        Where to; missing or empty, or a checkpoint.
    config
        JSON-able configuration of the model.
    tensors
        Name → array or tensor.
    extra_text
        File name → text: ``genes.txt``, ``split.json``, ``card.md``.
    kind
        What it is a checkpoint of.

    Returns
    -------
    SHA-256 that identifies the checkpoint (`Checkpoint.sha256`).

    Raises
    ------
    UsageError
        For a folder with other content, or names that are no plain file names.
    GenvizError
        When the folder cannot be written or is full.
    """
    texts = dict(extra_text or {})
    for name in texts:
        if not PLAIN_NAME.fullmatch(name) or name in (CONFIG, WEIGHTS):
            raise UsageError(
                f"Expected a plain file name for a text of the checkpoint; got {name!r}. Rename it."
            )
    contents = {WEIGHTS: packed(tensors)} | {name: text.encode() for name, text in texts.items()}
    plain = plain_config(config)
    header = {
        "format": FORMAT,
        "kind": kind,
        "genviz": __version__,
        "config_sha256": config_digest(plain),
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in sorted(contents.items())},
    }
    with atomic_dir(folder, replace=is_checkpoint(Path(folder))) as working:
        for name, data in contents.items():
            (working / name).write_bytes(data)
        atomic_write_json(working / CONFIG, header | {"config": plain})
        return file_digest(working / CONFIG)


def load_checkpoint(folder: str | os.PathLike[str], kind: str | None = None) -> Checkpoint:
    """Read a checkpoint folder, refusing what is missing, damaged, newer or of another kind.

    Parameters
    ----------
    folder
        A folder written by `save_checkpoint`.
    kind
        What it must be a checkpoint of; any kind if left out.

    Raises
    ------
    CheckpointError
        Saying what is wrong with it, and what to do.
    """
    path = Path(folder).expanduser()
    header = read_header(path)
    if kind is not None and header["kind"] != kind:
        raise CheckpointError(
            f"Expected a checkpoint of {kind} in {path}; it is one of {header['kind']}. "
            "Load it with that model's class."
        )
    contents = {name: verified(path, name, digest) for name, digest in header["files"].items()}
    if WEIGHTS not in contents:
        raise damaged(path, f"{CONFIG} does not list {WEIGHTS}")
    with damage(path, "the text files are not UTF-8"):
        texts = {name: data.decode() for name, data in contents.items() if name != WEIGHTS}
    return Checkpoint(
        path=path,
        kind=header["kind"],
        config=header["config"],
        tensors=unpacked(contents[WEIGHTS], path),
        texts=texts,
        version=header["genviz"],
        format=header["format"],
        sha256=file_digest(path / CONFIG),
    )
