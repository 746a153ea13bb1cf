"""The prior as a likelihood and as a thing to train."""

from __future__ import annotations

import itertools

import pytest
import torch

from genviz._errors import UsageError
from genviz.models.pathar.prior.config import PriorConfig
from genviz.models.pathar.prior.network import Prior
from tests.models.pathar.prior.cases import EVERY_LAYOUT, N_CELLS, prior, tokens


def test_paper_size_has_the_papers_parameters():
    config = PriorConfig(width=512, n_layers=8, n_heads=8)
    net = Prior(config, n_labels=3, grid=(16, 16), structure_codes=1024, appearance_codes=1024)
    n_parameters = sum(parameter.numel() for parameter in net.parameters())
    assert n_parameters == 27_274_240
    assert abs(n_parameters / 27.27e6 - 1) < 0.002


@pytest.mark.parametrize("layout", EVERY_LAYOUT)
def test_the_likelihood_normalises(layout):
    """Property 12: sum over all (S, A) is 1; where structure comes first, sum over A is p(S)."""
    net = prior(layout, grid=(1, 2), structure_codes=3, appearance_codes=3).double()
    codes = torch.tensor(list(itertools.product(range(3), repeat=2)))
    if layout == "a_only":
        s, a = codes[:, :0], codes
    else:
        s, a = codes.repeat_interleave(9, dim=0), codes.repeat(9, 1)
    label = torch.zeros(len(a), dtype=torch.int64)
    with torch.no_grad():
        logits = net(s, a, label)
        log_p = net.log_prob(s, a, label)
    structure, appearance = (
        x.log_softmax(-1).gather(-1, y[..., None]).flatten(1).sum(1) if x.numel() else torch.zeros(len(a))
        for x, y in zip(logits, (s, a), strict=True)
    )
    log_exact = structure + appearance
    assert torch.allclose(log_exact.float(), log_p, atol=1e-5)
    assert float(log_exact.exp().sum()) == pytest.approx(1, abs=1e-9)
    if layout not in ("a_only", "a_then_s", "causal", "leaky_literal"):
        by_structure = log_exact.exp().view(9, 9).sum(1)
        assert torch.allclose(by_structure, structure.view(9, 9)[:, 0].exp(), atol=1e-12)


def test_the_loss_is_the_sum_of_both_means():
    """Eq. 15."""
    net = prior()
    s, a, label = tokens()
    with torch.no_grad():
        loss, parts = net.loss(s, a, label)
        structure, appearance = net.log_prob_tokens(s, a, label)
    assert structure.shape == appearance.shape == (3, N_CELLS)
    assert float(parts["nll_structure"]) == pytest.approx(-float(structure.mean()), rel=1e-5)
    assert float(parts["nll_appearance"]) == pytest.approx(-float(appearance.mean()), rel=1e-5)
    assert float(loss) == pytest.approx(float(parts["nll_structure"] + parts["nll_appearance"]), rel=1e-6)
    assert torch.allclose(net.log_prob(s, a, label), structure.sum(1) + appearance.sum(1))


@pytest.mark.parametrize("layout", EVERY_LAYOUT)
def test_training_lowers_the_loss(layout):
    net = prior(layout, dropout=0.1).train()
    batch = tokens(8)
    optimiser = torch.optim.AdamW(net.parameter_groups(3e-3, 0.05))
    losses = []
    for _ in range(40):
        loss, _ = net.loss(*batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]
    assert all(parameter.grad is not None for parameter in net.parameters())


def test_groups_hold_every_parameter_once():
    net = prior(n_organs=3)
    groups = net.parameter_groups(1e-3, 0.05)
    held = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(held) == sorted(id(parameter) for parameter in net.parameters())
    assert all(group["betas"] == (0.9, 0.95) for group in groups)
    assert [group["weight_decay"] for group in groups] == [0.05, 0.05, 0]


def test_untrained_predictions_are_uniform():
    net = Prior(PriorConfig(width=16, n_layers=1, n_heads=2), n_labels=1, grid=(2, 2), structure_codes=5,
                appearance_codes=7)  # fmt: skip
    s, a = torch.zeros(1, 4, dtype=torch.int64), torch.zeros(1, 4, dtype=torch.int64)
    _, parts = net.eval().loss(s, a, torch.zeros(1, dtype=torch.int64))
    assert float(parts["nll_structure"]) == pytest.approx(torch.log(torch.tensor(5.0)).item())
    assert float(parts["nll_appearance"]) == pytest.approx(torch.log(torch.tensor(7.0)).item())


def test_bfloat16_is_close():
    net = prior()
    batch = tokens()
    with torch.no_grad():
        exact = net(*batch)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = net(*batch)
    for x, y in zip(exact, rough, strict=True):
        assert float((x - y).abs().max()) < 0.1 * float(x.std())


def test_structure_may_not_be_added_where_it_is_predicted():
    with pytest.raises(UsageError, match="previous_and_structure"):
        prior("causal", appearance_input="previous_and_structure")


def test_one_stream_needs_its_own_order():
    with pytest.raises(UsageError, match="a_only"):
        prior(structure_codes=0)
    assert prior("a_only", structure_codes=0).structure_in is None


def test_muon_takes_the_matrices_of_the_blocks_and_nothing_else():
    net = prior(matrix_lr=0.02)
    hidden, *others = net.parameter_groups(1e-3, 0.05)
    assert hidden["muon"] and hidden["lr"] == 0.02 and not any("muon" in group for group in others)
    assert hidden["lr"] * hidden["weight_decay"] == pytest.approx(1e-3 * 0.05)
    inside = {id(parameter) for parameter in net.blocks.parameters() if parameter.ndim == 2}
    assert {id(parameter) for parameter in hidden["params"]} == inside
