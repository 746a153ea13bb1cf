"""Small tissue with counts, and a slide under it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from anndata import AnnData
from PIL import Image
from scipy import sparse

from genviz.datasets.synthetic.phantom import phantom as painted_phantom
from genviz.io import open_slide
from genviz.io.library import make_entry
from tests.features.painting import tissue
from tests.models.genar.cases import tissue as rows_with_features

__all__ = ["on_slide", "rows_with_features", "small_phantom"]

MPP = 0.7


def small_phantom(kind: str = "spatial", *, seed: int = 0) -> AnnData:
    """`datasets.phantom` in a size that is painted in a second."""
    return painted_phantom(kind, n_sections=3, grid=(5, 5), n_genes=12, mpp=1.4, seed=seed)


def on_slide(folder: Path, name: str = "S") -> AnnData:
    """Nine spots on painted tissue with two genes."""
    Image.fromarray(tissue(800, 800)).save(folder / f"{name}.png")
    adata = AnnData(sparse.csr_matrix(np.arange(18, dtype=np.float32).reshape(9, 2)))
    adata.obs_names = [f"{i % 3}x{i // 3}" for i in range(9)]
    adata.obs["library_id"] = name
    adata.obsm["spatial"] = np.array([(x, y) for y in (200, 350, 500) for x in (250, 400, 550)], float)
    slide = open_slide(folder / f"{name}.png")
    adata.uns["spatial"] = {name: make_entry(mpp=MPP, spot_diameter_um=100.0, slide=slide)}
    return adata
