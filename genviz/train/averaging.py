"""Moving averages of weights, which are what a model is used with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback
from torch import nn

from genviz.train.batches import Batches, KeyedBatches
from genviz.train.callbacks import EpochMeasures
from genviz.train.fitting import FitOptions, fit_network
from genviz.train.observing import Pictures, Shows

_WARM = 10


class WeightAverage(Callback):
    """Exponential moving average of all weights that are learned; validation sees it in their place.

    Early in training the decay is lower, ``(1 + n) / (10 + n)`` after n steps, so that the start is forgotten.

    Parameters
    ----------
    decay
        Share of the average that a step leaves; 0 keeps the weights themselves.
    """

    def __init__(self, decay: float) -> None:
        self.decay, self.n_steps = decay, 0
        self.weights: dict[str, torch.Tensor] = {}
        self._own: dict[str, torch.Tensor] = {}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin at the weights, or where a resumed run was."""
        learned = _learned(pl_module.network)
        begun = self.weights or {name: weight.detach().clone() for name, weight in learned.items()}
        self.weights = {name: begun[name].to(weight.device) for name, weight in learned.items()}

    @torch.no_grad()
    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        """Take one step."""
        self.n_steps += 1
        decay = min(self.decay, (1 + self.n_steps) / (_WARM + self.n_steps))
        for name, weight in _learned(pl_module.network).items():
            self.weights[name].lerp_(weight.detach(), 1 - decay)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put the average in place of the weights."""
        self._own = self._swap_in(pl_module.network)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put the weights back."""
        _put(pl_module.network, self._own)
        self._own = {}

    @contextmanager
    def shown(self, network: nn.Module) -> Iterator[None]:
        """The network with the average in place of its weights.

        Parameters
        ----------
        network
            The one that is trained.
        """
        own = self._swap_in(network)
        try:
            yield
        finally:
            _put(network, own)

    def give(self, network: nn.Module) -> None:
        """Replace the weights by the average, for good.

        Parameters
        ----------
        network
            The one that was trained.
        """
        _put(network, self.weights)

    def state_dict(self) -> dict[str, Any]:
        """State for resuming."""
        return {"n_steps": self.n_steps, "weights": self.weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Resume from `state_dict`."""
        self.n_steps, self.weights = state_dict["n_steps"], state_dict["weights"]

    def _swap_in(self, network: nn.Module) -> dict[str, torch.Tensor]:
        own = {name: weight.detach().clone() for name, weight in _learned(network).items()}
        _put(network, self.weights)
        return own


class AveragedMeasures(EpochMeasures):
    """`EpochMeasures` of the average.

    Parameters
    ----------
    average
        Of the same training.
    measures
        Whose measure is taken.
    """

    def __init__(self, average: WeightAverage, measures: EpochMeasures) -> None:
        super().__init__(measures.measure)
        self.average = average

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Measure and log."""
        with self.average.shown(pl_module.network):  # type: ignore[arg-type]
            super().on_train_epoch_end(trainer, pl_module)


def fit_averaged(
    network: nn.Module,
    batches: Batches,
    options: FitOptions,
    decay: float,
    *,
    validation: KeyedBatches | None = None,
    best: dict[str, float] | None = None,
    measures: Sequence[EpochMeasures] = (),
    shows: Shows | None = None,
) -> bool:
    """`fit_network`, which leaves the moving average of the weights: of the best epoch, or of the last.

    Parameters
    ----------
    network, batches, options, validation, best
        As there.
    decay
        Of the average, a step; 0 averages nothing.
    measures
        Called after each epoch, with the average in place.
    shows
        Makes pictures with the network, the average in place, for who watches the training.

    Returns
    -------
    False when it was interrupted.
    """
    if not decay:
        return fit_network(
            network,
            batches,
            options,
            validation=validation,
            best=best,
            callbacks=list(measures),
            shows=shows,
        )
    average = WeightAverage(decay)
    callbacks = [average, *(AveragedMeasures(average, one) for one in measures)]
    found: dict[str, float] = {}
    if not fit_network(
        network,
        batches,
        options,
        validation=validation,
        best=found,
        callbacks=callbacks,
        shows=None if shows is None else _shown_averaged(average, shows),
    ):
        return False
    if best is not None:
        best |= found
    if not found:
        # Not at the end of the trainer's loop: a run that is resumed when it is finished never enters it.
        average.give(network)
    return True


def _shown_averaged(average: WeightAverage, shows: Shows) -> Shows:
    def show(network: nn.Module) -> Pictures:
        with average.shown(network):
            return shows(network)

    return show


def _learned(network: Any) -> dict[str, nn.Parameter]:
    return {name: weight for name, weight in network.named_parameters() if weight.requires_grad}


@torch.no_grad()
def _put(network: Any, weights: dict[str, torch.Tensor]) -> None:
    for name, weight in _learned(network).items():
        weight.copy_(weights[name])
