"""Tokens that are kept: untouched, conditioned on, and skipped over at once."""

from __future__ import annotations

import pytest
import torch

from genviz.models.pathar.prior.request import Forced
from genviz.models.pathar.prior.sampler import sample
from genviz.models.pathar.prior.schedules import make_schedule, trim
from genviz.nn.visibility import row_layout
from tests.models.pathar.prior.cases import EVERY_LAYOUT, N_CELLS, SHARP, prior, tokens

KEYS = [11, 12, 13]


def _region(*cells):
    keep = torch.ones(3, N_CELLS, dtype=torch.bool)
    keep[:, list(cells)] = False
    return keep


def _kept(layout, keep_s, keep_a):
    s, a, _ = tokens()
    if layout == "a_only":
        return Forced(a_PN=a, keep_a_PN=keep_a)
    return Forced(s, keep_s, a, keep_a)


@pytest.mark.parametrize("layout", EVERY_LAYOUT)
@pytest.mark.parametrize(
    ("open_s", "open_a"),
    [((5, 6), (5, 6)), ((), (4, 9)), ((7,), (2, 3)), ((0, N_CELLS - 1), (0,))],
    ids=["both", "appearance", "apart", "ends"],
)
def test_kept_tokens_stay_and_samplers_agree(layout, open_s, open_a):
    """The fast samplers skip known beginnings and ends; naive recomputation goes through every step."""
    net, (s, a, label) = prior(layout), tokens()
    keep_s, keep_a = _region(*open_s), _region(*open_a)
    forced = _kept(layout, keep_s, keep_a)
    drawn = {
        name: sample(net, label, SHARP, KEYS, forced=forced, sampler=name, batch_size=2)
        for name in ("naive", "paired", "interleaved")
    }
    for found in drawn.values():
        assert torch.equal(found.a_BN[keep_a], a[keep_a])
        assert torch.equal(found.a_BN, drawn["naive"].a_BN)
        if layout != "a_only":
            assert torch.equal(found.s_BN[keep_s], s[keep_s])
            assert torch.equal(found.s_BN, drawn["naive"].s_BN)


def test_rows_may_keep_different_tokens():
    net, (s, a, label) = prior(), tokens()
    keep = torch.rand(3, N_CELLS, generator=torch.Generator().manual_seed(0)) < 0.5
    found = [
        sample(net, label, SHARP, KEYS, forced=Forced(s, keep, a, ~keep), sampler=name, return_log_prob=True)
        for name in ("naive", "paired")
    ]
    assert torch.equal(found[0].s_BN, found[1].s_BN)
    assert torch.equal(found[0].a_BN, found[1].a_BN)
    with torch.no_grad():
        structure, appearance = net.log_prob_tokens(found[1].s_BN, found[1].a_BN, label)
    for one in found:
        assert torch.allclose(one.log_prob_s_BN, structure, atol=1e-4)
        assert torch.allclose(one.log_prob_a_BN, appearance, atol=1e-4)


def test_nothing_kept_is_a_free_draw():
    """Property 15: in-painting everything equals unconditional sampling."""
    net, (s, a, label) = prior(), tokens()
    nothing = torch.zeros_like(s, dtype=torch.bool)
    free = sample(net, label, SHARP, KEYS)
    kept = sample(net, label, SHARP, KEYS, forced=Forced(s, nothing, a, nothing))
    assert torch.equal(free.s_BN, kept.s_BN)
    assert torch.equal(free.a_BN, kept.a_BN)


def test_all_kept_draws_nothing_and_scores_everything():
    net, (s, a, label) = prior(), tokens()
    kept = sample(
        net, label, SHARP, KEYS, forced=Forced(s, None, a, None), return_log_prob=True, batch_size=2
    )
    assert torch.equal(kept.s_BN, s)
    assert torch.equal(kept.a_BN, a)
    with torch.no_grad():
        structure, appearance = net.log_prob_tokens(s, a, label)
    assert torch.allclose(kept.log_prob_s_BN, structure, atol=1e-4)
    assert torch.allclose(kept.log_prob_a_BN, appearance, atol=1e-4)


def test_only_the_span_of_open_cells_is_gone_through():
    schedule = make_schedule(row_layout(N_CELLS), "paired")
    known = torch.ones(2, N_CELLS, dtype=torch.bool)
    known[:, 5:7] = False
    before, rest = trim(schedule, known, to_end=False)
    assert (len(before), len(rest.steps)) == (5, 3)  # s_6 with a_5, s_7 with a_6, s_8 with a_7
    before, rest = trim(schedule, known, to_end=True)
    assert len(before) + len(rest.steps) == len(schedule.steps)
