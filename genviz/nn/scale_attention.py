"""Attention between scales: full inside a scale and to all coarser ones, without a mask wherever none is needed.

Shape legend: B rows, L positions, H heads, C channels of a head, Q queries and K keys of one part.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from genviz.nn.masked_attention import mask_bias

_DENSE = 128  # positions up to which one masked product costs less than one product a scale


class ScaleCausalAttention(nn.Module):
    """``softmax(Q K^T + mask) V`` of all scales at once; queries carry their own temperature.

    The coarsest scales share one masked product. Each further scale sees a run of keys from the first on, all of it:
    its product needs no mask, so fused kernels take it and the upper half of the matrix is never computed.

    Parameters
    ----------
    lengths
        Positions of each scale, coarse to fine.
    """

    visible_PP: Tensor

    def __init__(self, lengths: Sequence[int]) -> None:
        super().__init__()
        ends = [sum(lengths[: k + 1]) for k in range(len(lengths))]
        n_dense = max(1, sum(end <= _DENSE for end in ends))
        self.n_dense, self.ends = ends[n_dense - 1], tuple(ends[n_dense:])
        level_P = torch.cat([torch.full((n,), k) for k, n in enumerate(lengths[:n_dense])])
        self.register_buffer("visible_PP", level_P[:, None] >= level_P[None], persistent=False)

    def forward(self, query_BHLC: Tensor, key_BHLC: Tensor, value_BHLC: Tensor) -> Tensor:
        """Attend, (B, H, L, C).

        Parameters
        ----------
        query_BHLC, key_BHLC, value_BHLC
            Heads of all positions.
        """
        first = slice(0, self.n_dense)
        bias_PP = mask_bias(self.visible_PP, query_BHLC.dtype)
        parts = [attend(query_BHLC[:, :, first], key_BHLC[:, :, first], value_BHLC[:, :, first], bias_PP)]
        start = self.n_dense
        for end in self.ends:
            parts.append(attend(query_BHLC[:, :, start:end], key_BHLC[:, :, :end], value_BHLC[:, :, :end]))
            start = end
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)


def attend(query_BHQC: Tensor, key_BHKC: Tensor, value_BHKC: Tensor, bias_QK: Tensor | None = None) -> Tensor:
    """``softmax(Q K^T + bias) V``, (B, H, Q, C).

    Parameters
    ----------
    query_BHQC, key_BHKC, value_BHKC
        Heads, of one type.
    bias_QK
        Added to the scores; None: every query sees every key.
    """
    if query_BHQC.device.type != "cpu" or query_BHQC.dtype != torch.bfloat16:
        return scaled_dot_product_attention(query_BHQC, key_BHKC, value_BHKC, attn_mask=bias_QK, scale=1.0)
    # On the CPU the fused kernel takes longer in bfloat16 than plain products.
    with torch.autocast("cpu", enabled=False):
        score_BHQK = query_BHQC @ key_BHKC.transpose(-1, -2)
        score_BHQK = score_BHQK if bias_QK is None else score_BHQK + bias_QK
        return score_BHQK.softmax(dim=-1) @ value_BHKC
