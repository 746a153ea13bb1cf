"""Scores of the RNA-guided mask, their law, and the masks drawn from them."""

from __future__ import annotations

import pytest
import torch

from genviz._errors import UsageError
from genviz.models.genevar.flow.check import prediction_errors, rank_correlation
from genviz.models.genevar.flow.mask_config import MaskConfig
from genviz.models.genevar.flow.masking import (
    MaskNoise,
    draw_mask,
    expected_keep,
    keep_probability,
    scale_mask,
    scores,
    standardised,
)
from genviz.nn.keyed_noise import noise_keys
from tests.models.genevar.flow.cases import conditions, flow, latents

GRADIENT = MaskConfig()


def _noise(net, k=3, n_rows=3, seed=0):
    return MaskNoise.drawn(net, n_rows, k, generator=torch.Generator().manual_seed(seed))


def _rows(noise, rows):
    return MaskNoise(noise.eps_BDGG[rows], noise.other_BDGG[rows], noise.threshold_Bnn[rows])


@pytest.mark.parametrize("target", ["self", "prev", "oracle"])
@pytest.mark.parametrize("strategy", ["gradient", "edist"])
def test_scores_of_a_tile_are_its_own(strategy, target):
    """Property 15: whatever the batch; from 0; and no weight receives a gradient."""
    net, config = flow(0.3), MaskConfig(strategy=strategy)
    before, f, r = latents(3)
    known = {"prev": before, "oracle": f, "self": None}[target]
    noise, z = _noise(net), conditions()
    found = scores(net, config, 3, r, z, noise, target=target, f_BDGG=known)
    assert found.shape == (3, 4, 4)
    assert found.min() >= 0
    assert not found.requires_grad
    assert all(p.grad is None for p in net.parameters())
    one = slice(1, 2)
    part = scores(net, config, 3, r[one], z[one], _rows(noise, one), target=target,
                  f_BDGG=None if known is None else known[one])  # fmt: skip
    assert torch.allclose(part, found[one], rtol=1e-4, atol=1e-7)


def test_the_gradient_is_that_of_finite_differences():
    net = flow(0.3).double()
    _, f, r = (x.double() for x in latents(2))
    z = conditions().double()
    drawn = _noise(net, 2)
    noise = MaskNoise(drawn.eps_BDGG.double(), drawn.other_BDGG.double(), drawn.threshold_Bnn)
    config = MaskConfig(energy="sum")
    found = scores(net, config, 2, r, z, noise, target="oracle", f_BDGG=f)

    def energy(r):
        return ((f - net.predict(noise.eps_BDGG, r, z, 2)) / net.scale).square().flatten(1).sum(1)

    step, slope = 1e-5, torch.zeros_like(r)
    with torch.no_grad():
        for d in range(r.shape[1]):
            bump = torch.zeros_like(r)
            bump[:, d, 1, 0] = step
            slope[:, d, 1, 0] = (energy(r + bump) - energy(r - bump)) / (2 * step)
    assert torch.allclose((slope * net.scale).norm(dim=1)[:, 1, 0], found[:, 1, 0], rtol=1e-5)
    mean = scores(net, GRADIENT, 2, r, z, noise, target="oracle", f_BDGG=f)
    assert torch.allclose(mean * f[0].numel(), found)


def test_equal_noise_has_no_gradient():
    """Property 15: a prediction compared with itself; all is kept then."""
    net = flow(0.3)
    _, _, r = latents(3)
    noise = _noise(net)
    noise = MaskNoise(noise.eps_BDGG, noise.eps_BDGG, noise.threshold_Bnn)
    found = scores(net, GRADIENT, 3, r, conditions(), noise, target="self")
    assert not found.any()
    assert draw_mask(GRADIENT, noise.threshold_Bnn, found).all()


@pytest.mark.parametrize("grad_through", ["last", "full"])
def test_several_steps(grad_through):
    net = flow(0.3, steps=3)
    _, _, r = latents(3)
    config = MaskConfig(grad_through=grad_through)
    found = scores(net, config, 3, r, conditions(), _noise(net), target="self")
    other = MaskConfig(grad_through="full" if grad_through == "last" else "last")
    assert not torch.allclose(found, scores(net, other, 3, r, conditions(), _noise(net), target="self"))


def test_gradients_where_they_are_switched_off():
    net = flow(0.3)
    _, _, r = latents(3)
    call = (net, GRADIENT, 3, r, conditions(), _noise(net))
    with torch.no_grad():
        inside = scores(*call, target="self")
    assert torch.equal(inside, scores(*call, target="self"))
    with torch.inference_mode(), pytest.raises(UsageError, match="no_grad"):
        scores(*call, target="self")
    with pytest.raises(UsageError, match="latents"):
        scores(*call, target="prev")


