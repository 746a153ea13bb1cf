"""The next-scale prior as a thing of a size, as a likelihood and as a thing to train."""

from __future__ import annotations

import itertools

import pytest
import torch

from genviz._errors import UsageError
from genviz.models.genevar.prior.config import PriorConfig
from genviz.models.genevar.prior.network import ScalePrior
from genviz.models.genevar.prior.protocols import teacher_maps
from genviz.train.optimiser import optimiser_of
from tests.models.genevar.prior.cases import (
    CODE_DIM,
    COND_DIM,
    LENGTHS,
    N_CODES,
    FakeQuantiser,
    batch,
    prior,
    refined_for,
    scaled,
)

PAPER_SCALES = (1, 2, 3, 4, 5, 6, 8, 10, 13, 16)


def size(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_paper_size():
    """302.2 M in blocks as the public architecture counts them; a projection of z for its table of classes."""
    with torch.device("meta"):
        net = ScalePrior(PriorConfig(depth=16, width=1024, n_heads=16), 200, 32, 4096, PAPER_SCALES)
    assert size(net.blocks) == 302_219_520
    assert size(net.head) == 4_198_400 and size(net.head_modulation) == 2_099_200
    assert size(net) == 309_466_768
    assert net.layout.n_positions == 680 and net.first_injected == 9


@pytest.mark.parametrize("n_inject", [0, 1, 2, 3])
def test_masked_scales_are_counted_from_the_last(n_inject):
    net = prior(n_inject=n_inject)
    assert net.first_injected == 5 - n_inject
    assert (net.inputs.replacement_D is None) == (n_inject == 0)


def test_the_first_scale_cannot_be_masked():
    with pytest.raises(UsageError, match="n_inject"):
        prior(n_inject=4)


def test_untrained_predictions_are_nearly_uniform():
    net, made = prior(shaken=False), batch()
    _, parts = net.loss(made.s_BL, made.maps, made.z_BZ, made.masks)
    assert float(parts["nll"]) == pytest.approx(float(torch.tensor(float(N_CODES)).log()), abs=0.02)


def test_the_likelihood_normalises():
    """Over all tokens of scales 1 and 2, with two codes: 2**5 sequences."""
    torch.manual_seed(0)
    net = ScalePrior(
        PriorConfig(depth=1, width=16, n_heads=2, n_inject=0), COND_DIM, CODE_DIM, 2, (1, 2)
    ).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
        s_BL = torch.tensor(list(itertools.product(range(2), repeat=5)))
        maps = teacher_maps(FakeQuantiser(torch.randn(2, CODE_DIM), (1, 2)), s_BL, net.layout, CODE_DIM)
        log_prob_BK = net.log_prob_scales(s_BL, maps, torch.randn(1, COND_DIM).expand(32, -1))
    assert float(log_prob_BK.sum(1).exp().sum()) == pytest.approx(1, abs=1e-5)
    assert float(log_prob_BK[::16, 0].exp().sum()) == pytest.approx(1, abs=1e-5)


def test_losses_are_those_of_the_tokens():
    net, made = prior(), batch()
    with torch.no_grad():
        loss, parts = net.loss(made.s_BL, made.maps, made.z_BZ, made.masks)
        log_prob_BL = net.log_prob_tokens(made.s_BL, made.maps, made.z_BZ, made.masks)
        by_scale_BK = net.log_prob_scales(made.s_BL, made.maps, made.z_BZ, made.masks)
    assert float(loss) == pytest.approx(-float(log_prob_BL.mean()), rel=1e-5) == float(parts["nll"])
    assert torch.allclose(by_scale_BK.sum(1), log_prob_BL.sum(1), atol=1e-4)
    for k, n in enumerate(LENGTHS):
        assert float(parts[f"nll_scale_{k + 1}"]) == pytest.approx(
            -float(by_scale_BK[:, k].mean()) / n, rel=1e-5
        )
    nll = -torch.cat(scaled(log_prob_BL)[-2:], dim=1)
    shown = torch.cat([mask.flatten(1) for mask in made.masks], dim=1)
    assert float(parts["nll_shown"]) == pytest.approx(float(nll[shown].mean()), rel=1e-5)
    assert float(parts["nll_masked"]) == pytest.approx(float(nll[~shown].mean()), rel=1e-5)


def test_label_smoothing_is_in_the_loss_alone():
    made = batch()
    with torch.no_grad():
        loss, parts = prior(label_smooth=0.1).loss(made.s_BL, made.maps, made.z_BZ)
        plain, _ = prior().loss(made.s_BL, made.maps, made.z_BZ)
        even = -prior()(made.maps, made.z_BZ).log_softmax(-1).mean()
    assert float(parts["nll"]) == pytest.approx(float(plain), rel=1e-6)
    assert float(loss) == pytest.approx(0.9 * float(plain) + 0.1 * float(even), rel=1e-5)


@pytest.mark.parametrize("masked_input", ["rk", "fhat", "both"])
@pytest.mark.parametrize("matrix_lr", [0.0, 0.02])
def test_training_lowers_the_loss_and_reaches_every_weight(masked_input, matrix_lr):
    net = prior(shaken=False, masked_input=masked_input, matrix_lr=matrix_lr, dropout=0.05, drop_path=0.1,
                condition_noise=0.1, label_smooth=0.05).train()  # fmt: skip
    made = batch(8)
    optimiser = optimiser_of(net.parameter_groups(1e-2, 0.05))
    reached, first, last = set(), 0.0, 0.0
    for step in range(40):
        loss, _ = net.loss(made.s_BL, made.maps, made.z_BZ, made.masks, refined=refined_for(net, made))
        optimiser.zero_grad()
        loss.backward()
        reached |= {name for name, p in net.named_parameters() if p.grad is not None and p.grad.any()}
        optimiser.step()
        first, last = (float(loss.detach()) if step == 0 else first), float(loss.detach())
    assert last < 0.8 * first
    assert reached == {name for name, _ in net.named_parameters()}


def test_dropped_and_unpaired_rows_take_the_null_vector():
    net, made = prior(condition_dropout=0.5).train(), batch(64)
    made.z_BZ[::2] = float("nan")
    paired_B = torch.arange(64) % 2 == 1
    loss, _ = net.loss(made.s_BL, made.maps, made.z_BZ, paired_B=paired_B)
    loss.backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in net.parameters())
    with torch.no_grad():
        without = net.eval()(made.maps, made.z_BZ, given_B=torch.zeros(64, dtype=torch.bool))
        mixed = net(made.maps, made.z_BZ, given_B=paired_B)
    assert torch.equal(mixed[::2], without[::2]) and not torch.equal(mixed[1::2], without[1::2])


