"""What every model object shares: where a checkpoint is, what a result says about its origin."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from typing import Any

from genviz import __version__


def provenance(*, model: str, seed: int, units: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """What every result records; models add their own entries.

    Parameters
    ----------
    model
        Name of the model.
    seed
        Seed of the call.
    units
        Units of the main result.
    parameters
        Arguments of the call, JSON values.
    """
    return {
        "model": model,
        "version": __version__,
        "seed": int(seed),
        "units": units,
        "parameters": parameters,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
    }
