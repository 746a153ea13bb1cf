"""Property 11: filters keep what they should, guidance and temperature have their limits."""

from __future__ import annotations

import pytest
import torch

from genviz._errors import UsageError
from genviz.nn.keyed_noise import position_keys
from genviz.nn.packed_linear import packed_linear
from genviz.nn.token_picking import StreamRule, candidates, pick_tokens, token_log_prob

LOGITS = torch.randn(64, 1024, generator=torch.Generator().manual_seed(0)) * 2
KEYS = position_keys(torch.arange(64), 0, 0)


@pytest.mark.parametrize("top_p", [1e-9, 0.3, 0.92, 1.0])
@pytest.mark.parametrize("top_k", [0, 1, 100, 5000])
def test_support(top_k, top_p):
    rule = StreamRule(0.85, top_k, top_p)
    score, code = candidates(LOGITS, rule)
    p_BK = (LOGITS / 0.85).softmax(1)
    for row in range(8):
        order = p_BK[row].argsort(descending=True)[: top_k or None]
        p = p_BK[row, order] / p_BK[row, order].sum()
        # The nucleus reaches top_p with its last code and not without it.
        n = min(int((p.cumsum(0) < top_p).sum()) + 1, len(p)) if top_p < 1 else len(p)
        kept = code[row][score[row] > float("-inf")]
        assert set(kept.tolist()) == set(order[:n].tolist())
        assert 1 <= len(kept) <= (top_k or 1024)


def test_the_crossing_code_is_kept():
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    for top_p, n in ((0.5, 1), (0.51, 2), (0.79, 2), (0.81, 3), (0.96, 4)):
        score, _ = candidates(logits, StreamRule(top_p=top_p))
        assert int(score.isfinite().sum()) == n


def test_filters_are_measured_after_one_another():
    """Top-k first: the nucleus is a share of the k best, not of all."""
    logits = torch.tensor([[0.4, 0.3, 0.2, 0.1]]).log()
    score, _ = candidates(logits, StreamRule(top_k=2, top_p=0.5))
    assert int(score.isfinite().sum()) == 1


def test_guidance_of_one_is_none():
    rule = StreamRule(0.85, 100, 0.92, 1.0)
    assert torch.equal(pick_tokens(LOGITS, LOGITS.flip(1), rule, KEYS), pick_tokens(LOGITS, None, rule, KEYS))


def test_guidance_is_linear():
    null, rule = LOGITS.flip(1), StreamRule(guidance=1.5)
    guided = null + 1.5 * (LOGITS - null)
    assert torch.equal(pick_tokens(LOGITS, null, rule, KEYS), pick_tokens(guided, None, StreamRule(), KEYS))


@pytest.mark.parametrize("temperature", [0.0, 1e-6])
def test_cold_is_the_maximum(temperature):
    assert torch.equal(pick_tokens(LOGITS, None, StreamRule(temperature), KEYS), LOGITS.argmax(1))


def test_filters_off_equals_filters_that_keep_all():
    every = pick_tokens(LOGITS, None, StreamRule(), KEYS)
    assert torch.equal(every, pick_tokens(LOGITS, None, StreamRule(top_k=1024, top_p=1 - 1e-12), KEYS))


def test_draws_follow_the_softmax():
    logits = torch.tensor([1.0, 0.0, -1.0, 2.0])
    keys = position_keys(torch.arange(40_000), 0, 5)
    drawn = pick_tokens(logits.expand(len(keys), -1), None, StreamRule(), keys)
    share = torch.bincount(drawn, minlength=4) / len(keys)
    assert torch.allclose(share, logits.softmax(0), atol=0.01)


@pytest.mark.parametrize(
    "wrong", [{"temperature": -1.0}, {"top_k": -1}, {"top_p": 0.0}, {"top_p": 1.1}, {"guidance": -0.5}]
)
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        StreamRule(**wrong)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("then_gelu", [False, True])
def test_packed_weights_multiply_alike(dtype, then_gelu):
    generator = torch.Generator().manual_seed(0)
    weight, x = (torch.randn(n, 24, generator=generator).to(dtype) for n in (40, 6))
    expected = torch.nn.functional.linear(x, weight)
    expected = torch.nn.functional.gelu(expected) if then_gelu else expected
    with torch.inference_mode():
        call = packed_linear(weight, 6, then_gelu=then_gelu)
        assert torch.allclose(call(x), expected, rtol=1e-2 if dtype == torch.bfloat16 else 1e-5, atol=1e-5)
        assert torch.allclose(call(x[:2]), expected[:2], rtol=1e-2, atol=1e-5)


def test_log_probabilities_of_all_codes_add_up_to_one():
    every_KB = torch.arange(1024)[:, None].expand(-1, 64)
    log_prob_KB = token_log_prob(LOGITS.expand(1024, -1, -1), every_KB)
    torch.testing.assert_close(log_prob_KB.exp().sum(0), torch.ones(64))
    assert torch.equal(log_prob_KB[5], token_log_prob(LOGITS, torch.full((64,), 5)))
    assert token_log_prob(LOGITS.bfloat16(), every_KB[0]).dtype == torch.float32
