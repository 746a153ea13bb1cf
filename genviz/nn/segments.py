"""Sums and softmaxes over ragged segments of the last axis, given as one index a column.

Shape legend: the last axis M holds the columns, Q the segments; leading axes are free.
"""

from __future__ import annotations

import torch
from torch import Tensor


def segment_sum(values_M: Tensor, index_M: Tensor, n_segments: int) -> Tensor:
    """Sum the columns of each segment: (..., M) → (..., Q).

    Parameters
    ----------
    values_M
        Any tensor with M columns.
    index_M
        int64 (M,): segment of each column, in any order.
    n_segments
        Q; segments without columns give 0.
    """
    zeros = values_M.new_zeros(*values_M.shape[:-1], n_segments)
    return zeros.index_add(-1, index_M, values_M)


def segment_max(values_M: Tensor, index_M: Tensor, n_segments: int) -> Tensor:
    """Maximum of each segment's columns: (..., M) → (..., Q); empty segments give -inf."""
    low = values_M.new_full((*values_M.shape[:-1], n_segments), -torch.inf)
    return low.scatter_reduce(-1, index_M.expand_as(values_M), values_M, "amax")


def segment_log_softmax(logits_M: Tensor, index_M: Tensor, n_segments: int) -> Tensor:
    """Log-softmax inside each segment: (..., M) → (..., M).

    The maximum is subtracted first, so that large logits neither overflow nor lose their gradient.
    """
    with torch.no_grad():
        top_M = segment_max(logits_M, index_M, n_segments).index_select(-1, index_M)
    shifted_M = logits_M - top_M
    log_norm_Q = segment_sum(shifted_M.exp(), index_M, n_segments).log()
    return shifted_M - log_norm_Q.index_select(-1, index_M)
