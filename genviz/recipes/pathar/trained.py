"""Trained models of PathAR's recipes, kept in the model store: tokenizers by what made them, priors on top.

Rows that differ in the prior alone stand on one tokenizer, which is trained once a seed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from anndata import AnnData

from genviz._errors import UsageError
from genviz._keys import Obs
from genviz.io.weights.parts import config_digest, is_checkpoint
from genviz.metrics.image_set import ImageSet
from genviz.metrics.image_set import image_set as pair_set
from genviz.models import PathAR
from genviz.models.pathar.training.stages import tokenizer_folder
from genviz.models.zoo import MODEL_FOLDER
from genviz.recipes.model_store import model_folder
from genviz.recipes.pathar.jobs import KEY
from genviz.recipes.pathar.options import ModelOptions
from genviz.recipes.seen_by import gate, seen_by_pathar

_TOKENIZER, _MODEL = "pathar-tokenizer", "pathar"


def given_model(options: ModelOptions, seed: int, device: str = "auto") -> PathAR:
    """Load the model that options name.

    Parameters
    ----------
    options
        With ``model``.
    seed
        Stands for ``{seed}`` in it.
    device
        Where to compute.
    """
    return PathAR.load(options.model.replace("{seed}", str(seed)), device=device)


def size_of(options: ModelOptions, seed: int) -> int:
    """Side of the tiles of a row's model, pixels.

    Parameters
    ----------
    options, seed
        Of the row.
    """
    config = given_model(options, seed, "cpu").config if options.model else options.config()
    return int(config.tokenizer.size_px)


def refuse_seen(models: Iterable[PathAR], train: AnnData, held: AnnData) -> None:
    """Refuse held-out images that a model was trained on, or of whose scenes it has seen others.

    Parameters
    ----------
    models
        To be scored.
    train, held
        Training images, whose scenes are read; images to score.

    Raises
    ------
    UsageError
        Saying how many leak in which way.
    """
    known, rows = AnnData(obs=train.obs), AnnData(obs=held.obs)
    for model in {id(one): one for one in models}.values():
        gate(rows, seen_by_pathar(model.fitted, known))


class Models:
    """The models of one row and seed: one for all labels, or one a label.

    Parameters
    ----------
    store
        Folder of trained models.
    options
        Of the row.
    images
        Training images.
    seed
        Of the training.
    device
        Where to compute.
    """

    def __init__(
        self, store: Path, options: ModelOptions, images: AnnData, seed: int, device: str = "auto"
    ) -> None:
        self.store, self.options, self.seed, self.device = store, options, seed, device
        self.images = images
        self.known = sorted(set(images.obs[Obs.LABEL].astype(str)))

    def tokenizers(self) -> list[PathAR]:
        """Train what tokenizers there are not yet, and give all."""
        if self.options.model:
            return [self._given()]
        return [self._tokenizer(group) for group in self._groups()]

    def trained(self) -> dict[str, PathAR]:
        """Label → its model, trained where it is not yet."""
        if self.options.model:
            given = self._given()
            return dict.fromkeys(given.labels, given)
        return {label: model for group in self._groups() for model in [self._model(group)] for label in group}

    def generate(self, n: int, labels: tuple[str, ...] = ()) -> ImageSet:
        """Pairs, `n` of each label; of a model of one stream images without masks.

        Parameters
        ----------
        n
            Pairs a label.
        labels
            Of these; all by default.
        """
        if strangers := sorted(set(labels) - set(self.known)):
            raise UsageError(
                f"Expected labels out of {', '.join(self.known)}; got {', '.join(strangers)}. Look at the data."
            )
        models, rule = self.trained(), self.options.sample_rule()
        parts = [
            pair_set(models[label].generate([label], n, self.seed, rule=rule, key_added=KEY), KEY)
            for label in labels or tuple(models)
        ]
        masks = [part.masks for part in parts if part.masks is not None]
        return ImageSet(
            np.concatenate([part.tiles for part in parts]),
            np.concatenate(masks) if len(masks) == len(parts) else None,
            np.concatenate([part.needed("labels") for part in parts]),
        )

    def _given(self) -> PathAR:
        return given_model(self.options, self.seed, self.device)

    def _groups(self) -> list[tuple[str, ...]]:
        """Labels that share a model."""
        return [(label,) for label in self.known] if self.options.per_label else [tuple(self.known)]

    def _rows(self, group: tuple[str, ...]) -> AnnData:
        rows = self.images[self.images.obs[Obs.LABEL].astype(str).isin(group).to_numpy()].copy()
        PathAR.setup_anndata(rows)
        return rows

    def told(self, rows: AnnData, *, prior: bool) -> dict[str, Any]:
        """Everything that decides the weights of a tokenizer, or of a whole model.

        Parameters
        ----------
        rows
            Trained on.
        prior
            Whether of a whole model.
        """
        config = self.options.config().to_dict()
        return {
            "config": config if prior else config["tokenizer"],
            "rows": config_digest({"names": rows.obs_names.tolist()}),
            "labels": sorted(set(rows.obs[Obs.LABEL].astype(str))),
            "label_weights": dict(self.options.label_weights),
            "preset": self.options.preset,
            "seed": self.seed,
        }

    def _new(self, rows: AnnData) -> PathAR:
        config = self.options.config().to_dict()
        return PathAR(rows, preset=self.options.preset, tokenizer=config["tokenizer"], prior=config["prior"])

    def _tokenizer(self, group: tuple[str, ...]) -> PathAR:
        rows = self._rows(group)
        with model_folder(self.store, _TOKENIZER, self.told(rows, prior=False)) as folder:
            made = tokenizer_folder(folder)
            if not is_checkpoint(made):
                self._train(self._new(rows), "tokenizer", folder, group)
            return PathAR.load(made, device=self.device)

    def _model(self, group: tuple[str, ...]) -> PathAR:
        rows = self._rows(group)
        with model_folder(self.store, _MODEL, self.told(rows, prior=True)) as folder:
            made = folder / MODEL_FOLDER
            if not is_checkpoint(made):
                self._place_tokenizer(group, rows, folder)
                model = self._new(rows)
                self._train(model, "prior", folder, group)
                model.save(made)
            return PathAR.load(made, device=self.device)

    def _place_tokenizer(self, group: tuple[str, ...], rows: AnnData, folder: Path) -> None:
        """Give the prior's run folder a tokenizer that is trained already."""
        self._tokenizer(group)
        placed = tokenizer_folder(folder)
        if is_checkpoint(placed):
            return
        with model_folder(self.store, _TOKENIZER, self.told(rows, prior=False)) as source:
            shutil.rmtree(placed, ignore_errors=True)  # a copy that was cut short
            shutil.copytree(tokenizer_folder(source), placed)

    def _train(self, model: PathAR, stage: str, folder: Path, group: tuple[str, ...]) -> None:
        weights: Mapping[str, float] = self.options.label_weights
        model.train(
            stage=stage,
            seed=self.seed,
            device=self.device,
            label_weights={label: share for label, share in weights.items() if label in group} or None,
            out_dir=folder,
            resume=(folder / stage).exists(),
        )
