"""Profiles with a known programme, for tests."""

from __future__ import annotations

import numpy as np
from anndata import AnnData

from genviz.models.genevar.condition.profiles import Profiles


def programme_counts(n_rows: int = 60, n_genes: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Counts (n, g) that follow two factors (n, 2)."""
    rng = np.random.default_rng(seed)
    factor_N2 = rng.normal(size=(n_rows, 2))
    loadings_2G = np.random.default_rng(99).normal(scale=0.7, size=(2, n_genes))
    rate_NG = np.exp(factor_N2 @ loadings_2G + 1.5) * np.exp(rng.normal(scale=0.3, size=(n_rows, 1)))
    return rng.poisson(rate_NG), factor_N2


def some_profiles(n_rows: int = 60, n_genes: int = 40, seed: int = 0, labels: bool = False) -> Profiles:
    counts, factors = programme_counts(n_rows, n_genes, seed)
    names = [f"r{seed}-{i}" for i in range(n_rows)]
    kinds = [f"k{int(f > 0)}" for f in factors[:, 0]] if labels else None
    return Profiles.of(counts, names=names, labels=kinds)


def some_rows(n_rows: int = 12, n_genes: int = 8) -> AnnData:
    counts, _ = programme_counts(n_rows, n_genes)
    counts[:, 0] += 1
    adata = AnnData(counts.astype(np.float32))
    adata.obs_names = [f"s{i}" for i in range(n_rows)]
    adata.var_names = [f"ENSG{i:011d}" for i in range(n_genes)]
    adata.layers["counts"] = counts
    rate = counts / np.arange(1.0, n_genes + 1)
    adata.layers["tpm"] = rate / rate.sum(axis=1, keepdims=True) * 1e6
    return adata
