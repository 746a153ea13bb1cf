"""Encoders and decoders: sizes, published parameter counts, what sees what."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from genviz.nn.image_coder import (
    CellAttention,
    Decoder,
    Encoder,
    ResidualBlock,
    channels_last,
    count_parameters,
    normalisation,
)

LLAMAGEN = {
    "width": 128, "multipliers": (1, 1, 2, 2, 4), "n_blocks": 2, "stem": 1, "norm": "group", "attention": True
}  # fmt: skip


def test_the_published_sizes_have_the_published_counts():
    """LlamaGen's VQ-16 modules, counted on the meta device."""
    with torch.device("meta"):
        found = [count_parameters(Encoder(n, 256, **LLAMAGEN)) for n in (3, 1)]
        found += [count_parameters(Decoder(256, n, **LLAMAGEN)) for n in (3, 1)]
    assert found == [29_298_176, 29_295_872, 42_449_795, 42_447_489]


@pytest.mark.parametrize("norm", ["group", "none"])
@pytest.mark.parametrize("attention", [False, True])
@pytest.mark.parametrize(("stem", "multipliers"), [(1, (1, 2)), (4, (1, 2)), (2, (1,)), (1, (1, 1, 2))])
def test_a_cell_stands_for_the_same_pixels_both_ways(norm, attention, stem, multipliers):
    sizes = {"width": 8, "multipliers": multipliers, "n_blocks": 1, "stem": stem}
    options = sizes | {"norm": norm, "attention": attention}
    r = stem * 2 ** (len(multipliers) - 1)
    h = Encoder(3, 6, **options)(torch.randn(2, 3, 4 * r, 6 * r))
    assert h.shape == (2, 6, 4, 6)
    assert Decoder(6, 1, **options)(h).shape == (2, 1, 4 * r, 6 * r)


def test_without_norm_and_attention_a_cell_does_not_know_what_is_far():
    """The code of an empty cell must not depend on nuclei elsewhere."""
    sizes = {"width": 8, "multipliers": (1, 2), "n_blocks": 1, "stem": 4, "attention": False}
    empty, far = torch.zeros(1, 1, 128, 128), torch.zeros(1, 1, 128, 128)
    far[..., 112:, 112:] = 1
    for norm, equal in (("none", True), ("group", False)):
        torch.manual_seed(0)
        encoder = Encoder(1, 4, norm=norm, **sizes)
        with torch.no_grad():
            for parameter in encoder.parameters():  # branches that start at zero would hide what they see
                parameter.add_(0.05 * torch.randn_like(parameter))
        same = torch.allclose(encoder(empty)[..., 0, 0], encoder(far)[..., 0, 0], atol=1e-7)
        assert same == equal


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 40, 144, 128, 512])
def test_groups_of_any_number_of_channels(channels):
    layer = normalisation(channels, "group")
    assert isinstance(layer, nn.GroupNorm) and layer.num_groups <= 32
    assert layer(torch.randn(2, channels, 4, 4)).shape == (2, channels, 4, 4)
    assert isinstance(normalisation(channels, "none"), nn.Identity)


def test_a_block_without_norm_begins_as_its_skip():
    h = torch.randn(2, 8, 4, 4)
    torch.testing.assert_close(ResidualBlock(8, 8, "none")(h), h)


def test_attention_over_cells_equals_the_same_written_out():
    torch.manual_seed(0)
    layer, h = CellAttention(8, "group"), torch.randn(2, 8, 3, 5)
    query, key, value = layer.qkv(layer.norm(h)).flatten(2).chunk(3, dim=1)
    weight = (query.transpose(1, 2) @ key / 8**0.5).softmax(-1)
    expected = h + layer.out((value @ weight.transpose(1, 2)).view(h.shape))
    torch.testing.assert_close(layer(h), expected)


def test_memory_order_changes_no_number():
    layer = Encoder(3, 4, width=8, multipliers=(1, 2), n_blocks=1, stem=4, norm="group", attention=False)
    x = torch.randn(2, 3, 32, 32)
    before = layer(x)
    torch.testing.assert_close(channels_last(layer)(x), before, atol=1e-5, rtol=1e-5)
