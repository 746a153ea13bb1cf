"""From declared rows to a fitted model: who is trained on, tree, scaler, networks.

Held-out rows touch nothing here: every statistic is taken from the training mask alone.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError, UsageError
from genviz._keys import Obs
from genviz.core.gene_tree import GeneTree
from genviz.core.gene_tree_fit import fit_gene_tree
from genviz.io.counts import counts_of
from genviz.io.library import is_synthetic, library_of_rows
from genviz.models.declaration import rows_to_train_on
from genviz.models.genar.checkpoint import Fitted
from genviz.models.genar.config import GenARConfig
from genviz.models.genar.rows import feature_recipe, rows_of
from genviz.models.genar.scaler import Scaler
from genviz.models.genar.seen import SEEN, seen_in_training
from genviz.models.genar.setup import Setup
from genviz.models.genar.training import TrainingData, TrainOptions, train_ensemble
from genviz.pp.fitted_rows import FITTED_ON, fitted_on
from genviz.pp.splitting import TEST
from genviz.pp.tree import rows_digest, tree_of, tree_recipe

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True)
class Masks:
    """Rows trained on, and rows that early stopping looks at."""

    train_N: NDArray[np.bool_]
    val_N: NDArray[np.bool_] | None


def training_masks(adata: AnnData, setup: Setup, val: str | None) -> Masks:
    """Which rows are trained on.

    Raises
    ------
    UsageError
        For a validation section that is not there, or that holds rows marked ``test``.
    DataError
        When no training row is left.
    """
    train = rows_to_train_on(adata, setup.split_key)
    held = None
    if val is not None:
        library = library_of_rows(adata)
        held = library == val
        if not held.any():
            raise UsageError(
                f"Expected val as one of the sections {', '.join(dict.fromkeys(library))}; got {val!r}."
            )
        if setup.split_key in adata.obs and (adata.obs[setup.split_key].astype(str)[held] == TEST).any():
            raise UsageError(
                f"Expected val to be a section without test rows; {val} has some. Held-out counts must not decide when "
                "training stops: choose another section, or mark those rows val."
            )
        train = train & ~held
    if train.sum() < 2:
        raise DataError(
            f"Expected at least 2 training rows, got {int(train.sum())} of {adata.n_obs}. "
            f"Check obs[{setup.split_key!r}] and val."
        )
    return Masks(train, held)


def fit(
    adata: AnnData, setup: Setup, config: GenARConfig, normalise: str, masks: Masks, options: TrainOptions
) -> Fitted | None:
    """Fit everything on the training rows; None when interrupted.

    Parameters
    ----------
    adata, setup
        Rows and what was declared of them.
    config
        As asked for; what depends on the training rows is resolved here.
    normalise
        ``"train"`` or ``"section"``, see `Scaler`.
    masks
        From `training_masks`; of other rows nothing is read.
    options
        Of the run.
    """
    data = _data(adata[masks.train_N], setup)
    validation = None if masks.val_N is None else _data(adata[masks.val_N], setup)
    tree, tree_from = _tree(adata, setup, config, data.counts_NG, masks)
    recipe = feature_recipe(adata, setup.features)
    config = config.resolve(int(data.counts_NG.max()), recipe.get("n_own"))
    scaler = Scaler.fit(data.rows.features_NF, data.rows.libraries, normalise, data.rows.xy_N2)
    ensemble = train_ensemble(config, tree, scaler, data, options, validation=validation)
    if ensemble is None:
        return None
    rows = data.rows
    sections = {str(s): rows.names[rows.libraries == s].tolist() for s in dict.fromkeys(rows.libraries)}
    used_N = masks.train_N if masks.val_N is None else masks.train_N | masks.val_N
    seen = seen_in_training(adata, setup.genes, used_N, setup.split_key, tree_from)
    return Fitted(
        ensemble,
        features=setup.features,
        recipe=recipe,
        training_rows=sections,
        facts=_facts(adata[masks.train_N], data, options) | {SEEN: seen},
    )


def _data(adata: AnnData, setup: Setup) -> TrainingData:
    counts = counts_of(adata, genes=list(setup.genes))
    return TrainingData(rows_of(adata, setup.features), counts.toarray().astype(np.int64))


def _tree(
    adata: AnnData, setup: Setup, config: GenARConfig, counts_NG: NDArray[np.int64], masks: Masks
) -> tuple[GeneTree, dict[str, Any]]:
    """The tree in ``varm`` if it has these genes and was fitted on the training rows, or made by hand; its origin.

    One that was fitted on other rows too would carry their expression into training: it is fitted again in the same
    way, with a warning. Without any, the default tree is fitted. A tree that was edited by hand is taken as it is; what
    the tree before the edits was fitted on is kept on record.
    """
    own = fitted_on(adata, masks.train_N, split_key=setup.split_key)
    recipe = tree_recipe(adata)
    if recipe is None or set((stored := tree_of(adata)).genes) != set(setup.genes):
        tree = fit_gene_tree(counts_NG, list(setup.genes), scales=config.scales)
        return tree, {"method": "linkage", FITTED_ON: own}
    method = str(recipe.get("method", "linkage"))
    before = recipe.get(FITTED_ON)
    if method == "user":
        told = {} if before is None else {FITTED_ON: before}
        return stored.reindex(setup.genes), {"method": method} | told
    same = recipe.get("rows_digest") == rows_digest(adata.obs_names[masks.train_N].tolist())
    if same and (before is None or before.get("sections") == own.get("sections")):
        return stored.reindex(setup.genes), {"method": method, FITTED_ON: own}
    warnings.warn(
        f"The gene tree in varm was fitted on {recipe.get('n_rows', 'other')} rows, not on the "
        f"{int(masks.train_N.sum())} training rows; it is fitted again on those. Run gv.pp.gene_tree on training "
        "rows to avoid this.",
        stacklevel=4,
    )
    tree = fit_gene_tree(
        counts_NG,
        list(setup.genes),
        scales=stored.scales,
        method=method,
        layout=recipe.get("layout", stored.layout),
        seed=int(recipe.get("seed", 0)),
    )
    return tree, {"method": method, FITTED_ON: own}


def _facts(adata: AnnData, data: TrainingData, options: TrainOptions) -> dict[str, Any]:
    totals = data.counts_NG.sum(axis=1)
    libraries = data.rows.libraries
    facts: dict[str, Any] = {
        "n_rows": len(data.rows),
        "max_epochs": options.max_epochs,
        "seed": options.seed,
        "median_panel_count": float(np.median(totals)),
        "median_panel_counts": {
            str(name): float(np.median(totals[libraries == name])) for name in dict.fromkeys(libraries)
        },
        "synthetic": is_synthetic(adata),
    }
    if Obs.PATIENT in adata.obs:
        facts["patients"] = sorted(set(adata.obs[Obs.PATIENT].astype(str)))
    return facts
