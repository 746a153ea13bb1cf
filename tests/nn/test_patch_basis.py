"""Patches to coordinates and back."""

from __future__ import annotations

import pytest
import torch

from genviz.nn.patch_basis import PatchBasis, finishing


def made(n_coordinates: int, x: torch.Tensor) -> PatchBasis:
    torch.manual_seed(0)
    basis = PatchBasis(3, 4, n_coordinates)
    basis.start(x)
    return basis


@pytest.fixture
def x():
    """Noise around 0.3; the mean over patches is the same everywhere in a patch."""
    noise = torch.randn(4, 3, 16, 24, generator=torch.Generator().manual_seed(0))
    return torch.cat([noise, -noise]) + 0.3


def test_all_components_give_the_image_back(x):
    basis = made(48, x)
    torch.testing.assert_close(basis.synthesise(basis.analyse(x)), x, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(made(60, x).synthesise(made(60, x).analyse(x)), x, atol=1e-3, rtol=1e-3)


def test_distances_of_coordinates_are_those_of_pixels(x):
    z = made(48, x).analyse(x).flatten(2)
    patches = torch.nn.functional.unfold(x, 4, stride=4)
    expected = torch.cdist(patches[0].T, patches[1].T)
    torch.testing.assert_close(torch.cdist(z[0].T, z[1].T), 0.25 * expected, atol=1e-3, rtol=1e-3)


def test_few_components_keep_more_than_any_other_basis(x):
    """Of images of two colours and an edge, two components keep nearly all."""
    flat = torch.zeros(4, 3, 16, 24)
    flat[:, 0, :, 8:], flat[:2, 1] = 1.0, 0.5
    best = made(2, flat)
    lost = (best.synthesise(best.analyse(flat)) - flat).square().mean()
    assert lost < 0.01 * flat.var()


def test_the_finish_adds_little_at_the_start(x):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        added = finishing(4)(torch.cat([torch.randn(len(x), 4, *x.shape[2:]), x], dim=1))
    assert added.shape == x.shape and 0 < added.abs().max() < 0.3
