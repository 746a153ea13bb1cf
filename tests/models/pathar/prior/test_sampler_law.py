"""Property 11: what the samplers draw follows the exact law, computed by enumeration without genviz's samplers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.stats import chi2

from genviz.models.pathar.prior.rule import SampleRule
from genviz.models.pathar.prior.sampler import sample
from genviz.nn.token_picking import StreamRule
from tests.models.pathar.prior.cases import prior

N_DRAWS = 20_000
MODEL = SampleRule()
FILTERED = SampleRule(StreamRule(0.85, 0, 0.8, 1.5), StreamRule(0.7, 2, 0.9, 2.0))


def _law(logits, null, rule):
    """Probabilities of one token by the rule, written out for a vector."""
    guided = (null + rule.guidance * (logits - null)) / rule.temperature
    order = np.argsort(-guided)
    kept = order[: rule.top_k] if rule.top_k else order
    p = np.exp(guided[kept] - guided[kept].max())
    p /= p.sum()
    n_nucleus = int(np.searchsorted(np.cumsum(p), rule.top_p)) + 1
    out = np.zeros(len(logits))
    out[kept[:n_nucleus]] = p[:n_nucleus] / p[:n_nucleus].sum()
    return out


def _exact(net, rule):
    """Probability of each of the 81 sequences (s_1, s_2, a_1, a_2)."""
    sequences = np.array(list(itertools.product(range(3), repeat=4)))
    rows = torch.from_numpy(sequences)
    label = torch.zeros(len(rows), dtype=torch.int64)
    with torch.no_grad():
        conditional = [x.numpy() for x in net(rows[:, :2], rows[:, 2:], label)]
        null = [x.numpy() for x in net(rows[:, :2], rows[:, 2:], label + net.null_label)]
    p = np.ones(len(rows))
    for row, token in enumerate(sequences):
        for stream, cell in itertools.product(range(2), range(2)):
            law = _law(conditional[stream][row, cell], null[stream][row, cell], rule.of(stream))
            p[row] *= law[token[2 * stream + cell]]
    return p


@pytest.mark.parametrize("rule", [MODEL, FILTERED], ids=["model", "filtered"])
@pytest.mark.parametrize("layout", ["default", "causal", "a_then_s"])
def test_draws_follow_the_exact_law(layout, rule):
    """Chi-square of 20,000 draws; other samplers draw the same tokens, as compared on the first ones."""
    net = prior(layout, grid=(1, 2), structure_codes=3, appearance_codes=3, n_layers=1)
    exact = _exact(net, rule)
    assert exact.sum() == pytest.approx(1, abs=1e-5)
    label = torch.zeros(N_DRAWS, dtype=torch.int64)
    drawn = sample(net, label, rule, torch.arange(N_DRAWS), batch_size=4000)
    code = torch.cat([drawn.s_BN, drawn.a_BN], dim=1) @ torch.tensor([27, 9, 3, 1])
    counts = np.bincount(code.numpy(), minlength=81)
    assert not counts[exact == 0].any()
    expected = N_DRAWS * exact
    usual = expected >= 5
    statistic = ((counts - expected)[usual] ** 2 / expected[usual]).sum()
    assert chi2.sf(statistic, usual.sum() - 1) > 1e-3
    for name in ("interleaved", "two_phase", "naive"):
        other = sample(net, label[:500], rule, torch.arange(500), sampler=name, batch_size=500)
        assert torch.equal(other.s_BN, drawn.s_BN[:500])
        assert torch.equal(other.a_BN, drawn.a_BN[:500])


def test_temperature_zero_is_greedy():
    net = prior()
    rule = SampleRule(StreamRule(0.0), StreamRule(0.0))
    cold = SampleRule(StreamRule(1e-6), StreamRule(1e-6))
    greedy = sample(net, torch.tensor([0, 1]), rule, [1, 2])
    with torch.no_grad():
        structure, appearance = net(greedy.s_BN, greedy.a_BN, torch.tensor([0, 1]))
    assert torch.equal(greedy.s_BN, structure.argmax(-1))
    assert torch.equal(greedy.a_BN, appearance.argmax(-1))
    nearly = sample(net, torch.tensor([0, 1]), cold, [3, 4])
    assert torch.equal(nearly.s_BN, greedy.s_BN)
    assert torch.equal(nearly.a_BN, greedy.a_BN)
