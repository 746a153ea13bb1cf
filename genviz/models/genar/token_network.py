"""The network with ``counts="tokens"``: the paper's multi-scale count tokens on stable, cacheable embeddings.

The input of a group is the embedded token of its parent, passed through a map of its scale; FiLM by gene
identity acts on the head. Shape legend: B rows, F features, C condition width, G genes, L levels, P groups of
all levels, K groups of one level, D width, V vocabulary, N chains.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from genviz.core.gene_tree import GeneTree
from genviz.models.genar.condition import Condition
from genviz.models.genar.config import GenARConfig
from genviz.models.genar.levels import Levels, level_groups
from genviz.models.genar.token_counts import TokenTargets
from genviz.models.genar.trunk_transformer import Trunk, TrunkState
from genviz.nn.dropout_mlp import DropoutMLP
from genviz.nn.film import FiLM
from genviz.nn.soft_targets import hard_nll


class CountTilt(nn.Module):
    """Gene-specific path from the features to the logits: a negative binomial over the vocabulary.

    ``logit(v) = lgamma(v + t) - lgamma(v + 1) + v log(m / (m + t))`` with a mean m(x) of each group and spot,
    which starts at the training mean; the trunk then learns what this leaves over.
    """

    value_V: Tensor

    def __init__(self, n_in: int, n_positions: int, vocabulary: int, width: int, dropout: float) -> None:
        super().__init__()
        self.mean = DropoutMLP(n_in, width, n_positions, dropout)
        self.log_mean_P = nn.Parameter(torch.zeros(n_positions))
        self.log_dispersion_P = nn.Parameter(torch.ones(n_positions))
        self.register_buffer("value_V", torch.arange(vocabulary, dtype=torch.float32), persistent=False)

    def start(self, mean_NP: Tensor) -> None:
        """Start at means and (by moments) dispersions of the training rows."""
        mean_P, variance_P = mean_NP.mean(dim=0).clamp(min=1e-2), mean_NP.var(dim=0, unbiased=False)
        self.log_mean_P.copy_(mean_P.log())
        self.log_dispersion_P.copy_(
            (mean_P**2 / (variance_P - mean_P).clamp(min=1e-2)).clamp(0.05, 1e3).log()
        )

    def slopes(self, condition_NC: Tensor) -> Tensor:
        """log(m / (m + t)) of every group, (N, P)."""
        log_mean_NP = self.mean(condition_NC).float() + self.log_mean_P
        return -softplus(self.log_dispersion_P - log_mean_NP)

    def logits(self, slope_NK: Tensor, part: slice) -> Tensor:
        """Logits over the vocabulary for the groups of one level, (N, K, V)."""
        dispersion_K1 = self.log_dispersion_P[part].exp()[:, None]
        base_KV = torch.lgamma(self.value_V + dispersion_K1) - torch.lgamma(self.value_V + 1)
        return torch.addcmul(base_KV, slope_NK[..., None], self.value_V)


class TokenNetwork(nn.Module):
    """One softmax over counts for each group of each scale. See `GenARNetwork` for the methods' meaning."""

    def __init__(self, config: GenARConfig, tree: GeneTree, n_features: int) -> None:
        super().__init__()
        self.config = config
        self.levels = levels = Levels(level_groups(config, tree), tree.order)
        self.targets = TokenTargets(config, levels)
        width, vocabulary = config.width, self.targets.vocabulary
        self.condition = Condition(config, n_features)
        n_in = self.condition.n_out
        self.trunk = Trunk(config, levels, n_in, attention=config.trunk == "transformer")
        self.embed = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.embed.weight, std=0.02)
        self.up = nn.ModuleList(nn.Linear(width, width) for _ in levels.scales[1:])
        self.identity_GD = (
            nn.Parameter(0.02 * torch.randn(levels.n_genes, width)) if config.identity else None
        )
        self.film = FiLM(width, width) if config.identity else None
        self.head = nn.Linear(width, vocabulary)
        self.tilt: CountTilt | None = None
        if config.skip:
            self.tilt = CountTilt(n_in, levels.n_positions, vocabulary, max(width, 256), config.dropout)
            nn.init.zeros_(self.head.weight)
            nn.init.zeros_(self.head.bias)

    @torch.no_grad()
    def init_from_counts(self, counts_NG: Tensor) -> None:
        """Start at the training rows: the tilt's negative binomials, or else the frequencies of counts."""
        mean_NP = self.targets.group_means(counts_NG.float())
        if self.tilt is not None:
            self.tilt.start(mean_NP)
            return
        seen_V = torch.bincount(self.targets.tokens(mean_NP).flatten(), minlength=len(self.head.bias))
        self.head.bias.copy_(((seen_V + 0.5) / (seen_V + 0.5).sum()).log())

    def inputs(self, token_NJ: Tensor, k: int) -> Tensor:
        """Input of the groups of level `k` ≥ 1 from the tokens of the level before, (N, K, D)."""
        parent_NJD: Tensor = self.up[k - 1](self.embed(token_NJ))
        return parent_NJD.index_select(1, self.levels.parents(k))

    def modulation(self) -> tuple[Tensor, Tensor] | None:
        """FiLM's gamma and beta of every group, (P, D); weights alone decide them."""
        if self.film is None or self.identity_GD is None:
            return None
        identity_PD = self.levels.sums(self.identity_GD.T).T / self.levels.size_P[:, None]
        return self.film.modulation(identity_PD)

    def logits(self, hidden_NKD: Tensor, part: slice, modulation: Any, slope_NP: Tensor | None) -> Tensor:
        """Head over the positions of `part`: FiLM, linear, and the tilt, (N, K, V) in single precision."""
        if modulation is not None:
            gamma_PD, beta_PD = modulation
            hidden_NKD = hidden_NKD * (1 + gamma_PD[part]) + beta_PD[part]
        logits_NKV: Tensor = self.head(hidden_NKD).float()
        if self.tilt is not None and slope_NP is not None:
            logits_NKV = logits_NKV + self.tilt.logits(slope_NP[:, part], part)
        return logits_NKV

    def begin(self, condition_NC: Tensor) -> tuple[TrunkState, Tensor | None]:
        """State of the trunk and slopes of the tilt, which all scales share."""
        return self.trunk.begin(condition_NC), self.tilt.slopes(
            condition_NC
        ) if self.tilt is not None else None

    def step(
        self, state: tuple[TrunkState, Tensor | None], k: int, token_NJ: Tensor | None, modulation: Any
    ) -> Tensor:
        """Logits of level `k` from the tokens of the level before, using the caches, (N, K, V)."""
        trunk_state, slope_NP = state
        part = self.levels.slices[k]
        if token_NJ is None:
            n = len(trunk_state.head[0])
            input_NKD = self.embed.weight.new_zeros(n, part.stop - part.start, self.config.width)
        else:
            input_NKD = self.inputs(token_NJ, k)
        return self.logits(self.trunk.step(trunk_state, k, input_NKD), part, modulation, slope_NP)

    def forward(self, x_BF: Tensor, xy_B2: Tensor, token_BP: Tensor) -> Tensor:
        """Logits of all groups in one teacher-forced pass, (B, P, V)."""
        condition_BC = self.condition(x_BF, xy_B2)
        first = self.embed.weight.new_zeros(len(x_BF), self.levels.scales[0], self.config.width)
        inputs = [
            self.inputs(token_BP[:, self.levels.slices[k - 1]], k) for k in range(1, len(self.levels.scales))
        ]
        hidden_BPD = self.trunk(condition_BC, torch.cat([first, *inputs], dim=1))
        slope_BP = self.tilt.slopes(condition_BC) if self.tilt is not None else None
        return self.logits(hidden_BPD, slice(0, self.levels.n_positions), self.modulation(), slope_BP)

    def loss(self, x_BF: Tensor, xy_B2: Tensor, counts_BG: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Sum over groups of the divergence from their targets, averaged over scales and rows; per gene."""
        mean_BP = self.targets.group_means(counts_BG.float())
        logits_BPV = self(x_BF, xy_B2, self.targets.tokens(mean_BP))
        last = len(self.levels.scales) - 1
        parts = {
            f"kl_{self.levels.scales[k]}": self.targets.divergence(
                logits_BPV[:, part], mean_BP[:, part], genes=k == last
            )
            .sum(dim=1)
            .mean()
            for k, part in enumerate(self.levels.slices)
        }
        loss = torch.stack(list(parts.values())).mean() / self.levels.n_genes
        return loss, {name: part.detach() for name, part in parts.items()}

    def log_prob(self, x_BF: Tensor, xy_B2: Tensor, counts_BG: Tensor) -> Tensor:
        """Log-probability of the tokens of all scales, nats, (B,): see `GenARNetwork.log_prob`."""
        token_BP = self.targets.tokens(self.targets.group_means(counts_BG.float()))
        return -hard_nll(self(x_BF, xy_B2, token_BP), token_BP).double().sum(dim=1)

    def dispersion_parameters(self) -> list[nn.Parameter]:
        """Parameters that need a learning rate of their own."""
        return [] if self.tilt is None else [self.tilt.log_dispersion_P]

    def n_clipped(self, counts_BG: Tensor) -> int:
        """How many counts lie beyond the vocabulary's cap."""
        return self.targets.clipped(counts_BG)

    def mean(self, x_BF: Tensor, xy_B2: Tensor, depth_scale_B: Any, total_B: Any) -> Tensor | None:
        """None: the expectation of an autoregressive model is an average over samples."""
        return None
