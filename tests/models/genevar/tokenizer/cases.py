"""Tiles of violet nuclei on pink, drawn in milliseconds, and a tokenizer small enough for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from genviz.models.genevar.tokenizer.config import TokenizerConfig
from genviz.models.genevar.tokenizer.network import Tokenizer

SIDE = 32
NANO: dict[str, Any] = {
    "size_px": SIDE, "stem": 4, "width": 16, "multipliers": (1, 2), "scales": (1, 2, 4), "n_codes": 32, "code_dim": 8,
    "n_phi": 2, "gan_width": 8, "ae_epochs": 1, "max_epochs": 2, "batch_size": 16, "tiles_per_epoch": 64,
}  # fmt: skip


def stain_tiles(n: int, seed: int = 0, side: int = SIDE) -> torch.Tensor:
    """Tiles (n, 3, side, side) in [-1, 1] that differ in stain, number and size of their nuclei."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    tiles = np.empty((n, side, side, 3))
    for tile in tiles:
        tile[:] = np.array([225, 180, 210]) + rng.normal(0, 12, 3)
        nucleus = np.array([110, 60, 150]) + rng.normal(0, 12, 3)
        for _ in range(rng.integers(0, 12)):
            cy, cx, r = *rng.integers(0, side, 2), rng.integers(2, 5)
            tile[(y - cy) ** 2 + (x - cx) ** 2 < r * r] = nucleus
        tile += rng.normal(0, 5, tile.shape)
    return torch.from_numpy(tiles.clip(0, 255).transpose(0, 3, 1, 2) / 127.5 - 1).float()


def nano_config(**changes: Any) -> TokenizerConfig:
    """A configuration of the smallest size."""
    return TokenizerConfig(**NANO | changes)


def started(**changes: Any) -> Tokenizer:
    """A tokenizer with random networks whose codes lie where latents do."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tokenizer = Tokenizer(nano_config(**changes))
        tokenizer.start_patches(stain_tiles(16, seed=1))
        tokenizer.start_codes(stain_tiles(16, seed=1))
    return tokenizer
