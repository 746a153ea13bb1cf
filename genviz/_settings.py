"""Process-wide settings: seed, progress bars, cache folder, threads."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path


def _default_cache() -> Path:
    """`$GENVIZ_CACHE`, else the platform's cache folder."""
    if env := os.environ.get("GENVIZ_CACHE"):
        return Path(env).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "genviz"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "genviz"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "genviz"


def _default_workers() -> int:
    """Cores this process may use (a container's limit counts, where the system tells it)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _default_progress() -> bool:
    """Bars are shown unless `$TQDM_DISABLE` says otherwise, as in every tool that uses tqdm."""
    return os.environ.get("TQDM_DISABLE", "") in ("", "0")


@dataclass
class Settings:
    """What a user may set once for a session.

    Attributes
    ----------
    seed
        Default seed of every call that takes one.
    progress
        Show progress bars.
    cache_dir
        Where downloads and decoded slides are kept.
    n_workers
        Threads used for pixel work.
    """

    seed: int = 0
    progress: bool = field(default_factory=_default_progress)
    cache_dir: Path = field(default_factory=_default_cache)
    n_workers: int = field(default_factory=_default_workers)

    @property
    def data_dir(self) -> Path | None:
        """`$GENVIZ_DATA`, the folder searched before the cache and the network; None when unset."""
        env = os.environ.get("GENVIZ_DATA")
        return Path(env).expanduser() if env else None


settings = Settings()
