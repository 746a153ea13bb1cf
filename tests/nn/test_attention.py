"""Block-causal attention: who sees whom, and a cache that changes nothing."""

from __future__ import annotations

import pytest
import torch

from genviz.nn.attention import BlockCausalAttention, KVCache, block_causal_mask

SIZES = (1, 3, 2, 4)


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return BlockCausalAttention(12, 3)


def test_the_mask_is_full_inside_a_block_and_causal_between():
    mask = block_causal_mask((1, 2, 1))
    expected = [[1, 0, 0, 0], [1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 1]]
    assert mask.dtype == torch.bool
    assert mask.int().tolist() == expected


def test_it_equals_attention_written_out(layer):
    h = torch.randn(2, 10, 12)
    mask = block_causal_mask(SIZES)
    query, key, value = layer.qkv(h).chunk(3, dim=-1)
    heads = []
    for columns in torch.arange(12).chunk(3):
        score = query[..., columns] @ key[..., columns].transpose(1, 2) / 4**0.5
        heads.append(score.masked_fill(~mask, -torch.inf).softmax(-1) @ value[..., columns])
    torch.testing.assert_close(layer(h, mask), layer.out(torch.cat(heads, dim=-1)))


def test_later_blocks_have_no_influence_and_the_own_block_has(layer):
    h = torch.randn(1, 10, 12, requires_grad=True)
    layer(h, block_causal_mask(SIZES))[:, 1:4].sum().backward()  # the second block
    reached = h.grad.abs().sum(-1)[0] > 0
    assert reached.tolist() == [True] * 4 + [False] * 6


def test_blocks_through_the_cache_equal_all_at_once(layer):
    h = torch.randn(3, 10, 12)
    cache = KVCache()
    parts = [layer(block, cache=cache) for block in h.split(SIZES, dim=1)]
    torch.testing.assert_close(torch.cat(parts, dim=1), layer(h, block_causal_mask(SIZES)))
    assert cache.key_BHLC.shape == cache.value_BHLC.shape == (3, 3, 10, 4)


def test_the_cache_gives_all_positions_in_order():
    cache = KVCache()
    first, second = torch.randn(1, 2, 3, 4), torch.randn(1, 2, 1, 4)
    assert cache.extend(first, first)[0] is first
    keys, values = cache.extend(second, -second)
    torch.testing.assert_close(keys, torch.cat([first, second], dim=2))
    torch.testing.assert_close(values, torch.cat([first, -second], dim=2))
