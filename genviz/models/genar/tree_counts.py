"""The coherent coarse-to-fine likelihood: a negative binomial total, split down a tree.

    X_root ~ NB(mean m(x), dispersion t)
    (X_c)_{c child of p} | X_p ~ DirichletMultinomial(X_p; A_p softmax_p(logits(x)))

Sums agree at every scale by construction, and the joint log-likelihood of all genes is the sum of the terms.
Shape legend: B rows, G genes, L levels, P groups of all levels (the first is the total), M = P - 1 children,
Q = P - G parents, K groups of one level.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genviz.models.genar.levels import Levels
from genviz.nn.count_likelihoods import dirichlet_multinomial_log_prob, negative_binomial_log_prob
from genviz.nn.segments import segment_log_softmax, segment_sum

_LOG_STRENGTHS = torch.linspace(-1.0, 9.0, 41)  # where the start of dispersions is looked for


def exact(values: Tensor) -> Tensor:
    """Give values in double precision where the device has it: lgamma differences lose digits in single."""
    return values.float() if values.device.type == "mps" else values.double()


class TreeCounts(nn.Module):
    """Parameters that belong to the counts and not to the image, and the likelihood itself.

    Attributes
    ----------
    root_bias, share_bias_M
        Log of the mean total; split logits: where a network of zeros starts.
    log_dispersion, log_concentration_Q
        Log of t of the total and of A of each parent; they need a learning rate of their own.

    Parameters
    ----------
    levels
        The scales; the first has one group.
    """

    def __init__(self, levels: Levels) -> None:
        super().__init__()
        self.levels = levels
        self.root_bias = nn.Parameter(torch.zeros(()))
        self.share_bias_M = nn.Parameter(torch.zeros(levels.n_positions - 1))
        self.log_dispersion = nn.Parameter(torch.ones(()))
        self.log_concentration_Q = nn.Parameter(torch.full((levels.n_parents,), 3.0))

    def log_shares(self, logits_BM: Tensor) -> Tensor:
        """Log of each child's expected share of its parent, (B, M)."""
        logits_BM = exact(logits_BM) + exact(self.share_bias_M)
        return segment_log_softmax(logits_BM, self.levels.parent_M, self.levels.n_parents)

    def log_mean_total(self, root_B: Tensor) -> Tensor:
        """Log of the expected panel total, (B,)."""
        return exact(root_B) + exact(self.root_bias)

    def log_prob(self, counts_BG: Tensor, root_B: Tensor, logits_BM: Tensor) -> Tensor:
        """Log-likelihood of each level given the one before, nats, (B, L); its sum is the joint one.

        Parameters
        ----------
        counts_BG
            Counts in the order of the genes.
        root_B, logits_BM
            What the trunks say, 0 meaning training mean and shares.
        """
        sums_BP = self.levels.sums(exact(counts_BG))
        total_B = negative_binomial_log_prob(
            sums_BP[:, 0], self.log_mean_total(root_B), exact(self.log_dispersion)
        )
        parent_BQ = self._splits(sums_BP, self.log_shares(logits_BM), exact(self.log_concentration_Q))
        levels = self.levels
        splits_BL = segment_sum(parent_BQ, levels.level_P[: levels.n_parents], len(levels.scales) - 1)
        return torch.cat([total_B[:, None], splits_BL], dim=-1)

    def _splits(self, sums_BP: Tensor, log_share_BM: Tensor, log_concentration_Q: Tensor) -> Tensor:
        levels = self.levels
        return dirichlet_multinomial_log_prob(
            sums_BP[:, 1:], log_share_BM, log_concentration_Q, levels.parent_M, levels.n_parents
        )

    def mean_shares(self, logits_BM: Tensor) -> Tensor:
        """Expected share of the panel total of every group, (B, P): products of shares down the tree."""
        log_share_BM = self.log_shares(logits_BM)
        levels = self.levels
        parts = [log_share_BM.new_zeros(len(log_share_BM), 1)]
        for k in range(1, len(levels.scales)):
            part = levels.slices[k]
            parts.append(
                parts[-1].index_select(-1, levels.parents(k))
                + log_share_BM[:, part.start - 1 : part.stop - 1]
            )
        return torch.cat(parts, dim=-1).exp()

    @torch.no_grad()
    def start(self, counts_NG: Tensor) -> None:
        """Start at the training rows: mean total, pooled shares, and the likeliest dispersions."""
        sums_NP = self.levels.sums(exact(counts_NG))
        pooled_P = self.levels.sums(
            exact(counts_NG).sum(dim=0) + 0.5
        )  # half a count, so that no share is zero
        self.root_bias.copy_(sums_NP[:, 0].mean().clamp(min=0.5).log())
        self.share_bias_M.copy_(pooled_P[1:].log() - pooled_P[self.levels.parent_M].log())
        log_share_1M = self.log_shares(torch.zeros_like(self.share_bias_M)[None])
        self.log_dispersion.copy_(self._likeliest_dispersion(sums_NP[:, 0]))
        score_SQ = torch.stack([
            self._splits(sums_NP, log_share_1M, exact(strength).expand(self.levels.n_parents)).sum(dim=0)
            for strength in _LOG_STRENGTHS.to(sums_NP.device)
        ])  # fmt: skip
        self.log_concentration_Q.copy_(_LOG_STRENGTHS.to(score_SQ.device)[score_SQ.argmax(dim=0)])

    def _likeliest_dispersion(self, total_N: Tensor) -> Tensor:
        strength_S = _LOG_STRENGTHS.to(total_N.device)
        score_NS = negative_binomial_log_prob(total_N[:, None], exact(self.root_bias), exact(strength_S))
        return strength_S[score_NS.sum(dim=0).argmax()]
