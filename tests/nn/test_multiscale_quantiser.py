"""Tokens of rising scales: they add up, they lead back, and their codes stay alive."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from genviz._errors import UsageError
from genviz.nn.multiscale_quantiser import MODES, MultiScaleQuantiser, pooled, shared_layers

SCALES = (1, 2, 3, 5)
B, D, V = 3, 4, 32


def latents(n: int = B, seed: int = 0, side: int = SCALES[-1]) -> torch.Tensor:
    """Smooth fields with a little grain."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(n, D, 2, 2, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=(side, side), mode="bilinear")
    return smooth + 0.3 * torch.randn(n, D, side, side, generator=generator)


def made(mode: str = "ema_revive", *, scales=SCALES, n_codes: int = V, **options) -> MultiScaleQuantiser:
    """Codes at k-means, convolutions off the identity."""
    torch.manual_seed(0)
    quantiser = MultiScaleQuantiser(scales, n_codes, D, mode=mode, **options)
    with torch.no_grad():
        for layer in quantiser.phi:
            layer.weight.add_(0.1 * torch.randn_like(layer.weight))
            layer.bias.normal_(std=0.05)
    quantiser.start(latents(16, seed=9, side=scales[-1]))
    return quantiser.eval()


def test_tokens_of_all_scales_add_up_to_the_latents_that_came_back():
    quantiser, f = made(), latents()
    quantised, tokens, _ = quantiser(f)
    parts = [quantiser.contribution(s, k) for k, s in enumerate(quantiser.split(tokens), start=1)]
    assert tokens.shape == (B, quantiser.n_tokens) == (B, 39)
    assert all(part.shape == f.shape for part in parts)
    torch.testing.assert_close(sum(parts), quantised, atol=1e-5, rtol=0)
    for k in range(len(SCALES) + 1):
        torch.testing.assert_close(
            quantiser.embed_sum(tokens, k), sum(parts[:k], torch.zeros_like(f)), atol=1e-5, rtol=0
        )


def test_what_is_left_is_the_latents_less_what_was_added():
    quantiser, f = made(), latents()
    left = f.clone()
    for rows, _, added in quantiser._descend(f):
        n = int(rows.shape[1] ** 0.5)
        torch.testing.assert_close(rows, pooled(left, n).flatten(2).transpose(1, 2))
        left = left - added
    torch.testing.assert_close(quantiser.embed_sum(quantiser.encode(f)) + left, f, atol=1e-5, rtol=0)


def test_exact_codes_leave_nothing():
    """Without convolutions, and with the residual of every cell of every scale among the codes."""
    quantiser, f = MultiScaleQuantiser(SCALES, 39, D, phi_weight=0.0), latents(1)
    with torch.no_grad():
        quantiser.codes_VD.copy_(quantiser._unquantised(f))
    assert len(quantiser.phi) == 0
    tokens = quantiser.encode(f)
    assert torch.equal(tokens, torch.arange(39)[None])
    torch.testing.assert_close(quantiser.embed_sum(tokens), f, atol=1e-5, rtol=0)


@pytest.mark.parametrize("mode", MODES)
def test_the_gradient_goes_straight_through(mode):
    quantiser, f = made(mode).train(), latents().requires_grad_(True)
    quantised, tokens, _ = quantiser(f)
    weight = torch.randn(f.shape, generator=torch.Generator().manual_seed(3))
    (found,) = torch.autograd.grad((quantised * weight).sum(), f)
    assert torch.equal(found, weight)
    if mode == "gradient":  # the others' codes have moved on
        assert torch.equal(quantised, quantiser.embed_sum(tokens))


def test_stored_tokens_give_the_live_latents_bit_for_bit():
    quantiser, f = made(), latents()
    live, tokens, _ = quantiser(f)
    assert torch.equal(quantiser.encode(f), tokens)
    stored = torch.from_numpy(tokens.numpy().astype("int16"))
    assert torch.equal(quantiser.embed_sum(stored), live)
    assert torch.equal(torch.cat([quantiser.encode(row[None]) for row in f]), tokens)


