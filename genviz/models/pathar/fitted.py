"""Everything that a trained PathAR knows, and an untrained prior of the right sizes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from genviz._errors import UsageError
from genviz.models.parts import split_digest
from genviz.models.pathar.config import PathARConfig
from genviz.models.pathar.prior.config import PriorConfig
from genviz.models.pathar.prior.network import Prior
from genviz.models.pathar.tokenizer.network import DualTokenizer

TOKENIZER = "tokenizer"
"""The fact that says which training made the tokenizer, whatever precision it is stored in."""


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
        Other JSON values: seed, preset, grey labels, organs, sampling rule, identity of the tokenizer.
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
    def organs(self) -> tuple[str, ...]:
        """Organs in model order; none of a model that was trained without."""
        return tuple(str(organ) for organ in self.facts.get("organs", ()))

    @property
    def split_sha256(self) -> str:
        """SHA-256 of the training rows."""
        return split_digest(self.training_rows)

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


def new_prior(config: PriorConfig, tokenizer: DualTokenizer, n_labels: int, n_organs: int = 0) -> Prior:
    """A prior over the tokens of a tokenizer, untrained."""
    return Prior(
        config,
        n_labels=n_labels,
        n_organs=n_organs,
        grid=tokenizer.config.grid,
        structure_codes=tokenizer.config.structure_codes if tokenizer.dual else 0,
        appearance_codes=tokenizer.config.appearance_codes,
    )
