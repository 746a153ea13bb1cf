"""The tokenizer: there and back, its sizes, its options, and that it learns."""

from __future__ import annotations

import json

import pytest
import torch

from genviz._errors import UsageError
from genviz.models.genevar.tokenizer.check import TokenizerCheck, check
from genviz.models.genevar.tokenizer.config import TokenizerConfig
from genviz.models.genevar.tokenizer.judge import feature_loss
from genviz.models.genevar.tokenizer.network import AutoencoderStage, Tokenizer
from genviz.nn.image_coder import count_parameters
from genviz.nn.patch_gan import discriminator_loss
from genviz.train.batches import KeyedBatches
from genviz.train.callbacks import EpochMeasures
from genviz.train.fitting import FitOptions, fit_network
from tests.models.genevar.tokenizer.cases import nano_config, stain_tiles, started

PAPER = TokenizerConfig(
    size_px=256, stem=1, width=160, multipliers=(1, 1, 2, 2, 4), n_blocks=2, attention=True, code_dim=32,
    n_codes=4096, scales=(1, 2, 3, 4, 5, 6, 8, 10, 13, 16), codebook="gradient", vq_weight=1.0,
    patch_basis=False,
)  # fmt: skip


@pytest.fixture(scope="module")
def tokenizer():
    return started().eval()


@pytest.fixture(scope="module")
def x():
    return stain_tiles(6)


def test_tiles_become_tokens_and_tiles_again(tokenizer, x):
    tokens = tokenizer.encode(x)
    assert tokens.shape == (6, tokenizer.config.n_tokens) == (6, 21) and tokens.dtype == torch.int64
    assert tokens.min() >= 0 and tokens.max() < tokenizer.config.n_codes and tokens.unique().numel() > 4
    assert torch.equal(tokens, tokenizer.encode(x))
    f, _, _ = tokenizer.quantiser(tokenizer.latents(x))
    y = tokenizer.decode(f)
    assert y.shape == x.shape and y.dtype == torch.float32
    assert y.min() >= -1 and y.max() <= 1
    assert torch.equal(tokenizer.decode_tokens(tokens.to(torch.int16)), y)
    assert torch.equal(tokenizer.paint(f).clamp(-1, 1), y)


def test_fewer_scales_give_a_coarser_tile(tokenizer, x):
    tokens = tokenizer.encode(x)
    by_first = tokenizer.decode_tokens(tokens, upto=1)
    changed = tokens.clone()
    changed[:, 1:] = 0
    assert torch.equal(by_first, tokenizer.decode_tokens(changed, upto=1))
    assert not torch.equal(by_first, tokenizer.decode_tokens(tokens))


def test_the_published_size():
    """Of the public VAR tokenizer: encoder 44,107,872, decoder 64,653,923, quantiser 168,064 parameters."""
    with torch.device("meta"):
        paper = Tokenizer(PAPER)
    parts = [count_parameters(part) for part in (paper.encoder, paper.decoder, paper.quantiser)]
    assert parts == [44_107_872, 64_653_923, 168_064]
    assert count_parameters(paper) == 108_948_355
    assert PAPER.stride == 16 and PAPER.n_tokens == 680
    assert count_parameters(paper.after, paper.decoder) == sum(p.numel() for p in paper.decoder_parameters())


def test_a_configuration_survives_json():
    config = nano_config(codebook="gradient", perceptual="discfeat")
    assert TokenizerConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert TokenizerConfig().stride * TokenizerConfig().scales[-1] == 64


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scales": (1, 2, 8)}, "times the last scale"), ({"scales": (4, 2)}, "rising scales"),
        ({"codebook": "random"}, "codebook out of"), ({"perceptual": "ssim"}, "perceptual out of"),
        ({"multipliers": (0, 1)}, "multipliers from 1"), ({"phi_weight": 1.5}, "phi_weight in"),
        ({"l1_weight": 0.0}, "l1_weight or l2_weight"), ({"vq_weight": -1.0}, "vq_weight from 0"),
        ({"ema_decay": 1.0}, "ema_decay in"), ({"n_codes": 0}, "n_codes > 0"), ({"n_codes": 2**15}, "at most 32767"),
        ({"size_px": 16, "scales": (1, 2), "gan_epochs": 1}, "size_px of at least 24"),
    ],
    ids=str,
)  # fmt: skip
def test_impossible_options_are_refused(changes, words):
    with pytest.raises(UsageError, match=words):
        nano_config(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {}, {"codebook": "gradient"}, {"codebook": "ema"}, {"perceptual": "none"}, {"perceptual": "discfeat"},
        {"l1_weight": 0.0, "l2_weight": 1.0}, {"phi_weight": 0.0}, {"n_phi": 1}, {"attention": True},
        {"stem": 1, "multipliers": (1, 1, 1, 2)}, {"scales": (4,)}, {"scales": (1, 2, 3, 4)}, {"n_blocks": 2},
        {"patch_basis": False},
    ],
    ids=str,
)  # fmt: skip
def test_every_option_takes_a_step(x, changes):
    torch.manual_seed(0)
    tokenizer = started(**changes)
    optimiser = torch.optim.AdamW(tokenizer.parameter_groups(1e-3, 0.01))
    losses = []
    for _ in range(4):
        loss, parts = tokenizer.loss(x)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(parts["pixels"]))
    assert losses[-1] < losses[0] or tokenizer.config.patch_basis  # that begins at a good picture
    assert all(torch.isfinite(part) and not part.requires_grad for part in parts.values())
    idle = [name for name, p in tokenizer.named_parameters() if p.requires_grad and p.grad is None]
    unused = {"quantiser.phi.1.weight", "quantiser.phi.1.bias"} if changes.get("scales") == (4,) else set()
    assert set(idle) == unused


