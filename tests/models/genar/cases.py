"""Small trees, networks and tissue with a known answer."""

from __future__ import annotations

from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import torch
from scipy import sparse

from genviz.core.gene_tree import GeneTree
from genviz.core.gene_tree_fit import fit_gene_tree
from genviz.models.genar.config import GenARConfig
from genviz.models.genar.network import GenARNetwork

N_GENES, N_FEATURES = 12, 6
SCALES = (1, 3, 6, 12)
GENES = [f"G{i}" for i in range(N_GENES)]
EVERY_KIND = [(c, t) for c in ("tree", "tokens") for t in ("mlp", "transformer")]


def counts(n: int = 40, seed: int = 0) -> np.ndarray:
    """(n, 12) counts of three correlated programmes."""
    rng = np.random.default_rng(seed)
    programme = rng.gamma(2.0, 1.0, (n, 3))
    return rng.poisson(np.repeat(programme, 4, axis=1) * 3)


def tree(seed: int = 0) -> GeneTree:
    """Tree of the programmes."""
    return fit_gene_tree(counts(200, seed), GENES, scales=SCALES)


def network(kind: str = "tree", trunk: str = "mlp", *, trained: bool = True, **options: Any) -> GenARNetwork:
    """A small network; `trained` shakes every weight, so that no path is blocked by a zero start."""
    values = {"width": 16, "depth_width": 8, "n_heads": 2, "n_layers": 2, "vocabulary": 32, **options}
    config = GenARConfig(counts=kind, trunk=trunk, **values)
    torch.manual_seed(0)
    made = GenARNetwork(config, tree(), N_FEATURES)
    made.init_from_counts(counts())
    if trained:
        with torch.no_grad():
            for parameter in made.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
    return made.eval()


def inputs(n: int = 5, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Features and positions of n rows."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, N_FEATURES, generator=generator), 1000 * torch.rand(n, 2, generator=generator)


def generators(n: int, seed: int = 0) -> list[np.random.Generator]:
    """One a row."""
    return [np.random.default_rng([seed, row]) for row in range(n)]


def tissue(n: int = 120, seed: int = 0, n_sections: int = 2) -> ad.AnnData:
    """Rows whose features decide the activity of three programmes of four genes each; Poisson counts."""
    rng = np.random.default_rng(seed)
    activity_N3 = rng.normal(size=(n, 3))
    mixing_3F = np.random.default_rng(99).normal(size=(3, N_FEATURES))
    features_NF = (activity_N3 @ mixing_3F + 0.1 * rng.normal(size=(n, N_FEATURES))).astype(np.float32)
    rate_NG = 8 * np.exp(0.7 * np.repeat(activity_N3, 4, axis=1))
    section = np.array([f"S{i % n_sections}" for i in range(n)])
    adata = ad.AnnData(
        sparse.csr_matrix(rng.poisson(rate_NG).astype(np.float32)),
        obs=pd.DataFrame(
            {"library_id": pd.Categorical(section)}, index=[f"{s}_{i}x1" for i, s in enumerate(section)]
        ),
        var=pd.DataFrame(index=GENES),
    )
    adata.obsm["X_morphology"] = features_NF
    adata.obsm["spatial"] = rng.uniform(0, 5000, (n, 2))
    adata.uns["spatial"] = {
        f"S{i}": {"mpp": 0.7, "scalefactors": {"spot_diameter_fullres": 140.0}} for i in range(n_sections)
    }
    adata.layers["rate"] = rate_NG
    return adata
