"""How predicted counts agree with measured ones, gene by gene, and how they would with those of other rows.

Shape legend: N rows, G genes, P permutations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anndata as ad
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genviz._keys import Layers, Obs
from genviz.core.statistics import centred, pearson_columns
from genviz.io.counts import counts_of
from genviz.io.library import library_of_rows
from genviz.metrics.genes.correlation import honest_pcc
from genviz.metrics.genes.measure import replicate
from genviz.metrics.genes.rows import join
from genviz.metrics.genes.scores import expression
from genviz.metrics.score import Score

if TYPE_CHECKING:
    from anndata import AnnData

Floats = NDArray[np.float64]

BESIDE = ("dn_pcc_200", "mse", "mae", "depth_r")
PEARSON = "pearson"


def rows_of(adata: AnnData, genes: tuple[str, ...], found: dict[str, tuple[Floats, Floats]]) -> AnnData:
    """Predictions as rows, E[X] and E[log2(1 + X)] of each source as layers.

    Parameters
    ----------
    adata
        Rows.
    genes
        Columns.
    found
        Source → the two, (N, G) each.
    """
    obs = adata.obs[[Obs.LIBRARY]] if Obs.LIBRARY in adata.obs else pd.DataFrame(index=adata.obs_names)
    made = ad.AnnData(obs=obs.copy(), var=pd.DataFrame(index=pd.Index(list(genes), dtype=object)))
    for name, (mean_NG, log2_NG) in found.items():
        made.layers[Layers.mean(name)] = mean_NG.astype(np.float32)
        made.layers[Layers.log2(name)] = log2_NG.astype(np.float32)
    return made


def scores_of(adata: AnnData, predicted: AnnData, name: str, n_bootstrap: int, seed: int) -> dict[str, Score]:
    """``pearson`` and the scores of `metrics.expression` in `BESIDE`.

    Parameters
    ----------
    adata, predicted, name
        Measured, predicted, source.
    n_bootstrap, seed
        Replicates.
    """
    pairs = join(adata, predicted, key=name, genes=None)
    n_genes = predicted.n_vars
    measure = honest_pcc(
        PEARSON, pairs.log_counts_NG, pairs.needed(Layers.log2(name)), pairs.sections, (n_genes,)
    )
    (found,) = replicate([measure], pairs.labels, n_genes, n_bootstrap, seed).values()
    others = expression(adata, predicted, key=name, n_bootstrap=n_bootstrap, seed=seed)
    return {PEARSON: found.score()} | {score: others[score] for score in BESIDE if score in others}


def correlations(adata: AnnData, predicted: AnnData, name: str) -> Floats:
    """Correlation of each gene over the rows of a section, mean of sections, (G,); undefined ones are 0.

    Parameters
    ----------
    adata, predicted, name
        Measured, predicted, source.
    """
    true_NG, sections_N = _measured(adata, predicted)
    return _by_section(true_NG, np.asarray(predicted.layers[Layers.log2(name)], np.float64), sections_N)


def shuffled_scores(adata: AnnData, predicted: AnnData, name: str, n: int, seed: int) -> dict[str, float]:
    """Mean correlation where each row is given the prediction of another of its section.

    Parameters
    ----------
    adata, predicted, name
        Measured, predicted, source.
    n, seed
        Permutations and their seed.

    Returns
    -------
    ``mean``, ``top`` (95th percentile), ``p`` of the prediction as it is, ``n``.
    """
    true_NG, sections_N = _measured(adata, predicted)
    log2_NG = np.asarray(predicted.layers[Layers.log2(name)], np.float64)
    own = _by_section(true_NG, log2_NG, sections_N).mean()
    rng = np.random.default_rng(seed)
    null_P = np.empty(n)
    for i in range(n):
        order_N = np.arange(len(sections_N))
        for section in np.unique(sections_N):
            rows = np.flatnonzero(sections_N == section)
            order_N[rows] = rng.permutation(rows)
        null_P[i] = _by_section(true_NG, log2_NG[order_N], sections_N).mean()
    return {
        "mean": float(null_P.mean()),
        "top": float(np.quantile(null_P, 0.95)),
        "p": float((1 + (null_P >= own).sum()) / (1 + n)),
        "n": float(n),
    }


def _measured(adata: AnnData, predicted: AnnData) -> tuple[Floats, NDArray[np.str_]]:
    """log2(1 + count) of the panel, and the section of each row."""
    counts = counts_of(adata, genes=list(predicted.var_names)).toarray()
    return np.log2(1.0 + counts), np.asarray(library_of_rows(adata)).astype(str)


def _by_section(true_NG: Floats, log2_NG: Floats, sections_N: NDArray[np.str_]) -> Floats:
    found = [
        np.nan_to_num(pearson_columns(centred(true_NG[rows]), centred(log2_NG[rows])), nan=0.0)
        for rows in (np.flatnonzero(sections_N == section) for section in np.unique(sections_N))
    ]
    means: Floats = np.mean(found, axis=0)
    return means
