"""How the image decoder joins structure and appearance: ``F = W2 [gamma Ps(Qs); Pa(Qa)]`` (PathAR, Eq. 8).

Shape legend: B tiles, D length of a code, C decoder channels, H x W cells.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Fusion(nn.Module):
    """Project both streams, condition on structure, concatenate, mix cell by cell.

    Parameters
    ----------
    kind
        "concat" (gamma is 1), "scaled_concat" (gamma is a learned vector), "film" (appearance times one plus a
        projection of structure, then as concat).
    code_dim, n_out
        D and C.
    """

    def __init__(self, kind: str, code_dim: int, n_out: int) -> None:
        super().__init__()
        self.structure = nn.Conv2d(code_dim, code_dim, 1)
        self.appearance = nn.Conv2d(code_dim, code_dim, 1)
        self.mix = nn.Conv2d(2 * code_dim, n_out, 1)
        self.gamma = nn.Parameter(torch.ones(code_dim, 1, 1)) if kind == "scaled_concat" else None
        self.film = nn.Conv2d(code_dim, code_dim, 1) if kind == "film" else None
        if self.film is not None:
            nn.init.zeros_(self.film.weight)
            assert self.film.bias is not None
            nn.init.zeros_(self.film.bias)

    def forward(self, structure_BDHW: Tensor, appearance_BDHW: Tensor) -> Tensor:
        """Give (B, C, H, W)."""
        p_BDHW = self.structure(structure_BDHW)
        a_BDHW = self.appearance(appearance_BDHW)
        if self.gamma is not None:
            p_BDHW = self.gamma * p_BDHW
        if self.film is not None:
            a_BDHW = a_BDHW * (1 + self.film(structure_BDHW))
        out: Tensor = self.mix(torch.cat([p_BDHW, a_BDHW], dim=1))
        return out
