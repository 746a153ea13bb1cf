"""A training as the model object asks for it: rows by their split, stages that continue from the run folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError, UsageError
from genviz._keys import Obs
from genviz.io.library import is_synthetic
from genviz.models.declaration import TRAIN, VALIDATION
from genviz.models.genevar.checkpoint import load_fitted, save_fitted
from genviz.models.genevar.config import GeneVARConfig
from genviz.models.genevar.fitted import Fitted
from genviz.models.genevar.rows import CHOSEN_BY, SECTIONS, SYNTHETIC
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
        For an unknown stage, one without those before it, or a single one in a folder with stages that are built on it.
    DataError
        Without rows to train on, for a patient in two splits of a split by patient, or tiles in `unpaired` that were
        made from rows left out.
    """
    if stage not in STAGES:
        raise UsageError(f"Expected stage out of {', '.join(STAGES)}; got {stage!r}.")
    folder = options.folder
    _refuse_to_outdate(folder, stage)
    if fitted is None and stage != "all" and folder is not None and stages_folder(folder).is_dir():
        fitted = load_fitted(stages_folder(folder))

    def keep(_: str, model: Fitted) -> None:
        if folder is not None:
            save_fitted(model, stages_folder(folder))

    try:
        if unpaired is not None and Obs.SPLIT in adata.obs and {Obs.SOURCE, Obs.DRAW} <= set(unpaired.obs):
            refuse_held_out(unpaired, adata)
        data = _data(config, setup, adata, unpaired)
        chosen_by = () if data.validation is None else data.validation.profiles.libraries
        facts = facts | {
            SECTIONS: sorted(set(data.profiles.libraries)),
            CHOSEN_BY: sorted(set(chosen_by)),
            SYNTHETIC: is_synthetic(adata),
            **patients_told(adata, _used(setup, adata), setup.split_key),
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


def _used(setup: Setup, adata: AnnData) -> NDArray[np.bool_]:
    """Rows that are trained on or choose the epoch."""
    if setup.split_key not in adata.obs:
        return np.ones(adata.n_obs, bool)
    return adata.obs[setup.split_key].astype(str).isin([TRAIN, VALIDATION]).to_numpy(bool)


def _data(config: GeneVARConfig, setup: Setup, adata: AnnData, unpaired: AnnData | None) -> TrainingData:
    """Rows of both splits in memory."""
    training, validation = adata, None
    if setup.split_key in adata.obs:
        split = adata.obs[setup.split_key].astype(str).to_numpy()
        training, validation = adata[split == TRAIN].copy(), adata[split == VALIDATION].copy()
    if not training.n_obs:
        raise DataError(f"Expected rows with obs['{setup.split_key}'] == '{TRAIN}'; got none. Mark some.")
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