def test_the_discriminator_and_the_networks_do_not_teach_each_other(x):
    tokenizer = started(perceptual="discfeat")
    y = tokenizer.paint(tokenizer.latents(x))
    tokenizer.judge.eval()  # the power iteration of the spectral norm would go on between the two losses
    judge = list(tokenizer.judge.parameters())
    total, _ = tokenizer.reconstruction(y, x)
    found = torch.autograd.grad(total, judge, retain_graph=True)
    hinge = discriminator_loss(tokenizer.judge(x)[0], tokenizer.judge(y.detach())[0])
    for a, b in zip(found, torch.autograd.grad(hinge, judge), strict=True):
        torch.testing.assert_close(a, b)
    (found,) = torch.autograd.grad(total, y)
    pixels = torch.nn.functional.l1_loss(y, x)
    features = feature_loss(tokenizer.judge(x)[1], tokenizer.judge(y)[1])
    torch.testing.assert_close(found, torch.autograd.grad(pixels + features, y)[0])


def test_what_decays_and_what_does_not():
    tokenizer = started(codebook="gradient")
    groups = tokenizer.parameter_groups(1e-3, 0.05)
    decayed, _, linear = groups
    assert [group["weight_decay"] for group in groups] == [0.05, 0.0, 0.0]
    names = {id(p): name for name, p in tokenizer.named_parameters()}
    assert not [names[id(p)] for p in decayed["params"] if names[id(p)].startswith("quantiser") or p.ndim < 2]
    assert {id(p) for p in linear["params"]} == {id(p) for p in tokenizer.patches.parameters()}
    assert linear["lr"] == pytest.approx(0.1 * decayed["lr"])
    assert sorted(id(p) for group in groups for p in group["params"]) == sorted(names)
    moving = started(patch_basis=False)
    found = [len(group["params"]) for group in moving.parameter_groups(1e-3, 0.05)]
    assert (
        len(found) == 2 and sum(found) == len(list(moving.parameters())) - 1
    )  # moving codes have no gradient
    stage = AutoencoderStage(tokenizer).parameter_groups(1e-3, 0.05)
    coders = {id(p) for name, p in tokenizer.named_parameters() if not name.startswith("quantiser")}
    assert {id(p) for group in stage for p in group["params"]} == coders


def test_dead_codes_stay_at_the_end(tokenizer):
    tokenizer.set_progress(0.9)
    assert not tokenizer.quantiser.reviving
    tokenizer.set_progress(0.0)
    assert tokenizer.quantiser.reviving


def fit(network, tiles, epochs, **options):
    recipe = FitOptions(max_epochs=epochs, lr=3e-3, weight_decay=0.01, final_lr_fraction=0.1, grad_clip=1.0)
    assert fit_network(network, KeyedBatches([tiles], 32), recipe, **options)


def test_it_learns_with_the_shared_trainer():
    """Autoencoder, k-means, codes: unseen tiles come back better than at the start, and the codes live."""
    torch.manual_seed(0)
    tiles, held_out = stain_tiles(256, seed=2), stain_tiles(32, seed=3)
    tokenizer = Tokenizer(nano_config())
    tokenizer.start_patches(tiles)
    fit(AutoencoderStage(tokenizer), tiles, 2)
    tokenizer.start_codes(tiles)
    begun = check(tokenizer.eval(), held_out)
    measures = EpochMeasures(TokenizerCheck(held_out))
    fit(tokenizer.train(), tiles, 6, callbacks=[measures])
    found = check(tokenizer.eval(), held_out)
    assert found["psnr"] > begun["psnr"] + 0.1
    assert found["usage"] > 0.8 and found["perplexity"] > 0.3 * tokenizer.config.n_codes
    energies = [found[f"energy_{k}"] for k in (1, 2, 3)]
    assert energies[0] > energies[1] > energies[2] and energies[2] < 0.7
    assert found["usage_3"] > 0.6
