"""Properties 6-8 and 14 at the scales that are shipped and that were published, where attention is in several parts."""

from __future__ import annotations

from functools import cache

import pytest
import torch

from genviz.models.genevar.presets import preset
from genviz.models.genevar.prior.cache import PriorCache
from genviz.models.genevar.prior.config import PriorConfig
from genviz.models.genevar.prior.network import ScalePrior
from genviz.models.genevar.prior.protocols import teacher_maps
from tests.models.genevar.prior.cases import CODE_DIM, COND_DIM, N_CODES, FakeQuantiser

LAYOUTS = ("mini", "paper")


class Case:
    """A narrow prior with a preset's scales and masked scales, and rows for it."""

    def __init__(self, name):
        config, generator = preset(name), torch.Generator().manual_seed(2)
        scales = config.tokenizer.scales
        torch.manual_seed(0)
        self.net = ScalePrior(
            PriorConfig(depth=2, width=32, n_heads=2, n_inject=config.prior.n_inject,
                        condition_norm=config.prior.condition_norm),
            COND_DIM, CODE_DIM, N_CODES, scales,
        ).eval()  # fmt: skip
        with torch.no_grad():
            for parameter in self.net.parameters():
                parameter.add_(0.2 * torch.randn_like(parameter))
        self.layout = self.net.layout
        self.quantiser = FakeQuantiser(torch.randn(N_CODES, CODE_DIM, generator=generator), scales)
        self.s_BL = torch.randint(N_CODES, (2, self.layout.n_positions), generator=generator)
        self.z_BZ = torch.randn(2, COND_DIM, generator=generator)
        sides = scales[self.net.first_injected - 1 :]
        self.masks = [torch.rand(2, n, n, generator=generator) < 0.5 for n in sides] or None

    def maps(self, s_BL):
        return teacher_maps(self.quantiser, s_BL, self.layout, CODE_DIM)

    @torch.no_grad()
    def logits(self, maps, masks=None, given_B=None):
        found = self.net(maps, self.z_BZ, self.masks if masks is None else masks, given_B=given_B)
        return found.split(self.layout.lengths, dim=1)


@cache
def case(name):
    return Case(name)


def test_they_are_in_several_parts():
    """Else this file would say nothing that the small cases do not."""
    assert len(case("mini").net.attend.ends) == 1 and len(case("paper").net.attend.ends) >= 3
    assert case("mini").masks is None and [mask.shape[-1] for mask in case("paper").masks] == [13, 16]


@pytest.mark.parametrize("name", LAYOUTS)
def test_teacher_forced_equals_cached(name):
    """Property 6, with and without condition in one run."""
    own = case(name)
    net, maps, rows_B = own.net, own.maps(own.s_BL), torch.tensor([True, True, False, False])
    with torch.no_grad():
        c_RD = net.condition_in(own.z_BZ.repeat(2, 1), rows_B)
        modulation, cache_, parts = net.modulation(c_RD), PriorCache(net, 4), []
        for k in range(1, own.layout.n_scales + 1):
            i = k - net.first_injected
            mask_Bnn = own.masks[i] if own.masks and i >= 0 else None
            h_RND = (
                net.inputs.first(c_RD)
                if k == 1
                else net.inputs.later(k, maps[k - 2], mask_Bnn).repeat(2, 1, 1)
            )
            parts.append(net.logits(cache_.advance(h_RND, k, modulation), modulation))
    given, null = torch.cat(parts, dim=1).chunk(2)
    for found, on in ((given, True), (null, False)):
        expected = torch.cat(own.logits(maps, given_B=torch.full((2,), on)), dim=1)
        assert float((found - expected).abs().max()) < 1e-4 * float(expected.abs().max())


@pytest.mark.parametrize("name", LAYOUTS)
def test_tokens_reach_only_finer_scales(name):
    """Property 7: bit for bit, for every scale."""
    own = case(name)
    before = own.logits(own.maps(own.s_BL))
    for k in range(1, own.layout.n_scales + 1):
        other = own.s_BL.clone()
        other[:, own.layout.part(k)] = (other[:, own.layout.part(k)] + 1) % N_CODES
        after = own.logits(own.maps(other))
        for scale, (x, y) in enumerate(zip(before, after, strict=True), start=1):
            assert torch.equal(x, y) if scale <= k else not torch.allclose(x, y, atol=1e-3), (k, scale)


@pytest.mark.parametrize("name", LAYOUTS)
def test_one_cell_reaches_its_whole_scale(name):
    """Properties 7 and 8: the last cell of r_k, at a place that is shown."""
    own = case(name)
    masks = None if own.masks is None else [torch.ones_like(mask) for mask in own.masks]
    maps = own.maps(own.s_BL)
    before = own.logits(maps, masks)
    for k in range(2, own.layout.n_scales + 1):
        changed = [map_BEnn.clone() for map_BEnn in maps]
        changed[k - 2][:, :, -1, -1] += 3
        after = own.logits(changed, masks)
        for scale, (x, y) in enumerate(zip(before, after, strict=True), start=1):
            assert torch.equal(x, y) if scale < k else bool((x != y).any(dim=-1).all()), (k, scale)


def test_masks_of_the_published_scales():
    """Property 14: zeros hide r_k of scales 9 and 10 and of no other; ones and none are the same."""
    own = case("paper")
    maps, other = own.maps(own.s_BL), own.maps((own.s_BL + 5) % N_CODES)
    zeros, ones = ([torch.full_like(mask, on) for mask in own.masks] for on in (False, True))
    hidden = own.logits(maps, zeros)
    for x, y in zip(hidden, own.logits([*maps[:7], *other[7:]], zeros), strict=True):
        assert torch.equal(x, y)
    coarser = own.logits([*maps[:6], other[6], *maps[7:]], zeros)  # scale 8 is never masked
    assert not torch.equal(hidden[7], coarser[7])
    for x, y in zip(own.logits(maps, ones), own.logits(maps, [None, None]), strict=True):
        assert torch.equal(x, y)
