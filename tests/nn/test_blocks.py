"""Adaptive layer norm, stochastic depth, and the block they make."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import layer_norm

from genviz.nn.attention import KVCache, block_causal_mask
from genviz.nn.blocks import AdaLNBlock, DropPath, Modulation, modulated_norm


def shaken(block):
    """Move every weight, so that no gate is closed."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return block.eval()


def test_modulated_norm():
    h, scale, shift = torch.randn(2, 3, 4), torch.randn(2, 1, 4), torch.randn(2, 1, 4)
    torch.testing.assert_close(
        modulated_norm(h, scale, shift), layer_norm(h, (4,), eps=1e-6) * (1 + scale) + shift
    )


@pytest.mark.parametrize(("attention", "n"), [(True, 6), (False, 3)])
def test_the_block_is_the_identity_before_training_and_not_after(attention, n):
    block = AdaLNBlock(8, 2, 2.0, 5, attention=attention)
    h, condition = torch.randn(3, 4, 8), torch.randn(3, 5)
    modulation = block.modulation(condition)
    assert [part.shape for part in modulation] == [(3, 1, 8)] * n
    assert torch.equal(block(h, modulation), h)
    shaken(block)
    assert not torch.allclose(block(h, block.modulation(condition)), h, atol=1e-2)


def test_gates_open_at_the_first_step():
    """A zero start must not stay zero: the gates' own weights get a gradient."""
    block = AdaLNBlock(8, 2, 2.0, 5)
    block(torch.randn(3, 4, 8), block.modulation(torch.randn(3, 5))).square().sum().backward()
    assert block.modulation.linear.weight.grad.abs().sum() > 0


def test_the_condition_of_a_row_reaches_that_row_only():
    block = shaken(AdaLNBlock(8, 2, 2.0, 5))
    h, condition = torch.randn(3, 4, 8), torch.randn(3, 5, requires_grad=True)
    block(h, block.modulation(condition))[1].sum().backward()
    assert (condition.grad.abs().sum(-1) > 0).tolist() == [False, True, False]


def test_without_attention_positions_are_apart():
    block = shaken(AdaLNBlock(8, 2, 2.0, 5, attention=False))
    h, modulation = torch.randn(1, 4, 8), block.modulation(torch.randn(1, 5))
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(block(h[:, order], modulation), block(h, modulation)[:, order])


def test_cached_blocks_equal_all_at_once():
    block = shaken(AdaLNBlock(8, 2, 2.0, 5))
    sizes, modulation = (1, 2, 3), block.modulation(torch.randn(2, 5))
    h, cache = torch.randn(2, 6, 8), KVCache()
    parts = [block(part, modulation, cache=cache) for part in h.split(sizes, dim=1)]
    torch.testing.assert_close(torch.cat(parts, 1), block(h, modulation, block_causal_mask(sizes)))


def test_drop_path_leaves_out_whole_rows_and_keeps_the_mean():
    drop, h = DropPath(0.25), torch.ones(20_000, 2, 3)
    torch.manual_seed(0)
    dropped = drop(h)
    torch.testing.assert_close(dropped.unique(), torch.tensor([0.0, 4 / 3]))
    assert (dropped == dropped[:, :1, :1]).all()
    assert dropped.mean() == pytest.approx(1.0, abs=0.02)
    assert drop.eval()(h) is h
    assert DropPath(0.0)(h) is h


def test_modulation_gives_zero_before_training():
    assert all((part == 0).all() for part in Modulation(5, 8, 4)(torch.randn(2, 5)))
