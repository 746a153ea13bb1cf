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
from genviz.io.atomic import atomic_path

_FORMAT = 1
_FEATURES, _NAMES = "features", "names"


def cache_file(slide_sha256: str, recipe: dict[str, Any], mpp: float, xy_px: NDArray[np.float64]) -> Path:
    """Where the features of these positions on this slide would lie: one file for one set of inputs."""
    told = json.dumps([_FORMAT, slide_sha256, recipe, mpp], sort_keys=True).encode()
    digest = hashlib.sha256(told + np.ascontiguousarray(xy_px, np.float64).tobytes()).hexdigest()
    return settings.cache_dir / "features" / f"{digest}.safetensors"


def read_cached(file: Path) -> tuple[list[str], NDArray[np.float32]] | None:
    """Names and features; None when they are not there, or the file is damaged and must be made again."""
    try:
        with safe_open(file, framework="numpy") as stored:
            return json.loads(stored.metadata()[_NAMES]), stored.get_tensor(_FEATURES)
    except (FileNotFoundError, SafetensorError, KeyError, TypeError, ValueError):
        return None


def write_cached(file: Path, names: list[str], features_NF: NDArray[np.float32]) -> None:
    """Keep names and features; two processes may write the same file."""
    with atomic_path(file) as working:
        save_file(
            {_FEATURES: np.ascontiguousarray(features_NF)}, working, metadata={_NAMES: json.dumps(names)}
        )
