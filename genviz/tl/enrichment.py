"""Which known gene sets a group of genes is rich in: hypergeometric over-representation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd
from scipy import stats

from genviz._errors import DataError, UsageError
from genviz.core.counts import first_names
from genviz.core.gene_tree import GeneTree
from genviz.io.gmt import read_gmt
from genviz.pp.panel import panel_of
from genviz.pp.tree import tree_of
from genviz.tl.perturbation.paired_tests import false_discovery_rate

if TYPE_CHECKING:
    from anndata import AnnData

GeneSets = Mapping[str, Sequence[str]] | str | PathLike[str]
COLUMNS = ["set", "n_overlap", "n_set", "n_group", "n_background", "expected", "fold", "p", "q", "genes"]


def enrich(
    genes_or_group: Sequence[str] | tuple[int, int],
    gene_sets: GeneSets,
    *,
    background: AnnData | GeneTree | Sequence[str],
    min_overlap: int = 1,
) -> pd.DataFrame:
    """Test a group of genes for over-representation in gene sets.

    Of N background genes, K in a set, a group of n has k of them: ``p = P(X >= k)``, X hypergeometric (N, K, n); the
    one-sided Fisher test. **The background is the panel**, all genes that could have been in the group, not the genome:
    a panel chosen for breast tumours is rich in tumour genes to begin with, and against the genome every group
    of it would be. Genes of sets outside the background are left out, and so are sets that have none in it.
    A panel of 200 genes decides little: p is about these genes, and a group made by correlation on the same tissue.

    Parameters
    ----------
    genes_or_group
        Gene names; or a group of the tree, ``(number of groups of its scale, group)``, with `background` a tree or an
        AnnData that holds one.
    gene_sets
        Set → genes, or the path of a GMT file (`io.read_gmt`).
    background
        The panel: names, a gene tree, or an AnnData (its panel, ``var["panel"]``, else all its genes).
    min_overlap
        Sets with fewer genes in the group are tested and counted in the adjustment, but not returned.

    Returns
    -------
    A row a set, by p: ``set``, ``n_overlap`` (k), ``n_set`` (K), ``n_group`` (n), ``n_background`` (N), ``expected``
    (n K / N), ``fold`` (k / expected), ``p``, ``q`` (Benjamini and Hochberg over all sets with a gene in the
    background) and ``genes``, the overlap, a list.

    Raises
    ------
    UsageError
        For an empty group, genes outside the background (named), or a group without a tree to find it in.
    DataError
        When no name of the sets is in the background: both sides are shown.
    FileFormatError
        For a GMT file that is none.
    """
    names = _background(background)
    inside = set(names)
    group = _group(genes_or_group, background)
    if outside := [gene for gene in group if gene not in inside]:
        raise UsageError(
            f"Expected genes of the background ({len(inside)} genes); not among them: {first_names(outside)}. "
            "Give the panel that the group was chosen from."
        )
    sets = _sets(gene_sets, names)
    found = []
    for name, members in sets.items():
        overlap = [gene for gene in group if gene in members]
        k, n_set, n, n_all = len(overlap), len(members), len(group), len(inside)
        expected = n * n_set / n_all
        p = float(stats.hypergeom.sf(k - 1, n_all, n_set, n)) if k else 1.0
        found.append([name, k, n_set, n, n_all, expected, k / expected, min(p, 1.0), np.nan, overlap])
    table = pd.DataFrame(found, columns=COLUMNS)
    table["q"] = false_discovery_rate(table["p"].to_numpy())
    table = table[table["n_overlap"] >= min_overlap]
    return table.sort_values(["p", "fold"], ascending=[True, False], kind="stable").reset_index(drop=True)


def _background(background: AnnData | GeneTree | Sequence[str]) -> list[str]:
    if isinstance(background, GeneTree):
        return list(background.genes)
    if background is None or isinstance(background, str):
        raise UsageError(f"Expected the panel's genes as background; got {background!r}. Pass adata.")
    names = panel_of(background) if hasattr(background, "var_names") else [str(gene) for gene in background]
    if not names:
        raise UsageError("Expected the panel's genes as background; got none. Pass adata.")
    return list(dict.fromkeys(names))


def _group(given: Sequence[str] | tuple[int, int], background: object) -> list[str]:
    if isinstance(given, str):
        raise UsageError(f"Expected a list of genes; got one name, {given!r}. Write [{given!r}].")
    items = list(given)
    if len(items) == 2 and all(isinstance(item, int | np.integer) for item in items):
        if isinstance(background, GeneTree):
            tree = background
        elif hasattr(background, "varm"):
            tree = tree_of(background)  # type: ignore[arg-type]
        else:
            raise UsageError(
                f"Expected background= as a gene tree, or an AnnData that holds one, to find group {tuple(items)} in; "
                "got names. Pass model.tree."
            )
        scale, group = cast("list[int]", items)
        if scale not in tree.scales or not 0 <= group < scale:
            raise UsageError(
                f"Expected a group as (scale, group), scale one of {tree.scales}; got {(scale, group)}."
            )
        return tree.members(tree.scales.index(scale), group)
    names = list(dict.fromkeys(str(item) for item in items))
    if not names:
        raise UsageError("Expected at least one gene in the group; got none.")
    return names


def _sets(gene_sets: GeneSets, background: list[str]) -> dict[str, set[str]]:
    """Sets with their genes inside the background; those that have none are gone."""
    given = gene_sets if isinstance(gene_sets, Mapping) else read_gmt(gene_sets)
    inside = set(background)
    sets = {str(name): inside & {str(gene) for gene in genes} for name, genes in given.items()}
    kept = {name: genes for name, genes in sets.items() if genes}
    if not kept:
        names = list(dict.fromkeys(str(gene) for genes in given.values() for gene in genes))
        raise DataError(
            f"Expected gene sets with names as in the panel; none of their {len(names)} genes is in it. Panel: "
            f"{first_names(background)}. Sets: {first_names(names) or 'empty'}. Bring them to the same kind of name "
            "(symbols or Ensembl ids) and species."
        )
    return kept
