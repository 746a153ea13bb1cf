"""Every sampler draws the same tokens, teacher-forced logits agree, and rows do not know their batch."""

from __future__ import annotations

import logging

import pytest
import torch

from genviz._errors import UsageError
from genviz.core.keyed import row_key
from genviz.models.pathar.prior.batch_sampler import BatchSampler
from genviz.models.pathar.prior.drawing import Drawing
from genviz.models.pathar.prior.rule import SampleRule, sample_rule
from genviz.models.pathar.prior.sampler import sample
from genviz.models.pathar.prior.schedules import SAMPLERS, make_schedule
from genviz.nn.token_picking import StreamRule
from genviz.nn.visibility import row_layout
from tests.models.pathar.prior.cases import DELAYED, EVERY_LAYOUT, N_CELLS, SHARP, prior, tokens

HAS_STRUCTURE_FIRST = (*DELAYED, "s_then_a")


def keys(n, seed=0):
    return [row_key(seed, "", str(row), "tokens") for row in range(n)]


def same(one, two):
    return torch.equal(one.s_BN, two.s_BN) and torch.equal(one.a_BN, two.a_BN)


@pytest.fixture
def seen(monkeypatch):
    """Logits of every pick so far, by stream."""
    found = {}

    def logits(self, stream, h_RD, own=Drawing.logits):
        found.setdefault(stream, []).append(own(self, stream, h_RD).clone())
        return found[stream][-1]

    monkeypatch.setattr(Drawing, "logits", logits)
    return found


def furthest(net, drawn, label, seen, streams):
    """Largest distance of the picks' logits from those of one whole forward, over both halves of guidance."""
    assert set(seen) == streams
    far = []
    with torch.no_grad():
        for half, labels in enumerate((label, torch.full_like(label, net.null_label))):
            exact = net(drawn.s_BN, drawn.a_BN, labels)
            for stream, found in seen.items():
                cached = torch.stack(found, dim=1)[len(label) * half :][: len(label)]
                assert cached.shape == exact[stream].shape
                far.append(float((cached.float() - exact[stream].float()).abs().max()))
    return max(far)


@pytest.mark.parametrize("layout", EVERY_LAYOUT)
def test_every_sampler_draws_the_same_tokens(layout):
    """Property 8, with guidance and both filters; naive recomputation is the reference."""
    net, label = prior(layout), torch.tensor([0, 1, 3])
    drawn = {name: sample(net, label, SHARP, keys(3), sampler=name, batch_size=3) for name in SAMPLERS}
    assert all(same(drawn["naive"], other) for other in drawn.values())
    assert len({tuple(row) for row in drawn["naive"].a_BN.tolist()}) == 3


@pytest.mark.parametrize("layout", EVERY_LAYOUT)
@pytest.mark.parametrize("name", ["paired", "interleaved", "two_phase"])
def test_teacher_forced_logits_agree(layout, name, seen):
    """Property 7: logits at every pick equal those of one whole forward, both halves of guidance."""
    net, label = prior(layout), torch.tensor([0, 1, 2])
    drawn = sample(net, label, SHARP, keys(3), sampler=name, batch_size=3)
    assert furthest(net, drawn, label, seen, streams={1} if layout == "a_only" else {0, 1}) < 1e-4


@pytest.mark.parametrize("name", ["paired", "interleaved", "two_phase"])
def test_teacher_forced_logits_agree_in_bfloat16(name, seen):
    """Property 7, in both streams: 3e-2 for logits up to 1.5, where bfloat16 steps by 8e-3."""
    net, label = prior(), torch.tensor([0, 1, 2])
    with torch.no_grad():
        for head in (net.structure_out, net.appearance_out):
            head.weight.mul_(0.5)
    net = net.bfloat16()
    drawn = sample(net, label, SHARP, keys(3), sampler=name, batch_size=3)
    assert furthest(net, drawn, label, seen, streams={0, 1}) < 3e-2


@pytest.mark.parametrize("layout", HAS_STRUCTURE_FIRST)
def test_teacher_forced_logits_agree_for_given_structure(layout, seen):
    """Property 7: structure prefilled in one pass, appearance step by step."""
    net, label = prior(layout), torch.tensor([0, 1, 2])
    drawn = sample(net, label, SHARP, keys(3), given_s_BN=tokens()[0], batch_size=3)
    assert furthest(net, drawn, label, seen, streams={1}) < 1e-4


