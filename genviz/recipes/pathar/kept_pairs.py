"""Generated pairs kept beside the models, so that every row which needs them reads the same ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from genviz.io.weights.keyed_tensors import read_keyed, write_keyed
from genviz.io.weights.parts import config_digest
from genviz.metrics.image_set import ImageSet
from genviz.recipes.model_store import model_folder
from genviz.recipes.pathar.trained import Models

_KIND, _FILE = "pathar-pairs", "pairs.safetensors"


def kept_pairs(store: Path, models: Models, n: int, labels: tuple[str, ...] = ()) -> ImageSet:
    """Pairs of `Models.generate`, made once.

    Parameters
    ----------
    store
        Folder of trained models.
    models
        What generates; trained where it is not yet.
    n, labels
        See `Models.generate`.
    """
    wanted = list(labels or models.known)
    told = models.told(models.images, prior=True) | {
        "model": models.options.model, "per_label": models.options.per_label, "n": n, "labels_made": wanted,
        "rule": str(models.options.rule),
    }  # fmt: skip
    key = config_digest(told)
    with model_folder(store, _KIND, told) as folder:
        stored = read_keyed(folder / _FILE, key)
        if stored is None:
            made = models.generate(n, tuple(wanted))
            kinds = np.array([wanted.index(label) for label in made.needed("labels").tolist()])
            stored = {
                "tiles": torch.from_numpy(made.tiles),
                "masks": torch.from_numpy(made.needed("masks").astype(np.int32)),
                "labels": torch.from_numpy(kinds),
            }
            write_keyed(folder / _FILE, key, stored)
    labels_N = np.array(wanted, object)[stored["labels"].numpy()]
    return ImageSet(stored["tiles"].numpy(), stored["masks"].numpy(), labels_N)
