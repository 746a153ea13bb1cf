"""A small U-Net that learns to mark nuclei in a minute on one core: the judge of image + mask pairs.

The network is MONAI's residual U-Net (Zhang et al. 2018 on Ronneberger et al. 2015), which needs only torch.
Shape legend: B rows of a batch, N rows; H and W pixel rows and columns; 3 RGB.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from genviz._errors import DataError, UsageError
from genviz._lazy import require
from genviz.metrics.image_set import ImageSet, Masks, Tiles, labels_of
from genviz.metrics.judges.small_training import (
    SmallFit,
    as_input,
    draw_rows,
    fit_small,
    keyed_weights,
    turned,
)
from genviz.train.device import resolve_device

STRIDE = 16  # sides of what goes through the network are multiples of it
_CROP_PX = 128
_PREDICT_BATCH = 16
_SMOOTH = 1.0  # pixels added to soft Dice, so that an empty mask has a gradient


@dataclass(frozen=True, eq=False)
class Segmenter:
    """A trained segmentation net.

    Attributes
    ----------
    network
        Takes (B, 3, H, W), about -1 to 1, gives logits (B, 1, H, W).
    losses
        Of every training step.
    device
        Where it computes.
    """

    network: nn.Module
    losses: tuple[float, ...]
    device: torch.device

    @torch.inference_mode()
    def predict_proba(self, tiles_NHW3: Tiles) -> NDArray[np.float32]:
        """Probability of nucleus.

        Parameters
        ----------
        tiles_NHW3
            uint8; sides that are no multiple of 16 are mirrored at the edge.

        Returns
        -------
        float32 (N, H, W).
        """
        tiles = ImageSet(np.asarray(tiles_NHW3)).tiles
        height, width = tiles.shape[1:3]
        more = [(0, 0), (0, -height % STRIDE), (0, -width % STRIDE), (0, 0)]
        found = np.empty((len(tiles), height, width), np.float32)
        self.network.to(self.device).eval()
        for start in range(0, len(tiles), _PREDICT_BATCH):
            part = np.pad(tiles[start : start + _PREDICT_BATCH], more, mode="symmetric")
            logits = self.network(as_input(part).to(self.device))[:, 0, :height, :width]
            found[start : start + len(part)] = torch.sigmoid(logits.float()).cpu().numpy()
        return found

    def predict(self, tiles_NHW3: Tiles) -> NDArray[np.bool_]:
        """Foreground: probability of at least one half.

        Parameters
        ----------
        tiles_NHW3
            See `predict_proba`.

        Returns
        -------
        bool (N, H, W).
        """
        return self.predict_proba(tiles_NHW3) >= 0.5


def train_segmenter(
    tiles: Tiles,
    masks: ArrayLike,
    *,
    strata: Sequence[Any] | None = None,
    steps: int = 250,
    width: int = 16,
    batch_size: int = 16,
    learning_rate: float = 3e-3,
    seed: int = 0,
    device: str = "auto",
) -> Segmenter:
    """Train a U-Net from scratch on pairs.

    Loss: mean binary cross-entropy + (1 - soft Dice over the batch). Crops of at most 128 x 128 px, eight turns,
    gain 0.8 to 1.25 and shift of ±0.1 of the range of each channel in common, gain ±5 % of each alone.

    Parameters
    ----------
    tiles
        uint8 (N, H, W, 3), sides of at least 16 px.
    masks
        (N, H, W); anything but 0 is nucleus.
    strata
        (N,) e.g. label, or real and synthetic: each is drawn equally often, however many tiles it has.
    steps, batch_size, learning_rate
        A fixed number of steps, so that training sets of different sizes cost the same.
    width
        Channels of the first level (then 2, 4, 8, 16 times as many).
    seed
        Of weights, batches and crops; equal seeds give equal networks on one machine.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises
    ------
    MissingDependencyError
        Without the extra ``metrics``.
    DataError
        For no tiles, tiles that are too small, or other shapes.
    """
    pairs = ImageSet(np.asarray(tiles), np.asarray(masks))
    if not len(pairs) or min(pairs.tiles.shape[1:3]) < STRIDE:
        raise DataError(f"Expected tiles of at least {STRIDE} x {STRIDE} px; got {pairs.tiles.shape}.")
    if steps < 1 or width < 1 or batch_size < 1:
        raise UsageError(f"Expected steps, width, batch_size >= 1; got {steps}, {width}, {batch_size}.")
    fit = SmallFit(
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        purpose="segmenter",
        device=resolve_device(device),
    )
    drawn = None if strata is None else labels_of(strata, len(pairs))
    foreground = pairs.needed("masks") != 0
    size = [min(side, _CROP_PX) // STRIDE * STRIDE for side in pairs.tiles.shape[1:3]]
    if size[0] != size[1]:
        size = [min(size)] * 2  # turns need squares

    def batch(rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        rows = draw_rows(rng, len(pairs), fit.batch_size, drawn)
        crops = [_crop(rng, pairs.tiles[row], foreground[row], size[0]) for row in rows]
        x = np.stack([_jitter(rng, tile) for tile, _ in crops])
        return as_input(x), torch.from_numpy(np.stack([mask for _, mask in crops])[:, None]).float()

    network = unet(width, seed)
    losses = fit_small(network, batch, bce_dice, fit)
    return Segmenter(network, tuple(losses), fit.device)


def unet(width: int, seed: int) -> nn.Module:
    """MONAI's residual U-Net with five levels, keyed weights.

    Parameters
    ----------
    width
        Channels of the first level.
    seed
        Of the weights.
    """
    nets = require("monai.networks.nets", extra="metrics", purpose="train the segmentation net")
    with keyed_weights(seed, "segmenter"):
        network: nn.Module = nets.UNet(
            spatial_dims=2,
            in_channels=3,
            out_channels=1,
            channels=[width * 2**level for level in range(5)],
            strides=(2, 2, 2, 2),
            num_res_units=2,
            norm="batch",
        )
    return network


def bce_dice(logits_B1HW: Tensor, target_B1HW: Tensor) -> Tensor:
    """Mean binary cross-entropy + 1 - soft Dice, the Dice over all pixels of the batch.

    Parameters
    ----------
    logits_B1HW, target_B1HW
        float32; targets 0 or 1.
    """
    bce = nn.functional.binary_cross_entropy_with_logits(logits_B1HW, target_B1HW)
    p = torch.sigmoid(logits_B1HW)
    total = p.sum() + target_B1HW.sum() + _SMOOTH
    return bce + 1 - (2 * (p * target_B1HW).sum() + _SMOOTH) / total


def _crop(rng: np.random.Generator, tile_HW3: Tiles, mask_HW: Masks, size: int) -> list[NDArray[Any]]:
    """A square of both, at a keyed place and turn."""
    top, left = (int(rng.integers(side - size + 1)) for side in mask_HW.shape)
    window = slice(top, top + size), slice(left, left + size)
    return list(turned(rng, tile_HW3[window], mask_HW[window]))


def _jitter(rng: np.random.Generator, tile_HW3: NDArray[Any]) -> NDArray[np.float32]:
    """Other exposure and a slightly other tint."""
    gain = np.exp(rng.uniform(-0.223, 0.223)) * (1 + rng.uniform(-0.05, 0.05, 3))
    value = tile_HW3.astype(np.float32) * gain.astype(np.float32) + np.float32(255 * rng.uniform(-0.1, 0.1))
    return np.clip(value, 0, 255)
