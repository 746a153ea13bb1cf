"""Measured counts against the model: likelihood and probability integral transform.

Shape legend: N rows, F features, G genes, S samples, K groups of a scale.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genviz.core.calibration import pit_of_samples
from genviz.core.gene_tree import GeneTree
from genviz.core.keyed import row_generator
from genviz.io.counts import counts_of
from genviz.models.blocks import in_blocks, parts_of
from genviz.models.genar.checkpoint import Fitted
from genviz.models.genar.ensemble import Ensemble, SampleArgs
from genviz.models.genar.prediction import CHUNK
from genviz.models.genar.rows import Rows, check_recipe, feature_recipe, recipe_notes, rows_of

if TYPE_CHECKING:
    from anndata import AnnData

Measured = tuple[Rows, NDArray[np.float32], NDArray[np.int64]]


def measured(fitted: Fitted, adata: AnnData) -> Measured:
    """Rows, standardised features and counts of the panel; warns of features without a record."""
    rows = rows_of(adata, fitted.features)
    scaler = fitted.ensemble.scaler
    given = feature_recipe(adata, fitted.features)
    check_recipe(fitted.recipe, given, len(scaler.mean_F), rows.features_NF.shape[1])
    for note in recipe_notes(fitted.recipe, given, fitted.features):
        warnings.warn(note, stacklevel=4)
    counts_NG = counts_of(adata, genes=list(fitted.ensemble.tree.genes)).toarray().astype(np.int64)
    return rows, scaler.apply(rows.features_NF, rows.libraries), counts_NG


def log_likelihood(fitted: Fitted, adata: AnnData) -> NDArray[np.float64]:
    """See `GenAR.log_likelihood`."""
    rows, z_NF, counts_NG = measured(fitted, adata)
    n = fitted.ensemble.members[0].n_clipped(counts_NG)
    if n:
        cap = (fitted.ensemble.config.vocabulary or 0) - 1
        warnings.warn(
            f"{n} of the counts are above {cap}, the largest that this model's vocabulary can say; they are scored as "
            f"{cap} (the largest is {int(counts_NG.max())}), so that these rows' values are not of their own counts.",
            stacklevel=3,
        )
    parts = parts_of(len(rows), CHUNK)
    jobs = ((rows.take(np.arange(len(rows))[own]), z_NF[own], counts_NG[own]) for own in parts)
    each = [own.stop - own.start for own in parts]
    found = in_blocks(Ensemble.log_prob, fitted.ensemble, jobs, each, "log_likelihood", unit="spot")
    return np.concatenate(list(found))


def pit(fitted: Fitted, adata: AnnData, args: SampleArgs) -> dict[str, NDArray[np.float64]]:
    """See `GenAR.pit`; rows are sampled chunk by chunk."""
    rows, z_NF, counts_NG = measured(fitted, adata)
    parts = parts_of(len(rows), CHUNK)
    jobs = (
        (rows.take(index), z_NF[index], counts_NG[index], args)
        for index in (np.arange(len(rows))[own] for own in parts)
    )
    each = [own.stop - own.start for own in parts]
    found = list(in_blocks(_pit_of_chunk, fitted.ensemble, jobs, each, "pit", unit="spot"))
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


def _pit_of_chunk(
    ensemble: Ensemble,
    rows: Rows,
    z_NF: NDArray[np.float32],
    counts_NG: NDArray[np.int64],
    args: SampleArgs,
) -> dict[str, NDArray[np.float64]]:
    found = {}
    n_genes = ensemble.tree.n_genes
    for scale, samples_SNK in zip(ensemble.scales, ensemble.sample(rows, z_NF, args), strict=True):
        truth_NK = _sums(ensemble.tree, counts_NG, scale)
        uniform_NK = np.stack(
            [
                row_generator(args.seed, str(library), str(name), f"pit {scale}").random(truth_NK.shape[1])
                for library, name in zip(rows.libraries, rows.names, strict=True)
            ]
        )
        name = "gene" if scale == n_genes else "total" if scale == 1 else f"group_{scale}"
        values = pit_of_samples(samples_SNK, truth_NK, uniform_NK)
        found[name] = values[:, 0] if scale == 1 else values
    return found


def _sums(tree: GeneTree, counts_NG: NDArray[np.int64], n_groups: int) -> NDArray[np.int64]:
    """Sums of counts as `Ensemble.sample` orders them: genes by name, coarser groups along the tree."""
    if n_groups == tree.n_genes:
        return counts_NG
    if n_groups == 1:
        return counts_NG.sum(axis=1, keepdims=True)
    return np.asarray(tree.aggregate(counts_NG, tree.scales.index(n_groups)))
