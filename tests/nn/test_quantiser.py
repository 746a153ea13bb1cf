"""Codes: nearest, straight through, alive, and as the moving means say."""

from __future__ import annotations

import pytest
import torch

from genviz.nn.quantiser import MODES, VectorQuantiser, kmeans, nearest

B, D, H, W, K = 4, 3, 4, 5, 8


def made(mode: str = "ema_revive", **options) -> VectorQuantiser:
    torch.manual_seed(0)
    quantiser = VectorQuantiser(K, D, mode=mode, **options)
    with torch.no_grad():
        quantiser.codes_KD.normal_()
        quantiser.sum_KD.copy_(quantiser.codes_KD)
    return quantiser


@pytest.fixture
def z():
    return torch.randn(B, D, H, W, generator=torch.Generator().manual_seed(1), requires_grad=True)


def clusters(n: int = 400) -> torch.Tensor:
    """Vectors around eight far corners."""
    generator = torch.Generator().manual_seed(2)
    corners = torch.cartesian_prod(*[torch.tensor([-5.0, 5.0])] * 3)
    return corners[torch.arange(n) % 8] + 0.1 * torch.randn(n, 3, generator=generator)


def test_nearest_is_by_distance_and_in_single_precision_under_autocast():
    codes = torch.tensor([[1.0, 0.0], [1.001, 0.0], [-3.0, 0.0]])
    vectors = torch.tensor([[0.9, 0.1], [1.1, -0.2], [-2.0, 1.0]])
    expected = torch.cdist(vectors.double(), codes.double()).argmin(1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(nearest(vectors, codes), expected)
    assert expected.tolist() == [0, 1, 2]


@pytest.mark.parametrize("mode", MODES)
def test_what_is_looked_up_is_found_again(mode):
    quantiser = made(mode).eval()
    index = torch.arange(K).repeat(5)[: 2 * H * W].view(2, H * W)
    grid = quantiser.lookup(index, (H, W))
    assert grid.shape == (2, D, H, W)
    assert torch.equal(quantiser.encode(grid), index)
    quantised, found, _ = quantiser(grid)
    assert torch.equal(found, index)
    torch.testing.assert_close(quantised, grid)


@pytest.mark.parametrize("mode", MODES)
def test_the_gradient_goes_straight_through(mode, z):
    quantised, _, _ = made(mode)(z)
    weight = torch.randn(quantised.shape, generator=torch.Generator().manual_seed(3))
    (quantised * weight).sum().backward()
    if mode == "gradient_l2":
        unit = torch.nn.functional.normalize(z, dim=1)
        (expected,) = torch.autograd.grad((unit * weight).sum(), z)
    else:
        expected = weight
    torch.testing.assert_close(z.grad, expected)


@pytest.mark.parametrize("mode", MODES)
def test_the_loss_is_the_published_one_and_moves_what_it_should(mode, z):
    quantiser = made(mode, commitment=0.25)
    before = quantiser.codes().detach().clone()
    _, index, loss = quantiser(z)
    vectors = z.permute(0, 2, 3, 1).flatten(0, 2)
    if mode == "gradient_l2":
        vectors = torch.nn.functional.normalize(vectors, dim=1)
    squared = (vectors - before[index.flatten()]).square().mean()
    torch.testing.assert_close(loss, squared * (1.25 if mode.startswith("gradient") else 0.25))
    loss.backward()
    assert z.grad.abs().sum() > 0
    assert (quantiser.codes_KD.grad is not None) == mode.startswith("gradient")


def test_moving_means_are_their_sums_over_their_counts(z):
    quantiser = made("ema")
    count, total = quantiser.count_K.clone(), quantiser.sum_KD.clone()
    _, index, _ = quantiser(z)
    vectors = z.detach().permute(0, 2, 3, 1).flatten(0, 2)
    mean = len(vectors) / K  # counts are told in means, so that they do not depend on the size of a batch
    for code in range(K):
        own = vectors[index.flatten() == code]
        count[code] = 0.97 * count[code] + 0.03 * len(own) / mean
        total[code] = 0.97 * total[code] + 0.03 * own.sum(0) / mean
    torch.testing.assert_close(quantiser.count_K, count)
    torch.testing.assert_close(quantiser.codes_KD.data, total / count[:, None])


def test_moving_means_rest_outside_of_training(z):
    quantiser = made().eval()
    before = quantiser.codes_KD.clone()
    quantiser(z)
    assert torch.equal(quantiser.codes_KD, before)


def test_revival_leaves_live_codes_alone_and_fills_dead_ones_from_the_batch(z):
    plain, revived = made("ema"), made("ema_revive")
    for quantiser in (plain, revived):
        quantiser.count_K.fill_(50.0)
        quantiser.sum_KD.mul_(50.0)
        quantiser.count_K[:3] = 0.01
        quantiser.sum_KD[:3] = 1.0  # codes that no vector chose for long, far off
        with torch.no_grad():
            quantiser.codes_KD[:3] = 100.0
        quantiser(z)
    assert torch.equal(plain.codes_KD[3:], revived.codes_KD[3:])
    assert torch.equal(plain.count_K[3:], revived.count_K[3:])
    vectors = z.detach().permute(0, 2, 3, 1).flatten(0, 2)
    # cdist of equal vectors is zero up to the rounding of a matrix product.
    assert torch.cdist(revived.codes_KD[:3], vectors).min(1).values.max() < 1e-3
    assert (revived.count_K[:3] > quantiser.revive_below).all()


def test_state_and_codes_agree_after_training(z):
    quantiser = made()
    for _ in range(20):
        quantiser(z + torch.randn_like(z))
    torch.testing.assert_close(quantiser.codes_KD.data, quantiser.sum_KD / quantiser.count_K[:, None])


def test_kmeans_finds_clusters():
    found = kmeans(clusters(), 8)
    assert torch.cdist(found, clusters()).min(0).values.max() < 1.0
    assert len({tuple(code.sign().tolist()) for code in found}) == 8


def test_kmeans_of_equal_vectors_is_those():
    assert torch.equal(kmeans(torch.ones(20, 3), 4), torch.ones(4, 3))


def test_a_start_is_for_moving_means_only():
    for mode in MODES:
        quantiser = made(mode)
        before = quantiser.codes_KD.detach().clone()
        quantiser.start(clusters())
        assert torch.equal(quantiser.codes_KD, before) != mode.startswith("ema")


def test_usage_survives_with_revival_and_not_without():
    """A codebook that begins far from the data: the same steps, with and without revival."""
    shares = {}
    for mode in ("ema", "ema_revive"):
        torch.manual_seed(0)
        quantiser = VectorQuantiser(64, D, mode=mode)
        for step in range(300):
            vectors = torch.randn(256, D, generator=torch.Generator().manual_seed(step)) + 2
            quantiser(vectors.view(16, 16, D, 1).permute(0, 2, 1, 3))
        index = quantiser.encode(vectors.view(16, 16, D, 1).permute(0, 2, 1, 3))
        share = torch.bincount(index.flatten(), minlength=64) / index.numel()
        entropy = -(share[share > 0] * share[share > 0].log()).sum()
        shares[mode] = (float((share > 0).float().mean()), float(entropy.exp()) / 64)
    assert shares["ema_revive"][0] >= 0.8 and shares["ema_revive"][1] >= 0.25
    assert shares["ema"][0] < 0.5


def test_a_code_that_nothing_chooses_stays_where_it_is():
    torch.manual_seed(0)
    quantiser = VectorQuantiser(2, 2, mode="ema", decay=0.5).train()
    with torch.no_grad():
        quantiser.codes_KD.copy_(torch.tensor([[0.0, 0.0], [9.0, 9.0]]))
        quantiser.sum_KD.copy_(quantiser.codes_KD)
    for _ in range(60):
        quantiser(torch.zeros(1, 2, 2, 2))
    torch.testing.assert_close(quantiser.codes_KD[1], torch.tensor([9.0, 9.0]), rtol=1e-3, atol=0)
