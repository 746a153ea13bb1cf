"""Random tiles of an image set: cropped at native scale, turned and flipped, an epoch's tiles fixed by (seed, epoch).

Shape legend: B tiles, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genviz._errors import UsageError
from genviz.core.keyed import row_generator
from genviz.core.tile_augment import N_TURNS, turn
from genviz.features.stain_jitter import jitter_stain
from genviz.models.pathar.training.image_set import ImageSet
from genviz.models.pixels import mask_tensor, to_tensor
from genviz.train.batches import EpochBatches

_LABEL_TEMPER = 0.25
_REDRAWS = 4

FOREGROUND = 0.01
"""Share of a tile that is nuclei, from which it counts as not empty."""


@dataclass(frozen=True)
class TileOptions:
    """How tiles are drawn.

    Attributes
    ----------
    size_px
        Side of a tile.
    batch_size, per_epoch
        Tiles a batch and an epoch.
    seed
        Seed of everything drawn.
    jitter
        Strength of the stain (colour) or gain (grey) jitter; 0 leaves colours as they are.
    permute, permute_from, drop
        Share of tiles with permuted appearance, from which epoch on; share without structure.
    """

    size_px: int
    batch_size: int
    per_epoch: int
    seed: int
    jitter: float = 0.0
    permute: float = 0.0
    permute_from: int = 0
    drop: float = 0.0


def label_shares(images: ImageSet, weights: Mapping[str, float] | None) -> NDArray[np.float64]:
    """Probability of each image: labels by `weights`, or by the fourth root of their numbers; equal within a label.

    Raises
    ------
    UsageError
        For weights that do not name every label and no other, are negative, or all zero.
    """
    counts = np.bincount(images.labels, minlength=len(images.label_names)).astype(float)
    share = counts**_LABEL_TEMPER
    if weights is not None:
        if set(weights) != set(images.label_names):
            raise UsageError(
                f"Expected a weight of each label, {', '.join(images.label_names)}; got {', '.join(weights)}."
            )
        share = np.array([weights[name] for name in images.label_names], dtype=float)
    share = np.where(counts > 0, share, 0.0)
    if not (np.isfinite(share).all() and share.min() >= 0 and share.sum() > 0):
        raise UsageError(f"Expected weights from 0, not all of them 0; got {dict(weights or {})}.")
    p: NDArray[np.float64] = (share / np.maximum(counts, 1))[images.labels]
    return p / p.sum()


class TileDraws:
    """Draws (image, mask, image number) tiles, and batches with their labels.

    Parameters
    ----------
    images
        Where from.
    options
        How.
    weights
        Label name → weight; see `label_shares`.
    """

    def __init__(
        self, images: ImageSet, options: TileOptions, weights: Mapping[str, float] | None = None
    ) -> None:
        self.images, self.options = images, options
        self.shares = label_shares(images, weights)

    def draw(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.bool_], int]:
        """One tile: uint8 (H, W, 3), bool (H, W), number of its image. Up to 4 more draws while under 1 % is nuclei."""
        size = self.options.size_px
        k = int(rng.choice(len(self.images), p=self.shares))
        height, width = self.images.masks[k].shape
        for _ in range(_REDRAWS + 1):
            top, left = rng.integers(height - size + 1), rng.integers(width - size + 1)
            window = (slice(top, top + size), slice(left, left + size))
            mask = self.images.masks[k][window]
            if mask.mean() >= FOREGROUND:
                break
        way = int(rng.integers(N_TURNS))
        return turn(self.images.images[k][window], way), turn(mask, way), k

    def batch(
        self, rng: np.random.Generator, n: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.int64]]:
        """Several tiles, their colours jittered where the options say so: images, masks, numbers of their images."""
        tiles = [self.draw(rng) for _ in range(n)]
        images = np.stack([tile[0] for tile in tiles])
        if self.options.jitter:
            images = jitter_stain(images, rng, stain=self.options.jitter, gain=self.options.jitter)
        return images, np.stack([tile[1] for tile in tiles]), np.array([tile[2] for tile in tiles])


class TileBatches(EpochBatches):
    """Batches ``(x_B3HW in [-1, 1], m_B1HW in {0, 1}, permute_B, drop_B)`` for the tokenizer.

    Parameters
    ----------
    draws
        Where tiles come from.
    """

    def __init__(self, draws: TileDraws) -> None:
        super().__init__()
        self.draws = draws

    def __len__(self) -> int:
        return max(1, self.draws.options.per_epoch // self.draws.options.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        options = self.draws.options
        for k in range(len(self)):
            rng = row_generator(options.seed, "", f"{self.epoch}/{k}", "tiles")
            images, masks, _ = self.draws.batch(rng, options.batch_size)
            permuting = options.permute if self.epoch >= options.permute_from else 0.0
            yield (
                to_tensor(images),
                mask_tensor(masks),
                torch.from_numpy(rng.random(len(images)) < permuting),
                torch.from_numpy(rng.random(len(images)) < options.drop),
            )
