"""Tensors kept in a file under a key that says what they were made from; with another key they count as absent."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from genviz.io.files.atomic import atomic_path

_KEY = "key"


def tensors_digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 of named tensors as they are in memory.

    Parameters
    ----------
    tensors
        Name → tensor.
    """
    digest = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def read_keyed(file: Path, key: str) -> dict[str, torch.Tensor] | None:
    """The tensors in a file; None when it is missing, damaged, or was made from something else.

    Parameters
    ----------
    file
        Written by `write_keyed`.
    key
        What the tensors must have been made from.
    """
    if not file.exists():
        return None
    try:
        with safe_open(file, framework="pt") as stored:
            if (stored.metadata() or {}).get(_KEY) != key:
                return None
            return {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 -- not a dict
    except (SafetensorError, OSError):
        return None


def write_keyed(file: Path, key: str, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write tensors and their key, at once or not at all.

    Parameters
    ----------
    file
        Where to; missing folders are made.
    key
        What the tensors were made from.
    tensors
        Name → tensor.
    """
    with atomic_path(file) as working:
        save_file(dict(tensors), working, metadata={_KEY: key})
