"""A variational autoencoder of profiles: its posterior means are the condition (specification 2.1).

Shape legend: B rows, G genes, Z dimensions of the code.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from genviz.models.genevar.condition.config import ConditionConfig
from genviz.nn.count_likelihoods import negative_binomial_log_prob

_LOG_VARIANCE = 8.0  # largest size of the posterior's log variance
_LEAST_LOG_SIGMA = -3.0
_LOG_DISPERSION = 8.0


def gaussian_kl(mean_BZ: Tensor, log_variance_BZ: Tensor) -> Tensor:
    """KL divergence of N(mean, variance) from N(0, 1) in each dimension: ``(m² + exp(l) - 1 - l) / 2``, nats.

    Parameters
    ----------
    mean_BZ, log_variance_BZ
        Of the posterior.
    """
    return 0.5 * (mean_BZ.square() + log_variance_BZ.exp() - 1 - log_variance_BZ)


class GeneVAE(nn.Module):
    """Encoder and decoder of two layers, three likelihoods.

    Parameters
    ----------
    config
        Widths, likelihood, reductions.
    n_genes
        G.
    """

    progress: Tensor  # steps done and steps in all, as a buffer: a resumed run warms up where it was
    log_sigma_G: nn.Parameter
    log_dispersion_G: nn.Parameter

    def __init__(self, config: ConditionConfig, n_genes: int) -> None:
        super().__init__()
        self.config, self.n_genes = config, n_genes
        widths = [n_genes, *config.hidden]
        self.encoder = _stack(widths, 2 * config.n_latent, config.dropout)
        self.decoder = _stack([config.n_latent, *reversed(config.hidden)], n_genes, config.dropout)
        if config.likelihood == "gaussian_gene":
            self.log_sigma_G = nn.Parameter(torch.zeros(n_genes))
        if config.likelihood == "nb":
            self.log_dispersion_G = nn.Parameter(torch.zeros(n_genes))
        self.register_buffer("progress", torch.zeros(2, dtype=torch.float64))

    def start(self, n_steps: int) -> None:
        """Tell how many steps training has, for the warm-up.

        Parameters
        ----------
        n_steps
            In all epochs.
        """
        self.progress.copy_(torch.tensor([0.0, float(n_steps)], dtype=torch.float64))

    def encode(self, x_BG: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the posterior, each (B, Z).

        Parameters
        ----------
        x_BG
            z-scores; with ``likelihood="nb"`` too.
        """
        mean_BZ, log_variance_BZ = self.encoder(x_BG).chunk(2, dim=-1)
        return mean_BZ, log_variance_BZ.clamp(-_LOG_VARIANCE, _LOG_VARIANCE)

    def decode(self, z_BZ: Tensor) -> Tensor:
        """Expected z-scores, or with "nb" logits of the genes' shares, (B, G).

        Parameters
        ----------
        z_BZ
            Codes.
        """
        out_BG: Tensor = self.decoder(z_BZ)
        return out_BG

    def nll(self, out_BG: Tensor, x_BG: Tensor, counts_BG: Tensor | None = None) -> Tensor:
        """Negative log-likelihood of each row under the decoder's output, (B,); sum or mean over genes.

        "gaussian_fixed" leaves out the constant. "nb" keeps every term: mean = sum of the counts times softmax of the
        output, a learned dispersion for each gene.

        Parameters
        ----------
        out_BG
            From `decode`.
        x_BG
            z-scores.
        counts_BG
            Raw counts, with "nb" only.
        """
        if self.config.likelihood == "nb":
            assert counts_BG is not None
            log_total_B1 = counts_BG.sum(dim=-1, keepdim=True).clamp_min(1).log()
            log_mean_BG = log_total_B1 + out_BG.log_softmax(dim=-1)
            dispersion_G = self.log_dispersion_G.clamp(-_LOG_DISPERSION, _LOG_DISPERSION)
            nll_BG = -negative_binomial_log_prob(counts_BG, log_mean_BG, dispersion_G)
        elif self.config.likelihood == "gaussian_gene":
            log_sigma_G = self.log_sigma_G.clamp_min(_LEAST_LOG_SIGMA)
            nll_BG = log_sigma_G + 0.5 * ((x_BG - out_BG) * (-log_sigma_G).exp()).square()
        else:
            nll_BG = 0.5 * (x_BG - out_BG).square()
        return nll_BG.sum(dim=-1) if self.config.recon_reduction == "sum" else nll_BG.mean(dim=-1)

    def loss(self, x_BG: Tensor, counts_BG: Tensor | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """Negative log-likelihood plus beta times KL, mean over rows; parts in the same reductions.

        Free bits: of each dimension's KL, mean over rows, only what exceeds them counts (Kingma et al. 2016).

        Parameters
        ----------
        x_BG, counts_BG
            As for `nll`.
        """
        mean_BZ, log_variance_BZ = self.encode(x_BG)
        z_BZ = mean_BZ + torch.randn_like(mean_BZ) * (0.5 * log_variance_BZ).exp()
        nll = self.nll(self.decode(z_BZ), x_BG, counts_BG).mean()
        kl_Z = gaussian_kl(mean_BZ, log_variance_BZ).mean(dim=0)
        beta = self._beta()
        loss = nll + beta * kl_Z.clamp_min(self.config.free_bits).sum()
        if self.training:
            self.progress[0] += 1
        return loss, {
            "loss": loss.detach(),
            "nll": nll.detach(),
            "kl": kl_Z.sum().detach(),
            "beta": beta.float(),
        }

    def log_prob(self, x_BG: Tensor, counts_BG: Tensor | None = None) -> Tensor:
        """Log-likelihood at the posterior mean less beta times KL, (B,), which early stopping looks at.

        Parameters
        ----------
        x_BG, counts_BG
            As for `nll`.
        """
        mean_BZ, log_variance_BZ = self.encode(x_BG)
        kl_B = gaussian_kl(mean_BZ, log_variance_BZ).sum(dim=-1)
        return -self.nll(self.decode(mean_BZ), x_BG, counts_BG) - self.config.beta * kl_B

    def parameter_groups(self, lr: float, weight_decay: float) -> list[dict[str, Any]]:
        """Matrices decay; gains, biases, deviations and dispersions do not.

        Parameters
        ----------
        lr, weight_decay
            Of the matrices.
        """
        matrices = [p for p in self.parameters() if p.ndim > 1]
        others = [p for p in self.parameters() if p.ndim <= 1]
        return [
            {"params": matrices, "lr": lr, "weight_decay": weight_decay},
            {"params": others, "lr": lr, "weight_decay": 0.0},
        ]

    def _beta(self) -> Tensor:
        """Linear from 0 over the first share of the steps; constant where no length of training was told."""
        done, whole = self.progress
        warm = whole * self.config.kl_warmup_frac
        risen = torch.where(warm > 0, done / warm.clamp_min(1e-9), torch.ones_like(done)).clamp_max(1.0)
        return (self.config.beta * risen).to(next(self.parameters()).dtype)


def _stack(widths: list[int], n_out: int, dropout: float) -> nn.Sequential:
    """Linear, LayerNorm, GELU, dropout for each step of the widths, then Linear."""
    layers: list[nn.Module] = []
    for n_in, width in pairwise(widths):
        layers += [nn.Linear(n_in, width), nn.LayerNorm(width), nn.GELU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(widths[-1], n_out))
