"""Attention without masks where none is needed is the masked one."""

from __future__ import annotations

import pytest
import torch

from genviz.nn.attention import block_causal_mask
from genviz.nn.scale_attention import ScaleCausalAttention


@pytest.mark.parametrize(
    "lengths", [(1,), (1, 4, 9), (1, 4, 16, 64, 81), (144, 25), (1, 4, 9, 16, 25, 36, 64, 100)]
)
def test_it_equals_one_dense_mask(lengths):
    n, generator = sum(lengths), torch.Generator().manual_seed(0)
    query, key, value = torch.randn(3, 2, 2, n, 8, generator=generator)
    score_BHLL = (query @ key.transpose(-1, -2)).masked_fill(~block_causal_mask(lengths), float("-inf"))
    expected_BHLC = score_BHLL.softmax(-1) @ value
    attend = ScaleCausalAttention(lengths)
    assert torch.allclose(attend(query, key, value), expected_BHLC, atol=1e-5)
    rough_BHLC = attend(query.bfloat16(), key.bfloat16(), value.bfloat16())
    assert float((rough_BHLC - expected_BHLC).abs().mean()) < 0.02


def test_it_can_be_made_without_memory():
    with torch.device("meta"):
        assert ScaleCausalAttention((1, 4)).visible_PP.is_meta