def test_teacher_forced_inputs_are_those_of_step_by_step_drawing():
    quantiser = made()
    tokens = torch.randint(V, (B, quantiser.n_tokens), generator=torch.Generator().manual_seed(1))
    forced = quantiser.inputs(tokens.to(torch.int16))
    f, stepwise = torch.zeros(B, D, SCALES[-1], SCALES[-1]), []
    for k, s in enumerate(quantiser.split(tokens), start=1):
        if k > 1:
            stepwise.append(quantiser.next_input(f, k))
        f = f + quantiser.contribution(s, k)
    assert [r.shape[-1] for r in forced] == list(SCALES[1:])
    assert all(torch.equal(a, b) for a, b in zip(forced, stepwise, strict=True))
    assert all(
        torch.equal(a, quantiser.embed_sum(tokens, k)) for k, a in enumerate(quantiser.sums(tokens), start=1)
    )


def test_pooling_is_by_area():
    f = latents(1, side=5)
    expected = torch.stack(
        [
            f[0, :, rows, cols].mean((1, 2))
            for rows in (slice(0, 3), slice(2, 5))
            for cols in (slice(0, 3), slice(2, 5))
        ]
    )
    torch.testing.assert_close(pooled(f, 2)[0].flatten(1).T, expected)  # windows of 5 / 2 cells overlap
    assert pooled(f, 5) is f


def test_all_of_it_is_in_single_precision_under_autocast():
    quantiser, f = made(), latents()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        quantised, tokens, losses = quantiser(f)
        encoded, summed = quantiser.encode(f), quantiser.embed_sum(tokens)
        low, _, _ = quantiser(f.bfloat16())
    plain, same, plain_losses = quantiser(f)
    assert torch.equal(quantised, plain) and torch.equal(summed, plain)
    assert torch.equal(tokens, same) and torch.equal(encoded, same)
    assert all(torch.equal(losses[name], plain_losses[name]) for name in losses)
    assert low.dtype == torch.float32


def test_the_loss_is_the_published_one_and_moves_what_it_should():
    f = latents().requires_grad_(True)
    for mode in MODES:
        quantiser = made(mode, commitment=0.25)
        _, tokens, losses = quantiser(f)
        expected = torch.stack([(s - f).square().mean() for s in quantiser.sums(tokens)]).mean()
        torch.testing.assert_close(losses["codes"], expected)
        torch.testing.assert_close(losses["commitment"], 0.25 * expected)
        quantiser.zero_grad()
        losses["codes"].backward()
        assert f.grad is None
        assert (quantiser.codes_VD.grad is not None) == (mode == "gradient")
        assert all(layer.weight.grad.abs().sum() > 0 for layer in quantiser.phi)
    (found,) = torch.autograd.grad(losses["commitment"], f)
    assert found.abs().sum() > 0


def test_moving_means_follow_the_residuals_of_all_scales():
    quantiser, f = made("ema"), latents()
    count, total = quantiser.count_V.clone(), quantiser.sum_VD.clone()
    rows, tokens = [], []
    for cells, s, _ in quantiser._descend(f):
        rows.append(cells.flatten(0, 1)), tokens.append(s.flatten())
    rows, tokens = torch.cat(rows), torch.cat(tokens)
    before = quantiser.codes_VD.clone()
    quantiser(f)
    assert torch.equal(quantiser.codes_VD, before)  # they rest outside of training
    quantiser.train()(f)
    mean = len(rows) / V
    for code in range(V):
        own = rows[tokens == code]
        count[code] = 0.99 * count[code] + 0.01 * len(own) / mean
        total[code] = 0.99 * total[code] + 0.01 * own.sum(0) / mean
    torch.testing.assert_close(quantiser.count_V, count)
    torch.testing.assert_close(quantiser.codes_VD.data, total / count[:, None])


