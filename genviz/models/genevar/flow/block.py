"""The block of the flow: modulated by RNA for the whole tile and by r_k position by position, with attention to r_k.

Shape legend: B tiles, L positions of the latent grid, M positions of r_k, D features.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, silu

from genviz.nn.kernel_attention import KernelAttention
from genviz.nn.meanflow import sinusoids


class TimeEmbedding(nn.Module):
    """A time in [0, 1] to D features: sinusoids, Linear, SiLU, Linear."""

    def __init__(self, n_features: int, width: int) -> None:
        super().__init__()
        self.n_features = n_features
        self.up = nn.Linear(n_features, width)
        self.down = nn.Linear(width, width)

    def forward(self, time_B: Tensor) -> Tensor:
        """Give (B, D)."""
        out_BD: Tensor = self.down(silu(self.up(sinusoids(time_B, self.n_features))))
        return out_BD


class Triple(nn.Module):
    """SiLU - Linear to gate, scale and shift, one for each position of the condition; zero before training."""

    def __init__(self, width: int, gate: float = 0.0) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 3 * width)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        with torch.no_grad():
            self.linear.bias[:width] = gate

    def forward(self, condition_BLD: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give gate, scale and shift, each (B, L, D)."""
        gate_BLD, scale_BLD, shift_BLD = self.linear(silu(condition_BLD)).chunk(3, dim=-1)
        return gate_BLD, scale_BLD, shift_BLD


def modulated(h_BLD: Tensor, scale_BLD: Tensor, shift_BLD: Tensor) -> Tensor:
    """``(1 + scale) norm(h) + shift``, the norm without weights."""
    return (1 + scale_BLD) * layer_norm(h_BLD, h_BLD.shape[-1:], eps=1e-6) + shift_BLD


class FlowBlock(nn.Module):
    """Self-attention gated by the condition of the tile, cross-attention and MLP gated position by position (Eq. 8).

    ``x' = x + g1 attention(modulated_1(x))``, ``y = g2 MLP(modulated_2(x' + cross(x', r)))``, out ``x' + y``.

    Parameters
    ----------
    width, n_heads
        D, heads; the MLP is 4 wide.
    cross_attn
        False leaves the attention to r_k out.
    literal
        Give y alone, as printed, with gates that begin at 1: at 0 nothing would come through.
    """

    def __init__(self, width: int, n_heads: int, *, cross_attn: bool, literal: bool) -> None:
        super().__init__()
        self.literal = literal
        self.attention = KernelAttention(width, n_heads)
        self.cross = KernelAttention(width, n_heads, crossed=True) if cross_attn else None
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width)
        )
        self.by_tile = Triple(width, float(literal))
        self.by_position = Triple(width, float(literal))

    def forward(
        self, h_BLD: Tensor, tile_B1D: Tensor, position_BLD: Tensor, other_BMD: Tensor, *, kernel: str
    ) -> Tensor:
        """Run the block.

        Parameters
        ----------
        h_BLD
            Features of the latent grid.
        tile_B1D, position_BLD
            Conditions of the tile and of each position.
        other_BMD
            Features of r_k.
        kernel
            See `genviz.nn.kernel_attention.attend`.

        Returns
        -------
        (B, L, D).
        """
        gate_B1D, scale_B1D, shift_B1D = self.by_tile(tile_B1D)
        h_BLD = h_BLD + gate_B1D * self.attention(modulated(h_BLD, scale_B1D, shift_B1D), kernel=kernel)
        gate_BLD, scale_BLD, shift_BLD = self.by_position(position_BLD)
        seen_BLD = h_BLD if self.cross is None else h_BLD + self.cross(h_BLD, other_BMD, kernel=kernel)
        added_BLD = gate_BLD * self.mlp(modulated(seen_BLD, scale_BLD, shift_BLD))
        return added_BLD if self.literal else h_BLD + added_BLD
