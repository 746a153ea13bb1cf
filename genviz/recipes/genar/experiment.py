"""GenAR and its baselines on sections left out, as an experiment of recipes.

Options of a row: ``variant`` (out of `VARIANTS`) and what is laid over it, ``model``, ``readouts``, ``embed`` and
``tree``; or ``baselines = true``, one job for all of them, or one ``baseline`` by name; and ``encoder``. Options of a
size: ``panel`` (a packaged gene list) or ``n_genes`` chosen on training rows, ``held`` (sections left out in turn),
``model`` laid under every row's, ``n_samples`` at most, ``phantom`` (arguments of `datasets.phantom`), and for costs
``n_rows`` and ``n_features``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from genviz import datasets, pp
from genviz._errors import UsageError
from genviz._keys import Obs, Obsm, Var
from genviz.models.genar.presets import preset
from genviz.recipes.cost import TRAINING, Cost, flops_of, parameters_of
from genviz.recipes.experiment import Setting, Table
from genviz.recipes.genar.crossval import Folds, score_baselines, score_variant
from genviz.recipes.genar.jobs import ensure_features
from genviz.recipes.genar.untrained import untrained_network
from genviz.recipes.genar.variants import VARIANTS, Variant
from genviz.recipes.inputs import load_training_rows
from genviz.recipes.recipe import Row

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.models.genar.network import GenARNetwork

_OF_ROW = {"variant", "model", "readouts", "embed", "tree", "encoder", "baseline", "baselines"}
_OF_SIZE = {"panel", "n_genes", "held", "model", "n_samples", "phantom", "n_rows", "n_features"}
_MORPHOLOGY = 380  # features of a tile and its ring
# Measured: all baselines with both normalisations, a fold of so many rows, on one core.
_BASELINE_SECONDS, _BASELINE_ROWS = 45.0, 732


class CrossValidation:
    """Leave sections out in turn; all of them are scored together."""

    def shared(self, setting: Setting, rows: Sequence[Row]) -> Sequence[str]:
        """Nothing is shared: a fold's tree, scaler and networks are its own."""
        return ()

    def make_shared(self, setting: Setting, part: str, seed: int) -> None:
        """Nothing is shared."""
        raise UsageError(f"Expected no shared part; got {part!r}.")

    def measure(self, setting: Setting, row: Row, seed: int) -> Table:
        """Cross-validate one variant, or all baselines."""
        variant = _variant(setting, row)
        options = row.options or {}
        folds = _folds(setting, str(options.get("encoder", "morphology")))
        folds.check()
        if variant is not None:
            return score_variant(folds, row.name, variant, seed)
        if name := options.get("baseline"):
            found = score_baselines(folds, seed, names=[name], normalisations=["train"])
            return {row.name: found[name]}
        return score_baselines(folds, seed)

    def cost(self, setting: Setting, row: Row) -> Cost:
        """Count training and sampling of every fold; baselines by what they took."""
        variant = _variant(setting, row)
        if variant is None:
            folds = len(setting.options["held"]) * int(setting.options["n_rows"]) / _BASELINE_ROWS
            return Cost(seconds=folds * _BASELINE_SECONDS, disk=50_000)
        options = {"preset": "mini", **variant.model}
        options.pop("normalise", None)  # of the scaler, which costs nothing
        config = preset(options.pop("preset"), **options)
        if variant.tree is not None and "scales" in variant.tree and config.scales is None:
            config = replace(config, scales=tuple(variant.tree["scales"]))
        n_rows, held = int(setting.options["n_rows"]), setting.options["held"]
        n_features = int(setting.options.get("n_features", _MORPHOLOGY))
        network = untrained_network(config, n_features)
        forward = _forward(network, n_features)
        batches = -(-n_rows // config.batch_size)
        steps = config.max_epochs * batches * config.n_members * len(held)
        chains = max(int(one.get("n_samples", 256)) for one in variant.readouts.values())
        draws = n_rows / len(held) * (chains if config.counts == "tokens" else 1)
        flops = forward * (TRAINING * steps * config.batch_size + draws * config.n_members * len(held))
        return Cost(steps, flops, parameters_of(network) * config.n_members, disk=50_000)


def _forward(network: GenARNetwork, n_features: int) -> float:
    """FLOP of one row, all scales in one teacher-forced pass."""
    x_BF, xy_B2, counts_BG = torch.zeros(2, n_features), torch.zeros(2, 2), torch.ones(2, 200)
    return flops_of(lambda: network.loss(x_BF, xy_B2, counts_BG)) / 2


def _variant(setting: Setting, row: Row) -> Variant | None:
    """The variant of a row under the options of the size; None for the baselines."""
    own, common = dict(row.options or {}), setting.options
    _check(own, _OF_ROW, f"the row {row.name}")
    _check(common, _OF_SIZE, f"the size {setting.size.name}")
    if own.get("baselines") or "baseline" in own:
        return None
    name = own.get("variant", "tree_mlp")
    if name not in VARIANTS:
        raise UsageError(
            f"Expected a variant out of {', '.join(VARIANTS)} in the row {row.name}; got {name!r}."
        )
    base = VARIANTS[name]
    limit = int(common.get("n_samples", 10**9))
    readouts = {
        suffix: {**one, "n_samples": min(int(one.get("n_samples", 256)), limit)}
        for suffix, one in own.get("readouts", base.readouts).items()
    }
    return replace(
        base,
        model={**base.model, **common.get("model", {}), **own.get("model", {})},
        readouts=readouts,
        embed={} if "encoder" in own else {**base.embed, **own.get("embed", {})},
        tree=own.get("tree", base.tree),
    )


def _check(options: Mapping[str, Any], known: set[str], where: str) -> None:
    if unknown := sorted(set(options) - known):
        raise UsageError(
            f"Expected options out of {', '.join(sorted(known))} in {where}; got {', '.join(unknown)}."
        )


def _folds(setting: Setting, encoder: str) -> Folds:
    """Rows with features and the panel; nothing else about them is shared between folds."""
    data, options = setting.data, setting.options
    held = tuple(options["held"])
    if data["name"] == "phantom":
        adata = datasets.phantom("spatial", **options.get("phantom", {}))
    else:
        adata = load_training_rows(str(data["name"]), data.get("sections"))
    section = adata.obs[Obs.LIBRARY].astype(str)
    if missing := sorted(set(held) - set(section)):
        raise UsageError(
            f"Expected held-out sections among {', '.join(section.unique())}; got {', '.join(missing)}."
        )
    genes = _panel(adata, options, ~section.isin(held).to_numpy(), len(held))
    ensure_features(adata, encoder)
    return Folds(adata, held, genes, Obsm.features(encoder), setting.device)


def _panel(adata: AnnData, options: Mapping[str, Any], training: np.ndarray, n_folds: int) -> tuple[str, ...]:
    """A packaged list; or chosen where no held-out row is seen, which needs one fold."""
    if "panel" in options:
        return tuple(datasets.panel(options["panel"]))
    if "n_genes" not in options:
        return tuple(adata.var_names)
    if n_folds > 1 and not training.any():
        raise UsageError(
            "Expected one held-out section with n_genes: every section is held out in turn, and none is left to choose "
            "genes on. Give a panel that was chosen elsewhere."
        )
    pp.select_genes(adata, int(options["n_genes"]), rows=training)
    return tuple(adata.var_names[adata.var[Var.PANEL].to_numpy()])