@pytest.mark.parametrize("reviving", [True, False])
def test_revival_takes_residuals_and_leaves_live_codes_alone(reviving):
    quantiser, f = made().train(), latents()
    quantiser.reviving = reviving
    with torch.no_grad():
        quantiser.codes_VD[:3], quantiser.sum_VD[:3], quantiser.count_V[:3] = 100.0, 1.0, 0.01
    before = quantiser.codes_VD.detach().clone()
    cells = torch.cat([rows.flatten(0, 1) for rows, _, _ in quantiser._descend(f)])
    quantiser(f)
    near = torch.cdist(quantiser.codes_VD[:3].detach(), cells).min(1).values < 1e-3
    assert near.all() == reviving
    assert (quantiser.count_V[:3] > quantiser.revive_below).all() == reviving
    assert (quantiser.codes_VD[3:] - before[3:]).abs().max() < 0.5


@pytest.mark.parametrize("mode", MODES)
def test_a_start_uses_every_code_and_explains_the_latents(mode):
    quantiser, f = made(mode), latents(64, seed=4)
    tokens = quantiser.encode(f)
    left = [(f - s).square().sum() / f.square().sum() for s in quantiser.sums(tokens)]
    assert all(b < a for a, b in pairwise(left)) and left[-1] < 0.2
    assert tokens.unique().numel() > 0.9 * V


def test_codes_stay_alive_with_revival():
    """A codebook that begins far from the data: the same steps, with and without revival."""
    used = {}
    for mode in ("ema", "ema_revive"):
        torch.manual_seed(0)
        quantiser = MultiScaleQuantiser(SCALES, 64, D, mode=mode, decay=0.95)
        with torch.no_grad():
            quantiser.codes_VD.normal_().add_(3)
            quantiser.sum_VD.copy_(quantiser.codes_VD)
        for step in range(300):
            quantiser(latents(8, seed=step))
        used[mode] = quantiser.encode(latents(64, seed=999)).unique().numel() / 64
    assert used["ema_revive"] > 0.9 > 0.7 > used["ema"]


def test_scales_share_convolutions_by_depth():
    assert shared_layers(10, 4) == (0, 0, 1, 1, 1, 2, 2, 3, 3, 3)
    assert shared_layers(4, 2) == (0, 0, 1, 1)
    assert shared_layers(10, 10) == tuple(range(10))
    assert shared_layers(1, 4) == (0,) and shared_layers(3, 1) == (0, 0, 0)


def test_convolutions_begin_as_the_identity():
    plain = MultiScaleQuantiser(SCALES, V, D, phi_weight=0.0)
    begun = MultiScaleQuantiser(SCALES, V, D)
    q = latents(2, side=2)
    torch.testing.assert_close(begun.spread(q, 2), plain.spread(q, 2))


@pytest.mark.parametrize("scales", [(), (0, 2), (2, 2, 4), (4, 2)])
def test_scales_that_do_not_rise_are_refused(scales):
    with pytest.raises(UsageError, match="rising scales"):
        MultiScaleQuantiser(scales, V, D)


def test_an_unknown_mode_is_refused():
    with pytest.raises(UsageError, match="mode out of"):
        MultiScaleQuantiser(SCALES, V, D, mode="random")


@pytest.mark.parametrize("mode", MODES)
def test_a_step_never_waits_for_the_device(mode):
    """Tensors without values go through it, so nothing in it looks at a value."""
    with FakeTensorMode():
        quantiser = MultiScaleQuantiser(SCALES, V, D, mode=mode)
        f = torch.randn(B, D, SCALES[-1], SCALES[-1], requires_grad=True)
        quantised, tokens, losses = quantiser(f)
        (quantised.sum() + losses["codes"] + losses["commitment"]).backward()
        assert tokens.shape == (B, quantiser.n_tokens) and f.grad.shape == f.shape
