"""Self-attention under a fixed mask, computed only where the mask has something to show.

Shape legend: B rows, L positions, H heads, C channels of a head, Q queries and K keys of one window.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention


@dataclass(frozen=True)
class Window:
    """A run of queries and the run of keys outside of which they see nothing.

    Attributes
    ----------
    queries, keys
        Slices of positions.
    """

    queries: slice
    keys: slice


def windows_of(visible_LL: Tensor, n_windows: int) -> tuple[Window, ...]:
    """Cut queries into runs of equal length, each with the shortest run of keys that holds all it may see.

    Parameters
    ----------
    visible_LL
        bool, which keys (columns) a query sees.
    n_windows
        Runs; of the keys of a causal mask the share ``(n + 1) / 2n`` is left.
    """
    found = []
    length = -(-len(visible_LL) // n_windows)
    for start in range(0, len(visible_LL), length):
        part = slice(start, min(start + length, len(visible_LL)))
        seen = visible_LL[part].any(dim=0).nonzero().flatten()
        found.append(Window(part, slice(int(seen[0]), int(seen[-1]) + 1)))
    return tuple(found)


def mask_bias(visible_LL: Tensor, dtype: torch.dtype) -> Tensor:
    """0 where visible and minus infinity elsewhere: a blocked key gets a weight of exactly 0.

    Parameters
    ----------
    visible_LL
        bool.
    dtype
        Type of the queries.
    """
    return torch.zeros_like(visible_LL, dtype=dtype).masked_fill_(~visible_LL, float("-inf"))


def window_biases(visible_LL: Tensor, windows: tuple[Window, ...], dtype: torch.dtype) -> tuple[Tensor, ...]:
    """`mask_bias` of every window.

    Parameters
    ----------
    visible_LL
        bool.
    windows
        From `windows_of` for the same mask.
    dtype
        Type of the queries.
    """
    # Dense copies: GPU kernels want rows that begin at aligned addresses.
    bias_LL = mask_bias(visible_LL, dtype)
    return tuple(bias_LL[window.queries, window.keys].contiguous() for window in windows)


def masked_attention(
    query_BHLC: Tensor,
    key_BHLC: Tensor,
    value_BHLC: Tensor,
    biases: tuple[Tensor, ...],
    windows: tuple[Window, ...],
) -> Tensor:
    """``softmax(Q K^T / sqrt(C) + bias) V``, window by window.

    Parameters
    ----------
    query_BHLC, key_BHLC, value_BHLC
        Heads.
    biases
        From `window_biases`, cast here to the type of the queries.
    windows
        From `windows_of` for the same mask.

    Returns
    -------
    (B, H, L, C).
    """
    # On the CPU the fused kernel takes two and a half times as long in bfloat16 as plain products.
    products = query_BHLC.device.type == "cpu" and query_BHLC.dtype == torch.bfloat16
    attend = _products if products else scaled_dot_product_attention
    parts = [
        attend(
            query_BHLC[:, :, window.queries],
            key_BHLC[:, :, window.keys],
            value_BHLC[:, :, window.keys],
            bias_QK.to(query_BHLC.dtype),
        )
        for window, bias_QK in zip(windows, biases, strict=True)
    ]
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)


def _products(query_BHQC: Tensor, key_BHKC: Tensor, value_BHKC: Tensor, bias_QK: Tensor) -> Tensor:
    with torch.autocast("cpu", enabled=False):
        score_BHQK = query_BHQC @ key_BHKC.transpose(-1, -2)
        score_BHQK = torch.add(bias_QK, score_BHQK, alpha=query_BHQC.shape[-1] ** -0.5)
        return score_BHQK.softmax(dim=-1) @ value_BHKC
