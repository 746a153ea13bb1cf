"""On what a number was computed: versions, hardware, threads. It goes into every file of results."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import genviz

_PACKAGES = (
    "torch",
    "lightning",
    "anndata",
    "scanpy",
    "numpy",
    "scipy",
    "scikit-learn",
    "monai",
    "torch-fidelity",
)


def machine() -> dict[str, Any]:
    """Give versions, processor, memory, accelerator and threads, as plain JSON."""
    return {
        "genviz": genviz.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "accelerator": torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none",
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    """The model's name where Linux tells it."""
    told = Path("/proc/cpuinfo")
    if told.is_file():
        for line in told.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
