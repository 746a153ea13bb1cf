"""A trained GenAR as a checkpoint folder, and back."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from genviz._errors import CheckpointError
from genviz.core.gene_tree import GeneTree
from genviz.io.weights.checkpoint import load_checkpoint, save_checkpoint
from genviz.io.weights.parts import FORMAT
from genviz.models.genar.config import GenARConfig
from genviz.models.genar.ensemble import Ensemble
from genviz.models.parts import CARD, SPLIT, check_finite, fitting_together

KIND = "genar"
GENES = "genes.txt"


@dataclass
class Fitted:
    """Everything a trained model knows.

    Attributes
    ----------
    ensemble
        Networks, tree and scaler.
    features, recipe
        Key of the features in ``obsm``, and how they were made.
    training_rows
        Section → names of the rows trained on.
    facts
        Other JSON values: epochs, seed, patients, median panel counts, validation section and best epochs, and what
        training, panel and tree have seen.
    sha256, format
        Identity and format number of the checkpoint it was saved as or loaded from; None while unsaved.
    """

    ensemble: Ensemble
    features: str
    recipe: dict[str, Any]
    training_rows: dict[str, list[str]]
    facts: dict[str, Any] = field(default_factory=dict)
    sha256: str | None = None
    format: int | None = None

    def to(self, device: torch.device) -> Fitted:
        """Move the networks."""
        self.ensemble.to(device)
        return self

    @property
    def split_sha256(self) -> str:
        """SHA-256 of the training rows."""
        return hashlib.sha256(json.dumps(self.training_rows, sort_keys=True).encode()).hexdigest()


def save_fitted(fitted: Fitted, folder: str | Path, card: str | None = None) -> str:
    """Write a checkpoint folder, and its SHA-256 and format number into `fitted`; returns the SHA-256."""
    ensemble = fitted.ensemble
    config = {
        "network": ensemble.config.to_dict(),
        "tree": ensemble.tree.to_dict(),
        "scaler": {
            "distance": ensemble.scaler.distance,
            "by_section": ensemble.scaler.by_section,
            "shift": ensemble.scaler.shift,
        },
        "features": fitted.features,
        "recipe": fitted.recipe,
        "facts": fitted.facts,
    }
    texts = {
        GENES: "\n".join(ensemble.tree.genes) + "\n",
        SPLIT: json.dumps({"train": fitted.training_rows, "sha256": fitted.split_sha256}, indent=1),
    }
    if card is not None:
        texts[CARD] = card
    fitted.sha256 = save_checkpoint(folder, config, ensemble.tensors(), texts, kind=KIND)
    fitted.format = FORMAT
    return fitted.sha256


def load_fitted(folder: str | Path) -> Fitted:
    """Read a checkpoint folder.

    Raises
    ------
    CheckpointError
        Damaged, newer, of another model, or inconsistent.
    """
    found = load_checkpoint(folder, kind=KIND)
    with fitting_together("GenAR", folder):
        config = GenARConfig.from_dict(found.config["network"])
        tree = GeneTree.from_dict(found.config["tree"])
        ensemble = Ensemble.from_tensors(config, tree, found.config["scaler"], found.tensors)
        training_rows = json.loads(found.texts[SPLIT])["train"]
        genes = tuple(found.texts[GENES].split())
    if genes != tree.genes:
        raise CheckpointError(
            f"Expected {GENES} to list the genes of the tree in {folder}; they differ. It was edited."
        )
    if not ensemble.members:
        raise CheckpointError(f"Expected trained networks in {folder}; found none.")
    check_finite(found.tensors, folder)
    return Fitted(
        ensemble,
        features=str(found.config["features"]),
        recipe=dict(found.config["recipe"]),
        training_rows=training_rows,
        facts=dict(found.config["facts"]),
        sha256=found.sha256,
        format=found.format,
    )
