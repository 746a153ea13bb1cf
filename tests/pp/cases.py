"""Painted sections on disk, and an encoder whose features can be worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData
from PIL import Image

from genviz.io import concat_sections, open_slide
from genviz.io.library import make_entry
from tests.features.painting import tissue

MPP = 0.7


class Colour:
    """Mean colour of a 20 px square; counts how often and for how many rows it was asked."""

    name, version = "colour", 1

    def __init__(self, **recipe) -> None:
        self.changes = recipe
        self.asked: list[int] = []

    def recipe(self):
        return {
            "name": self.name,
            "version": self.version,
            "mpp": MPP,
            "ring": "none",
            "pitch_um": 0.0,
        } | self.changes

    def encode(self, read, xy_px, *, mpp, normaliser, n_workers=1, on_rows=lambda n: None):
        self.asked.append(len(xy_px))
        tiles = np.stack([read(int(x) - 10, int(y) - 10, 20, 20) for x, y in xy_px])
        on_rows(len(xy_px))
        return self.encode_tiles(tiles, mpp=mpp, normaliser=normaliser)

    def encode_tiles(self, tiles_NHW3, *, mpp, normaliser):
        means = np.stack([normaliser.apply(tile).reshape(-1, 3).mean(axis=0) for tile in tiles_NHW3])
        return ["red", "green", "blue"], means.astype(np.float32)


def painted(folder: Path, name: str = "S", *, seed: int = 0, side: int = 700) -> AnnData:
    """Nine spots on painted tissue; rows without genes."""
    path = folder / f"{name}.png"
    Image.fromarray(tissue(side, side, seed)).save(path)
    xy = np.array([(x, y) for y in (150, 300, 450) for x in (200, 350, 500)], float)
    obs = pd.DataFrame(
        {"library_id": pd.Categorical([name] * 9)}, index=[f"{i % 3}x{i // 3}" for i in range(9)]
    )
    adata = AnnData(np.zeros((9, 0), np.float32), obs=obs)
    adata.obsm["spatial"] = xy
    adata.uns["spatial"] = {name: make_entry(mpp=MPP, spot_diameter_um=100.0, slide=open_slide(path))}
    return adata


def two_sections(folder: Path) -> AnnData:
    """Two painted sections as one object."""
    return concat_sections({"a": painted(folder, "a"), "b": painted(folder, "b", seed=1)})
