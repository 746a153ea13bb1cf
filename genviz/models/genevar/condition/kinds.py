"""The four conditioners by name: fitted on training rows, rebuilt from a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genviz._errors import CheckpointError, GenvizError
from genviz.models.genevar.condition.conditioner import (
    ClassConditioner,
    Conditioner,
    LinearConditioner,
    PcaConditioner,
    config_of,
)
from genviz.models.genevar.condition.config import ConditionConfig
from genviz.models.genevar.condition.profiles import Profiles
from genviz.models.genevar.condition.scaler import ProfileScaler
from genviz.models.genevar.condition.vae import VaeConditioner

_DIRECT: dict[str, type[PcaConditioner] | type[ClassConditioner] | type[LinearConditioner]] = {
    "pca": PcaConditioner,
    "class": ClassConditioner,
    "linear": LinearConditioner,
}


def fit_conditioner(
    config: ConditionConfig,
    profiles: Profiles,
    *,
    seed: int = 0,
    groups: Sequence[str] | None = None,
    device: torch.device | None = None,
    folder: Path | None = None,
    resume: bool = False,
) -> Conditioner | None:
    """Fit the condition on training rows; None when interrupted.

    Parameters
    ----------
    config
        The recipe.
    profiles
        Training rows and no others.
    seed, groups, device, folder, resume
        Of the training of "vae" (`VaeConditioner.fit`); the other kinds have nothing to draw.

    Raises
    ------
    UsageError, DataError
        For profiles that do not fit the recipe.
    """
    if config.kind == "vae":
        return VaeConditioner.fit(
            config, profiles, seed=seed, groups=groups, device=device, folder=folder, resume=resume
        )
    return _DIRECT[config.kind].fit(config, profiles)


def restore_conditioner(tensors: Mapping[str, Any], told: Mapping[str, Any]) -> Conditioner:
    """Rebuild what `Conditioner.state` gave.

    Parameters
    ----------
    tensors
        Arrays, or tensors on the CPU.
    told
        JSON values.

    Raises
    ------
    CheckpointError
        When they do not belong together.
    """
    config = config_of(told)
    try:
        if config.kind == "class":
            return ClassConditioner(config, tuple(told["classes"]))
        if config.kind == "vae":
            return VaeConditioner.from_state(config, tensors, told["facts"])
        scaler = ProfileScaler.from_tensors(tensors)
        if config.kind == "linear":
            return LinearConditioner(config, scaler)
        components = np.asarray(tensors["components"], dtype=np.float32)
        return PcaConditioner(config, scaler, components, float(told["explained"]))
    except GenvizError:
        raise
    except (KeyError, ValueError, TypeError, RuntimeError) as err:
        raise CheckpointError(
            f"Expected the arrays of a condition of kind {config.kind!r} in the checkpoint; "
            f"{type(err).__name__}: {err}. Train the model again."
        ) from err
