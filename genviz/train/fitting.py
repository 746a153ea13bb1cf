"""Fit one network: Lightning does the loop, this file says how."""

from __future__ import annotations

import importlib.util
import logging
import signal
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import lightning.pytorch as pl
import torch
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from torch import nn

from genviz._settings import settings
from genviz.train.batches import Batches, KeyedBatches
from genviz.train.callbacks import EpochBar, EpochCheckpoint, KeepBest, KeyedRandomness
from genviz.train.last_checkpoint import check_resumable
from genviz.train.module import NetworkModule
from genviz.train.observing import EpochWatch, Shows, StopAsked, Watch, observed

log = logging.getLogger("genviz")

LAST = "last.ckpt"


@dataclass(frozen=True)
class FitOptions:
    """How to train.

    Attributes
    ----------
    max_epochs, lr, weight_decay, final_lr_fraction, grad_clip
        The recipe.
    seed
        Seed of order and dropout.
    patience
        Epochs without better validation likelihood before stopping; used with validation batches only.
    device, precision
        Where and how to compute (Lightning's words: ``32-true``, ``bf16-mixed`` ...).
    folder
        Receives ``last.ckpt`` after each epoch and the log; None keeps nothing.
    resume
        Go on from ``last.ckpt`` when it is there.
    description
        Label of the progress bar.
    """

    max_epochs: int
    lr: float
    weight_decay: float
    final_lr_fraction: float
    grad_clip: float
    seed: int = 0
    patience: int = 15
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: str = "32-true"
    folder: Path | None = None
    resume: bool = False
    description: str = "training"


def fit_network(
    network: nn.Module,
    batches: Batches,
    options: FitOptions,
    *,
    validation: KeyedBatches | None = None,
    best: dict[str, float] | None = None,
    callbacks: Sequence[pl.Callback] = (),
    shows: Shows | None = None,
) -> bool:
    """Train a network in place.

    Parameters
    ----------
    network
        Offers `loss`, `parameter_groups`, and with validation `log_prob`.
    batches, validation
        Training batches; batches for early stopping, whose best epoch's weights are kept.
    options
        See `FitOptions`.
    best
        Filled with the ``epoch`` whose weights were kept and its ``nll``; stays empty without validation.
    callbacks
        Called beside our own: what a model wants logged or kept of an epoch.
    shows
        Makes pictures with the network, for who watches the training (`observing`).

    Returns
    -------
    False when it was interrupted (Ctrl-C, or by an observer): the last finished epoch is in ``last.ckpt``.

    Raises
    ------
    CheckpointError
        When ``last.ckpt`` cannot be read or belongs to another network.
    """
    module = NetworkModule(
        network,
        lr=options.lr,
        weight_decay=options.weight_decay,
        final_lr_fraction=options.final_lr_fraction,
        n_steps=options.max_epochs * len(batches),
    )
    keep = KeepBest(options.patience) if validation is not None else None
    watched = [EpochWatch(Watch(options.description, shows))] if observed() else []
    trainer = _trainer(options, keep, [*callbacks, *watched])
    last = options.folder / LAST if options.folder else None
    state = last if options.resume and last is not None and last.exists() else None
    if state is not None:
        check_resumable(state, module)
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        try:
            with _interruptible():
                trainer.fit(module, batches, validation, ckpt_path=state, weights_only=True)
        except (KeyboardInterrupt, StopAsked):
            return False
    if trainer.interrupted:
        return False
    if keep is not None and keep.weights:
        network.load_state_dict(keep.weights)
        if best is not None:
            best |= {"epoch": keep.best_epoch, "nll": keep.best}
    network.to("cpu")
    return True


@contextmanager
def _interruptible() -> Iterator[None]:
    """Give Ctrl-C back: Lightning answers it by ending the process, and ignores the signal from then on."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as ended:
        if isinstance(ended.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    finally:
        if handler is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, handler)


def _trainer(options: FitOptions, keep: KeepBest | None, others: Sequence[pl.Callback]) -> pl.Trainer:
    callbacks: list[pl.Callback] = [KeyedRandomness(options.seed), *others]
    if keep is not None:
        callbacks.append(keep)
    if settings.progress and not observed():
        callbacks.append(EpochBar(options.description))
    if options.folder is not None:
        options.folder.mkdir(parents=True, exist_ok=True)
        callbacks.append(EpochCheckpoint(options.folder / LAST))
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return pl.Trainer(
        max_epochs=options.max_epochs,
        accelerator={"cuda": "gpu"}.get(options.device.type, options.device.type),
        devices=1,
        precision=options.precision,  # type: ignore[arg-type]
        gradient_clip_val=options.grad_clip,
        callbacks=callbacks,
        logger=_loggers(options.folder, resumed=options.resume),
        default_root_dir=options.folder,
        enable_checkpointing=options.folder is not None,
        enable_model_summary=False,
        enable_progress_bar=False,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        inference_mode=False,  # validation may need gradients of its inputs
    )


def _loggers(folder: Path | None, *, resumed: bool) -> list[Logger] | bool:
    """CSV always, TensorBoard where it is installed, nothing without a folder.

    A resumed run writes its CSV into a folder of its own (``log/resumed_1`` ...): the logger empties the one it opens,
    and the epochs before the interruption would be lost.
    """
    if folder is None:
        return False
    earlier = len(list((folder / "log").rglob("metrics.csv"))) if resumed else 0
    loggers: list[Logger] = [CSVLogger(folder, name="log", version=f"resumed_{earlier}" if earlier else "")]
    if importlib.util.find_spec("tensorboard") is not None:
        loggers.append(TensorBoardLogger(str(folder), name="log", version=""))
    return loggers
