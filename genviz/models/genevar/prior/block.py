"""The transformer block of the next-scale prior: cosine attention and an MLP, both under adaptive layer norm.

Shape legend: B sequences, L positions, D features, H heads, C channels of a head.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, normalize

from genviz.nn.adaln import ModulationVectors, start_matrix
from genviz.nn.blocks import DropPath, modulated_norm

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]

_LOG_SCALE, _LOG_SCALE_MAX = math.log(4), math.log(100)
# Gates begin near 0, which makes every block nearly the identity; then scales and shifts.
_GAINS = (1e-5, 1e-5, 0.5, 0.5, 0.5, 0.5)


class ScaleBlock(nn.Module):
    """``h + gate * out(attention(n(h)))``, then ``h + gate * mlp(n(h))``, n the modulated layer norm.

    Queries and keys have length 1, queries times a learned scale of each head, so scores cannot grow without end.
    18 D² weights, a third of them in the modulation.

    Parameters
    ----------
    width, n_heads
        D and H.
    n_blocks
        Blocks of the transformer: what adds to the residual stream begins smaller by the root of their branches.
    dropout, drop_path
        Rates on both branches, in training.
    """

    no_bias_D: Tensor

    def __init__(self, width: int, n_heads: int, n_blocks: int, dropout: float, drop_path: float) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.modulation = ModulationVectors(width, width, _GAINS)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        # A bias of the keys would shift all scores of a query alike, but for the norm: it is left out.
        self.query_bias_D = nn.Parameter(torch.zeros(width))
        self.value_bias_D = nn.Parameter(torch.zeros(width))
        self.log_scale_H = nn.Parameter(torch.full((n_heads,), _LOG_SCALE))
        self.out = nn.Linear(width, width)
        self.up = nn.Linear(width, 4 * width)
        self.gelu = nn.GELU(approximate="tanh")
        self.down = nn.Linear(4 * width, width)
        self.dropout, self.drop_path = nn.Dropout(dropout), DropPath(drop_path)
        self.register_buffer("no_bias_D", torch.zeros(width), persistent=False)
        residual = (2 * n_blocks) ** -0.5
        for layer, gain in ((self.qkv, 1.0), (self.out, residual), (self.up, 1.0), (self.down, residual)):
            start_matrix(layer.weight, width, gain)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    @property
    def matrices(self) -> list[Tensor]:
        """Weights that map hidden features to hidden features."""
        return [self.qkv.weight, self.out.weight, self.up.weight, self.down.weight]

    def forward(self, h_BLD: Tensor, modulation: tuple[Tensor, ...], attend: Attend) -> Tensor:
        """Run the block, (B, L, D).

        Parameters
        ----------
        h_BLD
            Hidden features.
        modulation
            ``self.modulation(c_B1D)``, the same for all positions: gates, scales and shifts of attention and MLP.
        attend
            Takes queries, keys and values (B, H, L, C) of these positions and gives the mixed values: over all scales
            at once, or over what a cache holds.
        """
        gate, gate_mlp, scale, scale_mlp, shift, shift_mlp = modulation
        mixed_BHLC = attend(*self.heads(modulated_norm(h_BLD, scale, shift)))
        mixed_BLD = self.dropout(self.out(mixed_BHLC.transpose(1, 2).flatten(2)))
        h_BLD = h_BLD + self.drop_path(gate * mixed_BLD)
        mlp_BLD = self.down(self.gelu(self.up(modulated_norm(h_BLD, scale_mlp, shift_mlp))))
        return h_BLD + self.drop_path(gate_mlp * self.dropout(mlp_BLD))

    def heads(self, h_BLD: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, (B, H, L, C) each.

        Parameters
        ----------
        h_BLD
            Features after the modulated norm.
        """
        bias = torch.cat([self.query_bias_D, self.no_bias_D, self.value_bias_D])
        qkv_BL3HC = linear(h_BLD, self.qkv.weight, bias).unflatten(-1, (3, self.n_heads, -1))
        query_BHLC, key_BHLC, value_BHLC = qkv_BL3HC.permute(2, 0, 3, 1, 4).unbind(0)
        scale_H11 = self.log_scale_H.clamp_max(_LOG_SCALE_MAX).exp()[:, None, None]
        # Norms in float32, under autocast too.
        query_BHLC = (normalize(query_BHLC.float(), dim=-1) * scale_H11).to(value_BHLC.dtype)
        return query_BHLC, normalize(key_BHLC.float(), dim=-1).to(value_BHLC.dtype), value_BHLC
