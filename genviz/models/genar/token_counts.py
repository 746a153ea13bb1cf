"""Counts as tokens without a codebook: the targets of every scale and the loss against them.

The token of a gene is its count, the token of a group the mean count of its genes. Group scales have soft
targets around the (fractional) mean, the gene scale a discretised Gaussian around the count whose width grows
with it. Shape legend: B rows, G genes, P groups of all levels, V vocabulary.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from genviz._errors import UsageError
from genviz.models.genar.config import GenARConfig
from genviz.models.genar.levels import Levels
from genviz.nn.soft_targets import gaussian_target, hard_nll, sparse_kl, two_point_target

_SIGMAS = 6  # half width of a target in standard deviations: beyond it lie 2e-9 of the mass


class TokenTargets:
    """Tokens, soft targets and losses of one configuration; holds no parameters.

    Parameters
    ----------
    config
        A resolved configuration: `vocabulary`, `temperature`, `final_loss`, `sigma_form`, `sigma_alpha`,
        `sigma_beta`.
    levels
        The scales.
    """

    def __init__(self, config: GenARConfig, levels: Levels) -> None:
        if config.vocabulary is None:
            raise UsageError(
                "Expected a vocabulary for counts='tokens'; got None. Call config.resolve(max_count) with "
                "the largest count of the training rows, or set vocabulary."
            )
        self.config, self.levels = config, levels
        self.vocabulary = config.vocabulary
        widest = float(self.sigma(torch.tensor(float(self.vocabulary - 1))))
        self.gene_half_width = min(math.ceil(_SIGMAS * widest), self.vocabulary)
        self.group_half_width = min(math.ceil(_SIGMAS * config.temperature), self.vocabulary)

    def sigma(self, count: Tensor) -> Tensor:
        """Width of a gene's target: alpha count + beta is its standard deviation, or its variance."""
        linear = self.config.sigma_alpha * count + self.config.sigma_beta
        return linear if self.config.sigma_form == "sd" else linear.sqrt()

    def group_means(self, counts_BG: Tensor) -> Tensor:
        """Mean count of every group of all levels, clipped at the cap, (B, P); at the last the counts."""
        clipped_BG = counts_BG.clamp(0, self.vocabulary - 1)
        return self.levels.sums(clipped_BG) / self.levels.size_P.to(clipped_BG.dtype)

    def tokens(self, mean_BP: Tensor) -> Tensor:
        """Nearest whole numbers, halves upward, int64."""
        return (mean_BP + 0.5).floor().long()

    def clipped(self, counts_BG: Tensor) -> int:
        """How many counts are beyond the cap and would be clipped."""
        return int((counts_BG > self.vocabulary - 1).sum())

    def divergence(self, logits_BKV: Tensor, mean_BK: Tensor, *, genes: bool) -> Tensor:
        """Loss of each position of one level against its target, nats, (B, K).

        Parameters
        ----------
        logits_BKV
            Scores of counts 0..V-1.
        mean_BK
            Mean counts of the groups; whole counts at the gene scale.
        genes
            Whether this is the gene scale.
        """
        if genes and self.config.final_loss == "cross_entropy":
            return hard_nll(logits_BKV, mean_BK.long())
        if genes:
            target = gaussian_target(mean_BK, self.sigma(mean_BK), self.vocabulary, self.gene_half_width)
        elif self.config.temperature > 0:
            sigma = torch.full_like(mean_BK, self.config.temperature)
            target = gaussian_target(mean_BK, sigma, self.vocabulary, self.group_half_width)
        else:
            target = two_point_target(mean_BK, self.vocabulary)
        return sparse_kl(logits_BKV, *target)
