"""Training of a GenAR ensemble: which rows, which recipe, one fit a member."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from genviz.core.gene_tree import GeneTree
from genviz.core.keyed import row_key
from genviz.models.genar.config import GenARConfig
from genviz.models.genar.ensemble import Ensemble
from genviz.models.genar.network import GenARNetwork
from genviz.models.genar.rows import Rows
from genviz.models.genar.scaler import Scaler
from genviz.train.batches import KeyedBatches
from genviz.train.fitting import FitOptions, fit_network
from genviz.train.run_folder import array_digest, claim

log = logging.getLogger("genviz")


@dataclass(frozen=True)
class TrainingData:
    """Rows with their counts.

    Attributes
    ----------
    rows
        Features and positions.
    counts_NG
        Counts of the panel, int64.
    """

    rows: Rows
    counts_NG: NDArray[np.int64]

    def tensors(self, scaler: Scaler) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Standardised features, positions, counts."""
        z_NF = scaler.apply(self.rows.features_NF, self.rows.libraries)
        return (
            torch.from_numpy(z_NF),
            torch.from_numpy(self.rows.xy_N2),
            torch.from_numpy(self.counts_NG).float(),
        )


@dataclass(frozen=True)
class TrainOptions:
    """How `train_ensemble` runs; the recipe itself is in the configuration."""

    max_epochs: int
    seed: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: str = "32-true"
    patience: int = 15
    folder: Path | None = None
    resume: bool = False
    recipe: Mapping[str, Any] = field(
        default_factory=dict
    )  # how the features were made; decides what may resume


def train_ensemble(
    config: GenARConfig,
    tree: GeneTree,
    scaler: Scaler,
    data: TrainingData,
    options: TrainOptions,
    *,
    validation: TrainingData | None = None,
) -> Ensemble | None:
    """Train all members.

    Parameters
    ----------
    config, tree, scaler
        Resolved configuration; tree and scaler fitted on the training rows.
    data, validation
        Training rows; rows for early stopping.
    options
        Epochs, seed, device, run folder.

    Returns
    -------
    The ensemble, or None when training was interrupted.

    Raises
    ------
    UsageError
        When the run folder to resume was made with another recipe or other rows.
    CheckpointError
        When a fresh run's folder holds foreign files.
    """
    if options.folder is not None:
        run = _run(config, tree, scaler, data, options, validation)
        claim(options.folder, run, parts="member_*", resume=options.resume)
    tensors = data.tensors(scaler)
    ensemble = Ensemble(config, tree, scaler)
    for member in range(config.n_members):
        seed = row_key(options.seed, "", str(member), "member") % 2**31
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            network = GenARNetwork(config, tree, tensors[0].shape[1])
        if member == 0:
            _warn_of_clipping(network, data.counts_NG)
        network.init_from_counts(data.counts_NG)
        batches = KeyedBatches(tensors, config.batch_size, seed=seed)
        held = None
        if validation is not None:
            held = KeyedBatches(validation.tensors(scaler), 256, shuffle=False)
        fit = FitOptions(
            max_epochs=options.max_epochs,
            lr=config.lr,
            weight_decay=config.weight_decay,
            final_lr_fraction=config.final_lr_fraction,
            grad_clip=config.grad_clip,
            seed=seed,
            patience=options.patience,
            device=options.device,
            precision=options.precision,
            folder=options.folder / f"member_{member}" if options.folder else None,
            resume=options.resume,
            description=f"member {member + 1} of {config.n_members}",
        )
        best: dict[str, float] = {}
        if not fit_network(network, batches, fit, validation=held, best=best):
            return None
        if best:
            ensemble.best_epochs.append(int(best["epoch"]))
        ensemble.members.append(network.eval())
    return ensemble


def _run(
    config: GenARConfig,
    tree: GeneTree,
    scaler: Scaler,
    data: TrainingData,
    options: TrainOptions,
    validation: TrainingData | None,
) -> dict[str, Any]:
    """Everything that decides the weights, as JSON values: a resumed run must have the same."""
    return {
        "config": config.to_dict(),
        "tree": tree.digest(),
        "rows": [str(name) for name in data.rows.names],
        "counts": array_digest(data.counts_NG),
        "features": array_digest(data.rows.features_NF),
        "recipe": dict(options.recipe),
        "normalise": "section" if scaler.by_section else "train",
        "validation": None
        if validation is None
        else {
            "section": str(validation.rows.libraries[0]),
            "rows": [str(name) for name in validation.rows.names],
            "counts": array_digest(validation.counts_NG),
            "features": array_digest(validation.rows.features_NF),
        },
        "max_epochs": options.max_epochs,
        "patience": options.patience,
        "precision": options.precision,
        "seed": options.seed,
    }


def _warn_of_clipping(network: GenARNetwork, counts_NG: NDArray[np.int64]) -> None:
    n = network.n_clipped(counts_NG)
    if n:
        vocabulary = network.config.vocabulary or 0
        warnings.warn(
            f"{n} training counts are above {vocabulary - 1}, the largest that vocabulary={vocabulary} can say, and "
            f"are taken as {vocabulary - 1}; the largest is {int(counts_NG.max())}. Leave vocabulary out to fit it to "
            "the rows.",
            stacklevel=5,
        )
