"""A trained GeneVAR as a checkpoint folder, and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from genviz._errors import CheckpointError
from genviz.io.weights.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from genviz.io.weights.keyed_tensors import tensors_digest
from genviz.io.weights.parts import FORMAT
from genviz.models.genevar.condition.conditioner import Conditioner
from genviz.models.genevar.condition.kinds import restore_conditioner
from genviz.models.genevar.condition.profile_range import ProfileRange
from genviz.models.genevar.config import GeneVARConfig
from genviz.models.genevar.fitted import Fitted, new_flow, new_prior
from genviz.models.genevar.tokenizer.network import Tokenizer
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

KIND = "genevar"
GENES = "genes.txt"
RANGE = "range.json"  # what the training profiles span; absent in checkpoints from before it was kept
_CONDITION, _HEAD = "condition.", "head."
_NETWORKS = ("tokenizer", "flow", "prior")


def save_fitted(fitted: Fitted, folder: str | Path, card: str | None = None, *, half: bool = False) -> str:
    """Write a checkpoint folder, and its SHA-256 and format number into `fitted`; returns the SHA-256.

    Parameters
    ----------
    fitted
        What to write; stages that were not trained are left out.
    folder
        Where to.
    card
        Text of ``card.md``.
    half
        Store networks as float16, half the bytes. Tokens near a tie may change, so all parts are stored together and
        are read back the same on every machine. Statistics of the condition keep their precision.
    """
    tensors: dict[str, Tensor] = {}
    for name in _NETWORKS:
        tensors |= named(f"{name}.", getattr(fitted, name), half=half)
    tensors |= named(_HEAD, fitted.head, half=half)
    told: dict[str, Any] | None = None
    if fitted.conditioner is not None:
        arrays, told = fitted.conditioner.state()
        tensors |= {_CONDITION + name: torch.from_numpy(np.array(value)) for name, value in arrays.items()}
    config = fitted.config.to_dict() | {
        "conditioner": told,
        "facts": fitted.facts,
        "parts": _digests(tensors),
    }
    texts = {
        GENES: "".join(f"{gene}\n" for gene in fitted.genes),
        SPLIT: split_text(fitted.training_rows),
    }
    if fitted.span is not None:
        texts[RANGE] = fitted.span.to_json()
    if card is not None:
        texts[CARD] = card
    fitted.sha256 = save_checkpoint(folder, config, tensors, texts, kind=KIND)
    fitted.format = FORMAT
    return fitted.sha256


def load_fitted(folder: str | Path) -> Fitted:
    """Read a checkpoint folder.

    Parameters
    ----------
    folder
        Written by `save_fitted`.

    Raises
    ------
    CheckpointError
        Damaged, newer, of another model, or with parts that were not trained together.
    """
    found = load_checkpoint(folder, kind=KIND)
    with fitting_together("GeneVAR", folder):
        fitted = _rebuilt(found)
        told = dict(found.config["parts"])
    own = _digests(found.tensors)
    foreign = sorted(name for name in set(told) | set(own) if told.get(name) != own.get(name))
    if foreign:
        raise CheckpointError(
            f"Expected parts in {folder} that were trained together; {' and '.join(foreign)} came from elsewhere. A "
            "prior means nothing to another tokenizer's codes or another condition: take all from one training."
        )
    check_finite(found.tensors, folder)
    return fitted


def _rebuilt(found: Checkpoint) -> Fitted:
    """Networks and conditioner from their tensors."""
    values, tensors = found.config, found.tensors
    config = GeneVARConfig.from_dict(
        {name: part for name, part in values.items() if name not in ("conditioner", "facts", "parts")}
    )
    fitted = Fitted(
        config,
        found.texts[GENES].splitlines(),
        facts=dict(values["facts"]),
        training_rows=rows_of_split(found.texts[SPLIT]),
        sha256=found.sha256,
        format=found.format,
    )
    if _has(tensors, "tokenizer."):
        fitted.tokenizer = filled(Tokenizer(config.tokenizer), tensors, "tokenizer.")
    if values["conditioner"] is not None:
        conditioner = restore_conditioner(part(tensors, _CONDITION), values["conditioner"])
        fitted.conditioner = conditioner
        if _has(tensors, _HEAD):  # a projection is there once the prior is
            fitted.head = filled(conditioner.head(), tensors, _HEAD)
        if _has(tensors, "flow."):
            fitted.flow = filled(new_flow(config, conditioner), tensors, "flow.")
        if _has(tensors, "prior."):
            fitted.prior = filled(new_prior(config, conditioner), tensors, "prior.")
        fitted.span = _span(found, conditioner, fitted.head)
    return fitted


def _span(found: Checkpoint, conditioner: Conditioner, head: nn.Module) -> ProfileRange | None:
    """The range of the training profiles, where the checkpoint keeps it."""
    scaler: Any = getattr(conditioner, "scaler", None)
    if RANGE not in found.texts or scaler is None:
        return None
    width = conditioner.input_dim if isinstance(head, nn.Identity) else conditioner.cond_dim
    return ProfileRange.from_json(found.texts[RANGE], len(scaler.columns_U), width)


def _digests(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """SHA-256 of each part."""
    prefixes = sorted({name.partition(".")[0] for name in tensors})
    return {prefix: tensors_digest(part(tensors, f"{prefix}.")) for prefix in prefixes}


def _has(tensors: Mapping[str, Tensor], prefix: str) -> bool:
    return any(name.startswith(prefix) for name in tensors)
