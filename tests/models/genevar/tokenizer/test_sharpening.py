"""Tuning the decoder against a discriminator: tokens stay, the average is kept, and it goes on where it stopped."""

from __future__ import annotations

import copy

import torch

from genviz.models.genevar.tokenizer.judge import TileJudge, feature_loss
from genviz.models.genevar.tokenizer.sharpening import Sharpener
from genviz.nn.patch_gan import discriminator_loss
from tests.models.genevar.tokenizer.cases import stain_tiles, started


def test_only_the_decoder_learns_and_tokens_stay():
    torch.manual_seed(0)
    tokenizer, x = started(), stain_tiles(8)
    before, tokens = copy.deepcopy(tokenizer.state_dict()), tokenizer.eval().encode(x)
    sharpener = Sharpener(tokenizer)
    for _ in range(3):
        parts = sharpener.step(x)
    assert set(parts) == {"pixels", "energy", "phase", "features", "hinge", "judge"}
    assert all(torch.isfinite(part) and not part.requires_grad for part in parts.values())
    tuned = copy.deepcopy(tokenizer.state_dict())
    moved = {name.split(".")[0] for name in before if not torch.equal(before[name], tuned[name])}
    assert moved == {"after", "decoder", "patches", "finish"}
    assert all(
        torch.equal(before[name], tuned[name]) for name in before if name.startswith("patches.analyse")
    )
    assert torch.equal(sharpener.finish().encode(x), tokens)
    kept = tokenizer.state_dict()
    name = "after.weight"
    assert (kept[name] - before[name]).norm() < (tuned[name] - before[name]).norm()  # the average lags behind


def test_it_goes_on_to_the_same_bits():
    x = stain_tiles(8)
    torch.manual_seed(0)
    whole = Sharpener(started())
    half = {}
    for k in range(4):
        whole.slow_down(k / 4)
        whole.step(x)
        if k == 1:
            half = copy.deepcopy({name: part.state_dict() for name, part in whole.parts().items()})
    resumed = Sharpener(started())
    for name, part in resumed.parts().items():
        part.load_state_dict(half[name])
    for k in (2, 3):
        resumed.slow_down(k / 4)
        resumed.step(x)
    expected = whole.finish().state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in resumed.finish().state_dict().items())


def test_the_rates_follow_a_cosine():
    sharpener = Sharpener(started(gan_lr=1e-3))
    sharpener.slow_down(0.5)
    rates = [o.param_groups[0]["lr"] for o in (sharpener.optimiser, sharpener.judge_optimiser)]
    torch.testing.assert_close(rates, [5e-4, 1e-3])


def test_a_step_in_mixed_precision_leaves_single_precision_weights():
    sharpener = Sharpener(started(), mixed=True)
    assert all(torch.isfinite(part) for part in sharpener.step(stain_tiles(4)).values())
    assert all(p.dtype == torch.float32 for p in sharpener.learned)


def test_the_judge_learns_to_tell_blurred_tiles():
    torch.manual_seed(0)
    judge, x = TileJudge(8), stain_tiles(16)
    blurred = torch.nn.functional.avg_pool2d(x, 3, 1, 1)
    optimiser = torch.optim.Adam(judge.parameters(), 1e-3, betas=(0.5, 0.9))
    for _ in range(40):
        loss = discriminator_loss(judge(x)[0], judge(blurred)[0])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 1.0  # of 2, for a judge that cannot tell


def test_features_of_the_same_tile_are_the_same():
    judge, x = TileJudge(8).eval(), stain_tiles(4)
    _, features = judge(x)
    assert len(features) == 6
    assert feature_loss(features, features) == 0
    assert feature_loss(features, judge(-x)[1]) > 0