def test_full_dropout_learns_nothing_of_conditions():
    net, made = prior(condition_dropout=0.999999).train(), batch()
    net.loss(made.s_BL, made.maps, made.z_BZ)[0].backward()
    assert net.condition_in.null_D.grad.any() and not net.condition_in.linear.weight.grad.any()


def test_a_trained_condition_gets_gradients():
    net, made = prior(), batch()
    z_BZ = made.z_BZ.requires_grad_()
    net.loss(made.s_BL, made.maps, z_BZ)[0].backward()
    assert z_BZ.grad.any(dim=1).all()


def test_groups_hold_every_parameter_once():
    net = prior(masked_input="both")
    groups = net.parameter_groups(1e-3, 0.05)
    held = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(held) == sorted(id(parameter) for parameter in net.parameters())
    assert all(group["betas"] == (0.9, 0.95) for group in groups)
    assert [group["weight_decay"] for group in groups] == [0.05, 0.05, 0]
    undecayed = {id(parameter) for parameter in groups[2]["params"]}
    tables = {name for name, p in net.named_parameters() if id(p) in undecayed}
    assert {
        "condition_in.null_D",
        "inputs.replacement_D",
        "inputs.position_LD",
        "blocks.0.log_scale_H",
    } <= tables


def test_muon_takes_the_matrices_of_attention_and_mlp():
    net = prior(matrix_lr=0.02)
    hidden, *others = net.parameter_groups(1e-3, 0.05)
    assert hidden["muon"] and hidden["lr"] == 0.02 and not any("muon" in group for group in others)
    assert hidden["lr"] * hidden["weight_decay"] == pytest.approx(1e-3 * 0.05)
    inside = {id(p) for name, p in net.blocks.named_parameters() if p.ndim == 2 and "modulation" not in name}
    assert {id(parameter) for parameter in hidden["params"]} == inside
