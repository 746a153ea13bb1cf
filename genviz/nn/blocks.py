"""The transformer block with adaptive layer norm (DiT's adaLN-Zero, Peebles & Xie 2023).

Shape legend: B rows, L positions, D features, C condition width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from genviz.nn.attention import BlockCausalAttention, KVCache


def modulated_norm(h_BLD: Tensor, scale_B1D: Tensor, shift_B1D: Tensor) -> Tensor:
    """Layer norm without own weights, then ``(1 + scale) h + shift`` from the condition."""
    return layer_norm(h_BLD, h_BLD.shape[-1:], eps=1e-6) * (1 + scale_B1D) + shift_B1D


class Modulation(nn.Module):
    """SiLU - Linear from the condition to `n` vectors of width D; all zero before training."""

    def __init__(self, n_condition: int, width: int, n: int) -> None:
        super().__init__()
        self.n = n
        self.linear = nn.Linear(n_condition, n * width)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, condition_BC: Tensor) -> tuple[Tensor, ...]:
        """Give `n` tensors (B, 1, D)."""
        out_B1D: Tensor = self.linear(nn.functional.silu(condition_BC))[:, None]
        return out_B1D.chunk(self.n, dim=-1)


class DropPath(nn.Module):
    """Leave out a residual branch for a random part of the rows in training (stochastic depth)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, h_BLD: Tensor) -> Tensor:
        """Scale kept rows by 1 / (1 - rate); the identity in evaluation."""
        if not self.training or self.rate == 0:
            return h_BLD
        keep_B11 = (torch.rand(len(h_BLD), 1, 1, device=h_BLD.device) >= self.rate).to(h_BLD.dtype)
        return h_BLD * keep_B11 / (1 - self.rate)


class AdaLNBlock(nn.Module):
    """Attention and MLP, each as ``h + gate * f(modulated_norm(h))``; the identity before training.

    Parameters
    ----------
    width, n_heads, mlp_ratio
        D, attention heads, hidden width of the MLP over D.
    n_condition
        Width of the condition.
    drop_path
        Rate of stochastic depth.
    attention
        False leaves positions apart: an MLP block.
    """

    def __init__(
        self,
        width: int,
        n_heads: int,
        mlp_ratio: float,
        n_condition: int,
        *,
        drop_path: float = 0.0,
        attention: bool = True,
    ) -> None:
        super().__init__()
        hidden = round(mlp_ratio * width)
        self.attention = BlockCausalAttention(width, n_heads) if attention else None
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))
        self.modulation = Modulation(n_condition, width, 6 if attention else 3)
        self.drop_path = DropPath(drop_path)

    def forward(
        self,
        h_BLD: Tensor,
        modulation: tuple[Tensor, ...],
        mask_LL: Tensor | None = None,
        cache: KVCache | None = None,
    ) -> Tensor:
        """Run the block.

        ``h + gate * f((1 + scale) norm(h) + shift)`` for f the attention, then for f the MLP; scale, shift and gate
        come from the condition and are 0 before training (adaLN-Zero, Peebles & Xie 2023).

        Parameters
        ----------
        h_BLD
            Hidden features of the positions.
        modulation
            ``self.modulation(condition)``, kept between cached calls: scale, shift and gate of the attention and
            then of the MLP (of the MLP alone without attention), each (B, 1, D).
        mask_LL
            bool, which key (column) each query (row) may see; None: all. Not used without attention.
        cache
            Keys and values of earlier positions, extended in place. Not used without attention.

        Returns
        -------
        (B, L, D).
        """
        if self.attention is not None:
            scale, shift, gate, *modulation_mlp = modulation
            mixed_BLD = self.attention(modulated_norm(h_BLD, scale, shift), mask_LL, cache)
            h_BLD = h_BLD + gate * self.drop_path(mixed_BLD)
        else:
            modulation_mlp = list(modulation)
        scale, shift, gate = modulation_mlp
        return h_BLD + gate * self.drop_path(self.mlp(modulated_norm(h_BLD, scale, shift)))
