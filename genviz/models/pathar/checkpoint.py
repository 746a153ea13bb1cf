"""A trained PathAR as a checkpoint folder, and back."""

from __future__ import annotations

from pathlib import Path

from genviz._errors import CheckpointError
from genviz.io.weights.checkpoint import load_checkpoint, save_checkpoint
from genviz.io.weights.keyed_tensors import tensors_digest
from genviz.io.weights.parts import FORMAT
from genviz.models.parts import (
    CARD,
    SPLIT,
    check_finite,
    filled,
    fitting_together,
    named,
    part,
    rows_of_split,
    split_text,
)
from genviz.models.pathar.config import PathARConfig
from genviz.models.pathar.fitted import Fitted, new_prior
from genviz.models.pathar.tokenizer.network import DualTokenizer

KIND = "pathar"
_TOKENIZER, _PRIOR = "tokenizer.", "prior."


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
    tensors = named(_TOKENIZER, fitted.tokenizer, half=half) | named(_PRIOR, fitted.prior, half=half)
    config = fitted.config.to_dict() | {
        "labels": list(fitted.labels),
        "facts": fitted.facts,
        "tokenizer_sha256": tensors_digest(part(tensors, _TOKENIZER)),
    }
    texts = {SPLIT: split_text(fitted.training_rows)}
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
    with fitting_together("PathAR", folder):
        config = PathARConfig.from_dict(found.config)
        labels = tuple(str(label) for label in found.config["labels"])
        tokenizer = filled(DualTokenizer(config.tokenizer), found.tensors, _TOKENIZER)
        facts = dict(found.config["facts"])
        prior = None
        if part(found.tensors, _PRIOR):
            empty = new_prior(config.prior, tokenizer, len(labels), len(facts.get("organs", ())))
            prior = filled(empty, found.tensors, _PRIOR)
        training_rows = rows_of_split(found.texts[SPLIT])
        told = str(found.config["tokenizer_sha256"])
    if told != tensors_digest(part(found.tensors, _TOKENIZER)):
        raise CheckpointError(
            f"Expected the tokenizer that the prior in {folder} was trained on; it holds another. A prior means "
            "nothing to another tokenizer's codes: take both from one training."
        )
    check_finite(found.tensors, folder)
    return Fitted(
        config,
        labels,
        tokenizer,
        prior,
        training_rows,
        facts=facts,
        sha256=found.sha256,
        format=found.format,
    )
