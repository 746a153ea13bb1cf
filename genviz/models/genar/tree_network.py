"""The network with ``counts="tree"``: trunks, coherent likelihood, sampling down the tree.

Shape legend: B rows, F features, C condition width, G genes, L levels, M split logits, Q groups of all levels
but the finest, S samples, K groups of one level, N = R S chains of R rows.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from genviz.core.gene_tree import GeneTree
from genviz.models.genar.condition import Condition
from genviz.models.genar.config import GenARConfig
from genviz.models.genar.levels import Levels, level_groups
from genviz.models.genar.split_transformer import SplitTransformer
from genviz.models.genar.tree_counts import TreeCounts, exact
from genviz.models.genar.trunk_mlp import SplitMLP
from genviz.nn.dropout_mlp import DropoutMLP
from genviz.nn.segments import segment_log_softmax


class TreeNetwork(nn.Module):
    """Root: negative binomial; splits: Dirichlet-multinomial. See `GenARNetwork` for the methods' meaning."""

    coarse_mean_Q: Tensor
    coarse_std_Q: Tensor

    def __init__(self, config: GenARConfig, tree: GeneTree, n_features: int) -> None:
        super().__init__()
        self.config = config
        self.levels = Levels(level_groups(config, tree), tree.order)
        self.condition = Condition(config, n_features)
        self.counts = TreeCounts(self.levels)
        n_in = self.condition.n_out
        self.depth = DropoutMLP(n_in, config.depth_width, 1, config.dropout)
        self.splits: SplitMLP | SplitTransformer
        if config.trunk == "mlp":
            self.splits = SplitMLP(
                self.levels, n_in, config.width, config.dropout, autoregressive=config.autoregressive
            )
        else:
            self.splits = SplitTransformer(config, self.levels, n_in)
        self.register_buffer("coarse_mean_Q", torch.zeros(self.levels.n_parents))
        self.register_buffer("coarse_std_Q", torch.ones(self.levels.n_parents))

    @torch.no_grad()
    def init_from_counts(self, counts_NG: Tensor) -> None:
        """Start likelihood and standardisation at the training rows."""
        self.counts.start(counts_NG)
        log_NQ = self.levels.sums(counts_NG.double())[:, : self.levels.n_parents].log1p()
        self.coarse_mean_Q.copy_(log_NQ.mean(dim=0))
        self.coarse_std_Q.copy_(log_NQ.std(dim=0, unbiased=False).clamp(min=0.1))

    def standardise(self, sums_BK: Tensor, before_BQ: Tensor | None = None) -> Tensor:
        """Log counts of groups in units of the training rows, appended to those of the levels before."""
        start = 0 if before_BQ is None else before_BQ.shape[-1]
        part = slice(start, start + sums_BK.shape[-1])
        z_BK = (sums_BK.to(self.coarse_mean_Q.dtype).log1p() - self.coarse_mean_Q[part]) / self.coarse_std_Q[
            part
        ]
        return z_BK if before_BQ is None else torch.cat([before_BQ, z_BK], dim=-1)

    def _terms(self, x_BF: Tensor, xy_B2: Tensor, counts_BG: Tensor) -> Tensor:
        condition_BC = self.condition(x_BF, xy_B2)
        coarse_BQ = None
        if self.config.autoregressive:
            coarse_BQ = self.standardise(self.levels.sums(counts_BG)[:, : self.levels.n_parents])
            if self.training:
                coarse_BQ = (
                    coarse_BQ + self.config.parent_noise * torch.randn_like(coarse_BQ) / self.coarse_std_Q
                )
        logits_BM = self.splits(condition_BC, coarse_BQ)
        return self.counts.log_prob(counts_BG, self.depth(condition_BC)[:, 0], logits_BM)

    def loss(self, x_BF: Tensor, xy_B2: Tensor, counts_BG: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Negative joint log-likelihood per gene, the total's term weighted by `root_weight`."""
        nll_L = -self._terms(x_BF, xy_B2, counts_BG.float()).mean(dim=0)
        loss = (self.config.root_weight * nll_L[0] + nll_L[1:].sum()) / self.levels.n_genes
        parts = {f"nll_{n}": nll_L[k].detach() for k, n in enumerate(self.levels.scales)}
        return loss.float(), {"nll": nll_L.detach().sum(), **parts}

    def log_prob(self, x_BF: Tensor, xy_B2: Tensor, counts_BG: Tensor) -> Tensor:
        """Exact joint log-likelihood, nats, (B,)."""
        return self._terms(x_BF, xy_B2, counts_BG.float()).sum(dim=-1)

    def dispersion_parameters(self) -> list[nn.Parameter]:
        """Parameters that need a learning rate of their own."""
        return [self.counts.log_dispersion, self.counts.log_concentration_Q]

    def n_clipped(self, counts_BG: Tensor) -> int:
        """Counts beyond what the model can express: none."""
        return 0

    def mean(self, x_BF: Tensor, xy_B2: Tensor, depth_scale_B: Any, total_B: Any) -> Tensor | None:
        """E[X] = E[total] times the product of expected shares; None when autoregressive."""
        if self.config.autoregressive:
            return None
        condition_BC = self.condition(x_BF, xy_B2)
        share_BG = self.counts.mean_shares(self.splits(condition_BC))[:, -self.levels.n_genes :]
        total = self.totals(condition_BC)
        if depth_scale_B is not None:
            total = total * torch.as_tensor(depth_scale_B, dtype=total.dtype, device=total.device)
        if total_B is not None:
            total = torch.as_tensor(total_B, dtype=total.dtype, device=total.device)
        return share_BG * total[:, None]

    def totals(self, condition_BC: Tensor) -> Tensor:
        """Expected panel totals, (B,)."""
        return self.counts.log_mean_total(self.depth(condition_BC)[:, 0]).exp()

    def alpha(self, logits_BK: Tensor, k: int | None = None) -> Tensor:
        """Dirichlet parameters of all children (B, M), or of the groups of level `k` (B, K)."""
        levels, counts = self.levels, self.counts
        if k is None:
            log_share = counts.log_shares(logits_BK)
            return (log_share + exact(counts.log_concentration_Q)[levels.parent_M]).exp()
        part = slice(levels.slices[k].start - 1, levels.slices[k].stop - 1)
        parent_K = levels.parents(k)
        logits_BK = exact(logits_BK) + exact(counts.share_bias_M[part])
        log_share = segment_log_softmax(logits_BK, parent_K, levels.scales[k - 1])
        return (log_share + exact(counts.log_concentration_Q[levels.slices[k - 1]])[parent_K]).exp()
