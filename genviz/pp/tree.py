"""The gene tree in an AnnData: fitted on training rows, kept beside the genes, read back by name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from genviz import __version__
from genviz._errors import DataError, MissingKeyError
from genviz._keys import Uns, Var, Varm
from genviz.core.arguments import check_adata, check_list
from genviz.core.gene_tree import GeneTree
from genviz.core.gene_tree_fit import fit_gene_tree
from genviz.io.counts import counts_of
from genviz.pp.fitted_rows import FITTED_ON, fitted_on
from genviz.pp.panel import panel_of
from genviz.pp.splitting import training_rows

if TYPE_CHECKING:
    from anndata import AnnData

OUTSIDE = -1  # group and position of genes outside the panel


def gene_tree(
    adata: AnnData,
    scales: Sequence[int] | None = None,
    *,
    # input
    rows: Sequence[bool] | np.ndarray | None = None,
    genes: Sequence[str] | None = None,
    # method
    method: str = "linkage",
    layout: str = "nested",
    order: Sequence[str] | None = None,
    seed: int = 0,
) -> None:
    """Fit the tree that GenAR predicts along, on training rows only.

    Reads raw counts (``layers["counts"]`` or ``X``), ``obs["split"]`` and ``var["panel"]``. Writes
    ``varm["gene_tree"]`` (int32, group of each gene at each scale, -1 outside the panel),
    ``var["gene_order"]`` (int32, position in display order, -1 outside) and
    ``uns["genviz"]["gene_tree"]`` (JSON: method, layout, scales, seed, the rows it was fitted on, digests of rows and
    tree).

    Parameters
    ----------
    adata
        Rows with measured counts.
    scales
        Number of groups at each scale; default (1, 4, 8, 40, 200) for 200 genes.
    rows
        Mask of the rows to fit on. Default: split ``train`` where there is a split, else all.
    genes
        Panel. Default: ``var["panel"]`` where there is one, else all genes.
    method, layout, order, seed
        See `core.gene_tree_fit.fit_gene_tree`.
    """
    mask = training_rows(adata, rows)
    names = panel_of(adata) if genes is None else [str(gene) for gene in check_list("genes", genes, "names")]
    training = adata[mask]
    tree = fit_gene_tree(
        counts_of(training, genes=names),
        names,
        scales=scales,
        method=method,
        layout=layout,
        order=order,
        seed=seed,
    )
    recipe = {
        "method": method,
        "seed": seed,
        "n_rows": int(mask.sum()),
        "rows_digest": rows_digest(training.obs_names.tolist()),
    }
    if method != "user":  # else the order was given, and no row was looked at
        recipe[FITTED_ON] = fitted_on(adata, mask)
    write_tree(adata, tree, recipe)


def write_tree(adata: AnnData, tree: GeneTree, recipe: dict[str, Any]) -> None:
    """Write a tree into ``varm``, ``var`` and ``uns``; see `gene_tree` for the slots.

    Parameters
    ----------
    adata
        Holds the tree's genes, perhaps among others.
    tree
        The tree.
    recipe
        How it came about, JSON values; layout, scales, digest and version are added, and for a tree that was edited
        from the one in `adata` the rows that this one was fitted on.
    """
    before, origin = tree_recipe(adata) or {}, recipe.get("edited_from")
    if (
        origin is not None
        and origin in (before.get("digest"), before.get("edited_from"))
        and FITTED_ON in before
    ):
        recipe = {FITTED_ON: before[FITTED_ON]} | recipe
    at = adata.var_names.get_indexer(list(tree.genes))
    groups = np.full((adata.n_vars, len(tree.scales)), OUTSIDE, dtype=np.int32)
    groups[at] = tree.groups
    position = np.full(adata.n_vars, OUTSIDE, dtype=np.int32)
    position[at[tree.order]] = np.arange(tree.n_genes, dtype=np.int32)
    adata.varm[Varm.GENE_TREE] = groups
    adata.var[Var.GENE_ORDER] = position
    made = {
        "layout": tree.layout,
        "scales": list(tree.scales),
        "digest": tree.digest(),
        "version": __version__,
    }
    adata.uns.setdefault(Uns.GENVIZ, {})[Uns.GENE_TREE] = json.dumps(recipe | made)


def tree_recipe(adata: AnnData) -> dict[str, Any] | None:
    """How the tree of the object came about: method, layout, scales, seed, rows; None without a tree."""
    text = adata.uns.get(Uns.GENVIZ, {}).get(Uns.GENE_TREE)
    if text is None or Varm.GENE_TREE not in adata.varm or Var.GENE_ORDER not in adata.var:
        return None
    recipe: dict[str, Any] = json.loads(text)
    return recipe


def tree_of(adata: AnnData) -> GeneTree:
    """Read the tree back, its genes in the order of ``var``.

    Parameters
    ----------
    adata
        Reads ``varm["gene_tree"]``, ``var["gene_order"]`` and ``uns["genviz"]["gene_tree"]``.

    Returns
    -------
    The tree over the panel's genes, checked as a new one is.

    Raises
    ------
    MissingKeyError
        When `gene_tree` was not run.
    DataError
        When genes of the tree were dropped since, or the slots were edited.
    """
    check_adata(adata)
    recipe = tree_recipe(adata)
    if recipe is None:
        raise MissingKeyError(
            f"Expected a gene tree in varm['{Varm.GENE_TREE}'], var['{Var.GENE_ORDER}'] and uns; it is "
            "absent. Run gv.pp.gene_tree(adata)."
        )
    position = adata.var[Var.GENE_ORDER].to_numpy()
    inside = np.flatnonzero(position >= 0)
    if len(inside) != recipe["scales"][-1]:
        raise DataError(
            f"Expected the {recipe['scales'][-1]} genes of the tree; {len(inside)} are left. Keep all its "
            "genes when slicing, or run gv.pp.gene_tree again on these."
        )
    groups = np.asarray(adata.varm[Varm.GENE_TREE])[inside]
    order = np.argsort(position[inside], kind="stable").astype(np.int32)
    return GeneTree(tuple(adata.var_names[inside]), groups, order, recipe["layout"])


def rows_digest(names: Sequence[str]) -> str:
    """SHA-256 of a set of row names, whatever their order."""
    return hashlib.sha256(json.dumps(sorted(names)).encode()).hexdigest()
