"""Small sections for the tests of slide views: a grid of spots, counts, a prediction, a striped image in memory."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from genviz._keys import Layers, Obs, Obsm, Uns

MPP, PITCH, HIRES_SCALE = 0.5, 200.0, 0.25
NASTY = "<img src=x onerror=alert(1)>"


def section(
    side: int = 8,
    *,
    library: str = "S1",
    measured: bool = True,
    predicted: bool = True,
    image: bool = True,
    key: str = "genar",
) -> AnnData:
    """A square of spots; gene "left" falls from left to right, "flat" is constant, "none" is zero."""
    n = side * side
    column, row = np.arange(n) % side, np.arange(n) // side
    names = ["left", "flat", "none", NASTY]
    counts = np.column_stack([side - column, np.full(n, 3), np.zeros(n), row]).astype(np.float32)
    rows = [f"{c}x{r}" for c, r in zip(column, row, strict=True)]
    obs = pd.DataFrame({Obs.LIBRARY: library, "depth": np.linspace(1, 2, n)}, index=rows)
    adata = AnnData(obs=obs, var=pd.DataFrame(index=names))
    if measured:
        adata.layers[Layers.COUNTS] = sparse.csr_matrix(counts)
    if predicted:
        adata.layers[Layers.log2(key)] = np.log2(1 + counts) + np.float32(0.5)
        adata.layers[Layers.lower(key)] = np.maximum(counts - 1, 0)
        adata.layers[Layers.upper(key)] = counts * 2 + 1
    adata.obsm[Obsm.SPATIAL] = np.column_stack([column + 1.0, row + 1.0]) * PITCH
    px = int((side + 1) * PITCH * HIRES_SCALE)
    striped = np.full((px, px, 3), (230, 180, 210), np.uint8)
    striped[:, ::2] = (150, 90, 160)
    factors = {Uns.SPOT_DIAMETER: 100.0, Uns.HIRES_SCALE: HIRES_SCALE}
    images = {Uns.HIRES: striped} if image else {}
    adata.uns[Uns.SPATIAL] = {
        library: {Uns.IMAGES: images, Uns.SCALEFACTORS: factors, Uns.METADATA: {}, Uns.MPP: MPP}
    }
    return adata
