"""What every model object shares: where a checkpoint is, what a result says about its origin."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from genviz import __version__


class Stored(Protocol):
    """What a fitted model knows of its checkpoint."""

    sha256: str | None
    format: int | None

    @property
    def split_sha256(self) -> str:
        """SHA-256 of the rows it was trained on."""
        ...


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


def model_provenance(
    *,
    model: str,
    fitted: Stored,
    seed: int,
    units: str,
    parameters: dict[str, Any],
    transductive: Sequence[str] = (),
) -> dict[str, Any]:
    """What every result of a trained model records, whichever of the three it is.

    Parameters
    ----------
    model, seed, units, parameters
        As `provenance`.
    fitted
        What was trained. Checksum and format number of its checkpoint are None while it was never saved.
    transductive
        Options by which a row's result depends on the rows beside it.
    """
    return provenance(model=model, seed=seed, units=units, parameters=parameters) | {
        "checkpoint_sha256": fitted.sha256,
        "checkpoint_format": fitted.format,
        "split_sha256": fitted.split_sha256,
        "transductive": list(transductive),
    }


def image_provenance(
    *, model: str, operation: str, fitted: Stored, seed: int, parameters: dict[str, Any]
) -> dict[str, Any]:
    """What images record that no microscope has seen.

    Parameters
    ----------
    model, fitted, seed, parameters
        As `model_provenance`.
    operation
        What made them ("generate").
    """
    told = model_provenance(
        model=model, fitted=fitted, seed=seed, units="sRGB, 0 to 255", parameters=parameters
    )
    return told | {"operation": operation, "synthetic": True}
