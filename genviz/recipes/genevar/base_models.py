"""Condition and tokenizer that the rows of GeneVAR's recipes share, and whole models on them, each trained once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from genviz._errors import GenvizError
from genviz._keys import Layers, Obs, Obsm
from genviz.io.tile_recipe import read_recipe
from genviz.io.weights.keyed_tensors import tensors_digest
from genviz.io.weights.parts import config_digest, is_checkpoint
from genviz.models import GeneVAR
from genviz.models.genevar.checkpoint import load_fitted, save_fitted
from genviz.models.genevar.codec import MPP
from genviz.models.genevar.condition.kinds import fit_conditioner
from genviz.models.genevar.condition.rows import profiles_of, sections_of_rows
from genviz.models.genevar.fitted import FLOW, TOKENIZER, Fitted
from genviz.models.genevar.training.data import training_data
from genviz.models.genevar.training_run import stages_folder
from genviz.models.zoo import MODEL_FOLDER
from genviz.recipes.experiment import Setting
from genviz.recipes.genevar.ablation_runs import Runs
from genviz.recipes.genevar.jobs import tiles_of_slides
from genviz.recipes.genevar.options import ModelOptions
from genviz.recipes.model_store import model_folder
from genviz.train.device import resolve_device

if TYPE_CHECKING:
    from anndata import AnnData

    from genviz.models.genevar.config import GeneVARConfig

BASE_SEED = 0
"""Of condition and tokenizer, whatever the seed of a row."""
_STAGES = ("vae", "tokenizer")


def base_fitted(setting: Setting, options: ModelOptions, training: AnnData) -> Fitted:
    """Condition and tokenizer of the training rows, trained where they are not yet.

    Parameters
    ----------
    setting
        Says where models are kept and on what device to train.
    options
        Of the row; of its configuration only these parts matter.
    training
        Rows, declared here.
    """
    with model_folder(setting.models, "genevar-base", _told(options, training)) as folder:
        made = stages_folder(folder)
        if not is_checkpoint(made) or load_fitted(made).tokenizer is None:
            GeneVAR.setup_anndata(training)
            model = GeneVAR(training, preset=options.preset, **options.model)
            others = None
            if options.unpaired and model.config.prior.unpaired and Obsm.TILES not in training.obsm:
                others = tiles_of_slides(training, model, n_tiles=options.unpaired, seed=BASE_SEED)
            for stage in _STAGES:
                model.train(
                    stage=stage, unpaired=others, seed=BASE_SEED, device=setting.device, out_dir=folder,
                    resume=(folder / stage).exists(),
                )  # fmt: skip
        return load_fitted(made)


def with_condition(setting: Setting, fitted: Fitted, config: GeneVARConfig, training: AnnData) -> Fitted:
    """The same tokenizer with the condition of a configuration, fitted on the same rows.

    Parameters
    ----------
    setting
        Says where models are kept and on what device to train.
    fitted
        From `base_fitted`.
    config
        Of all parts; with the condition that `fitted` has, `fitted` is handed back.
    training
        Rows.

    Raises
    ------
    GenvizError
        When the training was interrupted.
    """
    condition = config.condition
    if condition == fitted.config.condition:
        return fitted
    profiles = profiles_of(training, fitted.genes, condition)
    groups = training.obs[Obs.PATIENT].astype(str).tolist() if Obs.PATIENT in training.obs else None
    told = {"condition": condition.to_dict(), "rows": _rows(training), "seed": BASE_SEED}
    with model_folder(setting.models, "genevar-condition", told) as folder:
        conditioner = fit_conditioner(
            condition,
            profiles,
            seed=BASE_SEED,
            groups=groups,
            device=resolve_device(setting.device),
            folder=folder,
            resume=True,
        )
    if conditioner is None:
        raise GenvizError("Training was stopped; finished epochs are kept. Run the same command again.")
    return replace(fitted, config=config, conditioner=conditioner, span=None, sha256=None)


def work_folder(setting: Setting, fitted: Fitted, training: AnnData) -> Path:
    """Where flows, tokens and unfinished priors on this condition and tokenizer are, shared by all rows.

    Parameters
    ----------
    setting
        Says where models are kept.
    fitted
        Condition and tokenizer.
    training
        Rows.
    """
    told = {
        TOKENIZER: str(fitted.facts.get(TOKENIZER, "")),
        "condition": fitted.config.condition.to_dict(),
        "rows": _rows(training),
    }
    with model_folder(setting.models, "genevar-runs", told) as folder:
        return folder


def whole_model(
    setting: Setting, options: ModelOptions, training: AnnData, seed: int, *, prior: bool = True
) -> Path:
    """Folder of the row's model, trained where it is not yet.

    Parameters
    ----------
    setting, options
        Of the row.
    training
        Rows.
    seed
        Of flow and prior.
    prior
        False: a flow alone.
    """
    base = base_fitted(setting, options, training)
    config = options.config()
    told = {
        "config": config.to_dict(), TOKENIZER: str(base.facts.get(TOKENIZER, "")), "rows": _rows(training),
        "seed": seed, "prior": prior,
    }  # fmt: skip
    with model_folder(setting.models, "genevar", told) as folder:
        made = folder / MODEL_FOLDER
        if not is_checkpoint(made):
            save_fitted(_trained(setting, base, config, training, seed, prior), made)
        return made


def _trained(
    setting: Setting, base: Fitted, config: GeneVARConfig, training: AnnData, seed: int, prior: bool
) -> Fitted:
    fitted = with_condition(setting, base, config, training)
    data = training_data(training, fitted.genes, config, mpp=fitted.facts.get(MPP))
    runs = Runs(fitted, data, work_folder(setting, fitted, training), resolve_device(setting.device))
    flow = runs.flow(config, seed) if config.refine else None
    facts = (
        fitted.facts | {"seed": seed} | ({} if flow is None else {FLOW: tensors_digest(flow.state_dict())})
    )
    if not prior:
        return replace(fitted, config=config, flow=flow, facts=facts, sha256=None)
    name = f"whole-{config_digest(config.to_dict())[:12]}"
    found = replace(runs.prior(name, config, flow, seed), facts=facts)
    runs.forget(name, seed)
    return found.to(torch.device("cpu"))


def _told(options: ModelOptions, training: AnnData) -> dict[str, Any]:
    config = options.base()
    return {
        "condition": config.condition.to_dict(),
        "tokenizer": config.tokenizer.to_dict(),
        "margin_px": config.views.margin_px,
        "unpaired": options.unpaired,
        "rows": _rows(training),
        "seed": BASE_SEED,
    }


def _rows(adata: AnnData) -> str:
    """What rows hold, as a digest: names, sections, genes, all reads, and the resolution of their tiles."""
    recipe = read_recipe(adata)
    counts: Any = adata.layers.get(Layers.COUNTS, adata.X)
    return config_digest(
        {
            "names": adata.obs_names.astype(str).tolist(),
            "sections": list(map(str, sections_of_rows(adata))),
            "genes": adata.var_names.astype(str).tolist(),
            "reads": float(counts.sum()),
            "mpp": None if recipe is None else recipe.mpp,
        }
    )
