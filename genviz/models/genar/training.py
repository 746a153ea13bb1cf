"""Training of a GenAR ensemble: which rows, which recipe, one fit a member."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from genviz._errors import CheckpointError
from genviz.core.gene_tree import GeneTree
from genviz.core.keyed import row_key
from genviz.io.atomic import atomic_write_json
from genviz.io.checkpoint_parts import config_digest
from genviz.models.genar.config import GenARConfig
from genviz.models.genar.ensemble import Ensemble
from genviz.models.genar.network import GenARNetwork
from genviz.models.genar.rows import Rows
from genviz.models.genar.scaler import Scaler
from genviz.train.batches import KeyedBatches
from genviz.train.fitting import FitOptions, fit_network

log = logging.getLogger("genviz")

RUN = "run.json"


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
    CheckpointError
        When the run folder to resume was made with another recipe or other rows.
    """
    _claim_folder(config, tree, data, options)
    tensors = data.tensors(scaler)
    ensemble = Ensemble(config, tree, scaler)
    for member in range(config.n_members):
        seed = row_key(options.seed, "", str(member), "member") % 2**31
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            network = GenARNetwork(config, tree, tensors[0].shape[1])
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
        if not fit_network(network, batches, fit, validation=held):
            return None
        ensemble.members.append(network.eval())
    return ensemble


def _claim_folder(config: GenARConfig, tree: GeneTree, data: TrainingData, options: TrainOptions) -> None:
    """Write what this run is into its folder; when resuming, insist that it is the same run."""
    if options.folder is None:
        return
    run = {
        "config": config.to_dict(),
        "tree": tree.digest(),
        "rows": [str(name) for name in data.rows.names],
        "max_epochs": options.max_epochs,
        "seed": options.seed,
    }
    path = options.folder / RUN
    digest = config_digest(run)
    if options.resume and path.exists():
        if json.loads(path.read_text())["digest"] != digest:
            raise CheckpointError(
                f"Expected to resume the run in {options.folder} with its own options and rows; they differ. "
                "Use the options it was started with, or start a new run in another folder."
            )
        return
    atomic_write_json(path, {"digest": digest, **run})
