"""The trunk for small data: one hidden layer under strong dropout, a linear read-out for each scale.

Shape legend: N rows or chains, C condition width, H hidden width, M split logits, K groups of one level,
Q groups of all levels but the finest.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genviz.models.genar.levels import Levels
from genviz.nn.dropout_mlp import zero_last


class SplitMLP(nn.Module):
    """Logits of the splits of every scale from the condition, and from coarser counts if autoregressive.

    ``logits_k = W_k drop(gelu(W drop(x) + V_k z_<k))`` with z the standardised log counts of all
    coarser levels. All logits are zero before training.

    Parameters
    ----------
    levels
        The scales.
    n_in, width, dropout
        Condition width, hidden width, rate on inputs and hidden units.
    autoregressive
        Whether z enters.
    """

    def __init__(
        self, levels: Levels, n_in: int, width: int, dropout: float, *, autoregressive: bool
    ) -> None:
        super().__init__()
        self.levels, self.autoregressive = levels, autoregressive
        self.hidden = nn.Sequential(nn.Dropout(dropout), nn.Linear(n_in, width))
        self.coarse = nn.ModuleList(
            nn.Linear(part.start, width, bias=False) for part in (levels.slices[1:] if autoregressive else ())
        )
        outs = [nn.Sequential(nn.GELU(), nn.Dropout(dropout), nn.Linear(width, n)) for n in levels.scales[1:]]
        for out in outs:
            zero_last(out)
        self.out = nn.ModuleList(outs)

    def begin(self, condition_NC: Tensor) -> Tensor:
        """Hidden layer before its activation, (N, H), which all scales share."""
        hidden_NH: Tensor = self.hidden(condition_NC)
        return hidden_NH

    def step(self, hidden_NH: Tensor, k: int, coarse_NQ: Tensor | None) -> Tensor:
        """Logits of level `k` ≥ 1, (N, K), from `begin` and z of the levels before it."""
        if coarse_NQ is not None and self.autoregressive:
            hidden_NH = hidden_NH + self.coarse[k - 1](coarse_NQ[:, : self.levels.slices[k].start])
        logits_NK: Tensor = self.out[k - 1](hidden_NH)
        return logits_NK

    def forward(self, condition_NC: Tensor, coarse_NQ: Tensor | None = None) -> Tensor:
        """Logits of all levels at once, (N, M); `coarse_NQ` is z of all levels but the finest."""
        hidden_NH = self.begin(condition_NC)
        return torch.cat(
            [self.step(hidden_NH, k, coarse_NQ) for k in range(1, len(self.levels.scales))], dim=-1
        )
