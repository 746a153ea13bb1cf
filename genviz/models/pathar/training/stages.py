"""Both stages of a training, each resumable, each leaving a model behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from genviz._errors import GenvizError, UsageError
from genviz.io.weights.keyed_tensors import tensors_digest
from genviz.models.declaration import VALIDATION, rows_to_train_on, trained_on
from genviz.models.pathar.checkpoint import load_fitted, save_fitted
from genviz.models.pathar.config import PathARConfig
from genviz.models.pathar.fitted import TOKENIZER, Fitted
from genviz.models.pathar.setup import Setup
from genviz.models.pathar.training.image_set import ImageSet, image_set
from genviz.models.pathar.training.prior import train_prior
from genviz.models.pathar.training.run_options import PairRunOptions
from genviz.models.pathar.training.tokenizer import train_tokenizer
from genviz.pp.fitted_rows import FITTED_ON

if TYPE_CHECKING:
    from anndata import AnnData

STAGES = ("tokenizer", "prior", "all")


def training_images(adata: AnnData, setup: Setup, size_px: int) -> ImageSet:
    """Images of the rows marked ``train``, or of all rows without a split.

    Raises
    ------
    DataError
        When there are none, or one is too small.
    """
    if setup.split_key in adata.obs:
        adata = adata[rows_to_train_on(adata, setup.split_key)]
    return _images(adata, setup, size_px)


def validation_images(adata: AnnData, setup: Setup, size_px: int) -> ImageSet | None:
    """Images of the rows marked ``val`` with known labels and large enough; None when there are none."""
    if setup.split_key not in adata.obs:
        return None
    known = adata.obs[setup.label_key].astype(str).isin(setup.labels)
    rows = known & (adata.obs[setup.split_key].astype(str) == VALIDATION)
    if not rows.any():
        return None
    found = _images(adata[rows.to_numpy()], setup, size_px, skip_small=True)
    return found if len(found) else None


def _images(adata: AnnData, setup: Setup, size_px: int, *, skip_small: bool = False) -> ImageSet:
    return image_set(
        adata, setup.label_key, setup.labels, size_px,
        skip_small=skip_small, organ_key=setup.organ_key, organ_names=setup.organs,
    )  # fmt: skip


def train(
    config: PathARConfig,
    setup: Setup,
    adata: AnnData,
    stage: str,
    options: PairRunOptions,
    facts: dict[str, Any],
    fitted: Fitted | None,
) -> Fitted | None:
    """Train the stages asked for; None when interrupted.

    Parameters
    ----------
    config, setup, adata
        What to train on what.
    stage
        "tokenizer", "prior" (on the tokenizer of `fitted`, or of the run folder), or "all".
    options
        Seed, device, bound on epochs, run folder: each stage has its own folder inside.
    facts
        Recorded with the model, beside the grey labels and the identity of the tokenizer.
    fitted
        Model whose tokenizer is there already.
    """
    if stage not in STAGES:
        raise UsageError(f"Expected stage out of {', '.join(STAGES)}; got {stage!r}.")
    folder = options.folder
    if stage == "prior":
        fitted = fitted or _stored_tokenizer(folder)
        config = PathARConfig(fitted.config.tokenizer, config.prior)
    size_px = config.tokenizer.size_px
    images, validation = training_images(adata, setup, size_px), validation_images(adata, setup, size_px)
    facts = facts | {FITTED_ON: trained_on(adata, setup.split_key)}
    if stage == "prior":
        assert fitted is not None
        if fitted.labels != setup.labels:
            raise UsageError(
                f"Expected the labels that the tokenizer was trained with, {', '.join(fitted.labels)}; got "
                f"{', '.join(setup.labels)}."
            )
    else:
        with _enough_memory("tokenizer", config.tokenizer.batch_size):
            tokenizer = train_tokenizer(
                config.tokenizer, images, options.inside("tokenizer"), validation=validation
            )
        if tokenizer is None:
            return None
        made = tensors_digest(tokenizer.state_dict())
        facts = facts | {"grey_labels": grey_labels(images), TOKENIZER: made}
        facts = facts | options.bounds({}, "tokenizer")
        fitted = Fitted(config, setup.labels, tokenizer, None, list(images.names), facts)
        if folder is not None:
            save_fitted(fitted, tokenizer_folder(folder))
    if stage == "tokenizer":
        return fitted
    with _enough_memory("prior", config.prior.batch_size):
        prior = train_prior(
            config.prior, fitted.tokenizer, images, options.inside("prior"), validation=validation
        )
    if prior is None:
        return None
    return replace(
        fitted,
        config=config,
        prior=prior,
        facts=fitted.facts | facts | options.bounds(fitted.facts, "prior"),
        sha256=None,
        format=None,
        training_rows=list(dict.fromkeys([*fitted.training_rows, *images.names])),
    )


def tokenizer_folder(folder: Path) -> Path:
    """Where a run keeps the model of its first stage."""
    return folder / "tokenizer" / "model"


def grey_labels(images: ImageSet) -> list[str]:
    """Labels of which every image has three equal channels: their synthetic images are made grey, too."""
    grey = np.array([bool((image == image[..., :1]).all()) for image in images.images])
    return [
        name
        for k, name in enumerate(images.label_names)
        if (images.labels == k).any() and grey[images.labels == k].all()
    ]


def _stored_tokenizer(folder: Path | None) -> Fitted:
    if folder is None or not tokenizer_folder(folder).is_dir():
        raise UsageError(
            "Expected a trained tokenizer for stage='prior': run stage='tokenizer' with the same out_dir first, or "
            "load a model that has one."
        )
    return load_fitted(tokenizer_folder(folder))


@contextmanager
def _enough_memory(part: str, batch_size: int) -> Iterator[None]:
    """Say what to do when a GPU is full; another batch is another recipe, so it is not changed silently."""
    try:
        yield
    except torch.cuda.OutOfMemoryError as err:
        raise GenvizError(
            f"Expected room on the GPU for batches of {batch_size} tiles while the {part} is trained; it is full. Pass "
            f"{part}={{'batch_size': {max(batch_size // 2, 1)}}}, or a smaller preset, or device='cpu'."
        ) from err
