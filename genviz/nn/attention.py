"""Block-causal self-attention: full inside a block (scale), causal between blocks, with an exact KV cache.

Shape legend: B rows, L positions, H heads, C channels of a head, D = H C features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


def block_causal_mask(sizes: Sequence[int]) -> Tensor:
    """Which key (column) each query (row) may see: bool (L, L), L the sum of the blocks' sizes."""
    block_L = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(list(sizes)))
    return block_L[:, None] >= block_L[None, :]


@dataclass
class KVCache:
    """Keys and values of one layer's positions so far, both (B, H, L, C)."""

    key_BHLC: Tensor | None = None
    value_BHLC: Tensor | None = None

    def extend(self, key_BHLC: Tensor, value_BHLC: Tensor) -> tuple[Tensor, Tensor]:
        """Append new positions; give all of them."""
        if self.key_BHLC is not None and self.value_BHLC is not None:
            key_BHLC = torch.cat([self.key_BHLC, key_BHLC], dim=2)
            value_BHLC = torch.cat([self.value_BHLC, value_BHLC], dim=2)
        self.key_BHLC, self.value_BHLC = key_BHLC, value_BHLC
        return key_BHLC, value_BHLC


class BlockCausalAttention(nn.Module):
    """Multi-head self-attention through `scaled_dot_product_attention`.

    With a cache, the input is the next block: it sees itself and everything cached, which is
    what the mask of `block_causal_mask` allows, so the two ways agree.

    Parameters
    ----------
    width
        D.
    n_heads
        H, a divisor of D.
    """

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, h_BLD: Tensor, mask_LL: Tensor | None = None, cache: KVCache | None = None) -> Tensor:
        """Attend: with `mask_LL` all blocks at once, with `cache` the next block.

        ``softmax(Q K^T / sqrt(C)) V`` in each head, then a linear map of the heads side by side.

        Parameters
        ----------
        h_BLD
            Hidden features of the positions.
        mask_LL
            bool, which key (column) each query (row) may see, from `block_causal_mask`; None: all.
        cache
            Keys and values of earlier blocks, extended in place by those of `h_BLD`.

        Returns
        -------
        (B, L, D).
        """
        qkv_3BHLC = self.qkv(h_BLD).unflatten(-1, (3, self.n_heads, -1)).permute(2, 0, 3, 1, 4)
        query_BHLC, key_BHLC, value_BHLC = qkv_3BHLC.unbind(0)
        if cache is not None:
            key_BHLC, value_BHLC = cache.extend(key_BHLC, value_BHLC)
        mixed_BHLC = scaled_dot_product_attention(query_BHLC, key_BHLC, value_BHLC, attn_mask=mask_LL)
        out: Tensor = self.out(mixed_BHLC.transpose(1, 2).flatten(2))
        return out
