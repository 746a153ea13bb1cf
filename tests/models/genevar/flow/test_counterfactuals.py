"""Degraded tiles, permutations to other slides, and what the flow is pushed away from."""

from __future__ import annotations

import pytest
import torch

from genviz._errors import UsageError
from genviz.models.genevar.flow.config import CounterfactualConfig
from genviz.models.genevar.flow.counterfactuals import blurred, counterfactuals_of, degrade, other_slide

CONFIG = CounterfactualConfig()
KEYS = torch.arange(4)


def _tiles(n=4, side=24):
    """Pink ground, purple disks, some texture."""
    generator = torch.Generator().manual_seed(0)
    x = torch.tensor([0.9, 0.75, 0.85])[:, None, None].expand(n, 3, side, side).clone()
    spots = torch.rand(n, 1, side, side, generator=generator) < 0.3
    x = torch.where(spots, torch.tensor([0.4, 0.25, 0.6])[:, None, None], x)
    return (x + 0.03 * torch.randn(x.shape, generator=generator)).clamp(0, 1)


@pytest.mark.parametrize("variant", ["a", "c", "s"])
def test_a_degraded_tile_belongs_to_its_key(variant):
    x = _tiles()
    y = degrade(x, variant, CONFIG, KEYS, 1)
    assert y.shape == x.shape
    assert y.min() >= 0
    assert y.max() <= 1
    assert ((y - x).abs().mean(dim=(1, 2, 3)) > 0.005).all()
    assert torch.allclose(degrade(x[2:3], variant, CONFIG, KEYS[2:3], 1), y[2:3], atol=1e-6)
    assert not torch.allclose(degrade(x, variant, CONFIG, KEYS, 0), y, atol=1e-2)


def test_colour_changes_hue_and_no_layout():
    quiet = CounterfactualConfig(noise=0.0)
    x = _tiles()
    for config in (quiet, CounterfactualConfig(noise=0.0, color="hed")):
        y = degrade(x, "a", config, KEYS)
        dark_x, dark_y = (t.mean(dim=1).flatten(1) for t in (x, y))
        for one, two in zip(dark_x, dark_y, strict=True):
            assert float(torch.corrcoef(torch.stack([one, two]))[0, 1]) > 0.9
        assert ((y - x).mean(dim=(2, 3)).abs().amax(dim=1) > 0.003).all()
    still = CounterfactualConfig(noise=0.0, hue=0.0, saturation=(1.0, 1.0), offset=0.0)
    assert torch.allclose(degrade(x, "a", still, KEYS), x, atol=1e-5)
    unstained = CounterfactualConfig(noise=0.0, stain=0.0, color="hed")
    assert torch.allclose(degrade(x, "a", unstained, KEYS), x, atol=1e-5)


def test_contrast_is_never_left_as_it_is():
    x = 0.5 + 0.2 * (_tiles(200) - 0.5)
    y = degrade(x, "c", CounterfactualConfig(noise=0.0), torch.arange(200))
    ratio = y.std(dim=(2, 3)) / x.std(dim=(2, 3))
    inside = ((ratio > 0.499) & (ratio < 0.801)) | ((ratio > 1.199) & (ratio < 1.601))
    assert inside.all()
    assert 0.4 < float((ratio < 1).float().mean()) < 0.6
    assert torch.allclose(y.mean(dim=(2, 3)), x.mean(dim=(2, 3)), atol=1e-5)


def test_sharpening_adds_what_a_blur_takes():
    x = 0.5 + 0.1 * (_tiles() - 0.5)
    still = CounterfactualConfig(sharpen=(2.0, 2.0), blur_px=(1.5, 1.5))
    expected = x + 2 * (x - blurred(x, torch.full((4,), 1.5), 1.5))
    assert torch.allclose(degrade(x, "s", still, KEYS), expected, atol=1e-5)
    flat = torch.full((2, 3, 12, 12), 0.3)
    assert torch.allclose(blurred(flat, torch.tensor([1.0, 2.0]), 2.0), flat, atol=1e-6)
    point = torch.zeros(2, 3, 21, 21)
    point[:, :, 10, 10] = 1
    seen = blurred(point, torch.tensor([1.0, 2.0]), 2.0)[:, 0]
    place = torch.arange(21.0) - 10
    spread = (seen.sum(dim=1) * place**2).sum(dim=1)
    assert torch.allclose(spread, torch.tensor([1.0, 4.0]), rtol=0.05)


def test_an_unknown_variant():
    with pytest.raises(UsageError, match="variant"):
        degrade(_tiles(), "l", CONFIG, KEYS)


@pytest.mark.parametrize("counts", [(4, 4), (5, 3, 2), (1, 1, 1, 1, 1), (3, 3, 3), (6, 2, 2, 1, 1)])
def test_partners_are_of_other_slides(counts):
    """Property 13: a permutation, everyone elsewhere when no slide has more than half."""
    slide = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    partners = set()
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        slide = slide[torch.randperm(len(slide), generator=generator)]
        other, found = other_slide(slide, generator)
        assert sorted(other.tolist()) == list(range(len(slide)))
        assert found.all()
        assert (slide[other] != slide).all()
        partners.add(tuple(other.tolist()))
    assert len(partners) > 10


def test_a_slide_that_is_too_large():
    """As few as can be stay without a partner."""
    other, found = other_slide(torch.tensor([0, 0, 0, 0, 0, 1, 2]))
    assert sorted(other.tolist()) == list(range(7))
    assert int((~found).sum()) == 3
    assert not other_slide(torch.zeros(4, dtype=torch.int64))[1].any()


@pytest.mark.parametrize("extreme", ["prev_scale", "up_rk", "other_wsi"])
@pytest.mark.parametrize("source", ["other_wsi", "same_tile"])
def test_what_is_put_together(extreme, source):
    config = CounterfactualConfig(extreme=extreme, source=source, variants=("l", "a", "s"))
    before, up = torch.randn(2, 3, 2, 4, 4)
    degraded = torch.randn(3, 2, 2, 4, 4)
    other, found = torch.tensor([1, 2, 0]), torch.tensor([True, False, True])
    made = counterfactuals_of(
        config, before_BDGG=before, up_BDGG=up, degraded_BVDGG=degraded, other_B=other, found_B=found
    )
    first = {"prev_scale": before, "up_rk": up, "other_wsi": before[other]}[extreme]
    assert torch.equal(made.f_BNDGG[:, 0], first)
    assert torch.equal(made.f_BNDGG[:, 1:], degraded[other] if source == "other_wsi" else degraded)
    for column, elsewhere in ((0, extreme == "other_wsi"), (1, source == "other_wsi")):
        assert torch.equal(made.found_BN[:, column], found if elsewhere else torch.ones_like(found))
