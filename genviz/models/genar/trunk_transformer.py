"""The trunk over groups of all scales: one pass in training, scale by scale in sampling.

A group is one position (one token a position, as in VAR, Tian et al. 2024). Its input is made from its parent
only and never changes once made; that is what makes keys and values cacheable. Without attention the same
trunk is a stack of MLP blocks in which a group sees its parent and the condition.

Shape legend: N rows or chains, L levels, P positions, K positions of one level, D width, C condition width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from genviz.models.genar.condition import ConditionEncoder
from genviz.models.genar.config import GenARConfig
from genviz.models.genar.levels import Levels
from genviz.nn.attention import KVCache, block_causal_mask
from genviz.nn.blocks import AdaLNBlock, Modulation, modulated_norm


@dataclass
class TrunkState:
    """What is kept between scales: modulations, which the condition alone decides, and the caches."""

    blocks: list[tuple[Tensor, ...]]
    head: tuple[Tensor, ...]
    caches: list[KVCache]


class Trunk(nn.Module):
    """AdaLN blocks over the positions of all levels, block-causal.

    Parameters
    ----------
    config
        Options width, n_layers, n_heads, mlp_ratio, drop_path, dropout.
    levels
        The positions.
    n_condition
        C, width of the raw condition.
    attention
        False for the trunk "mlp": no exchange between positions.
    """

    mask_PP: Tensor

    def __init__(self, config: GenARConfig, levels: Levels, n_condition: int, *, attention: bool) -> None:
        super().__init__()
        width, n_layers = config.width, config.n_layers
        self.levels = levels
        self.encoder = ConditionEncoder(n_condition, width, config.dropout)
        self.place_PD = nn.Parameter(0.02 * torch.randn(levels.n_positions, width))
        rates = [config.drop_path * i / max(1, n_layers - 1) for i in range(n_layers)]
        blocks = [
            AdaLNBlock(width, config.n_heads, config.mlp_ratio, width, drop_path=rate, attention=attention)
            for rate in rates
        ]
        self.blocks = nn.ModuleList(blocks)
        self.head_modulation = Modulation(width, width, 2)
        self.register_buffer("mask_PP", block_causal_mask(levels.scales), persistent=False)

    def _blocks(self) -> list[AdaLNBlock]:
        return [cast(AdaLNBlock, block) for block in self.blocks]

    def begin(self, condition_NC: Tensor) -> TrunkState:
        """Compute, once for all scales, everything that depends on the condition only."""
        encoded_ND = self.encoder(condition_NC)
        return TrunkState(
            [block.modulation(encoded_ND) for block in self._blocks()],
            self.head_modulation(encoded_ND),
            [KVCache() for _ in self.blocks],
        )

    def forward(self, condition_NC: Tensor, input_NPD: Tensor) -> Tensor:
        """Hidden features of all positions at once, inputs known: (N, P, D)."""
        state = self.begin(condition_NC)
        hidden_NPD = input_NPD + self.place_PD
        for block, modulation in zip(self._blocks(), state.blocks, strict=True):
            hidden_NPD = block(hidden_NPD, modulation, self.mask_PP)
        return modulated_norm(hidden_NPD, *state.head)

    def step(self, state: TrunkState, k: int, input_NKD: Tensor) -> Tensor:
        """Hidden features of level `k`, the levels before it being in the caches: (N, K, D)."""
        hidden_NKD = input_NKD + self.place_PD[self.levels.slices[k]]
        for block, modulation, cache in zip(self._blocks(), state.blocks, state.caches, strict=True):
            hidden_NKD = block(hidden_NKD, modulation, cache=cache)
        return modulated_norm(hidden_NKD, *state.head)
