"""A decoder and a discriminator that take turns, epoch by epoch, resumable.

A plain loop: two optimisers that take turns on frozen tokens need nothing a trainer offers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import AdamW
from tqdm.auto import tqdm

from genviz._errors import CheckpointError
from genviz._settings import settings
from genviz.core.keyed import row_key
from genviz.io.files.atomic import atomic_path
from genviz.train.batches import Batches
from genviz.train.fitting import LAST
from genviz.train.observing import Shows, StopAsked, Watch, observed
from genviz.train.run_options import RunOptions

_BETAS = (0.5, 0.9)


class Sharpening:
    """A decoder and its discriminator with their optimisers; who inherits says what a step is.

    Parameters
    ----------
    network
        A trained network, on its device; it is put in evaluation mode and frozen but for `learned`.
    learned
        Parameters of its decoder.
    judge
        The discriminator; it is moved beside them.
    lr
        The decoder's learning rate at the start.
    """

    step: Callable[..., Any]
    """Takes a batch; gives detached losses by name, or nothing."""

    def __init__(
        self, network: nn.Module, learned: Sequence[nn.Parameter], judge: nn.Module, lr: float
    ) -> None:
        network.requires_grad_(False).eval()
        # Gradients left over from the main training would count in the clipping, and a resumed run has none.
        network.zero_grad(set_to_none=True)
        for parameter in learned:
            parameter.requires_grad_(True)
        self.learned, self.lr = learned, lr
        self.judge = judge.to(learned[0].device)
        self.optimiser = AdamW(learned, lr, betas=_BETAS, weight_decay=0.0)
        self.judge_optimiser = AdamW(self.judge.parameters(), 2 * lr, betas=_BETAS, weight_decay=0.0)

    def slow_down(self, along: float) -> None:
        """Set both learning rates on their cosine, the discriminator's twice as high.

        At a constant rate the balance of the two swings by a decibel.

        Parameters
        ----------
        along
            Share of the steps that is done.
        """
        share = 0.5 * (1 + math.cos(math.pi * along))
        for optimiser, times in ((self.optimiser, 1), (self.judge_optimiser, 2)):
            for group in optimiser.param_groups:
                group["lr"] = times * self.lr * share

    def parts(self) -> dict[str, Any]:
        """Name → what has a state: all that an unfinished tuning must keep to go on to the same bits."""
        return {"judge": self.judge, "optimiser": self.optimiser, "judge_optimiser": self.judge_optimiser}


def sharpen_epochs(
    sharpener: Sharpening,
    batches: Batches,
    options: RunOptions,
    *,
    n_epochs: int,
    n_before: int,
    network: nn.Module | None = None,
    shows: Shows | None = None,
) -> bool:
    """Tune a decoder for some epochs; False when interrupted.

    Parameters
    ----------
    sharpener
        Changed in place.
    batches
        Training tiles.
    options
        Seed and device; the part "sharpen" of its folder receives ``last.ckpt`` after each epoch.
    n_epochs
        Epochs of the whole tuning.
    n_before
        Epochs of the main training: their tiles are not repeated, these come after them.
    network, shows
        What is tuned, and what makes pictures with it, for who watches the training.

    Raises
    ------
    CheckpointError
        When that file is damaged.
    """
    folder = options.part("sharpen")
    first = _load(sharpener, folder) if options.resume else 0
    watch = Watch("sharpen", shows if network is not None else None) if observed() else None
    silent = watch is not None or not settings.progress
    try:
        if watch is not None:
            watch.begin(first, n_epochs)
        for epoch in tqdm(range(first, n_epochs), desc="sharpen", disable=silent):
            torch.manual_seed(row_key(options.seed, "", str(epoch), "sharpen") % 2**63)
            batches.set_epoch(n_before + epoch)
            sharpener.slow_down(epoch / n_epochs)
            for k, batch in enumerate(batches, start=1):
                parts = sharpener.step(*(tensor.to(options.device) for tensor in batch))
                if watch is not None:
                    watch.step(k, len(batches), parts)
            _save(sharpener, folder, epoch + 1)
            if watch is not None:
                watch.epoch(epoch + 1, {}, network or nn.Identity())
    except (KeyboardInterrupt, StopAsked):
        return False
    return True


def _save(sharpener: Sharpening, folder: Path | None, epoch: int) -> None:
    """Write everything, at once or not at all."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / LAST) as working:
        state = {name: part.state_dict() for name, part in sharpener.parts().items()}
        torch.save(state | {"epoch": epoch}, working)


def _load(sharpener: Sharpening, folder: Path | None) -> int:
    """Read what is there; gives the epoch to go on with."""
    if folder is None or not (folder / LAST).exists():
        return 0
    try:
        stored = torch.load(folder / LAST, map_location="cpu", weights_only=True)
        for name, part in sharpener.parts().items():
            part.load_state_dict(stored[name])
        return int(stored["epoch"])
    except Exception as err:  # a damaged zip raises whatever it met first
        raise CheckpointError(
            f"Expected the state of an unfinished training in {folder / LAST}; it is damaged or of another kind. "
            "Train without resume into a new folder."
        ) from err
