"""GenAR and its baselines on sections left out, as an experiment of recipes.

Options of a row: ``variant`` (out of `VARIANTS`) and what is laid over it, ``model``, ``readouts``, ``embed`` and
``tree``; or ``baselines = true``, one job for all of them, or one ``baseline`` by name; and ``encoder``. Options of a
size: ``panel`` (a packaged gene list) or ``n_genes`` chosen on training rows, ``held`` (sections left out in turn),
``model`` laid under every row's, ``n_samples`` at most, ``phantom`` (arguments of `datasets.phantom`), and for costs
``n_rows`` (of all sections) and ``n_features``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from genviz import datasets, pp
from genviz._errors import UsageError
from genviz._keys import Obs, Obsm, Var
from genviz.io.fetching.manifests import load_manifest, manifest_names
from genviz.models import GenAR, baselines
from genviz.models.genar.presets import preset
from genviz.recipes.checks import (
    FROM_ONE,
    OF_DATA,
    check_extractor,
    check_known,
    check_names,
    check_not_negative,
    check_numbers,
    sections_of,
)
from genviz.recipes.cost import TRAINING, Cost, flops_of, parameters_of
from genviz.recipes.data_files import PHANTOM
from genviz.recipes.experiment import NothingShared, Setting, Table
from genviz.recipes.genar.crossval import Folds, score_baselines, score_variant
from genviz.recipes.genar.jobs import ensure_features
from genviz.recipes.genar.untrained import untrained_network
from genviz.recipes.genar.variants import VARIANTS, Variant
from genviz.recipes.inputs import load_training_rows
from genviz.recipes.recipe import Row

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.models.genar.config import GenARConfig
    from genviz.models.genar.network import GenARNetwork

_OF_ROW = {"variant", "model", "readouts", "embed", "tree", "encoder", "baseline", "baselines"}
_OF_SIZE = {"panel", "n_genes", "held", "model", "n_samples", "phantom", "n_rows", "n_features"}
_COUNTS = dict.fromkeys(("n_genes", "n_samples", "n_rows", "n_features"), FROM_ONE)
_MORPHOLOGY = 380  # features of a tile and its ring
# Measured: all baselines with both normalisations, a fold of so many rows, on one core.
_BASELINE_SECONDS, _BASELINE_ROWS = 45.0, 732


class CrossValidation(NothingShared):
    """Leave sections out in turn; all of them are scored together."""

    def check(self, setting: Setting, row: Row) -> None:
        """Read the row's options to the last, and have its encoder ready."""
        variant, baseline = _variant(setting, row), (row.options or {}).get("baseline")
        if baseline is not None and baseline not in baselines.NAMES:
            raise UsageError(
                f"Expected a baseline out of {', '.join(baselines.NAMES)} in the row {row.name}; got {baseline!r}."
            )
        if variant is not None:
            _config(variant)
            given = [(pp.embed, variant.embed), (pp.gene_tree, variant.tree or {})]
            for function, names in [*given, *((GenAR.predict, one) for one in variant.readouts.values())]:
                check_names(
                    names, signature(function).parameters, f"{function.__name__} of the row {row.name}"
                )
        if "panel" in setting.options:
            datasets.panel(setting.options["panel"])
        check_extractor(_encoder(row))

    def measure(self, setting: Setting, row: Row, seed: int) -> Table:
        """Cross-validate one variant, or all baselines."""
        variant = _variant(setting, row)
        options = row.options or {}
        folds = _folds(setting, _encoder(row))
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
        n_folds, n_training, n_held = _sizes(setting)
        if variant is None:
            folds = n_folds * (n_training + n_held) / _BASELINE_ROWS
            return Cost(seconds=folds * _BASELINE_SECONDS, disk=50_000)
        config = _config(variant)
        if variant.tree is not None and "scales" in variant.tree and config.scales is None:
            config = replace(config, scales=tuple(variant.tree["scales"]))
        n_features = int(setting.options.get("n_features", _MORPHOLOGY))
        network = untrained_network(config, n_features)
        forward = _forward(network, n_features)
        steps = config.max_epochs * -(-n_training // config.batch_size) * config.n_members * n_folds
        passes = _passes(variant, config) * n_held * n_folds
        flops = forward * (TRAINING * steps * config.batch_size + passes)
        return Cost(steps, flops, parameters_of(network) * config.n_members, disk=50_000)


def _config(variant: Variant) -> GenARConfig:
    options = {"preset": "mini", **variant.model}
    options.pop("normalise", None)  # of the scaler
    return preset(options.pop("preset"), **options)


def _encoder(row: Row) -> str:
    return str((row.options or {}).get("encoder", "morphology"))


def _sizes(setting: Setting) -> tuple[int, int, int]:
    """Folds, and rows that one trains on and holds out, were all sections of one size."""
    data, options = setting.data, setting.options
    if "n_rows" not in options:
        raise UsageError(f"Expected n_rows, for what the size {setting.size.name} costs; got none. Name it.")
    name, n_folds = str(data["name"]), len(options["held"])
    if name == PHANTOM:
        n_sections = int(options.get("phantom", {}).get("n_sections", n_folds + 1))
    elif "sections" in data:
        n_sections = len(data["sections"])
    else:  # of a file nothing is known before it is read
        n_sections = len(load_manifest(name).sections) if name in manifest_names() else n_folds + 1
    n_rows = int(options["n_rows"])
    n_held = -(-n_rows // n_sections)
    return n_folds, n_rows - n_held, n_held


def _passes(variant: Variant, config: GenARConfig) -> int:
    """Forward passes of a held-out row: samples are shared out among members, the likelihood asks all of them."""
    samples = [int(one["n_samples"]) for one in variant.readouts.values()]
    samples.append(max(samples))  # of the PIT
    one_by_one = config.counts == "tokens" or config.autoregressive
    return config.n_members + (sum(samples) if one_by_one else config.n_members * len(samples))


def _forward(network: GenARNetwork, n_features: int) -> float:
    """FLOP of one row, all scales in one teacher-forced pass."""
    x_BF, xy_B2, counts_BG = torch.zeros(2, n_features), torch.zeros(2, 2), torch.ones(2, 200)
    return flops_of(lambda: network.loss(x_BF, xy_B2, counts_BG)) / 2


def _variant(setting: Setting, row: Row) -> Variant | None:
    """The variant of a row under the options of the size; None for the baselines."""
    own, common = dict(row.options or {}), setting.options
    check_names(own, _OF_ROW, f"the row {row.name}")
    check_names(common, _OF_SIZE, f"the size {setting.size.name}")
    _check_size(setting)
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
        suffix: {**one, "n_samples": min(one.get("n_samples", 256), limit)}
        for suffix, one in own.get("readouts", base.readouts).items()
    }
    where = f"the row {row.name}"
    for suffix, one in readouts.items():
        check_numbers(one, {"n_samples": FROM_ONE}, f"readouts {suffix!r} of {where}")
    for part in ("embed", "tree"):
        check_not_negative(own.get(part, {}), f"{part} of {where}")
    return replace(
        base,
        model={**base.model, **common.get("model", {}), **own.get("model", {})},
        readouts=readouts,
        embed={} if "encoder" in own else {**base.embed, **own.get("embed", {})},
        tree=own.get("tree", base.tree),
    )


def _check_size(setting: Setting) -> None:
    """Refuse what no run of this size could do: counts that are none, sections that the data do not have."""
    data, options, where = setting.data, setting.options, f"the size {setting.size.name}"
    drawn = options.get("phantom", {})
    check_names(drawn, signature(datasets.phantom).parameters, f"phantom of {where}")
    check_numbers(options, _COUNTS, where)
    check_numbers(drawn, OF_DATA, f"phantom of {where}")
    known = sections_of(data)
    if data["name"] == PHANTOM:
        n_sections = drawn.get("n_sections", signature(datasets.phantom).parameters["n_sections"].default)
        known = [f"P{n + 1}" for n in range(n_sections)]
    check_known(options.get("held"), known, f"held, left out in turn, in {where}")


def _folds(setting: Setting, encoder: str) -> Folds:
    """Rows with features and the panel; nothing else about them is shared between folds."""
    data, options = setting.data, setting.options
    held = tuple(options["held"])
    if data["name"] == PHANTOM:
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
