"""Networks that judge a bag of tile features as a whole: mean, gated attention, TransMIL.

Shape legend: B bags, T tiles of a bag, F features of a tile, D width, H heads, C classes, S places of the square
that TransMIL lays its tiles on, and the class token.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

_VALUE_KERNEL = 33  # tiles that the convolution of the values sees (Nyströmformer, Xiong et al., AAAI 2021)


class MeanPool(nn.Module):
    """Logistic regression on the mean of a bag: what every attention has to beat.

    Parameters
    ----------
    n_features, n_classes
        F, C.
    """

    def __init__(self, n_features: int, n_classes: int) -> None:
        super().__init__()
        self.head = nn.Linear(n_features, n_classes)

    def forward(self, x_BTF: Tensor) -> Tensor:
        """Logits (B, C).

        Parameters
        ----------
        x_BTF
            Features.
        """
        logits: Tensor = self.head(x_BTF.mean(dim=1))
        return logits


class GatedAttention(nn.Module):
    """Gated attention pooling (Ilse et al., ICML 2018, eq. 9): ``a_t ~ exp w . (tanh(V h_t) * sigmoid(U h_t))``.

    The order of the tiles does not matter.

    Parameters
    ----------
    n_features, n_classes, width
        F, C, D; the attention has half the width.
    dropout
        Of the tile's own layer.
    """

    def __init__(self, n_features: int, n_classes: int, width: int = 64, dropout: float = 0.25) -> None:
        super().__init__()
        self.tile = nn.Sequential(nn.Linear(n_features, width), nn.ReLU(), nn.Dropout(dropout))
        self.value = nn.Linear(width, width // 2)
        self.gate = nn.Linear(width, width // 2)
        self.score = nn.Linear(width // 2, 1, bias=False)
        self.head = nn.Linear(width, n_classes)

    def attention(self, h_BTD: Tensor) -> Tensor:
        """Weight of each tile, (B, T), rows summing to 1.

        Parameters
        ----------
        h_BTD
            Tiles after their own layer.
        """
        scores_BT1: Tensor = self.score(torch.tanh(self.value(h_BTD)) * torch.sigmoid(self.gate(h_BTD)))
        return scores_BT1.squeeze(-1).softmax(dim=1)

    def forward(self, x_BTF: Tensor) -> Tensor:
        """Logits (B, C).

        Parameters
        ----------
        x_BTF
            Features.
        """
        h_BTD = self.tile(x_BTF)
        logits: Tensor = self.head(torch.einsum("bt,btd->bd", self.attention(h_BTD), h_BTD))
        return logits


class TransMIL(nn.Module):
    """Transformer over tiles with a pyramid of convolutions as positions (Shao et al., NeurIPS 2021, Algorithm 2).

    Attention is exact where the published one is Nyström's approximation: the same function up to a few thousand
    tiles, without its landmarks and iterated inverse. Tiles are laid row by row on the smallest square that holds
    them, the first ones again in its last places, so their order matters.

    Parameters
    ----------
    n_features, n_classes, width
        F, C, D.
    n_heads
        H, a divisor of the width.
    dropout
        Of what attention adds.
    """

    def __init__(
        self, n_features: int, n_classes: int, width: int = 64, n_heads: int = 8, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.tile = nn.Sequential(nn.Linear(n_features, width), nn.ReLU())
        self.token_1D = nn.Parameter(torch.randn(1, 1, width))
        self.first = _Attention(width, n_heads, dropout)
        self.places = nn.ModuleList(
            nn.Conv2d(width, width, size, padding=size // 2, groups=width) for size in (7, 5, 3)
        )
        self.second = _Attention(width, n_heads, dropout)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, n_classes)

    def forward(self, x_BTF: Tensor) -> Tensor:
        """Logits (B, C).

        Parameters
        ----------
        x_BTF
            Features; 1 tile or more.
        """
        n_tiles = x_BTF.shape[1]
        side = math.isqrt(n_tiles - 1) + 1
        again = torch.arange(side**2, device=x_BTF.device) % n_tiles
        h_BTD = self.tile(x_BTF)[:, again]
        h_BSD = torch.cat([self.token_1D.expand(len(h_BTD), -1, -1), h_BTD], dim=1)
        h_BSD = self.first(h_BSD)
        token_B1D, h_BTD = h_BSD[:, :1], h_BSD[:, 1:]
        square_BDHW = h_BTD.transpose(1, 2).unflatten(2, (side, side))
        square_BDHW = square_BDHW + sum(conv(square_BDHW) for conv in self.places)
        h_BSD = self.second(torch.cat([token_B1D, square_BDHW.flatten(2).transpose(1, 2)], dim=1))
        logits: Tensor = self.head(self.norm(h_BSD[:, 0]))
        return logits


class _Attention(nn.Module):
    """Pre-norm self-attention with a depthwise convolution of the values beside it."""

    def __init__(self, width: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.near = nn.Conv2d(
            n_heads, n_heads, (_VALUE_KERNEL, 1), padding=(_VALUE_KERNEL // 2, 0), groups=n_heads, bias=False
        )
        self.out = nn.Sequential(nn.Linear(width, width), nn.Dropout(dropout))

    def forward(self, h_BSD: Tensor) -> Tensor:
        qkv_3BHSd = self.qkv(self.norm(h_BSD)).unflatten(-1, (3, self.n_heads, -1)).permute(2, 0, 3, 1, 4)
        q_BHSd, k_BHSd, v_BHSd = qkv_3BHSd.unbind(0)
        mixed_BHSd = nn.functional.scaled_dot_product_attention(q_BHSd, k_BHSd, v_BHSd) + self.near(v_BHSd)
        found: Tensor = h_BSD + self.out(mixed_BHSd.transpose(1, 2).flatten(2))
        return found
