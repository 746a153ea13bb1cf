"""First stage: the condition, fitted on training profiles."""

from __future__ import annotations

from genviz.models.genevar.condition.conditioner import Conditioner
from genviz.models.genevar.condition.config import ConditionConfig
from genviz.models.genevar.condition.kinds import fit_conditioner
from genviz.models.genevar.training.data import TrainingData
from genviz.train.run_options import RunOptions


def train_condition(config: ConditionConfig, data: TrainingData, options: RunOptions) -> Conditioner | None:
    """Fit the condition; None when interrupted.

    Parameters
    ----------
    config
        The recipe.
    data
        Training rows.
    options
        Seed, device, folder; the autoencoder only needs them.
    """
    config = options.bounded(config)
    options.claim({"condition": config.to_dict(), "profiles": data.profiles_digest()})
    return fit_conditioner(
        config,
        data.profiles,
        seed=options.seed,
        groups=data.groups or None,
        device=options.device,
        folder=options.part("fit"),
        resume=options.resume,
    )
