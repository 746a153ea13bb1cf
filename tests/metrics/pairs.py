"""Pairs of images and masks that are drawn, not found: discs on plain ground."""

from __future__ import annotations

import numpy as np

from genviz.metrics.image_set import ImageSet

COLOURS = {
    "light": ((235, 220, 90), (120, 60, 200)),
    "dark": ((15, 15, 15), (200, 200, 230)),
}  # ground, nuclei


def discs(rng: np.random.Generator, side: int, n: int, radius: float = 6.0) -> np.ndarray:
    """Instance labels of `n` discs, later ones on top."""
    y, x = np.mgrid[:side, :side]
    mask = np.zeros((side, side), np.int32)
    for i in range(n):
        cy, cx = rng.uniform(radius, side - radius, 2)
        mask[(y - cy) ** 2 + (x - cx) ** 2 < (radius * rng.uniform(0.7, 1.3)) ** 2] = i + 1
    return mask


def paint(rng: np.random.Generator, mask: np.ndarray, kind: str, noise: float = 8.0) -> np.ndarray:
    """The image of a mask."""
    ground, nucleus = (np.array(colour, float) for colour in COLOURS[kind])
    image = np.where(mask[..., None] > 0, nucleus, ground) + rng.normal(0, noise, (*mask.shape, 1))
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def disc_pairs(
    n: int, side: int = 64, seed: int = 0, kinds: tuple[str, ...] = ("light", "dark"), n_discs: int = 6
) -> ImageSet:
    """`n` pairs, kinds in turn, two to a group."""
    rng = np.random.default_rng(seed)
    labels = np.array([kinds[i % len(kinds)] for i in range(n)], object)
    masks = np.stack([discs(rng, side, n_discs) for _ in range(n)])
    tiles = np.stack([paint(rng, mask, kind) for mask, kind in zip(masks, labels, strict=True)])
    groups = np.array([f"g{i // (2 * len(kinds))}" for i in range(n)], object)
    return ImageSet(tiles, masks, labels, groups)
