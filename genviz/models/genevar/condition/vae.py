"""The variational autoencoder as a condition: trained on training rows, its posterior means standardised.

Shape legend: N rows, U used genes, Z dimensions of the code.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genviz.core.keyed import row_key
from genviz.core.splits import grouped_split
from genviz.models.genevar.condition.conditioner import Conditioner, State, noisy, thin, with_depth
from genviz.models.genevar.condition.config import ConditionConfig
from genviz.models.genevar.condition.gene_vae import GeneVAE
from genviz.models.genevar.condition.profiles import Profiles
from genviz.models.genevar.condition.scaler import ProfileScaler
from genviz.train.batches import KeyedBatches
from genviz.train.fitting import FitOptions, fit_network

log = logging.getLogger("genviz")

Float = NDArray[np.float32]

_HELD_OUT = 0.1
_LEAST_GROUPS = 10  # patients from which some are held out to stop by
_ACTIVE = 0.01  # variance of a dimension's means over rows, from which it is in use (Burda et al. 2016)
_WEIGHTS = "vae."


@dataclass(frozen=True)
class VaeConditioner(Conditioner):
    """Posterior means over their deviations on the training rows, then the depth.

    Attributes
    ----------
    config, scaler, network
        Recipe; genes and their statistics; the trained network, in evaluation mode on the CPU.
    mean_Z, std_Z
        Of the posterior means of the training rows; the deviation is at least `std_floor`.
    facts
        Likelihood, reduction, active dimensions, and how training ended.
    """

    scaler: ProfileScaler
    network: GeneVAE
    mean_Z: Float
    std_Z: Float
    facts: Mapping[str, Any]

    @classmethod
    def fit(
        cls,
        config: ConditionConfig,
        profiles: Profiles,
        *,
        seed: int = 0,
        groups: Sequence[str] | None = None,
        device: torch.device | None = None,
        folder: Path | None = None,
        resume: bool = False,
    ) -> VaeConditioner | None:
        """Train on training rows; None when interrupted.

        Parameters
        ----------
        config
            The recipe.
        profiles
            Training rows.
        seed
            Of weights, order, dropout and which groups are held out.
        groups
            Patient of each row. With ten or more, a tenth of them is held out, and training stops by their likelihood.
        device
            Where to train; the CPU by default.
        folder
            Keeps the state after each epoch; None keeps nothing.
        resume
            Go on from there.
        """
        scaler = ProfileScaler.fit(profiles, config)
        with torch.random.fork_rng():
            torch.manual_seed(row_key(seed, "", "gene vae", "start") % 2**63)
            network = GeneVAE(config, len(scaler.columns_U))
        held_N = _held_out(groups, len(profiles), seed)
        columns = _columns(config, scaler, profiles)
        batches = KeyedBatches([c[~held_N] for c in columns], config.batch_size, seed=seed)
        validation = KeyedBatches([c[held_N] for c in columns], 256, shuffle=False) if held_N.any() else None
        network.start(config.max_epochs * len(batches))
        log.info(
            "Gene VAE: %s likelihood as %s over %d genes, beta %g.",
            config.likelihood, config.recon_reduction, network.n_genes, config.beta,
        )  # fmt: skip
        options = FitOptions(
            max_epochs=config.max_epochs,
            lr=config.lr,
            weight_decay=config.weight_decay,
            final_lr_fraction=config.final_lr_fraction,
            grad_clip=config.grad_clip,
            seed=seed,
            patience=config.patience,
            device=torch.device("cpu") if device is None else device,
            folder=folder,
            resume=resume,
            description="gene VAE",
        )
        best: dict[str, float] = {}
        if not fit_network(network, batches, options, validation=validation, best=best):
            return None
        network.eval()
        mean_NZ, _ = _posterior(network, scaler, profiles, config)
        spread_Z = mean_NZ.std(axis=0)
        facts = {
            "likelihood": config.likelihood,
            "recon_reduction": config.recon_reduction,
            "active_dimensions": int((spread_Z**2 > _ACTIVE).sum()),
            "held_out_rows": int(held_N.sum()),
            "best": best,
        }
        return cls(
            config, scaler, network, mean_NZ.mean(axis=0), np.maximum(spread_Z, config.std_floor), facts
        )

    @property
    def input_dim(self) -> int:
        """Dimensions of the code, and one for the depth."""
        return self.config.n_latent + self.config.depth

    def transform(self, profiles: Profiles) -> Float:
        """Standardised means, then the depth: (N, Z)."""
        mean_NZ, _ = _posterior(self.network, self.scaler, profiles, self.config)
        return with_depth((mean_NZ - self.mean_Z) / self.std_Z, self.scaler, profiles, self.config)

    def view(self, profiles: Profiles, *, seed: int, view: int) -> Float:
        """Codes of thinned counts, with noise; a draw from the posterior with ``z_mode="sample"``."""
        seen = thin(profiles, self.config, seed, view)
        code_NZ, deviation_NZ = _posterior(self.network, self.scaler, seen, self.config)
        if self.config.z_mode == "sample":
            for row in range(len(seen)):
                noise_Z = seen.generator(row, seed, f"posterior {view}").standard_normal(
                    code_NZ.shape[1], np.float32
                )
                code_NZ[row] += deviation_NZ[row] * noise_Z
        code_NZ = with_depth((code_NZ - self.mean_Z) / self.std_Z, self.scaler, seen, self.config)
        return noisy(code_NZ, seen, self.config, seed, view)

    def state(self) -> State:
        """Arrays and JSON values."""
        weights = {_WEIGHTS + name: value.numpy() for name, value in self.network.state_dict().items()}
        tensors = self.scaler.tensors() | weights | {"mean": self.mean_Z, "std": self.std_Z}
        return tensors, {"condition": self.config.to_dict(), "facts": dict(self.facts)}

    @classmethod
    def from_state(
        cls, config: ConditionConfig, tensors: Mapping[str, Any], facts: Mapping[str, Any]
    ) -> VaeConditioner:
        """Rebuild from `state`.

        Parameters
        ----------
        config
            The recipe.
        tensors
            Arrays, or tensors on the CPU.
        facts
            As in the JSON values.
        """
        scaler = ProfileScaler.from_tensors(tensors)
        network = GeneVAE(config, len(scaler.columns_U))
        weights = {name.removeprefix(_WEIGHTS): v for name, v in tensors.items() if name.startswith(_WEIGHTS)}
        network.load_state_dict({name: torch.as_tensor(np.asarray(value)) for name, value in weights.items()})
        mean_Z, std_Z = (np.asarray(tensors[name]) for name in ("mean", "std"))
        return cls(config, scaler, network.eval(), mean_Z, std_Z, facts)


def _held_out(groups: Sequence[str] | None, n_rows: int, seed: int) -> NDArray[np.bool_]:
    """Rows of about a tenth of the patients; none where there are few."""
    if groups is None or len(set(groups)) < _LEAST_GROUPS:
        return np.zeros(n_rows, dtype=bool)
    return np.asarray(grouped_split(list(groups), val=_HELD_OUT, seed=seed) == "val")


def _columns(config: ConditionConfig, scaler: ProfileScaler, profiles: Profiles) -> list[Tensor]:
    """What a batch of the network consists of."""
    columns = [torch.from_numpy(scaler.standardised(profiles, config))]
    if config.likelihood == "nb":
        counts_NU = profiles.matrix[:, scaler.columns_U].toarray()
        columns.append(torch.from_numpy(counts_NU.astype(np.float32)))
    return columns


@torch.no_grad()
def _posterior(
    network: GeneVAE, scaler: ProfileScaler, profiles: Profiles, config: ConditionConfig
) -> tuple[Float, Float]:
    """Means and deviations, (N, Z), row by row: in a batch, rounding depends on a row's place in it."""
    x_NU = scaler.standardised(profiles, config)
    mean_NZ, deviation_NZ = (np.empty((len(x_NU), config.n_latent), np.float32) for _ in range(2))
    row_1U = torch.empty(1, x_NU.shape[1])  # one buffer: alignment in memory chooses the kernel too
    for i, x_U in enumerate(x_NU):
        row_1U[0] = torch.from_numpy(x_U)
        mean_1Z, log_variance_1Z = network.encode(row_1U)
        mean_NZ[i], deviation_NZ[i] = mean_1Z[0].numpy(), (0.5 * log_variance_1Z[0]).exp().numpy()
    return mean_NZ, deviation_NZ
