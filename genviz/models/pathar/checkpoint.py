"""A trained PathAR as a checkpoint folder, and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genviz._errors import CheckpointError, GenvizError, UsageError
from genviz.io.checkpoint import load_checkpoint, save_checkpoint
from genviz.io.checkpoint_parts import FORMAT
from genviz.io.keyed_tensors import tensors_digest
from genviz.models.pathar.presets import PathARConfig
from genviz.models.pathar.prior import Prior
from genviz.models.pathar.prior_training import new_prior
from genviz.models.pathar.tokenizer import DualTokenizer

KIND = "pathar"
SPLIT, CARD = "split.json", "card.md"
TOKENIZER = (
    "tokenizer"  # the fact that says which training made the tokenizer, whatever precision it is stored in
)
_TOKENIZER, _PRIOR = "tokenizer.", "prior."


@dataclass
class Fitted:
    """Everything a trained model knows.

    Attributes
    ----------
    config
        Of both parts.
    labels
        In model order.
    tokenizer, prior
        Networks; without a prior nothing can be generated, but tiles can be encoded, decoded and swapped.
    training_rows
        Names of the images trained on.
    facts
        Other JSON values: seed, preset, grey labels, sampling rule, identity of the tokenizer.
    sha256, format
        Identity and format number of the checkpoint it was saved as or loaded from; None while unsaved.
    device
        Where the networks are.
    """

    config: PathARConfig
    labels: tuple[str, ...]
    tokenizer: DualTokenizer
    prior: Prior | None
    training_rows: list[str]
    facts: dict[str, Any] = field(default_factory=dict)
    sha256: str | None = None
    format: int | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def to(self, device: torch.device) -> Fitted:
        """Move the networks."""
        self.device = device
        self.tokenizer.to(device)
        if self.prior is not None:
            self.prior.to(device)
        return self

    @property
    def split_sha256(self) -> str:
        """SHA-256 of the training rows."""
        return hashlib.sha256(json.dumps(sorted(self.training_rows)).encode()).hexdigest()

    def trained_prior(self) -> Prior:
        """The prior.

        Raises
        ------
        UsageError
            When only the tokenizer was trained.
        """
        if self.prior is None:
            raise UsageError(
                "Expected a model with a prior; this one has a tokenizer only. Train it with stage='prior'."
            )
        return self.prior


def save_fitted(fitted: Fitted, folder: str | Path, card: str | None = None, *, half: bool = False) -> str:
    """Write a checkpoint folder, and its SHA-256 and format number into `fitted`; returns the SHA-256.

    Parameters
    ----------
    fitted
        What to write.
    folder
        Where to.
    card
        Text of ``card.md``.
    half
        Store float16, half the bytes. Tokens near a tie may change, so a prior is stored in one file with the
        tokenizer it was trained on, and both are read back the same on every machine.
    """
    networks: dict[str, torch.nn.Module] = {_TOKENIZER: fitted.tokenizer}
    if fitted.prior is not None:
        networks[_PRIOR] = fitted.prior
    tensors = {
        prefix + name: _stored(value, half)
        for prefix, network in networks.items()
        for name, value in network.state_dict().items()
    }
    config = fitted.config.to_dict() | {
        "labels": list(fitted.labels),
        "facts": fitted.facts,
        "tokenizer_sha256": tensors_digest(_part(tensors, _TOKENIZER)),
    }
    texts = {SPLIT: json.dumps({"train": fitted.training_rows, "sha256": fitted.split_sha256}, indent=1)}
    if card is not None:
        texts[CARD] = card
    fitted.sha256 = save_checkpoint(folder, config, tensors, texts, kind=KIND)
    fitted.format = FORMAT
    return fitted.sha256


def load_fitted(folder: str | Path) -> Fitted:
    """Read a checkpoint folder.

    Raises
    ------
    CheckpointError
        Damaged, newer, of another model, or with a tokenizer that the prior was not trained on.
    """
    found = load_checkpoint(folder, kind=KIND)
    try:
        config = PathARConfig.from_dict(found.config)
        labels = tuple(str(label) for label in found.config["labels"])
        tokenizer = DualTokenizer(config.tokenizer)
        tokenizer.load_state_dict(_part(found.tensors, _TOKENIZER, torch.float32))
        weights = _part(found.tensors, _PRIOR, torch.float32)
        prior = None
        if weights:
            prior = new_prior(config.prior, tokenizer, len(labels))
            prior.load_state_dict(weights)
            prior.eval()
        training_rows = [str(name) for name in json.loads(found.texts[SPLIT])["train"]]
        told = str(found.config["tokenizer_sha256"])
        facts = dict(found.config["facts"])
    except (KeyError, RuntimeError, TypeError, ValueError, GenvizError) as err:
        raise CheckpointError(
            f"Expected a complete PathAR checkpoint in {folder}; its parts do not fit together ({str(err)[:200]}). "
            "Save the model again, or fetch the checkpoint anew."
        ) from err
    if told != tensors_digest(_part(found.tensors, _TOKENIZER)):
        raise CheckpointError(
            f"Expected the tokenizer that the prior in {folder} was trained on; it holds another. A prior means "
            "nothing to another tokenizer's codes: take both from one training."
        )
    if not all(torch.isfinite(value).all() for value in found.tensors.values()):
        raise CheckpointError(f"Expected trained networks in {folder}; found weights that are not finite.")
    return Fitted(
        config,
        labels,
        tokenizer.eval(),
        prior,
        training_rows,
        facts=facts,
        sha256=found.sha256,
        format=found.format,
    )


def _stored(value: Tensor, half: bool) -> Tensor:
    return value.half() if half and value.is_floating_point() else value


def _part(tensors: Mapping[str, Tensor], prefix: str, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
    """Tensors under a prefix, without it; floating ones in another precision where asked."""
    return {
        name.removeprefix(prefix): value.to(dtype) if dtype and value.is_floating_point() else value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
