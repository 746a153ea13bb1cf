"""The loss over bands."""

from __future__ import annotations

import pytest
import torch

from genviz.nn.laplacian import laplacian_loss


def test_equal_images_and_images_that_differ_by_a_constant_cost_nothing():
    x = torch.randn(2, 3, 16, 16)
    assert laplacian_loss(x, x) == 0
    torch.testing.assert_close(laplacian_loss(x, x + 3), torch.tensor(0.0), atol=1e-5, rtol=0)


def test_fine_detail_costs_more_than_coarse_of_the_same_size():
    zero = torch.zeros(1, 1, 32, 32)
    board = torch.ones(32).cumsum(0) % 2 * 2 - 1
    fine = (board[:, None] * board[None])[None, None]
    coarse = fine[..., :4, :4].repeat_interleave(8, 2).repeat_interleave(8, 3)
    assert laplacian_loss(fine, zero) > 1.5 * laplacian_loss(coarse, zero) > 0


def test_a_single_level_is_the_difference_to_its_blurred_half():
    x = torch.randn(1, 1, 8, 8)
    half = torch.nn.functional.avg_pool2d(x, 2)
    blurred = torch.nn.functional.interpolate(half, size=(8, 8), mode="bilinear")
    torch.testing.assert_close(laplacian_loss(x, torch.zeros_like(x), 1), (x - blurred).abs().mean())


@pytest.mark.parametrize("size", [(20, 20), (8, 12), (2, 2), (1, 5)])
def test_any_size_has_a_loss(size):
    assert torch.isfinite(laplacian_loss(torch.randn(1, 3, *size), torch.zeros(1, 3, *size)))
