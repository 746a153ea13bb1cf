"""The discriminator and its hinge."""

from __future__ import annotations

import torch

from genviz.nn.patch_gan import PatchDiscriminator, discriminator_loss, generator_loss, grain


def test_it_judges_patches_at_two_scales():
    judge = PatchDiscriminator(8)
    fine, coarse = judge(torch.randn(2, 3, 64, 64), torch.zeros(2, 1, 64, 64))
    assert fine.shape == (2, 1, 14, 14) and coarse.shape == (2, 1, 6, 6)
    for scores in judge(torch.randn(2, 3, 24, 24), torch.zeros(2, 1, 24, 24)):  # the least size
        assert scores.numel()


def test_the_mask_is_looked_at():
    torch.manual_seed(0)
    judge, x = PatchDiscriminator(8).eval(), torch.randn(1, 3, 32, 32)
    empty, full = judge(x, torch.zeros(1, 1, 32, 32)), judge(x, torch.ones(1, 1, 32, 32))
    assert not torch.allclose(empty[0], full[0])


def test_a_patch_sees_34_pixels_and_the_grain_of_their_border():
    judge = PatchDiscriminator(8).eval()
    x = torch.randn(1, 3, 64, 64, requires_grad=True)
    judge(x, torch.zeros(1, 1, 64, 64))[0][0, 0, 7, 7].backward()
    seen = x.grad.abs().sum((0, 1)).nonzero()
    assert (seen.max(0).values - seen.min(0).values + 1).tolist() == [36, 36]


def test_grain_shows_one_grey_level_and_bends_large_steps():
    x = torch.zeros(1, 1, 9, 9)
    x[0, 0, 4, 4] = 2 / 255
    small = grain(x)[0, 0, 4, 4]
    x[0, 0, 4, 4] = 1.0
    large = grain(x)[0, 0, 4, 4]
    assert 0.3 < small < 0.5 and large < 6 * small
    flat = grain(torch.full((1, 3, 5, 5), 0.7))
    assert flat.abs().max() < 1e-4


def test_the_hinge_rests_where_it_is_right_by_a_margin():
    sure = [torch.full((2, 1, 3, 3), 5.0)] * 2
    wrong = [-scores for scores in sure]
    assert discriminator_loss(sure, wrong) == 0
    assert discriminator_loss(wrong, sure) == 12
    assert generator_loss(sure) == -5


def test_weights_are_kept_to_spectral_norm_one():
    torch.manual_seed(0)
    judge = PatchDiscriminator(8)
    for _ in range(30):
        judge(torch.randn(1, 3, 32, 32), torch.zeros(1, 1, 32, 32))
    weight = judge.fine[2].weight.detach()
    assert torch.linalg.matrix_norm(weight.flatten(1), 2) < 1.1
