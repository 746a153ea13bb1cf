"""Attention over the tiles around a spot, which starts as their mean.

Shape legend: B rows, R ring tiles, d features of a tile, A attention width.
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
    n_features
        Features of one tile, d.
    n_neighbours
        Ring tiles, R.
    width
        Width of queries and keys.
    """

    def __init__(self, n_features: int, n_neighbours: int, width: int = 32) -> None:
        super().__init__()
        self.n_features, self.n_neighbours = n_features, n_neighbours
        self.query = nn.Linear(n_features, width)
        self.key = nn.Linear(n_features, width, bias=False)
        nn.init.zeros_(self.query.weight)
        nn.init.zeros_(self.query.bias)
        self.n_out = 2 * n_features

    def forward(self, x_BF: Tensor) -> Tensor:
        """Pool the tiles of each row, the ring's by attention.

        ``[own, sum_r softmax_r(q(own) k(ring_r) / sqrt(A)) ring_r]``.

        Parameters
        ----------
        x_BF
            F = (1 + R) d features: the own tile's first, then those of the ring's tiles.

        Returns
        -------
        (B, 2 d).
        """
        tiles_BTd = x_BF.unflatten(1, (1 + self.n_neighbours, self.n_features))
        own_Bd, ring_BRd = tiles_BTd[:, 0], tiles_BTd[:, 1:]
        query_BA = self.query(own_Bd) / math.sqrt(self.query.out_features)
        weight_BR = torch.einsum("ba,bra->br", query_BA, self.key(ring_BRd)).softmax(dim=-1)
        return torch.cat([own_Bd, torch.einsum("br,brd->bd", weight_BR, ring_BRd)], dim=-1)
