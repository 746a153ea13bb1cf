"""What the trunks are told about a spot: its features, its ring and, if asked, where it lies.

Shape legend: B rows, F features as given, C condition width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genviz._errors import UsageError
from genviz.models.genar.config import GenARConfig
from genviz.nn.fourier import FourierPosition
from genviz.nn.ring import RingAttention


class Condition(nn.Module):
    """Features (own and ring) beside the Fourier code of the position: (B, C), C = `n_out`.

    Parameters
    ----------
    config
        Options `neighbours`, `n_neighbours`, `position` and `position_um`.
    n_features
        F. For ``neighbours="attention"``: ``n_own`` columns, and ``n_neighbours`` equal blocks.
    """

    def __init__(self, config: GenARConfig, n_features: int) -> None:
        super().__init__()
        self.n_features = n_features
        self.ring: RingAttention | None = None
        self.position = FourierPosition(*config.position_um) if config.position else None
        if config.neighbours == "attention":
            n_own = config.n_own or n_features // (1 + config.n_neighbours)
            n_ring, rest = divmod(n_features - n_own, config.n_neighbours)
            if rest or n_ring < 1:
                raise UsageError(
                    f"Expected {n_own} features of the own tile and {config.n_neighbours} equal blocks, one a ring "
                    f"tile, for neighbours='attention'; got {n_features} columns. Run "
                    "gv.pp.embed(adata, ring='each'), or use neighbours='concat' with the ring's mean."
                )
            self.ring = RingAttention(n_own, n_ring, config.n_neighbours)
        self.n_out = (self.ring.n_out if self.ring else n_features) + (
            self.position.n_out if self.position else 0
        )

    def forward(self, x_BF: Tensor, xy_B2: Tensor) -> Tensor:
        """Condition of each row; rows never see each other."""
        parts = [self.ring(x_BF) if self.ring else x_BF]
        if self.position is not None:
            parts.append(self.position(xy_B2))
        return torch.cat(parts, dim=-1)


class ConditionEncoder(nn.Module):
    """The condition as the vector that modulates a transformer.

    norm - drop - linear - GELU - drop - linear - norm.

    Parameters
    ----------
    n_in, width, dropout
        Condition width, width of the result, rate on inputs and hidden units.
    """

    def __init__(self, n_in: int, width: int, dropout: float) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.LayerNorm(n_in),
            nn.Dropout(dropout),
            nn.Linear(n_in, width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(width, width),
            nn.LayerNorm(width),
        )

    def forward(self, condition_BC: Tensor) -> Tensor:
        """(B, C) → (B, D)."""
        out: Tensor = self.net(condition_BC)
        return out
