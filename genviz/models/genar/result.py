"""The AnnData that a prediction becomes: contract keys, provenance, warnings.

Shape legend: N rows, G genes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anndata as ad
import pandas as pd

from genviz._errors import DataError, MissingKeyError
from genviz._keys import Layers, Obs, Obsm, Uns
from genviz.core.gene_tree import GeneTree
from genviz.io.counts import counts_of
from genviz.models.genar.summary import Summary
from genviz.pp.tree import write_tree

if TYPE_CHECKING:
    from anndata import AnnData


def prediction_of(
    adata: AnnData,
    summary: Summary,
    tree: GeneTree,
    scales: tuple[int, ...],
    provenance: dict[str, Any],
    *,
    key: str,
    tree_from: dict[str, Any],
) -> AnnData:
    """Make the result object.

    Parameters
    ----------
    adata
        The rows predicted; their obs, obsm and uns are carried over, and their counts where measured.
    summary
        What was predicted, rows in order.
    tree
        Gene tree; its genes are the result's ``var``.
    scales
        Numbers of groups of the summary's scales, the finest included.
    provenance
        JSON values.
    key
        Result key.
    tree_from
        Where the tree is from, JSON values.

    Returns
    -------
    AnnData with the keys of the contract; ``X`` is E[X], so that scanpy plots it without further ado.
    """
    genes = list(tree.genes)
    result = ad.AnnData(
        X=summary.genes.mean.copy(),
        obs=adata.obs.copy(),
        var=_var_of(adata, genes),
        obsm={name: value.copy() for name, value in adata.obsm.items()},
        uns=_copied(adata.uns),
    )
    result.layers[Layers.mean(key)] = summary.genes.mean
    result.layers[Layers.log2(key)] = summary.log2_BG
    result.layers[Layers.lower(key)] = summary.genes.lower
    result.layers[Layers.upper(key)] = summary.genes.upper
    names = {"median": Layers.median, "mode": Layers.mode}
    for name, values in summary.extra.items():
        result.layers[names[name](key)] = values
    for n_groups, scale in zip(scales[:-1], summary.groups, strict=True):
        result.obsm[Obsm.scale(key, n_groups)] = scale.mean
        result.obsm[Obsm.scale(key, n_groups, "lower")] = scale.lower
        result.obsm[Obsm.scale(key, n_groups, "upper")] = scale.upper
    result.obs[Obs.entropy(key)] = summary.entropy_B
    measured = measured_counts(adata, genes)
    if measured is not None:
        result.layers[Layers.COUNTS] = measured
    write_tree(result, tree, tree_from)
    result.uns[Uns.GENVIZ][key] = json.dumps(provenance)
    return result


def measured_counts(adata: AnnData, genes: list[str]) -> Any | None:
    """Counts of the panel where the rows have them; None where they do not."""
    try:
        return counts_of(adata, genes=genes)
    except (MissingKeyError, DataError):
        return None


def _var_of(adata: AnnData, genes: list[str]) -> pd.DataFrame:
    """The rows' own annotation of the genes, where every gene has one."""
    if set(genes) <= set(adata.var_names):
        return adata.var.loc[genes].copy()
    return pd.DataFrame(index=pd.Index(genes, dtype=object))


def _copied(uns: Any) -> dict[str, Any]:
    """A copy two levels deep; arrays (stored overviews) are shared, not copied."""
    if not isinstance(uns, dict) and not hasattr(uns, "items"):
        return uns
    return {k: _copied(v) if hasattr(v, "items") else v for k, v in uns.items()}
