"""What the flow gives the prior: nothing of the target, and the same in training and in sampling."""

from __future__ import annotations

import pytest
import torch

from genviz._errors import UsageError
from genviz.models.genevar.flow.injector import FlowInjector
from genviz.models.genevar.flow.mask_config import MaskConfig
from genviz.models.genevar.flow.masking import MaskNoise
from genviz.nn.keyed_noise import noise_keys
from tests.models.genevar.flow.cases import CODES, conditions, flow, quantiser, tokens

KEYS = noise_keys([1, 2, 3])


def _noises(net):
    return [MaskNoise.keyed(net, KEYS, k) for k in (2, 3)]


def _training(s_BL, masked_input="both", **options):
    net = flow(0.3)
    config = MaskConfig(**{"p_unmasked": 0.0, **options})
    injector = FlowInjector(net, config, masked_input)
    return injector.training(quantiser(), s_BL, conditions(), (2, 3), noises=_noises(net))


@pytest.mark.parametrize(
    ("options", "leaks"),
    [
        ({}, False),
        ({"train_target": "prev"}, False),
        ({"strategy": "edist"}, False),
        ({"strategy": "random"}, False),
        ({"train_target": "oracle"}, True),
        ({"train_target": "oracle", "strategy": "edist"}, True),
    ],
)
def test_a_mask_does_not_know_its_target(options, leaks):
    """Property 16: to the bit, whatever the tokens of the scale and later; the published reading fails, as it must."""
    s = tokens()
    other = s.clone()
    other[:, 5:] = (other[:, 5:] + 1 + torch.arange(16) % (CODES - 1)) % CODES
    (coarse, fine), refined = _training(s, **options)
    (coarse_too, fine_too), refined_too = _training(other, **options)
    assert torch.equal(coarse, coarse_too)
    assert torch.equal(fine, fine_too) is not leaks
    assert all(torch.equal(x, y) for x, y in zip(refined, refined_too, strict=True))


@pytest.mark.parametrize("drawn", [False, True])
@pytest.mark.parametrize("target", ["self", "prev", "oracle"])
@pytest.mark.parametrize("strategy", ["gradient", "edist"])
def test_masks_of_every_scale_know_nothing_from_there_on(strategy, target, drawn):
    """Property 16 at each masked scale: its own tokens and all later ones replaced, with given noise and with drawn."""
    n, net, sums = 16, flow(0.3), quantiser()
    s, z = tokens(n), conditions(n)
    injector = FlowInjector(net, MaskConfig(strategy=strategy, train_target=target, p_unmasked=0.0), "both")
    keyed = [MaskNoise.keyed(net, noise_keys(range(n)), k) for k in (2, 3)]

    def made(s_BL):
        generator = torch.Generator().manual_seed(5)
        noises = None if drawn else keyed
        return injector.training(sums, s_BL, z, (2, 3), noises=noises, generator=generator)

    masks, refined = made(s)
    for i, start in enumerate((1, 5)):
        other = s.clone()
        other[:, start:] = (other[:, start:] + 1 + torch.arange(21 - start) % (CODES - 1)) % CODES
        masks_too, refined_too = made(other)
        assert torch.equal(masks[i], masks_too[i]) is (target != "oracle")
        assert torch.equal(refined[i], refined_too[i])
        coarser = s.clone()
        coarser[:, :start] = (coarser[:, :start] + 3) % CODES
        assert not torch.equal(refined[i], made(coarser)[1][i])  # what came before is known


@pytest.mark.parametrize("options", [{}, {"train_target": "prev", "infer_target": "prev"}, {"strategy": "edist"},
                                     {"strategy": "random"}])  # fmt: skip
def test_training_and_sampling_agree(options):
    s, sums = tokens(), quantiser()
    net = flow(0.3)
    injector = FlowInjector(net, MaskConfig(p_unmasked=0.0, **options), "fhat")
    masks, refined = injector.training(sums, s, conditions(), (2, 3), noises=_noises(net))
    given = torch.ones(3, dtype=torch.bool)
    for k, mask, fine in zip((2, 3), masks, refined, strict=True):
        before = sums.embed_sum(s, k - 1)
        with torch.no_grad():
            found = injector(k, sums.next_input(before, k), before, conditions(), given, KEYS)
        assert torch.equal(found[0], mask)
        assert torch.equal(found[1], fine)


def test_some_tiles_are_kept_whole():
    s = tokens(300)
    injector = FlowInjector(flow(0.3), MaskConfig(strategy="random", p_unmasked=0.3))
    masks, refined = injector.training(quantiser(), s, conditions(300), (2, 3))
    assert refined is None
    whole = torch.stack([mask.flatten(1).all(dim=1) for mask in masks]).all(dim=0)
    assert 60 < int(whole.sum()) < 125


def test_nothing_is_masked_without_a_strategy():
    assert _training(tokens(), "rk", strategy="none") == ([None, None], None)


def test_rows_without_a_condition():
    net = flow(0.3)
    injector = FlowInjector(net, MaskConfig(), "fhat")
    assert not any(p.requires_grad for p in net.parameters())
    sums, s = quantiser(), tokens()
    before = sums.embed_sum(s, 2)
    call = (3, sums.next_input(before, 3), before)
    none = injector(*call, conditions(), torch.zeros(3, dtype=torch.bool), KEYS)
    zeroed = injector(*call, net.null_Z.expand(3, -1), torch.ones(3, dtype=torch.bool), KEYS)
    assert torch.equal(none[0], zeroed[0])
    assert torch.equal(none[1], zeroed[1])


def test_what_is_refused():
    with pytest.raises(UsageError, match="masked_input"):
        FlowInjector(flow(), MaskConfig(), "f")
    with pytest.raises(UsageError, match="'prev'"):
        FlowInjector(flow(predictor="regress"), MaskConfig())