@pytest.mark.parametrize("gamma_mean", [0.0, -0.954, -1.812])
def test_the_keep_rate(gamma_mean):
    """Property 15: Phi(-gamma_mean / sqrt 2) for log-normal scores: 50, 75, 90 %; the random mask keeps as many."""
    generator = torch.Generator().manual_seed(0)
    score = torch.randn(400, 8, 8, generator=generator).mul(1.3).exp()
    noise = torch.randn(400, 8, 8, generator=generator)
    config = MaskConfig(gamma_mean=gamma_mean)
    kept = draw_mask(config, noise, score)
    expected = expected_keep(gamma_mean)
    assert expected == pytest.approx({0.0: 0.5, -0.954: 0.75, -1.812: 0.9}[gamma_mean], abs=1e-3)
    assert float(kept.float().mean()) == pytest.approx(expected, abs=0.02)
    assert float(keep_probability(config, score).mean()) == pytest.approx(expected, abs=0.02)
    # Neither the unit of the loss nor the size of the batch matters.
    assert float((draw_mask(config, noise, 1e-4 * score) == kept).float().mean()) > 0.9999
    assert torch.equal(draw_mask(config, noise[:3], score[:3]), kept[:3])
    chance = MaskConfig(strategy="random", gamma_mean=gamma_mean)
    assert float(draw_mask(chance, noise).float().mean()) == pytest.approx(expected, abs=0.02)


def test_norms():
    score = torch.rand(5, 4, 4, generator=torch.Generator().manual_seed(0)) + 0.1
    for norm in ("zscore_log", "zscore"):
        flat = standardised(score, norm).flatten(1)
        assert torch.allclose(flat.mean(dim=1), torch.zeros(5), atol=1e-5)
        assert torch.allclose(flat.std(dim=1, correction=0), torch.ones(5), atol=1e-5)
        assert torch.equal(flat.argsort(dim=1), score.flatten(1).argsort(dim=1))
        assert standardised(torch.ones(2, 3, 3), norm).isinf().all()
    assert torch.allclose(standardised(score, "mean").mean(dim=(1, 2)), torch.ones(5))
    assert standardised(score, "none") is score
    quantile = MaskConfig(norm="quantile", keep_rate=0.25)
    kept = draw_mask(quantile, torch.zeros_like(score), score)
    assert (kept.flatten(1).sum(dim=1) == 4).all()
    assert score[kept].min() > 0
    for row, mask in zip(score, kept, strict=True):
        assert row[mask].min() >= row[~mask].max()


def test_the_literal_mask_is_a_coin():
    """Section 2.4.2: raw mean-squared errors leave the threshold alone, sums may decide everything."""
    net = flow(0.3)
    _, f, r = latents(3)
    raw = MaskConfig(norm="none")
    found = scores(net, raw, 3, r, conditions(), _noise(net), target="oracle", f_BDGG=f)
    summed = scores(net, MaskConfig(norm="none", energy="sum"), 3, r, conditions(), _noise(net),
                    target="oracle", f_BDGG=f)  # fmt: skip
    assert torch.allclose(summed, found * f[0].numel(), rtol=1e-4)
    assert keep_probability(raw, found).min() >= 0.5
    assert keep_probability(raw, summed).mean() > keep_probability(raw, found).mean()


def test_masks_of_a_scale():
    net = flow(0.3)
    before, f, r = latents(3)
    noise, z = _noise(net), conditions()

    def mask(phase, **options):
        target = {"prev": before, "oracle": f}.get(options.get(f"{phase}_target"))
        return scale_mask(net, MaskConfig(**options), 3, r, z, noise, phase=phase, f_BDGG=target)

    assert mask("train", strategy="none").all()
    assert mask("infer", infer_target="ones").all()
    usual = mask("train")
    assert torch.equal(usual, mask("infer"))
    assert not usual.all()
    for options in ({"train_target": "prev"}, {"train_target": "oracle"}, {"strategy": "edist"},
                    {"strategy": "random"}, {"norm": "zscore"}):  # fmt: skip
        assert mask("train", **options).dtype == torch.bool
    with pytest.raises(UsageError, match="scores"):
        draw_mask(GRADIENT, noise.threshold_Bnn)


def test_keyed_noise_belongs_to_rows():
    net = flow()
    keys = noise_keys([3, 1 << 70, 12])
    noise = MaskNoise.keyed(net, keys, 2)
    assert noise.eps_BDGG.shape == (3, 6, 4, 4)
    assert noise.threshold_Bnn.shape == (3, 2, 2)
    assert torch.equal(MaskNoise.keyed(net, keys[1:2], 2).other_BDGG, noise.other_BDGG[1:2])
    assert not torch.equal(noise.eps_BDGG, noise.other_BDGG)
    assert not torch.equal(MaskNoise.keyed(net, keys, 3).eps_BDGG, noise.eps_BDGG)


def test_checks_of_a_trained_flow():
    net = flow(0.3)
    before, f, r = latents(3)
    errors = prediction_errors(net, 3, before, f, r, conditions())
    assert errors["copy"] == pytest.approx(float((before - f).square().mean()) / 1.7**2, rel=1e-5)
    assert 0 < errors["mean"] < errors["single"]
    score = torch.rand(4, 5, 5)
    assert rank_correlation(score, score.exp()) == pytest.approx(1)
    assert rank_correlation(score, -score) == pytest.approx(-1)
