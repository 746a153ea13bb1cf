"""Losses of texture: strength of detail without its place, and what repeats in every cell."""

from __future__ import annotations

import pytest
import torch

from genviz.nn.texture_losses import energy_loss, phase_loss


def noise(seed, scale=1.0):
    return scale * torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(seed))


def test_equal_images_and_constants_cost_nothing():
    x = noise(0)
    assert energy_loss(x, x) == 0
    torch.testing.assert_close(energy_loss(x, x + 3), torch.tensor(0.0), atol=1e-4, rtol=0)
    assert phase_loss(x, x, 8) == 0


def test_detail_may_lie_elsewhere_but_must_be_as_strong():
    x = noise(0)
    shifted, other, weak = x.flip(0), noise(1), noise(1, 0.3)
    # Pixels could not tell these three; smoothing away is what costs.
    assert energy_loss(x, -x) < 1e-6
    assert energy_loss(x, other) < 0.4 * energy_loss(x, weak)
    assert energy_loss(x, shifted) < 0.4 * energy_loss(x, torch.zeros_like(x))


def test_strength_is_compared_place_by_place():
    left, right = noise(0), noise(0)
    left[..., :32], right[..., 32:] = 0, 0
    assert energy_loss(left, right) > 0.5 * energy_loss(left, torch.zeros_like(left))


def test_weak_detail_still_has_a_slope():
    y = torch.zeros(1, 3, 32, 32, requires_grad=True)
    energy_loss(y, noise(0)[:1, :, :32, :32]).backward()
    assert torch.isfinite(y.grad).all()


@pytest.mark.parametrize("size", [(16, 16), (24, 32), (64, 40)])
def test_any_size_of_whole_cells(size):
    x, y = noise(0)[..., : size[0], : size[1]], noise(1)[..., : size[0], : size[1]]
    assert torch.isfinite(energy_loss(x, y)) and torch.isfinite(phase_loss(x, y, 8))


def test_a_grid_costs_its_mean_square_and_noise_hardly_anything():
    x, cell = noise(0, 0.1), torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    grid = cell.repeat(1, 1, 8, 8)
    torch.testing.assert_close(phase_loss(x + grid, x, 8), cell.square().mean())
    assert phase_loss(noise(1, 0.1), x, 8) < 0.02 * (noise(1, 0.1) - x).square().mean()
    assert phase_loss(x + grid, x, 4) < phase_loss(x + grid, x, 8)
