"""A training as the model object asks for it: rows by their split, stages that continue from the run folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import UsageError
from genviz._keys import Obs
from genviz.io.library import is_synthetic
from genviz.models.declaration import TRAIN, VALIDATION, rows_to_train_on, trained_on
from genviz.models.genevar.checkpoint import load_fitted, save_fitted
from genviz.models.genevar.config import GeneVARConfig
from genviz.models.genevar.fitted import Fitted
from genviz.models.genevar.rows import CHOSEN_BY, CONDITION_ON, SECTIONS, SYNTHETIC, UNPAIRED_SECTIONS
from genviz.models.genevar.seen import patients_told
from genviz.models.genevar.setup import Setup
from genviz.models.genevar.training.data import TrainingData, training_data
from genviz.models.genevar.training.stages import STAGES, train
from genviz.pp.source_splits import refuse_held_out
from genviz.train.run_options import RunOptions

if TYPE_CHECKING:
    from anndata import AnnData

_STAGES = "stages"
_BUILT_ON = {"vae": ("meanflow", "prior"), "tokenizer": ("meanflow", "prior"), "meanflow": ("prior",)}


def stages_folder(folder: Path) -> Path:
    """Where a run keeps the model as it is after its latest stage.

    Parameters
    ----------
    folder
        The run's.
    """
    return folder / _STAGES


def train_rows(
    config: GeneVARConfig,
    setup: Setup,
    adata: AnnData,
    stage: str,
    options: RunOptions,
    *,
    facts: dict[str, Any],
    fitted: Fitted | None = None,
    unpaired: AnnData | None = None,
) -> Fitted | None:
    """Train the stages asked for on the rows marked ``train``; None when interrupted.

    Parameters
    ----------
    config, setup, adata
        What to train on what; of other rows than those marked ``train`` and ``val`` nothing is read.
    stage
        One of `STAGES`; a single one continues from `fitted`, or from what the run folder has.
    options
        Seed, device, run folder.
    facts
        Recorded with the model.
    fitted
        Model with the earlier stages.
    unpaired
        Rows of which only tiles are read.

    Raises
    ------
    UsageError
        For an unknown stage, one without those before it (named), or a single one in a folder with stages that are
        built on it.
    DataError
        Without rows to train on, for a patient in two splits of a split by patient, or tiles in `unpaired` of a patient
        that it holds out, or that were made from rows left out.
    """
    if stage not in STAGES:
        raise UsageError(f"Expected stage out of {', '.join(STAGES)}; got {stage!r}.")
    folder = options.folder
    _refuse_to_outdate(folder, stage)
    if fitted is None and stage != "all" and folder is not None and stages_folder(folder).is_dir():
        fitted = load_fitted(stages_folder(folder))
    _insist_on_earlier(config, stage, fitted, folder)

    def keep(_: str, model: Fitted) -> None:
        if folder is not None:
            save_fitted(model, stages_folder(folder))

    try:
        if unpaired is not None and Obs.SPLIT in adata.obs and {Obs.SOURCE, Obs.DRAW} <= set(unpaired.obs):
            refuse_held_out(unpaired, adata)
        data = _data(config, setup, adata, unpaired)
        chosen_by = () if data.validation is None else data.validation.profiles.libraries
        earlier = [] if fitted is None else fitted.facts.get(SECTIONS, [])
        if stage in ("vae", "all"):
            facts = facts | {CONDITION_ON: trained_on(adata, setup.split_key)}
        facts = facts | {
            SECTIONS: sorted({*data.profiles.libraries, *earlier}),
            CHOSEN_BY: sorted(set(chosen_by)),
            UNPAIRED_SECTIONS: [] if data.unpaired is None else sorted(set(data.unpaired.libraries)),
            SYNTHETIC: is_synthetic(adata),
            **patients_told(adata, _used(setup, adata), setup.split_key, unpaired),
        }
        return train(config, data, stage, options, facts=facts, fitted=fitted, keep=keep)
    except KeyboardInterrupt:  # between epochs too: tokens are made for minutes, and stages are stored
        return None


def _refuse_to_outdate(folder: Path | None, stage: str) -> None:
    """Insist that no later stage of the run would be dropped: it means nothing to another condition or tokenizer."""
    later = [] if folder is None else [name for name in _BUILT_ON.get(stage, ()) if (folder / name).is_dir()]
    if later:
        raise UsageError(
            f"Expected a run folder without stages that are built on {stage!r}; {folder} holds {' and '.join(later)}, "
            "which would go with it no more. Train in another folder, or delete those stages' folders first."
        )


def _insist_on_earlier(config: GeneVARConfig, stage: str, fitted: Fitted | None, folder: Path | None) -> None:
    """Insist on the stages that a single one is built on."""
    needed = [part for part, later in _BUILT_ON.items() if stage in later]
    if not config.injects and stage == "prior":
        needed.remove("meanflow")  # such a prior is shown no flow
    there = {
        "vae": fitted is not None and fitted.conditioner is not None,
        "tokenizer": fitted is not None and fitted.tokenizer is not None,
        "meanflow": fitted is not None and fitted.flow is not None,
    }
    missing = [part for part in needed if not there[part]]
    if not missing:
        return
    where = "this model" if folder is None else str(folder)
    found = " and ".join(repr(part) for part in needed if there[part])
    how = ", then ".join(f"stage='{part}' (--stage {part})" for part in missing)
    raise UsageError(
        f"Expected {' and '.join(repr(part) for part in missing)} trained before {stage!r}; {where} has "
        f"{f'only {found}' if found else 'no stage that it is built on'}. Run {how} first, in the same folder, or "
        "stage='all' (--stage all) in a new one."
    )


def _used(setup: Setup, adata: AnnData) -> NDArray[np.bool_]:
    """Rows that are trained on or choose the epoch."""
    if setup.split_key not in adata.obs:
        return np.ones(adata.n_obs, bool)
    return adata.obs[setup.split_key].astype(str).isin([TRAIN, VALIDATION]).to_numpy(bool)


def _data(config: GeneVARConfig, setup: Setup, adata: AnnData, unpaired: AnnData | None) -> TrainingData:
    """Rows of both splits in memory."""
    training, validation = adata, None
    if setup.split_key in adata.obs:
        training = adata[rows_to_train_on(adata, setup.split_key)].copy()
        validation = adata[(adata.obs[setup.split_key].astype(str) == VALIDATION).to_numpy()].copy()
    return training_data(
        training,
        setup.genes,
        config,
        mpp=setup.mpp,
        label_key=setup.label_key,
        slide_key=setup.slide_key,
        group_key=Obs.PATIENT if Obs.PATIENT in adata.obs else None,
        unpaired=unpaired,
        validation=validation,
    )