@pytest.mark.parametrize("name", ["paired", "naive"])
def test_rows_do_not_know_their_batch(name):
    """Property 8: 1, 3 or 16 rows at once, and in another order, give the same tokens."""
    net, label, key = prior(), torch.arange(16) % 4, keys(16)
    whole = sample(net, label, SHARP, key, sampler=name)
    for rows in ([5], [2, 9, 15], torch.randperm(16).tolist()):
        part = sample(net, label[rows], SHARP, [key[row] for row in rows], sampler=name)
        assert torch.equal(part.s_BN, whole.s_BN[rows])
        assert torch.equal(part.a_BN, whole.a_BN[rows])


def test_batches_of_one_size_are_bit_identical():
    """A row's log-probabilities, not only its tokens, are the same in every company."""
    net, label, key = prior(), torch.arange(7) % 3, keys(7)
    whole = sample(net, label, SHARP, key, batch_size=4, return_log_prob=True)
    for row in range(7):
        one = sample(net, label[[row]], SHARP, [key[row]], batch_size=4, return_log_prob=True)
        assert torch.equal(one.log_prob_a_BN[0], whole.log_prob_a_BN[row])
        assert torch.equal(one.log_prob_s_BN[0], whole.log_prob_s_BN[row])


def test_keys_decide():
    net, label = prior(), torch.zeros(2, dtype=torch.int64)
    rule = sample_rule("model")
    assert same(sample(net, label, rule, keys(2)), sample(net, label, rule, keys(2)))
    assert not same(sample(net, label, rule, keys(2)), sample(net, label, rule, keys(2, seed=1)))


@pytest.mark.parametrize("layout", EVERY_LAYOUT)
def test_log_probabilities_are_the_priors_own(layout):
    """Without guidance and filters, whatever the rule."""
    net, label = prior(layout), torch.tensor([0, 1, 2])
    drawn = sample(net, label, SHARP, keys(3), return_log_prob=True, batch_size=2)
    with torch.no_grad():
        structure, appearance = net.log_prob_tokens(drawn.s_BN, drawn.a_BN, label)
    assert torch.allclose(drawn.log_prob_s_BN, structure, atol=1e-4)
    assert torch.allclose(drawn.log_prob_a_BN, appearance, atol=1e-4)


@pytest.mark.parametrize("layout", HAS_STRUCTURE_FIRST)
def test_appearance_for_given_structure_is_that_of_a_joint_draw(layout):
    net, label = prior(layout), torch.tensor([0, 1, 2])
    drawn = sample(net, label, SHARP, keys(3))
    for name in ("paired", "naive"):
        again = sample(
            net,
            label,
            SHARP,
            keys(3),
            given_s_BN=drawn.s_BN,
            sampler=name,
            return_log_prob=True,
            batch_size=2,
        )
        assert same(again, drawn)
        with torch.no_grad():
            structure, _ = net.log_prob_tokens(drawn.s_BN, drawn.a_BN, label)
        assert torch.allclose(again.log_prob_s_BN, structure, atol=1e-4)


@pytest.mark.parametrize("n_at_once", [1, 3])
def test_renderings_of_one_structure(n_at_once, monkeypatch):
    """Prefilled once for all renderings, also where several pairs are prefilled together."""
    monkeypatch.setattr("genviz.models.pathar.prior.batch_sampler._PREFILLED", {"cpu": n_at_once})
    net, label = prior(), torch.tensor([0, 2])
    s_PN = tokens(2)[0]
    many = sample(net, label, SHARP, keys(8), given_s_BN=s_PN, renderings=4, batch_size=3)
    one_by_one = sample(
        net, label.repeat_interleave(4), SHARP, keys(8), given_s_BN=s_PN.repeat_interleave(4, dim=0)
    )
    assert same(many, one_by_one)
    assert len({tuple(row) for row in many.a_BN.tolist()}) == 8


