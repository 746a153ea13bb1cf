"""Pieces of a checkpoint: its header, its checked files, its packed tensors."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save as save_numpy

from genviz._errors import CheckpointError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1
CONFIG = "config.json"
WEIGHTS = "weights.safetensors"
PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder holds a checkpoint whose header this version can read."""
    try:
        read_header(folder)
    except CheckpointError:
        return False
    return True


def read_header(path: Path) -> dict[str, Any]:
    """``config.json``, checked for everything that the other files do not decide.

    Raises
    ------
    CheckpointError
        When it is missing, damaged, changed by hand, or of a newer format.
    """
    file = path / CONFIG
    if not file.is_file():
        found = f"has no {CONFIG}" if path.is_dir() else "is not there"
        raise CheckpointError(
            f"Expected a checkpoint folder at {path}; it {found}. "
            "Check the path; it is what `genviz train` or `model.save` wrote."
        )
    with damage(path, f"{CONFIG} is truncated or no checkpoint's"):
        header: dict[str, Any] = json.loads(file.read_bytes())
        number = header["format"]
        if not isinstance(number, int) or number < 1:
            raise ValueError(f"format {number!r}")
    if number > FORMAT:
        raise CheckpointError(
            f"Expected checkpoint format {FORMAT} or older in {path}; it has format {number}, written by genviz "
            f"{header.get('genviz', 'of a later version')}. Upgrade it: pip install -U genviz."
        )
    with damage(path, f"{CONFIG} lacks an entry"):
        listed = [str(name) for name in header["files"]]
        intact = config_digest(header["config"]) == header["config_sha256"]
        if not (isinstance(header["kind"], str) and isinstance(header["genviz"], str)):
            raise ValueError("kind and version must be text")
    if not intact:
        raise damaged(path, f"the configuration in {CONFIG} was changed after it was saved")
    if any(not PLAIN_NAME.fullmatch(name) for name in listed):
        raise damaged(path, f"{CONFIG} lists files outside the folder")
    return header


def verified(path: Path, name: str, digest: str) -> bytes:
    """Bytes of a file of the checkpoint, which must have the recorded SHA-256."""
    try:
        data = (path / name).read_bytes()
    except OSError as err:
        raise damaged(path, f"{name} is missing or cannot be read") from err
    if hashlib.sha256(data).hexdigest() != digest:
        raise damaged(path, f"{name} is truncated or was changed after it was saved")
    return data


@contextmanager
def damage(path: Path, what: str) -> Iterator[None]:
    """Turn what damaged files make parsers raise into one CheckpointError that says `what`."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as err:
        raise damaged(path, what) from err


def damaged(path: Path, what: str) -> CheckpointError:
    """The error for a checkpoint that cannot be trusted."""
    return CheckpointError(
        f"Expected an undamaged checkpoint in {path}; {what}. "
        "Copy it again from where it came, or train it again."
    )


def packed(tensors: Mapping[str, Any]) -> bytes:
    """Tensors as safetensors bytes; equal tensors always give equal bytes."""
    if all(isinstance(value, np.ndarray) for value in tensors.values()):
        return bytes(save_numpy({name: np.ascontiguousarray(value) for name, value in tensors.items()}))
    import torch
    from safetensors.torch import save as save_torch

    # Cloned, because safetensors refuses tensors that share memory.
    own = {name: torch.as_tensor(value).detach().cpu().clone() for name, value in tensors.items()}
    return bytes(save_torch({name: value.contiguous() for name, value in own.items()}))


def unpacked(data: bytes, path: Path) -> dict[str, Tensor]:
    """Tensors on the CPU from safetensors bytes."""
    from safetensors.torch import load as load_torch

    with damage(path, f"{WEIGHTS} cannot be read"):
        return dict(load_torch(data))


def plain_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration as JSON gives it back (tuples become lists)."""
    try:
        plain: dict[str, Any] = json.loads(json.dumps(dict(config), allow_nan=False))
    except (TypeError, ValueError) as err:
        raise UsageError(f"Expected a configuration of JSON values; {err}. Turn arrays into lists.") from err
    return plain


def config_digest(config: Mapping[str, Any]) -> str:
    """SHA-256 of a configuration, whatever the order of its entries."""
    text = json.dumps(config, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(file: Path) -> str:
    """SHA-256 of a file's bytes."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
