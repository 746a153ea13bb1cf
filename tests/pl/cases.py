"""A prediction with known values, as a model leaves it behind."""

from __future__ import annotations

import json

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

N, GENES = 12, ["ERBB2", "ERBB3", "CD3D", "KRT5", "MT-CO1", "ACTB"]
MPP = 0.5


def picture(height: int = 40, width: int = 60) -> np.ndarray:
    """A purple overview, uint8."""
    return np.full((height, width, 3), (170, 90, 160), np.uint8)


def prediction(
    *,
    sections: tuple[str, ...] = ("C5",),
    measured: bool = True,
    key: str = "genar",
    image: bool = True,
    **provenance,
) -> ad.AnnData:
    """Four by three spots a section, six genes: layers of a result, counts where asked."""
    rng = np.random.default_rng(0)
    n = N * len(sections)
    counts = rng.poisson(4.0, (n, 6)).astype(np.float32)
    mean = rng.gamma(4.0, 1.0, (n, 6)).astype(np.float32)
    library = np.repeat(sections, N)
    adata = ad.AnnData(
        mean.copy(),
        obs=pd.DataFrame(
            {"library_id": pd.Categorical(library)}, index=[f"{s}_{i % N}x1" for i, s in enumerate(library)]
        ),
        var=pd.DataFrame(index=GENES),
    )
    adata.layers[key] = mean
    adata.layers[f"{key}_log2"] = np.log2(1 + 0.9 * mean)
    adata.layers[f"{key}_lower"] = np.floor(mean / 2)
    adata.layers[f"{key}_upper"] = np.ceil(mean * 2)
    if measured:
        adata.layers["counts"] = sparse.csr_matrix(counts)
    grid = np.array([(x, y) for y in range(3) for x in range(4)])
    adata.obsm["spatial"] = np.tile(grid * 400.0 + 500, (len(sections), 1))
    adata.uns["spatial"] = {
        name: {
            "mpp": MPP,
            "images": {"hires": picture()} if image else {},
            "scalefactors": {"spot_diameter_fullres": 200.0, "tissue_hires_scalef": 0.02},
        }
        for name in sections
    }
    adata.uns["genviz"] = {key: json.dumps({"model": "genar", "seed": 3, **provenance})}
    return adata
