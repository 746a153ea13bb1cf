"""Properties 6-8 and 14: what a prediction depends on, and that the cache changes nothing."""

from __future__ import annotations

import pytest
import torch

from genviz._errors import UsageError
from genviz.models.genevar.prior.cache import PriorCache
from genviz.models.genevar.prior.protocols import teacher_maps
from tests.models.genevar.prior.cases import (
    CODE_DIM,
    LENGTHS,
    N_CODES,
    SCALES,
    batch,
    prior,
    quantiser,
    refined_for,
    scaled,
)

KINDS = ("rk", "fhat", "both")


def cached_logits(net, made, masks, given_B):
    """Logits scale by scale over a cache, for rows with their condition and rows without in one run."""
    c_RD = net.condition_in(made.z_BZ.repeat(2, 1), torch.cat([given_B, torch.zeros_like(given_B)]))
    modulation, cache, parts = net.modulation(c_RD), PriorCache(net, len(c_RD)), []
    refined = refined_for(net, made)
    for k in range(1, len(SCALES) + 1):
        h_RND = net.inputs.first(c_RD)
        if k > 1:
            i = k - net.first_injected
            injected = (masks[i] if masks and i >= 0 else None, refined[i] if refined and i >= 0 else None)
            h_RND = net.inputs.later(k, made.maps[k - 2], *injected).repeat(2, 1, 1)
        parts.append(net.logits(cache.advance(h_RND, k, modulation), modulation))
    return torch.cat(parts, dim=1).chunk(2)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("masked_input", KINDS)
def test_teacher_forced_equals_cached(masked_input, masked):
    """Property 6, rows of guidance included."""
    net, made = prior(masked_input=masked_input), batch()
    masks, given_B = made.masks if masked else None, torch.tensor([True, True, False])
    for autocast, tolerance in ((False, 1e-5), (True, 0.02)):
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            given, null = cached_logits(net, made, masks, given_B)
            for found, rows_B in ((given, given_B), (null, torch.zeros(3, dtype=torch.bool))):
                expected = net(made.maps, made.z_BZ, masks, refined=refined_for(net, made), given_B=rows_B)
                assert float((found - expected).abs().max()) < tolerance * float(expected.abs().max())


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_tokens_reach_only_finer_scales(k):
    """Property 7: bit for bit."""
    net, made = prior(), batch()
    changed_BL = made.s_BL.clone()
    part = net.layout.part(k)
    changed_BL[:, part] = (changed_BL[:, part] + 1) % N_CODES
    with torch.no_grad():
        before = net(made.maps, made.z_BZ, made.masks)
        maps = teacher_maps(quantiser(), changed_BL, net.layout, CODE_DIM)
        after = net(maps, made.z_BZ, made.masks)
    for scale, (x, y) in enumerate(zip(scaled(before), scaled(after), strict=True), start=1):
        assert torch.equal(x, y) if scale <= k else float((x - y).abs().amax()) > 0.01


@pytest.mark.parametrize("k", [2, 3, 4])
def test_a_cell_of_the_map_reaches_its_whole_scale(k):
    """Properties 7 and 8: coarser scales see nothing of it, all cells of its own and finer scales do."""
    net, made = prior(n_inject=0), batch()
    with torch.no_grad():
        before = net(made.maps, made.z_BZ)
        made.maps[k - 2] = made.maps[k - 2].clone()
        made.maps[k - 2][:, :, -1, -1] += 3
        after = net(made.maps, made.z_BZ)
    for scale, (x, y) in enumerate(zip(scaled(before), scaled(after), strict=True), start=1):
        assert torch.equal(x, y) if scale < k else bool((x != y).any(dim=-1).all())


@pytest.mark.parametrize("masked_input", KINDS)
def test_masks_of_ones_and_none_are_the_same(masked_input):
    """Property 14."""
    net, made = prior(masked_input=masked_input), batch()
    refined, ones = refined_for(net, made), [torch.ones_like(mask) for mask in made.masks]
    with torch.no_grad():
        found = [net(made.maps, made.z_BZ, masks, refined=refined) for masks in (ones, None, [None, None])]
        partly = net(made.maps, made.z_BZ, made.masks, refined=refined)
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])
    assert not torch.equal(found[0], partly)


@pytest.mark.parametrize("masked_input", KINDS)
def test_masks_of_zeros_hide_the_map(masked_input):
    """Property 14: logits of all scales but those of the unmasked maps do not depend on what is masked."""
    net, made, other = prior(masked_input=masked_input), batch(), batch(seed=2)
    zeros = [torch.zeros_like(mask) for mask in made.masks]
    with torch.no_grad():
        x = net(made.maps, made.z_BZ, zeros, refined=refined_for(net, made))
        y = net([made.maps[0], *other.maps[1:]], made.z_BZ, zeros, refined=refined_for(net, other))
    assert torch.equal(x, y)


def test_the_replacement_learns_from_masked_cells_alone():
    """Property 14."""
    net, made = prior(), batch()
    for masks, learns in (([torch.ones_like(mask) for mask in made.masks], False), (made.masks, True)):
        net.zero_grad()
        net.loss(made.s_BL, made.maps, made.z_BZ, masks)[0].backward()
        grad_D = net.inputs.replacement_D.grad
        assert (grad_D is not None and bool(grad_D.any())) == learns


def test_masked_cells_give_no_gradient_to_the_map():
    net, made = prior(n_inject=1), batch(n_inject=1)
    maps = [map_BEnn.requires_grad_() for map_BEnn in made.maps]
    net(maps, made.z_BZ, made.masks).square().sum().backward()
    reached = maps[-1].grad.any(dim=1)
    assert torch.equal(reached, made.masks[0])


def test_only_the_last_scales_can_be_masked():
    """Property 14: below K_m never."""
    net, made = prior(n_inject=1), batch()
    with pytest.raises(UsageError, match="1 masks"):
        net(made.maps, made.z_BZ, made.masks)
    with pytest.raises(UsageError, match="from scale 4"):
        net.inputs.later(3, made.maps[1], made.masks[0])
    for masked_input, refined in (("rk", made.refined[1:]), ("fhat", None), ("both", None)):
        with pytest.raises(UsageError, match="refined maps"):
            prior(n_inject=1, masked_input=masked_input)(made.maps, made.z_BZ, refined=refined)


def test_lengths_are_those_of_the_cases():
    assert prior().layout.lengths == LENGTHS
