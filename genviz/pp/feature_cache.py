"""Features of a section on disk, so that they are computed once."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from genviz._settings import settings
from genviz.io.files.atomic import atomic_path

_FORMAT = 2
_FEATURES, _NAMES, _SHA256 = "features", "names", "sha256"


def cache_file(recipe: dict[str, Any], facts: dict[str, Any], xy_px: NDArray[np.float64]) -> Path:
    """Where the features of these positions would lie: one file for one set of inputs.

    Parameters
    ----------
    recipe
        What decides the features besides the slide (`Encoder.recipe`).
    facts
        What decides them of the slide: checksum, resolution, stain.
    xy_px
        (n, 2) centres.
    """
    told = json.dumps([_FORMAT, recipe, facts], sort_keys=True).encode()
    digest = hashlib.sha256(told + np.ascontiguousarray(xy_px, np.float64).tobytes()).hexdigest()
    return settings.cache_dir / "features" / f"{digest}.safetensors"


def read_cached(file: Path) -> tuple[list[str], NDArray[np.float32]] | None:
    """Names and features; None when they are not there, or the file is damaged and must be made again."""
    try:
        with safe_open(file, framework="numpy") as stored:
            told, features_NF = stored.metadata(), stored.get_tensor(_FEATURES)
            intact = told[_SHA256] == _digest(told[_NAMES], features_NF)
            return (json.loads(told[_NAMES]), features_NF) if intact else None
    except (FileNotFoundError, SafetensorError, KeyError, TypeError, ValueError):
        return None


def write_cached(file: Path, names: list[str], features_NF: NDArray[np.float32]) -> None:
    """Keep names and features; two processes may write the same file."""
    features_NF, listed = np.ascontiguousarray(features_NF), json.dumps(names)
    with atomic_path(file) as working:
        save_file({_FEATURES: features_NF}, working, {_NAMES: listed, _SHA256: _digest(listed, features_NF)})


def _digest(names: str, features_NF: NDArray[np.float32]) -> str:
    return hashlib.sha256(names.encode() + features_NF.tobytes()).hexdigest()
