"""Small synthetic sections in the real formats."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from PIL import Image
from scipy import sparse

MPP = 4.0
STEP = 200 / MPP  # pixels of one grid step


@dataclass
class StFiles:
    """Paths of a synthetic legacy ST section and what they hold."""

    counts: Path
    spots: Path
    labels: Path
    image: Path
    counts_frame: pd.DataFrame
    spots_frame: pd.DataFrame
    rgb: np.ndarray

    def write_counts(self, frame: pd.DataFrame) -> Path:
        """Rewrite the count table from a frame, its first header cell empty."""
        self.counts.write_bytes(gzip.compress(frame.to_csv(sep="\t", index_label="").encode()))
        return self.counts


def assert_same(a: AnnData, b: AnnData) -> None:
    """Both objects hold the same rows, genes and values in all slots."""
    pd.testing.assert_frame_equal(a.obs, b.obs)
    pd.testing.assert_frame_equal(a.var, b.var)
    _assert_values(a.X, b.X, "X")
    for slot in ("layers", "obsm", "varm", "obsp", "varp", "uns"):
        _assert_values(dict(getattr(a, slot)), dict(getattr(b, slot)), slot)


def _assert_values(a, b, where: str) -> None:
    if hasattr(a, "keys"):
        assert set(a) == set(b), f"{where}: {sorted(a)} and {sorted(b)}"
        for key in a:
            _assert_values(a[key], b[key], f"{where}[{key!r}]")
        return
    assert sparse.issparse(a) == sparse.issparse(b), where
    a, b = (np.asarray(v.toarray() if sparse.issparse(v) else v) for v in (a, b))
    assert (a.dtype.kind, a.shape) == (b.dtype.kind, b.shape), where
    np.testing.assert_array_equal(a, b, err_msg=where)


@pytest.fixture
def same():
    """The comparison of two AnnData objects, value by value."""
    return assert_same


def tissue_picture(height: int, width: int, xy: np.ndarray, seed: int = 0) -> np.ndarray:
    """Purple tissue around the spots on pale glass, uint8 (H, W, 3)."""
    rng = np.random.default_rng(seed)
    rgb = np.full((height, width, 3), 240, np.int16)
    for x, y in xy.astype(int):
        rgb[max(0, y - 32) : y + 32, max(0, x - 32) : x + 32] = (170, 90, 160)
    return np.clip(rgb + rng.integers(-8, 9, rgb.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def st_files(tmp_path) -> StFiles:
    """A tall section of 5 x 12 spots, 50 px apart, rows of both tables in different orders."""
    rng = np.random.default_rng(7)
    grid = np.array([(x, y) for y in range(3, 15) for x in range(2, 7)])
    pixels = np.round(grid * STEP + rng.normal(scale=2.0, size=grid.shape), 2)
    names = [f"{x}x{y}" for x, y in grid]
    genes = [f"G{i}" for i in range(9)] + ["MT-CO1"]
    counts = pd.DataFrame(rng.poisson(2.0, (len(grid), len(genes))), index=names, columns=genes)
    spots = pd.DataFrame({"x": grid[:, 0], "y": grid[:, 1]})
    spots["new_x"], spots["new_y"] = np.round(pixels / STEP, 3).T
    spots["pixel_x"], spots["pixel_y"] = pixels.T
    spots["selected"] = 1
    labels = pd.DataFrame({"Row.names": "a", "x": spots["new_x"], "y": spots["new_y"]})
    labels["pixel_x"], labels["pixel_y"] = 1.0, 2.0
    labels["label"] = np.where(grid[:, 0] < 4, "invasive cancer", "connective tissue")
    rgb = tissue_picture(820, 460, pixels)
    files = StFiles(
        *(tmp_path / name for name in ("A1.tsv.gz", "A1_selection.tsv", "A1_labels.tsv", "A1.png")),
        counts, spots, rgb,
    )  # fmt: skip
    files.write_counts(counts.sample(frac=1, random_state=1))
    spots.to_csv(files.spots, sep="\t", index=False)
    labels.sample(frac=1, random_state=2).to_csv(files.labels, sep="\t", index=False)
    Image.fromarray(rgb).save(files.image)
    return files
