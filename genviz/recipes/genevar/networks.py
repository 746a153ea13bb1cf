"""GeneVAR of a preset with random weights, for benchmarks: what a trained one costs, without training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from genviz.models.genevar.condition.conditioner import Conditioner
from genviz.models.genevar.condition.config import ConditionConfig
from genviz.models.genevar.condition.gene_vae import GeneVAE
from genviz.models.genevar.condition.kinds import fit_conditioner
from genviz.models.genevar.condition.profiles import Profiles
from genviz.models.genevar.condition.scaler import ProfileScaler
from genviz.models.genevar.condition.vae import VaeConditioner
from genviz.models.genevar.config import GeneVARConfig
from genviz.models.genevar.fitted import new_flow, new_prior
from genviz.models.genevar.flow.injector import FlowInjector
from genviz.models.genevar.flow.network import Flow
from genviz.models.genevar.presets import preset as preset_config
from genviz.models.genevar.prior.network import ScalePrior
from genviz.models.genevar.tokenizer.network import Tokenizer

_ALL_GENES = 17_655  # of the published profiles
_ROWS = 64
_SPREAD = 0.02


@dataclass(frozen=True)
class Networks:
    """The parts of a preset.

    Attributes
    ----------
    config
        Of all parts.
    conditioner, tokenizer, flow, prior
        With random weights, in evaluation mode. `flow` is None with ``refine=False``.
    profiles
        Random profiles for the conditioner.
    device
        Where the networks are.
    """

    config: GeneVARConfig
    conditioner: Conditioner
    tokenizer: Tokenizer
    flow: Flow | None
    prior: ScalePrior
    profiles: Profiles
    device: torch.device

    @property
    def injector(self) -> FlowInjector | None:
        """The flow's part in the prior; None where it has none."""
        if self.flow is None or not self.config.injects:
            return None
        return FlowInjector(self.flow, self.config.mask, self.config.prior.masked_input)

    def by_name(self) -> dict[str, nn.Module]:
        """The networks that there are."""
        flow: dict[str, nn.Module] = {} if self.flow is None else {"flow": self.flow}
        return {"tokenizer": self.tokenizer, **flow, "prior": self.prior}


def networks(preset: str, device: torch.device, *, seed: int = 0) -> Networks:
    """All parts of a preset; every weight takes part, those too that training begins at zero.

    Parameters
    ----------
    preset
        "nano", "mini", "paper".
    device
        Where to.
    seed
        Of the weights.
    """
    config = preset_config(preset)
    profiles = _profiles(config.condition)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        conditioner = _conditioner(config.condition, profiles)
        tokenizer, prior = Tokenizer(config.tokenizer), new_prior(config, conditioner)
        flow = new_flow(config, conditioner) if config.refine else None
        for network in (tokenizer, prior, *([] if flow is None else [flow])):
            _shake(network)
        nn.init.normal_(prior.head.weight, std=0.1)
        nn.init.normal_(tokenizer.quantiser.codes_VD)
    for network in (tokenizer, prior, *([] if flow is None else [flow])):
        network.to(device).requires_grad_(False).eval()
    return Networks(config, conditioner, tokenizer, flow, prior, profiles, device)


@torch.no_grad()
def _shake(network: nn.Module) -> None:
    for parameter in network.parameters():
        parameter.add_(torch.randn_like(parameter), alpha=_SPREAD)


def _profiles(config: ConditionConfig) -> Profiles:
    counts = np.random.default_rng(0).poisson(3.0, (_ROWS, config.n_genes or _ALL_GENES))
    return Profiles.of(counts)


def _conditioner(config: ConditionConfig, profiles: Profiles) -> Conditioner:
    if config.kind != "vae":
        fitted = fit_conditioner(config, profiles)
        assert fitted is not None
        return fitted
    scaler = ProfileScaler.fit(profiles, config)
    network = GeneVAE(config, len(scaler.columns_U)).eval()
    zeros_Z = np.zeros(config.n_latent, np.float32)
    return VaeConditioner(config, scaler, network, zeros_Z, zeros_Z + 1, {})