@pytest.mark.parametrize("layout", HAS_STRUCTURE_FIRST)
def test_structure_alone_is_that_of_a_joint_draw(layout):
    net, label = prior(layout), torch.tensor([0, 1])
    alone = sample(net, label, SHARP, keys(2), structure_only=True, return_log_prob=True)
    assert torch.equal(alone.s_BN, sample(net, label, SHARP, keys(2)).s_BN)
    assert alone.a_BN.shape == alone.log_prob_a_BN.shape == (2, 0)


@pytest.mark.parametrize("layout", ["causal", "leaky_literal", "a_then_s", "a_only"])
def test_structure_alone_needs_a_prior_that_has_it(layout):
    with pytest.raises(UsageError, match="structure"):
        sample(prior(layout), torch.tensor([0]), SHARP, keys(1), structure_only=True)


def test_organs_take_part():
    net, label = prior(n_organs=2), torch.zeros(4, dtype=torch.int64)
    organ = torch.tensor([0, 1, 2, 2])
    drawn = {s: sample(net, label, SHARP, [7] * 4, organ_B=organ, sampler=s) for s in ("naive", "paired")}
    assert same(*drawn.values())
    assert not torch.equal(drawn["paired"].a_BN[0], drawn["paired"].a_BN[1])
    assert torch.equal(drawn["paired"].a_BN[2], drawn["paired"].a_BN[3])
    assert same(drawn["paired"], sample(net, label, SHARP, [7] * 4, organ_B=organ))


def test_paired_takes_half_the_steps():
    layout = row_layout(N_CELLS)
    n_steps = {name: len(make_schedule(layout, name).steps) for name in SAMPLERS[:3]}
    assert n_steps == {"paired": N_CELLS + 1, "interleaved": 2 * N_CELLS + 1, "two_phase": 2 * N_CELLS + 1}


def test_no_guidance_leaves_the_null_half_out():
    """Guidance 1 equals no guidance: half the sequences, the same tokens."""
    net, label = prior(), torch.tensor([0, 1])
    plain = sample_rule("model")
    one_sided = SampleRule(plain.structure, StreamRule(guidance=1 + 1e-9))
    assert not plain.guided
    assert one_sided.guided
    assert same(sample(net, label, plain, keys(2)), sample(net, label, one_sided, keys(2)))


def test_a_prior_in_training_stays_there_and_draws_without_dropout():
    net, label = prior(dropout=0.5), torch.tensor([0, 1])
    still = sample(net, label, SHARP, keys(2), sampler="naive")
    net.train()
    assert same(still, sample(net, label, SHARP, keys(2), sampler="naive"))
    assert net.training


def test_out_of_memory_halves_the_batch(monkeypatch, caplog):
    run = BatchSampler.run

    def short_of_memory(self, *arguments):
        if self.drawing.n_rows > 2:
            raise torch.cuda.OutOfMemoryError("full")
        run(self, *arguments)

    net, label = prior(), torch.arange(5) % 3
    expected = sample(net, label, SHARP, keys(5), batch_size=2)
    monkeypatch.setattr(BatchSampler, "run", short_of_memory)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    with caplog.at_level(logging.WARNING, logger="genviz"):
        assert same(sample(net, label, SHARP, keys(5), batch_size=8), expected)
    assert [record.getMessage() for record in caplog.records] == [
        "Out of GPU memory with 8 rows a batch; going on with 4.",
        "Out of GPU memory with 4 rows a batch; going on with 2.",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sampler": "fast"}, "sampler"),
        ({"batch_size": 0}, "batch_size"),
        ({"renderings": 2}, "one key"),
        ({"organ_B": torch.tensor([0])}, "organs"),
        ({"given_s_BN": torch.zeros(1, 3, dtype=torch.int64)}, "tokens to keep as"),
        ({"given_s_BN": torch.full((1, N_CELLS), 20)}, "tokens to keep in"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(UsageError, match=message):
        sample(prior(), torch.tensor([0]), SHARP, [1], **options)


def test_labels_out_of_range_are_refused():
    with pytest.raises(UsageError, match="labels"):
        sample(prior(), torch.tensor([4]), SHARP, [1])


def test_presets():
    paper = sample_rule("paper")
    assert paper.structure == paper.appearance == StreamRule(0.85, 100, 0.92, 1.5)
    assert sample_rule("plain").structure == StreamRule(1.0, 0, 1.0, 1.5)
    with pytest.raises(UsageError, match="plain"):
        sample_rule("sharp")
