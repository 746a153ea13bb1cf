"""Attention over the tiles around a spot, which starts as their mean.

Shape legend: B rows, R ring tiles, o features of the own tile, d of a ring tile, A attention width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class RingAttention(nn.Module):
    """Own features beside a weighted mean of the ring's, weights by similarity to the own tile.

    The query starts at zero, hence weights start equal and the result equals own + ring mean.

    Parameters
    ----------
    n_own, n_ring
        Features of the own tile, o, and of each ring tile, d; an encoder may measure its own tile more closely.
    n_neighbours
        Ring tiles, R.
    width
        Width of queries and keys.
    """

    def __init__(self, n_own: int, n_ring: int, n_neighbours: int, width: int = 32) -> None:
        super().__init__()
        self.n_own, self.n_neighbours = n_own, n_neighbours
        self.query = nn.Linear(n_own, width)
        self.key = nn.Linear(n_ring, width, bias=False)
        nn.init.zeros_(self.query.weight)
        nn.init.zeros_(self.query.bias)
        self.n_out = n_own + n_ring

    def forward(self, x_BF: Tensor) -> Tensor:
        """Pool the tiles of each row, the ring's by attention.

        ``[own, sum_r softmax_r(q(own) k(ring_r) / sqrt(A)) ring_r]``.

        Parameters
        ----------
        x_BF
            F = o + R d features: the own tile's first, then those of the ring's tiles.

        Returns
        -------
        (B, o + d).
        """
        own_Bo = x_BF[:, : self.n_own]
        ring_BRd = x_BF[:, self.n_own :].unflatten(1, (self.n_neighbours, -1))
        query_BA = self.query(own_Bo) / math.sqrt(self.query.out_features)
        weight_BR = torch.einsum("ba,bra->br", query_BA, self.key(ring_BRd)).softmax(dim=-1)
        return torch.cat([own_Bo, torch.einsum("br,brd->bd", weight_BR, ring_BRd)], dim=-1)
