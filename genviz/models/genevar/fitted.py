"""Everything that a trained GeneVAR knows, and untrained networks of the right sizes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from genviz._errors import UsageError
from genviz.models.genevar.condition.conditioner import Conditioner
from genviz.models.genevar.condition.profile_range import ProfileRange
from genviz.models.genevar.config import GeneVARConfig
from genviz.models.genevar.flow.injector import FlowInjector
from genviz.models.genevar.flow.network import Flow
from genviz.models.genevar.prior.network import ScalePrior
from genviz.models.genevar.tokenizer.network import Tokenizer
from genviz.models.parts import split_digest

TOKENIZER = "tokenizer"
"""The fact that says which training made the tokenizer, whatever precision it is stored in."""
FLOW = "flow"
"""The same of the flow."""


@dataclass
class Fitted:
    """The parts of a model; those of later stages may be missing.

    Attributes
    ----------
    config
        Of all parts.
    genes
        Names of the genes of a profile, in the conditioner's order.
    conditioner
        From profiles to what `head` takes.
    tokenizer, flow, prior
        Networks; without a prior nothing can be generated, but tiles can be encoded and decoded.
    head
        From the conditioner's input to conditions, trained with the prior; it has parameters with "linear" only.
    facts
        Other JSON values: seed, preset, identity of the tokenizer (`TOKENIZER`) and of the flow (`FLOW`).
    training_rows
        Names of the rows trained on.
    span
        What their profiles span; None: not known, or there are no genes.
    device
        Where the networks are.
    sha256, format
        Identity and format number of the checkpoint it was saved as or loaded from; None while unsaved.
    """

    config: GeneVARConfig
    genes: list[str]
    conditioner: Conditioner | None = None
    tokenizer: Tokenizer | None = None
    flow: Flow | None = None
    prior: ScalePrior | None = None
    head: nn.Module = field(default_factory=nn.Identity)
    facts: dict[str, Any] = field(default_factory=dict)
    training_rows: list[str] = field(default_factory=list)
    span: ProfileRange | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    sha256: str | None = None
    format: int | None = None

    def to(self, device: torch.device) -> Fitted:
        """Move the networks.

        Parameters
        ----------
        device
            Where to.
        """
        self.device = device
        for network in (self.tokenizer, self.flow, self.prior, self.head):
            if network is not None:
                network.to(device)
        return self

    @property
    def split_sha256(self) -> str:
        """SHA-256 of the training rows."""
        return split_digest(self.training_rows)

    def fitted_conditioner(self) -> Conditioner:
        """The conditioner.

        Raises
        ------
        UsageError
            When it is not fitted.
        """
        if self.conditioner is None:
            raise UsageError("Expected a model with a condition; this one has none. Run train(stage='vae').")
        return self.conditioner

    def trained_tokenizer(self) -> Tokenizer:
        """The tokenizer.

        Raises
        ------
        UsageError
            When it is not trained.
        """
        if self.tokenizer is None:
            raise UsageError(
                "Expected a model with a tokenizer; this one has none. Run train(stage='tokenizer')."
            )
        return self.tokenizer

    def trained_flow(self) -> Flow:
        """The flow.

        Raises
        ------
        UsageError
            When there is none.
        """
        if self.flow is None:
            raise UsageError(
                "Expected a model with a flow; this one has none. Run train(stage='meanflow') with refine=True."
            )
        return self.flow

    def trained_prior(self) -> ScalePrior:
        """The prior.

        Raises
        ------
        UsageError
            When it is not trained.
        """
        if self.prior is None:
            raise UsageError("Expected a model with a prior; this one has none. Run train(stage='prior').")
        return self.prior

    def injector(self) -> FlowInjector | None:
        """What masks and refines the prior's inputs in sampling; None for a plain prior.

        Raises
        ------
        UsageError
            When there should be a flow and is none.
        """
        if not self.config.injects:
            return None
        return FlowInjector(self.trained_flow(), self.config.mask, self.config.prior.masked_input)


def new_flow(config: GeneVARConfig, conditioner: Conditioner) -> Flow:
    """A flow of the right sizes, untrained.

    Parameters
    ----------
    config
        Of all parts.
    conditioner
        Says how long conditions are.
    """
    tokenizer = config.tokenizer
    return Flow(
        config.flow,
        conditioner.cond_dim,
        tokenizer.code_dim,
        tokenizer.scales,
        velocity_scale=config.counterfactuals.velocity_scale,
    )


def new_prior(config: GeneVARConfig, conditioner: Conditioner) -> ScalePrior:
    """A prior of the right sizes, untrained.

    Parameters
    ----------
    config
        Of all parts.
    conditioner
        Says how long conditions are.
    """
    tokenizer = config.tokenizer
    return ScalePrior(
        config.prior, conditioner.cond_dim, tokenizer.code_dim, tokenizer.n_codes, tokenizer.scales
    )
