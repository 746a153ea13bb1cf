"""T1-T4: what a scale may see, and that every way to compute it agrees."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from genviz.models.genar.sampling import SampleOptions
from tests.models.genar.cases import EVERY_KIND, SCALES, counts, generators, inputs, network

TOKENS = [("tokens", "mlp"), ("tokens", "transformer")]


def _tokens(net, seed=0):
    body = net.body
    return body.targets.tokens(body.targets.group_means(torch.as_tensor(counts(5, seed)).float()))


@pytest.mark.parametrize(("kind", "trunk"), TOKENS)
@pytest.mark.parametrize("changed", range(len(SCALES)))
def test_a_scale_sees_coarser_scales_only(kind, trunk, changed):
    """T1: tokens of scale j leave logits of scales <= j as they are, bit for bit, and change finer ones."""
    net = network(kind, trunk)
    x, xy = inputs()
    tokens = _tokens(net)
    part = net.body.levels.slices[changed]
    other = tokens.clone()
    other[:, part] = (other[:, part] + 7) % 32
    with torch.no_grad():
        before, after = net.body(x, xy, tokens), net.body(x, xy, other)
    for k, own in enumerate(net.body.levels.slices):
        same = torch.equal(before[:, own], after[:, own])
        # Without attention a group sees its parent only, so the effect ends one scale below.
        reached = k == changed + 1 if trunk == "mlp" else k > changed
        assert same != reached, f"scale {k} after changing scale {changed}"


@pytest.mark.parametrize("trunk", ["mlp", "transformer"])
def test_autoregressive_splits_see_coarser_counts_only(trunk):
    """T1 for counts="tree": the likelihood term of a split does not depend on counts finer than its parent."""
    net = network("tree", trunk, autoregressive=True)
    x, xy = inputs()
    levels = net.body.levels
    first = torch.as_tensor(counts(5)).float()
    # Move counts between two genes of one group of six: sums of scales 0-2 stay.
    group = levels.group_LG[2]
    a, b = (group == group[0]).nonzero().flatten()[:2].tolist()
    second = first.clone()
    first[:, a] += 3
    second[:, b] += 3
    with torch.no_grad():
        one, two = (net.body._terms(x, xy, c) for c in (first, second))
    assert torch.equal(one[:, :3], two[:, :3])
    assert not torch.equal(one[:, 3], two[:, 3])


@pytest.mark.parametrize("trunk", ["mlp", "transformer"])
def test_groups_of_one_scale_are_a_set(trunk):
    """T2: block-causal; groups of one scale have no order: swapping two with their identities swaps outputs."""
    net = network("tokens", trunk)
    body = net.body
    part = body.levels.slices[0].stop  # first position of the second scale
    a, b = part, part + 1
    x, xy = inputs()
    inputs_NPD = torch.randn(5, body.levels.n_positions, body.config.width)
    with torch.no_grad():
        condition = body.condition(x, xy)
        before = body.trunk(condition, inputs_NPD)
        swapped = inputs_NPD.clone()
        swapped[:, [a, b]] = swapped[:, [b, a]]
        body.trunk.place_PD[[a, b]] = body.trunk.place_PD[[b, a]]
        after = body.trunk(condition, swapped)
    torch.testing.assert_close(after[:, [b, a]], before[:, [a, b]], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(after[:, b + 1 :], before[:, b + 1 :], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("kind", "trunk"), TOKENS)
def test_teacher_forcing_equals_cached_generation(kind, trunk):
    """T3: the model's own tokens as forced prefix give the logits that cached, scale-by-scale steps gave."""
    net = network(kind, trunk)
    body = net.body
    x, xy = inputs()
    with torch.no_grad():
        state, tokens, stepped = body.begin(body.condition(x, xy)), [], []
        for k in range(len(SCALES)):
            logits = body.step(state, k, tokens[-1] if tokens else None, body.modulation())
            stepped.append(logits)
            tokens.append(logits.argmax(dim=-1))
        forced = body(x, xy, torch.cat(tokens, dim=1))
    torch.testing.assert_close(forced, torch.cat(stepped, dim=1), atol=1e-4, rtol=1e-4)
    assert torch.equal(forced.argmax(dim=-1), torch.cat(tokens, dim=1))


@pytest.mark.parametrize(("kind", "trunk"), EVERY_KIND)
def test_a_row_is_the_same_in_any_company(kind, trunk):
    """T4: a batch of 64 equals 64 batches of one and any order, bit for bit."""
    net = network(kind, trunk)
    x, xy = inputs(64)
    together = net.sample(x, xy, generators(64), 4)
    order = np.random.default_rng(0).permutation(64)
    shuffled = net.sample(x[order], xy[order], [generators(64)[i] for i in order], 4)
    for whole, mixed in zip(together, shuffled, strict=True):
        assert np.array_equal(whole[:, order], mixed)
    for row in (0, 17, 63):
        alone = net.sample(x[row : row + 1], xy[row : row + 1], [generators(64)[row]], 4)
        for whole, single in zip(together, alone, strict=True):
            assert np.array_equal(whole[:, row], single[:, 0])


def test_cache_equals_no_cache():
    """T4: attention over the cached prefix gives what masked attention over everything gives."""
    net = network("tokens", "transformer")
    trunk = net.body.trunk
    x, xy = inputs(3)
    h = torch.randn(3, net.body.levels.n_positions, 16)
    with torch.no_grad():
        condition = net.body.condition(x, xy)
        whole = trunk(condition, h)
        state = trunk.begin(condition)
        steps = [trunk.step(state, k, h[:, part]) for k, part in enumerate(net.body.levels.slices)]
    torch.testing.assert_close(torch.cat(steps, dim=1), whole, atol=1e-5, rtol=1e-4)


def test_options_reach_the_sampler():
    """An unknown clamp group is refused before anything is sampled."""
    assert SampleOptions(3).clamp_at(0) == {}


@pytest.mark.parametrize("kind", ["tree", "tokens"])
def test_a_copy_draws_from_its_own_weights(kind):
    """Samplers hold their network: a copy must not go on drawing from the one it was copied from."""
    net, (x, xy) = network(kind), inputs()
    before, own = net.sample(x, xy, generators(5), 4)[-1], copy.deepcopy(net)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
    np.testing.assert_array_equal(own.sample(x, xy, generators(5), 4)[-1], before)
    assert (net.sample(x, xy, generators(5), 4)[-1] != before).any()
