"""Windows of dots whose colour and number follow a profile of 40 genes, and nano recipes that take seconds."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from genviz.models.genevar.condition.profiles import Profiles
from genviz.models.genevar.config import GeneVARConfig
from genviz.models.genevar.presets import changed, preset
from genviz.models.genevar.tile_windows import TileWindows
from genviz.models.genevar.training.data import TrainingData
from genviz.train import callbacks
from genviz.train.run_options import RunOptions

GENES = tuple(f"g{i}" for i in range(40))
SHORT: dict[str, Any] = {"tokenizer": {"tiles_per_epoch": 32}, "views": {"per_epoch": 32}}


def windows(n: int = 16, side: int = 40, seed: int = 0, prefix: str = "r") -> TileWindows:
    """Rows of two slides; the second is bluer."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    images = np.empty((n, side, side, 3), np.uint8)
    for row in range(n):
        image = np.full((side, side, 3), (230, 180, 200 + 20 * (row % 2)), float)
        for _ in range(4 + 8 * (row % 4)):
            cy, cx, r = *rng.integers(0, side, 2), rng.integers(2, 4)
            image[(y - cy) ** 2 + (x - cx) ** 2 < r * r] = (90, 50, 140)
        images[row] = np.clip(image + rng.normal(0, 6, image.shape), 0, 255)
    names = tuple(f"{prefix}{row}" for row in range(n))
    slides = tuple(f"s{row % 2}" for row in range(n))
    return TileWindows(images, names, slides, slides)


def profiles(n: int = 16, seed: int = 0, prefix: str = "r") -> Profiles:
    """Counts whose first genes rise with the number of dots."""
    rng = np.random.default_rng(seed + 1)
    rate = np.exp(rng.normal(2, 0.5, len(GENES)) + rng.normal(0, 0.3, (n, len(GENES))))
    rate[:, :10] *= 1 + np.arange(n)[:, None] % 4
    names = tuple(f"{prefix}{row}" for row in range(n))
    slides = tuple(f"s{row % 2}" for row in range(n))
    labels = tuple(f"class{row % 4}" for row in range(n))
    return Profiles.of(rng.poisson(rate), names=names, libraries=slides, labels=labels)


def data(n: int = 16, *, unpaired: bool = True, validation: bool = False) -> TrainingData:
    """Paired rows, rows without profiles, and other paired rows."""
    own = windows(n)
    others = windows(8, seed=3, prefix="u") if unpaired else None
    held = TrainingData(GENES, profiles(6, 7, "v"), windows(6, seed=7, prefix="v")) if validation else None
    return TrainingData(GENES, profiles(n), own, others, own.slides, held)


def nano(**changes: Any) -> GeneVARConfig:
    """The nano preset with a short recipe, then changed."""
    return changed(preset("nano", SHORT), changes)


def options(folder: Any = None, resume: bool = False) -> RunOptions:
    """On the CPU."""
    return RunOptions(seed=0, folder=folder, resume=resume)


def weights(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """A copy of all tensors."""
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def same(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    """Bit for bit."""
    one, other = weights(a), weights(b)
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def interrupt(patch: Any, nth: int) -> None:
    """Ctrl-C at the start of the nth epoch (from 1) that a trainer begins."""
    start, begun = callbacks.KeyedRandomness.on_train_epoch_start, []

    def stop(self, trainer, module):
        begun.append(1)
        if len(begun) == nth:
            raise KeyboardInterrupt
        start(self, trainer, module)

    patch.setattr(callbacks.KeyedRandomness, "on_train_epoch_start", stop)
