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


def image_provenance(
    *,
    model: str,
    operation: str,
    seed: int,
    parameters: dict[str, Any],
    checkpoint: str | None,
    checkpoint_format: int | None,
    split: str,
) -> dict[str, Any]:
    """What images record that no microscope has seen.

    Parameters
    ----------
    model, seed, parameters
        As `provenance`.
    operation
        What made them ("generate").
    checkpoint, checkpoint_format
        SHA-256 and format number of the model's checkpoint; None while it is unsaved.
    split
        SHA-256 of the rows it was trained on.
    """
    return provenance(model=model, seed=seed, units="sRGB, 0 to 255", parameters=parameters) | {
        "operation": operation,
        "synthetic": True,
        "checkpoint_sha256": checkpoint or "",
        "format": int(checkpoint_format or 0),
        "split_sha256": split,
    }
