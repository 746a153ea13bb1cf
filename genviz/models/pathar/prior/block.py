"""The transformer block of the prior: pre-norm attention with rotated queries and keys, and an MLP; no biases.

Shape legend: B sequences, L rows, D features, H heads, C channels of a head, P pairs of channels.
"""

from __future__ import annotations

from torch import Tensor, nn

from genviz.nn.masked_attention import Window, masked_attention
from genviz.nn.rope import rotate


class PriorBlock(nn.Module):
    """``h + out(attention(norm(h)))``, then ``h + down(gelu(up(norm(h))))``: 12 D² weights and two norms.

    Parameters
    ----------
    width, n_heads
        D and H.
    dropout
        Rate on both branches' outputs, in training.
    """

    def __init__(self, width: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm_attention = nn.LayerNorm(width, bias=False)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.norm_mlp = nn.LayerNorm(width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.gelu = nn.GELU()
        self.down = nn.Linear(4 * width, width, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        h_BLD: Tensor,
        rotation_2L2C: Tensor,
        biases: tuple[Tensor, ...],
        windows: tuple[Window, ...],
    ) -> Tensor:
        """Run the block over whole sequences.

        Parameters
        ----------
        h_BLD
            Hidden features.
        rotation_2L2C
            Cosines and sines of each row's query and key.
        biases, windows
            The mask, see `genviz.nn.masked_attention`.

        Returns
        -------
        (B, L, D).
        """
        query, key, value = self.heads(h_BLD, rotation_2L2C)
        mixed_BHLC = masked_attention(query, key, value, biases, windows)
        h_BLD = h_BLD + self.dropout(self.out(mixed_BHLC.transpose(1, 2).flatten(2)))
        return h_BLD + self.dropout(self.mlp(h_BLD))

    def heads(self, h_BLD: Tensor, rotation_2L2C: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries and keys, turned by their positions, and values of each row: (B, H, L, C) each.

        Parameters
        ----------
        h_BLD
            Hidden features.
        rotation_2L2C
            Cosines and sines of each row's query and key.
        """
        qkv_BL3HC = self.qkv(self.norm_attention(h_BLD)).unflatten(-1, (3, self.n_heads, -1))
        cosine, sine = rotation_2L2C.to(qkv_BL3HC.dtype).unsqueeze(-2)
        query_key_BL2HC = rotate(qkv_BL3HC[:, :, :2], cosine, sine)
        query_BLHC, key_BLHC = query_key_BL2HC.unbind(2)
        value_BLHC = qkv_BL3HC[:, :, 2]
        return query_BLHC.transpose(1, 2), key_BLHC.transpose(1, 2), value_BLHC.transpose(1, 2)

    def mlp(self, h_BLD: Tensor) -> Tensor:
        """Give the MLP's branch.

        Parameters
        ----------
        h_BLD
            Hidden features.
        """
        out: Tensor = self.down(self.gelu(self.up(self.norm_mlp(h_BLD))))
        return out
