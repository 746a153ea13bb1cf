"""The dual tokenizer: what depends on what, whatever its options."""

from __future__ import annotations

import pytest
import torch

from genviz.models.pathar.tokenizer.check import check
from genviz.models.pathar.tokenizer.network import DualTokenizer, mask_loss
from tests.models.pathar.tile_cases import disc_set, nano_tokenizer, pixels, spread

GRID = (4, 4)


@pytest.fixture(scope="module")
def tiles():
    return pixels(disc_set())


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return spread(DualTokenizer(nano_tokenizer())).eval()


def none(x):
    return torch.zeros(len(x), dtype=torch.bool)


def both(network, x, m):
    """Tokens and quantised features of both streams, as a training step makes them."""
    qs, s, _ = network.structure(network.structure_features(m))
    qa, a, _ = network.appearance(network.appearance_features(x))
    return s, a, qs, qa


def test_structure_tokens_see_the_mask_only_and_appearance_tokens_the_image_only(network, tiles):
    x, m = tiles
    s, a = network.encode_structure(m), network.encode_appearance(x)
    assert s.unique().numel() > 2 and a.unique().numel() > 2
    # In training both streams go through one call: changing one input moves its own tokens and features only.
    other_x, other_m = x.flip(0), 1 - m
    plain = both(network, x, m)
    assert torch.equal(plain[0], s) and torch.equal(plain[1], a)
    for inputs, moved in (((x, other_m), (True, False)), ((other_x, m), (False, True))):
        found = both(network, *inputs)
        assert [not torch.equal(*pair) for pair in zip(found, plain, strict=True)] == [*moved] * 2
    x.requires_grad_(True), m.requires_grad_(True)
    assert torch.autograd.grad(network.structure_features(m).sum(), (x, m), allow_unused=True)[0] is None
    assert torch.autograd.grad(network.appearance_features(x).sum(), (x, m), allow_unused=True)[1] is None
    x.requires_grad_(False), m.requires_grad_(False)


def test_the_mask_decoder_teaches_structure_alone(network, tiles):
    _, m = tiles
    network.zero_grad()
    qs, _, _ = network.structure(network.structure_features(m))
    mask_loss(network.mask_decoder(network.mask_features(qs)), m).backward()
    reached = {
        name for name, p in network.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0
    }
    assert any(name.startswith("structure_encoder") for name in reached)
    assert not [
        name for name in reached if name.startswith(("appearance", "image_decoder", "fusion", "patches"))
    ]
    network.zero_grad()


def test_the_image_decoder_sees_both_streams(network, tiles):
    x, m = tiles
    s, a = network.encode_structure(m), network.encode_appearance(x)
    plain = network.decode_image(s, a, GRID)
    assert plain.shape == x.shape
    assert not torch.equal(network.decode_image(s.flip(0), a, GRID), plain)
    assert not torch.equal(network.decode_image(s, a.flip(0), GRID), plain)
    assert torch.equal(network.decode_mask(s, GRID), network.decode_mask(s.clone(), GRID))
    assert network.decode_image(None, a, GRID).shape == x.shape


def test_permuting_moves_appearance_cells_of_the_chosen_tiles_only(network, tiles):
    x, m = tiles
    qs, qa = network.structure_features(m).detach(), network.appearance_features(x).detach()
    chosen, dropped = none(x), none(x)
    chosen[1], dropped[2] = True, True
    s, a = (part.detach() for part in network.mixed(qs, qa, chosen, dropped))
    kept = [k for k in range(len(x)) if k != 1]
    assert torch.equal(a[kept], qa[kept])
    assert not torch.equal(a[1], qa[1])
    torch.testing.assert_close(a[1].flatten(1).sort(1).values, qa[1].flatten(1).sort(1).values)
    assert torch.equal(s[2], network.structure_null.detach().expand_as(qs[2]))
    assert torch.equal(s[:2], qs[:2])


def test_codes_biases_and_norms_do_not_decay_and_the_linear_path_is_slow():
    network = DualTokenizer(nano_tokenizer(codebook="gradient"))
    decayed, others, linear = network.parameter_groups(1e-3, 0.05)
    assert [group["weight_decay"] for group in (decayed, others, linear)] == [0.05, 0.0, 0.0]
    assert any(p is network.structure.codes_KD for p in others["params"])
    assert {id(p) for p in linear["params"]} == {id(p) for p in network.patches.parameters()}
    assert linear["lr"] == pytest.approx(0.1 * decayed["lr"])
    counted = sum(p.numel() for group in (decayed, others, linear) for p in group["params"])
    assert counted == sum(p.numel() for p in network.parameters() if p.requires_grad)


def test_the_image_before_training_is_nearly_the_linear_one():
    network = DualTokenizer(nano_tokenizer())
    x, m = pixels(disc_set())
    network.start_codebooks(x, m)
    network.eval()
    error = (
        network.decode_image(network.encode_structure(m), network.encode_appearance(x), (4, 4)) - x
    ).square()
    assert error.mean() < 0.25 * (x - x.mean()).square().mean()


@pytest.mark.parametrize(
    "changes",
    [
        {"fusion": "concat"}, {"fusion": "film"}, {"codebook": "gradient"}, {"codebook": "gradient_l2"},
        {"codebook": "ema"}, {"norm": "none"}, {"streams": "single"}, {"structure_drop": 0.5},
        {"attention": True}, {"stem": 1, "multipliers": (1, 1, 1, 2)}, {"structure_width": 0.5},
        {"perceptual": "none"}, {"patch_basis": True}, {"structure_codes": 16, "appearance_codes": 64}, {"width": 12},
    ],
    ids=str,
)  # fmt: skip
def test_every_option_takes_a_step(tiles, changes):
    torch.manual_seed(0)
    x, m = tiles
    network = DualTokenizer(nano_tokenizer(**{"patch_basis": False} | changes))
    network.start_codebooks(x, m)
    optimiser = torch.optim.AdamW(network.parameter_groups(1e-3, 0.0))
    losses = []
    for _ in range(4):
        loss, parts = network.loss(x, m, none(x), torch.arange(len(x)) % 2 == 0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert all(map(torch.isfinite, parts.values()))
    idle = [n for n, p in network.named_parameters() if p.requires_grad and p.grad is None]
    assert not idle, idle
    assert losses[-1] < losses[0] or network.config.patch_basis  # that begins at a good picture
    found = check(network.eval(), x, m)
    assert ("mask_dice" in found) == network.dual and 0 < found["usage_appearance"] <= 1


def test_the_mask_loss_is_least_for_the_mask():
    m = torch.zeros(2, 1, 8, 8)
    m[..., :4] = 1
    right, wrong = mask_loss(20 * (2 * m - 1), m), mask_loss(-20 * (2 * m - 1), m)
    assert right < 1e-3 < 1 < wrong
    assert (
        mask_loss(torch.full((2, 1, 8, 8), -20.0), torch.zeros(2, 1, 8, 8)) < 1e-3
    )  # an empty tile is no fault
