"""Who watches a training: told of stages, batches, epochs and pictures as they come, and may end it.

Observers belong to the thread (more precisely the context) that trains, so that two trainings side by side do not mix.
Without an observer nothing here costs anything, and an observed training ends with the same bits.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from numpy.typing import NDArray
from torch import Tensor, nn

log = logging.getLogger("genviz")

Pictures = dict[str, NDArray[np.uint8]]
"""Name of a row of pictures → uint8 (n, H, W, 3); all rows have the same n tiles in the same order."""

Shows = Callable[[nn.Module], Pictures]
"""Makes pictures with a network that is being trained, in evaluation mode."""


class StopAsked(Exception):
    """Raised by an observer: the training ends here, as by Ctrl-C."""


class Observer(Protocol):
    """What is told of a training. `step` may raise `StopAsked`; other errors are logged and change nothing."""

    def begin(self, stage: str, epoch: int, n_epochs: int) -> None:
        """A stage begins, or goes on after `epoch` epochs."""
        ...

    def step(self, done: int, n: int) -> None:
        """`done` of the `n` batches of the present epoch are done."""
        ...

    def epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """The stage has finished `epoch` epochs; names begin with ``train_`` or ``val_``."""
        ...

    def wants_pictures(self, epoch: int) -> bool:
        """Whether pictures are wanted after so many epochs: making them takes time."""
        ...

    def pictures(self, epoch: int, pictures: Pictures) -> None:
        """What the network makes of some rows after so many epochs."""
        ...


_observers: ContextVar[tuple[Observer, ...]] = ContextVar("observers", default=())


@contextmanager
def observed_by(observer: Observer) -> Iterator[None]:
    """Let an observer watch every training within, in this thread.

    Parameters
    ----------
    observer
        Who.
    """
    token = _observers.set((*_observers.get(), observer))
    try:
        yield
    finally:
        _observers.reset(token)


def observed() -> bool:
    """Whether anybody watches here."""
    return bool(_observers.get())


class Watch:
    """Tells the observers of one stage, whoever runs its loop.

    Parameters
    ----------
    stage
        Its name.
    shows
        Makes pictures; None: there are none.
    """

    def __init__(self, stage: str, shows: Shows | None = None) -> None:
        self.stage, self.shows = stage, shows
        self._sums: dict[str, Tensor] = {}
        self._n = 0

    def begin(self, epoch: int, n_epochs: int) -> None:
        """Say that the stage begins."""
        _tell(lambda observer: observer.begin(self.stage, epoch, n_epochs))

    def step(self, done: int, n: int, parts: Mapping[str, Tensor] | None = None) -> None:
        """Count a batch with its detached losses; their values are not asked of the device yet.

        Raises
        ------
        StopAsked
            An observer wants the training to end.
        """
        for name, value in (parts or {}).items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value
        self._n += 1
        _tell(lambda observer: observer.step(done, n))

    def epoch(self, epoch: int, metrics: Mapping[str, float], network: nn.Module) -> None:
        """Say what the epoch gave, and make pictures where they are wanted.

        Parameters
        ----------
        epoch
            Number of epochs done.
        metrics
            Beside the means of what `step` was given, which are called ``train_<name>``.
        network
            What pictures are made with.
        """
        means = {f"train_{name}": float(value) / self._n for name, value in self._sums.items()}
        self._sums, self._n = {}, 0
        found = {**means, **metrics}
        _tell(lambda observer: observer.epoch(epoch, found))
        if self.shows is None or not any(observer.wants_pictures(epoch) for observer in _observers.get()):
            return
        try:
            with _left_as_it_was(network):
                pictures = self.shows(network)
        except Exception:
            log.exception("Pictures of the training could not be made; it goes on without.")
            self.shows = None
            return
        _tell(lambda observer: observer.pictures(epoch, pictures))


class EpochWatch(Callback):
    """A `Watch` of a trainer's loop.

    Parameters
    ----------
    watch
        Whom to tell.
    """

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin."""
        self.watch.begin(trainer.current_epoch, trainer.max_epochs or 0)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count."""
        loss = outputs["loss"] if isinstance(outputs, dict) else outputs
        parts = {} if loss is None else {"loss": loss.detach()}
        self.watch.step(batch_idx + 1, int(trainer.num_training_batches), parts)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Tell everything that was logged of the epoch."""
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        network: nn.Module = pl_module.network  # type: ignore[assignment]
        self.watch.epoch(trainer.current_epoch + 1, metrics, network)


@contextmanager
def _left_as_it_was(network: nn.Module) -> Iterator[None]:
    """Look at a network: its modes and the random states are those of before afterwards."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(0)
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def _tell(what: Callable[[Observer], None]) -> None:
    for observer in _observers.get():
        try:
            what(observer)
        except StopAsked:
            raise
        except Exception:
            log.exception("An observer of the training failed; the training goes on.")
