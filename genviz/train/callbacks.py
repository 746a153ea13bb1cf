"""Callbacks: randomness keyed by epoch, an atomic checkpoint after each, a plain progress bar."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback, Checkpoint
from tqdm.auto import tqdm

from genviz.core.keyed import row_key
from genviz.io.files.atomic import atomic_path


class KeyedRandomness(Callback):
    """Seeds torch at the start of each epoch from (seed, epoch).

    Lightning does not restore random states on resume. With dropout keyed by the epoch there is nothing to
    restore: a resumed run draws what an uninterrupted one would have drawn.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Seed this epoch."""
        torch.manual_seed(row_key(self.seed, "", str(trainer.current_epoch), "dropout") % 2**63)


class EpochMeasures(Callback):
    """Logs what a function measures of the network after each epoch.

    Parameters
    ----------
    measure
        Network, in evaluation mode on its device → name → value.
    """

    def __init__(self, measure: Callable[[torch.nn.Module], dict[str, float]]) -> None:
        self.measure = measure

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Measure and log."""
        network: torch.nn.Module = pl_module.network  # type: ignore[assignment]
        network.eval()
        values = self.measure(network)
        network.train()
        self.log_dict({f"val_{name}": value for name, value in values.items()})


class EpochProgress(Callback):
    """Tells a network with `set_progress`, before each epoch, which share of its training is done."""

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Tell it."""
        assert trainer.max_epochs is not None
        pl_module.network.set_progress(trainer.current_epoch / trainer.max_epochs)  # type: ignore[operator, union-attr]


class EpochCheckpoint(Checkpoint):
    """Writes the trainer's whole state after each epoch, under one name, at once or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the state."""
        with atomic_path(self.path) as working:
            trainer.save_checkpoint(working)


class KeepBest(Callback):
    """Remembers the weights of the best epoch by validation likelihood, and stops when it stays behind.

    Parameters
    ----------
    patience
        Epochs without improvement before training ends.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.best = float("inf")
        self.best_epoch = -1
        self.weights: dict[str, torch.Tensor] = {}

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Compare, keep, perhaps stop."""
        if trainer.sanity_checking:
            return
        value = float(trainer.callback_metrics["val_nll"])
        if value < self.best:
            self.best, self.best_epoch = value, trainer.current_epoch
            self.weights = {
                name: w.detach().cpu().clone() for name, w in pl_module.network.state_dict().items()
            }
        elif trainer.current_epoch - self.best_epoch >= self.patience:
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """State for resuming."""
        return {"best": self.best, "best_epoch": self.best_epoch, "weights": self.weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Resume from `state_dict`."""
        self.best, self.best_epoch = state_dict["best"], state_dict["best_epoch"]
        self.weights = state_dict["weights"]


class EpochBar(Callback):
    """One bar over epochs; Lightning's own counts batches, of which small data have a handful."""

    def __init__(self, description: str) -> None:
        self.description = description
        self.bar: tqdm[Any] | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Open the bar, at the epoch a resumed run starts from."""
        self.bar = tqdm(
            total=trainer.max_epochs,
            initial=trainer.current_epoch,
            desc=self.description,
            unit="epoch",
            disable=False,  # who does not want a bar does not use this callback
        )

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Advance, with the epoch's negative log-likelihood."""
        if self.bar is not None:
            shown = {
                name: float(v)
                for name, v in trainer.callback_metrics.items()
                if name in ("train_nll", "val_nll")
            }
            self.bar.set_postfix(shown, refresh=False)
            self.bar.update()

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Close the bar."""
        if self.bar is not None:
            self.bar.close()
