"""A small classifier of real tiles by label, trained from scratch in seconds, with calibrated probabilities.

Shape legend: B rows of a batch, N rows, C labels; H, W pixel rows and columns; 3 RGB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from torch import Tensor, nn

from genviz._errors import UsageError
from genviz.core.keyed import row_key
from genviz.metrics.image_set import ImageSet, Labels, Tiles, image_set
from genviz.metrics.judges.small_training import (
    SmallFit,
    draw_rows,
    fit_small,
    keyed_weights,
    logits_of,
    softmax,
    squares,
)
from genviz.train.device import resolve_device

Floats = NDArray[np.float64]

_CROP_PX = 128
_CALIBRATION_SHARE = 0.2  # of the training groups, kept for the temperature


@dataclass(frozen=True, eq=False)
class StyleNet:
    """A classifier of tiles by label.

    Attributes
    ----------
    network
        Takes (B, 3, H, W), about -1 to 1, gives logits (B, C).
    names
        The C labels.
    temperature
        Divides logits; fitted on training tiles that were kept out (Guo et al., ICML 2017).
    device
        Where it computes.
    """

    network: nn.Module
    names: tuple[str, ...]
    temperature: float
    device: torch.device

    @torch.inference_mode()
    def predict_proba(self, tiles_NHW3: Tiles, *, calibrated: bool = True) -> Floats:
        """Probability of each label, (N, C).

        Parameters
        ----------
        tiles_NHW3
            uint8.
        calibrated
            Whether to divide logits by the temperature.
        """
        logits = logits_of(self.network, np.asarray(tiles_NHW3), self.device)
        return softmax(logits / (self.temperature if calibrated else 1.0))

    def predict(self, tiles_NHW3: Tiles) -> Labels:
        """Most probable label of each tile.

        Parameters
        ----------
        tiles_NHW3
            uint8.
        """
        return np.array(self.names, object)[self.predict_proba(tiles_NHW3).argmax(axis=1)]


def train_style(
    train: Any,
    *,
    steps: int = 150,
    width: int = 12,
    batch_size: int = 32,
    learning_rate: float = 3e-3,
    seed: int = 0,
    device: str = "auto",
) -> StyleNet:
    """Train a small CNN on real tiles and their labels, each label drawn equally often.

    Parameters
    ----------
    train
        Real tiles with labels; a fifth of their groups is kept out to fit the temperature.
    steps, width, batch_size, learning_rate
        Of the training; width is the channels of the first of four levels.
    seed
        Of weights, batches, and what is kept out.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises
    ------
    UsageError
        For fewer than two labels.
    """
    tiles = image_set(train)
    labels = tiles.needed("labels")
    names = tuple(sorted(set(labels.tolist())))
    if len(names) < 2:
        raise UsageError(f"Expected at least two labels to tell apart; got {list(names)}.")
    target = np.array([names.index(label) for label in labels.tolist()])
    kept = _calibration_rows(tiles, seed)
    own = np.flatnonzero(~kept)
    size = min(*tiles.tiles.shape[1:3], _CROP_PX)
    fit = SmallFit(
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        purpose="style",
        device=resolve_device(device),
    )

    def batch(rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        rows = own[draw_rows(rng, len(own), fit.batch_size, labels[own])]
        return squares(rng, tiles.tiles, rows, size), torch.from_numpy(target[rows])

    with keyed_weights(seed, "style"):
        network = _cnn(width, len(names))
    fit_small(network, batch, nn.functional.cross_entropy, fit)
    rows = np.flatnonzero(kept)
    logits = logits_of(network, tiles.tiles[rows], fit.device)
    return StyleNet(network, names, _temperature(logits, target[rows]), fit.device)


def _calibration_rows(tiles: ImageSet, seed: int) -> NDArray[np.bool_]:
    """About a fifth of the groups of each label, at least one where a label has two."""
    labels = tiles.needed("labels")
    groups = np.arange(len(tiles)).astype(str) if tiles.groups is None else tiles.groups.astype(str)
    kept = np.zeros(len(tiles), bool)
    for label in dict.fromkeys(labels.tolist()):
        rows = labels == label
        names = sorted(set(groups[rows].tolist()), key=lambda name: row_key(seed, "", name, "style"))
        n = max(1, round(_CALIBRATION_SHARE * len(names))) if len(names) > 1 else 0
        kept |= rows & np.isin(groups, names[:n])
    return kept


def _cnn(width: int, n_labels: int) -> nn.Module:
    layers: list[nn.Module] = []
    channels = 3
    for level in range(4):
        more = width * 2**level
        layers += [nn.Conv2d(channels, more, 3, stride=2, padding=1), nn.BatchNorm2d(more), nn.ReLU()]
        channels = more
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, n_labels))


def _temperature(logits_NC: Floats, target_N: NDArray[Any]) -> float:
    """Temperature of least cross-entropy, between 1/20 and 20; 1 without tiles to fit on."""
    if not len(target_N):
        return 1.0

    def loss(log_t: float) -> float:
        p = softmax(logits_NC / np.exp(log_t))[np.arange(len(target_N)), target_N]
        return float(-np.log(np.maximum(p, 1e-300)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded").x))
