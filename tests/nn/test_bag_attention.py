"""Networks on bags: what may depend on the order of tiles, and that a bag does not depend on its batch."""

from __future__ import annotations

import pytest
import torch

from genviz.nn.bag_attention import GatedAttention, MeanPool, TransMIL

NETS = {"mean": MeanPool, "gated": GatedAttention, "transmil": TransMIL}


def net(name: str, n_features: int = 12, n_classes: int = 3) -> torch.nn.Module:
    torch.manual_seed(0)
    return NETS[name](n_features, n_classes).double().eval()


def bags(n: int = 3, n_tiles: int = 17) -> torch.Tensor:
    return 2 * torch.randn(n, n_tiles, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", NETS)
def test_a_bag_does_not_depend_on_its_batch(name):
    one = net(name)
    torch.testing.assert_close(one(bags())[1:2], one(bags()[1:2]))


@pytest.mark.parametrize("name", ["mean", "gated"])
def test_the_order_of_tiles_does_not_matter(name):
    order = torch.randperm(17, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(net(name)(bags()), net(name)(bags()[:, order]))


def test_the_order_matters_to_transmil():
    with torch.no_grad():
        assert (net("transmil")(bags()) - net("transmil")(bags().flip(1))).abs().max() > 1e-4


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("n_tiles", [1, 2, 4, 5])
def test_small_bags(name, n_tiles):
    found = net(name)(bags(2, n_tiles))
    assert found.shape == (2, 3) and found.isfinite().all()


def test_tiles_told_twice_do_not_matter_to_gated_attention():
    twice = bags().repeat(1, 2, 1)
    torch.testing.assert_close(net("gated")(bags()), net("gated")(twice))


def test_gated_attention_by_hand():
    one, x = net("gated"), bags()
    h = one.tile(x)
    score = (torch.tanh(one.value(h)) * torch.sigmoid(one.gate(h))) @ one.score.weight[0]
    weight = score.exp() / score.exp().sum(1, keepdim=True)
    torch.testing.assert_close(one.attention(h), weight)
    torch.testing.assert_close(one(x), one.head((weight[..., None] * h).sum(1)))


def test_every_parameter_learns():
    for name in NETS:
        one = net(name).train()
        torch.nn.functional.cross_entropy(one(bags()), torch.tensor([0, 1, 2])).backward()
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in one.parameters()), name


def test_size_of_the_published_transmil():
    # Two attentions (with the value convolution), three depthwise convolutions, the token, the norms and two layers.
    expected = (1024 * 512 + 512) + 512 + 2 * (2 * 512 + 3 * 512**2 + 8 * 33 + 512**2 + 512)
    expected += sum(512 * k * k + 512 for k in (7, 5, 3)) + 2 * 512 + 512 * 2 + 2
    assert sum(p.numel() for p in TransMIL(1024, 2, width=512).parameters()) == expected
