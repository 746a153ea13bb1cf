"""Split logits of a count tree from the transformer trunk.

Shape legend: N rows or chains, C condition width, D width, P positions, M split logits, K groups of one
level, Q groups of all levels but the finest.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genviz.models.genar.config import GenARConfig
from genviz.models.genar.levels import Levels
from genviz.models.genar.trunk_mlp import SplitMLP
from genviz.models.genar.trunk_transformer import Trunk, TrunkState


class SplitTransformer(nn.Module):
    """Logit of a group = read-out of its position + a gene-specific skip from the features.

    Parents enter as standardised log counts when autoregressive. Without the skip all genes
    share one narrow path from the image, and composition is lost. All logits are zero before training.

    Parameters
    ----------
    config
        Options of the trunk, `autoregressive`, `skip`, `depth_width` (hidden width of the skip).
    levels
        The scales.
    n_in
        Condition width.
    """

    def __init__(self, config: GenARConfig, levels: Levels, n_in: int) -> None:
        super().__init__()
        self.levels, self.autoregressive = levels, config.autoregressive
        self.trunk = Trunk(config, levels, n_in, attention=True)
        # A level's vector, times a parent's standardised log count, is the input of its children.
        self.parent_LD = nn.Parameter(0.02 * torch.randn(len(levels.scales), config.width))
        self.readout_PD = nn.Parameter(torch.zeros(levels.n_positions, config.width))
        self.skip = (
            SplitMLP(levels, n_in, max(config.width, 256), config.dropout, autoregressive=False)
            if config.skip
            else None
        )

    def begin(self, condition_NC: Tensor) -> tuple[TrunkState, Tensor | None]:
        """Run the trunk over the root; give its state and the skip's logits (N, M)."""
        state = self.trunk.begin(condition_NC)
        self._hidden(state, 0, None, len(condition_NC))
        return state, self.skip(condition_NC) if self.skip is not None else None

    def step(self, state: tuple[TrunkState, Tensor | None], k: int, coarse_NQ: Tensor | None) -> Tensor:
        """Logits of level `k` ≥ 1, (N, K); levels go in order, each once."""
        trunk_state, skip_NM = state
        part = self.levels.slices[k]
        n = len(trunk_state.head[0])
        hidden_NKD = self._hidden(trunk_state, k, coarse_NQ, n)
        logits_NK = (hidden_NKD * self.readout_PD[part]).sum(dim=-1)
        return logits_NK if skip_NM is None else logits_NK + skip_NM[:, part.start - 1 : part.stop - 1]

    def _hidden(self, state: TrunkState, k: int, coarse_NQ: Tensor | None, n: int) -> Tensor:
        part = self.levels.slices[k]
        input_NKD = self.parent_LD.new_zeros(n, part.stop - part.start, 1)
        if k > 0 and coarse_NQ is not None and self.autoregressive:
            parent_NK = coarse_NQ[:, self.levels.slices[k - 1]].index_select(1, self.levels.parents(k))
            input_NKD = parent_NK[..., None]
        return self.trunk.step(state, k, input_NKD * self.parent_LD[k])

    def forward(self, condition_NC: Tensor, coarse_NQ: Tensor | None = None) -> Tensor:
        """Logits of all levels at once, (N, M); `coarse_NQ` is z of all levels but the finest."""
        levels = self.levels
        input_NP1 = self.parent_LD.new_zeros(len(condition_NC), levels.n_positions, 1)
        if coarse_NQ is not None and self.autoregressive:
            parent_NM = coarse_NQ.index_select(1, levels.parent_M)
            input_NP1 = torch.cat([input_NP1[:, :1], parent_NM[..., None]], dim=1)
        hidden_NPD = self.trunk(condition_NC, input_NP1 * self.parent_LD[levels.level_P])
        logits_NM = (hidden_NPD * self.readout_PD).sum(dim=-1)[:, 1:]
        return logits_NM if self.skip is None else logits_NM + self.skip(condition_NC)
