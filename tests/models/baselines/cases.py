"""Tissue whose features decide its counts, and problems made of plain arrays."""

from __future__ import annotations

from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

from genviz.models.baselines.problem import Problem
from genviz.models.genar.rows import Rows

N_FEATURES = 6
PANEL = [f"G{i}" for i in range(8)]
OTHERS = [f"H{i}" for i in range(4)]  # measured, not predicted
KEY = "X_morphology"


def tissue(sections: str = "ABC", n: int = 24, seed: int = 0, rate: float = 40.0) -> ad.AnnData:
    """Rows of several sections, `n` each, about ``12 * rate`` counts a row; counts follow the features."""
    rng = np.random.default_rng(seed)
    labels = [name for name in sections for _ in range(n)]
    features = rng.normal(size=(len(labels), N_FEATURES)).astype(np.float32)
    weights = np.random.default_rng(99).normal(scale=0.4, size=(N_FEATURES, len(PANEL) + len(OTHERS)))
    counts = rng.poisson(rate * np.exp(features @ weights))
    adata = ad.AnnData(
        sparse.csr_matrix(counts.astype(np.float32)),
        obs=pd.DataFrame(
            {"library_id": pd.Categorical(labels)},
            index=[f"{section}_{i % n}x{i % 5}" for i, section in enumerate(labels)],
        ),
        var=pd.DataFrame(index=PANEL + OTHERS),
    )
    adata.obsm[KEY] = features
    adata.obsm["spatial"] = rng.uniform(0, 5000, (len(labels), 2))
    adata.uns["spatial"] = {
        name: {"mpp": 0.7, "scalefactors": {"spot_diameter_fullres": 140.0}} for name in sections
    }
    return adata


def split(held: str = "C", **options: Any) -> tuple[ad.AnnData, ad.AnnData]:
    """Training rows and the rows of one section."""
    adata = tissue(**options)
    out = (adata.obs["library_id"] == held).to_numpy()
    return adata[~out].copy(), adata[out].copy()


def problem(
    n: int = 60, m: int = 15, sections: int = 3, seed: int = 0, rate: float = 40.0, **changes: Any
) -> Problem:
    """Arrays as `read_problem` would give them: n training rows of some sections, m test rows of another."""
    train = tissue("ABCDEFGH"[:sections], n // sections, seed, rate)
    test = tissue("Z", m, seed + 1, rate)
    everything = train.X.toarray().astype(np.float64)
    values: dict[str, Any] = {
        "genes": tuple(PANEL),
        "train": _rows(train),
        "test": _rows(test),
        "counts_NG": everything[:, : len(PANEL)],
        "library_N": everything.sum(axis=1),
        "normalise": "train",
        "seed": 0,
    }
    return Problem(**(values | changes))


def _rows(adata: ad.AnnData) -> Rows:
    return Rows(
        adata.obsm[KEY],
        adata.obsm["spatial"].astype(np.float32),
        adata.obs["library_id"].to_numpy(dtype=object),
        adata.obs_names.to_numpy(dtype=object),
    )
