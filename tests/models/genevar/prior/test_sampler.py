"""Properties 5, 18 and 19: sampling is a function of rows' keys, with guidance that rises from 0."""

from __future__ import annotations

import pytest
import torch

from genviz._errors import UsageError
from genviz.models.genevar.prior.batch_sampler import BatchSampler
from genviz.models.genevar.prior.drawing import INJECTION, TOKENS, draw_scale, scale_keys
from genviz.models.genevar.prior.layout import ScaleLayout
from genviz.models.genevar.prior.protocols import teacher_maps
from genviz.models.genevar.prior.rule import SampleRule, sample_rule
from genviz.models.genevar.prior.sampler import sample
from genviz.nn.keyed_noise import noise_keys
from genviz.nn.keyed_values import uniform
from genviz.nn.multiscale_quantiser import MultiScaleQuantiser
from genviz.nn.token_picking import StreamRule
from tests.models.genevar.prior.cases import (
    CODE_DIM,
    LENGTHS,
    N_CODES,
    N_POSITIONS,
    SCALES,
    batch,
    prior,
    quantiser,
    scaled,
)

SHARP = SampleRule(cfg=1.5, temperature=0.9, top_k=12, top_p=0.96)
Z = batch(7).z_BZ
KEYS = [3**i * 1_000_003 for i in range(7)]


class Mask:
    """Keeps half of the cells, by the row's key; counts its calls."""

    def __init__(self, refine=False):
        self.refine, self.calls = refine, []

    def __call__(self, k, map_BEnn, f_BEGG, z_BZ, given_B, key_B):
        n = map_BEnn.shape[-1]
        assert torch.equal(map_BEnn, quantiser().next_input(f_BEGG, k))
        self.calls.append(k)
        kept_BN = uniform(key_B, torch.arange(n * n)) < 0.5
        return kept_BN.view(-1, n, n), (map_BEnn.flip(1) + 0.1 if self.refine else None)


def drawn(net=None, rule=SHARP, z=Z, keys=KEYS, **options):
    net = prior() if net is None else net
    return sample(net, quantiser(), z, rule, keys, **{"batch_size": 3, **options})


@pytest.mark.parametrize("rule", [SHARP, SampleRule(), sample_rule("mini"), sample_rule("paper")])
def test_a_row_is_its_own(rule):
    """Property 19: whatever rows are drawn with it, in whatever order and batches."""
    whole = drawn(rule=rule, inject=Mask())
    assert (
        whole.s_NL.shape == (7, N_POSITIONS) and 0 <= int(whole.s_NL.min()) <= int(whole.s_NL.max()) < N_CODES
    )
    assert torch.equal(whole.s_NL, drawn(rule=rule, inject=Mask()).s_NL)
    order = torch.tensor([4, 1, 6, 0])
    some = drawn(rule=rule, z=Z[order], keys=[KEYS[i] for i in order], inject=Mask())
    assert torch.equal(some.s_NL, whole.s_NL[order]) and torch.equal(some.f_NEGG, whole.f_NEGG[order])
    for size in (1, 16):
        assert torch.equal(drawn(rule=rule, inject=Mask(), batch_size=size).s_NL, whole.s_NL)


def test_keys_and_conditions_matter():
    whole = drawn().s_NL
    assert not torch.equal(drawn(keys=[key + 1 for key in KEYS]).s_NL, whole)
    assert not torch.equal(drawn(z=Z.flip(0)).s_NL, whole)
    apart = drawn(z=Z[:1].expand(7, -1)).s_NL
    assert len(apart.unique(dim=0)) == 7


def test_one_code_left_is_the_most_probable():
    """Property 19: no seed matters."""
    net = prior()
    cold = drawn(net, SampleRule(cfg=1.5, temperature=0.0)).s_NL
    for seed in (0, 1):
        keys = [key + seed for key in KEYS]
        assert torch.equal(drawn(net, SampleRule(cfg=1.5, top_k=1), keys=keys).s_NL, cold)
    greedy = drawn(net, SampleRule(temperature=0.0)).s_NL
    with torch.no_grad():
        logits = net(teacher_maps(quantiser(), greedy, net.layout, CODE_DIM), Z)
    assert torch.equal(logits.argmax(-1), greedy)


def test_sampled_latents_are_those_of_the_tokens():
    """Property 5: the same inputs as teacher forcing, bit for bit; partial sums in order."""
    net, made = prior(), quantiser()
    found = drawn(net, keep_partial=True)
    maps = teacher_maps(made, found.s_NL, net.layout, CODE_DIM)
    assert found.partial_NKEGG.shape == (7, len(SCALES), CODE_DIM, 5, 5)
    for k, map_BEnn in enumerate(maps, start=2):
        assert torch.equal(made.next_input(found.partial_NKEGG[:, k - 2], k), map_BEnn)
    assert torch.equal(found.partial_NKEGG[:, -1], found.f_NEGG)
    last_NL = scaled(found.s_NL)[-1]
    added = found.partial_NKEGG[:, -1] - found.partial_NKEGG[:, -2]
    assert torch.allclose(added, made.contribution(last_NL, 4), atol=1e-5)
    assert drawn(net).partial_NKEGG is None


@pytest.mark.parametrize("n_scales", [0, 1, 2, 3, 4])
def test_given_scales_are_kept(n_scales):
    """Real tokens up to a scale, the rest drawn: scales that are given draw no noise from the others."""
    net, n = prior(), sum(LENGTHS[:n_scales])
    whole = drawn(net).s_NL
    given = (whole[:, :n] + 1) % N_CODES
    found = drawn(net, forced_NP=given).s_NL
    assert torch.equal(found[:, :n], given)
    assert torch.equal(drawn(net, forced_NP=whole[:, :n]).s_NL, whole)
    if 0 < n_scales < 4:
        assert not torch.equal(found[:, n:], whole[:, n:])


def test_half_a_scale_cannot_be_given():
    with pytest.raises(UsageError, match="as a whole"):
        drawn(forced_NP=torch.zeros(7, 3, dtype=torch.int64))
    with pytest.raises(UsageError, match="tokens in"):
        drawn(forced_NP=torch.full((7, 1), N_CODES))


@pytest.mark.parametrize("rule", [SHARP, SampleRule()])
def test_log_probabilities_are_the_priors(rule):
    """Property 6 again: those of teacher forcing, whatever rule drew the tokens."""
    net = prior()
    found = drawn(net, rule, return_log_prob=True)
    maps = teacher_maps(quantiser(), found.s_NL, net.layout, CODE_DIM)
    with torch.no_grad():
        expected = net.log_prob_tokens(found.s_NL, maps, Z)
    assert torch.allclose(found.log_prob_NL, expected, atol=1e-4)
    again = drawn(net, rule, forced_NP=found.s_NL, return_log_prob=True)
    assert torch.allclose(again.log_prob_NL, expected, atol=1e-4) and torch.equal(again.s_NL, found.s_NL)


@pytest.mark.parametrize(("masked_input", "n_inject"), [("rk", 1), ("rk", 3), ("fhat", 2), ("both", 1)])
def test_masks_are_asked_for_once_a_scale(masked_input, n_inject):
    """Property 18: one mask for both halves; with teacher forcing under that mask the same likelihood."""
    net = prior(masked_input=masked_input, n_inject=n_inject)
    mask = Mask(masked_input != "rk")
    found = drawn(net, inject=mask, return_log_prob=True, batch_size=7)
    assert mask.calls == list(range(5 - n_inject, 5))
    seen = Recording(Mask(masked_input != "rk"))
    sampler = BatchSampler(net, quantiser(), SHARP, 7, inject=seen)
    with torch.no_grad():
        sampler.run(
            Z, torch.ones(7, dtype=torch.bool), noise_keys(KEYS), torch.zeros(7, 0, dtype=torch.int64)
        )
        masks, refined = zip(*seen.given, strict=True)
        maps = teacher_maps(quantiser(), sampler.s_BL, net.layout, CODE_DIM)
        expected = net.log_prob_tokens(
            sampler.s_BL, maps, Z, masks, refined=None if refined[0] is None else refined
        )
    assert torch.equal(sampler.s_BL, found.s_NL)
    assert torch.allclose(found.log_prob_NL, expected, atol=1e-4)


@pytest.mark.parametrize("rule", [SHARP, SampleRule()])
def test_the_mask_follows_the_condition_of_its_row(rule):
    """Property 18: with guidance too, it is made from the row's own condition, or as for a row that has none."""
    told, given = [], torch.tensor([True, False, True, True, False, True, True])

    def inject(k, map_BEnn, f_BEGG, z_BZ, given_B, key_B):
        told.append((z_BZ.clone(), given_B.clone(), scale_keys(noise_keys(KEYS), INJECTION, k).equal(key_B)))
        return torch.ones(7, *map_BEnn.shape[2:], dtype=torch.bool), None

    drawn(rule=rule, inject=inject, given_N=given, batch_size=7)
    assert len(told) == 2
    for z_BZ, given_B, keyed in told:
        assert torch.equal(z_BZ, Z) and torch.equal(given_B, given) and keyed


@pytest.mark.parametrize("masked_input", ["rk", "both"])
def test_tokens_are_drawn_from_both_branches_under_one_mask(masked_input):
    """Property 18: teacher forcing with and without condition, mixed and drawn, gives the sampled tokens back."""
    net, seen, made = prior(masked_input=masked_input), Recording(Mask(masked_input != "rk")), quantiser()
    s_NL = drawn(net, inject=seen, batch_size=7).s_NL
    masks, refined = zip(*seen.given, strict=True)
    maps = teacher_maps(made, s_NL, net.layout, CODE_DIM)
    with torch.no_grad():
        given, null = (
            net(
                maps,
                Z,
                masks,
                refined=None if masked_input == "rk" else refined,
                given_B=torch.full((7,), on),
            )
            for on in (True, False)
        )
    for k, (x, y) in enumerate(zip(scaled(given), scaled(null), strict=True), start=1):
        keys = scale_keys(noise_keys(KEYS), TOKENS, k)
        assert torch.equal(draw_scale(x, y, SHARP.at(k, net.layout), keys), scaled(s_NL)[k - 1])


def test_the_tokenizers_quantiser_fits():
    """Property 5 with convolutions and bicubic maps: cached tokens give the sampler's inputs and latents."""
    torch.manual_seed(0)
    made, net = MultiScaleQuantiser(SCALES, N_CODES, CODE_DIM, n_phi=2).eval(), prior()
    for parameter in made.phi.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    made.codes_VD.data.normal_()
    found = sample(net, made, Z[:4], SHARP, KEYS[:4], batch_size=4)
    assert torch.equal(found.f_NEGG, made.embed_sum(found.s_NL))
    maps = teacher_maps(made, found.s_NL, net.layout, CODE_DIM)
    assert all(torch.equal(x, y) for x, y in zip(maps, made.inputs(found.s_NL), strict=True))


class Recording:
    """An injector that keeps what it gave."""

    def __init__(self, inner):
        self.inner, self.given = inner, []

    def __call__(self, *arguments):
        self.given.append(self.inner(*arguments))
        return self.given[-1]


def test_refined_maps_are_needed_where_they_are_shown():
    with pytest.raises(UsageError, match="refined"):
        drawn(prior(masked_input="fhat"))


def test_an_injector_may_take_gradients():
    """A saliency is a gradient, which inference mode would refuse."""

    def inject(k, map_BEnn, f_BEGG, z_BZ, given_B, key_B):
        with torch.enable_grad():
            leaf_BEnn = map_BEnn.detach().requires_grad_()
            (grad_BEnn,) = torch.autograd.grad(leaf_BEnn.square().sum(), leaf_BEnn)
        return grad_BEnn.norm(dim=1) > 6, None

    assert not torch.equal(drawn(inject=inject).s_NL, drawn().s_NL)


@pytest.mark.parametrize("rule", [SHARP, SampleRule()])
def test_no_value_is_asked_of_the_device(rule):
    """On the device without memory any such question fails, and so does a tensor left on the CPU."""
    made = quantiser()
    made.codes_VE = made.codes_VE.to("meta")
    sampler = BatchSampler(prior().to("meta"), made, rule, 7, keep_partial=True, log_prob=True)
    z, given, key, forced = Z, torch.ones(7, dtype=torch.bool), noise_keys(KEYS), torch.zeros(7, 5).long()
    with torch.no_grad():
        sampler.run(z.to("meta"), given.to("meta"), key.to("meta"), forced.to("meta"))
    assert sampler.s_BL.is_meta and sampler.log_prob_BL.is_meta


def test_guidance_of_zero_is_none():
    """Property 18: and at scale 1 there is none at any strength."""
    logits_BNV, null_BNV = torch.randn(2, 3, 4, N_CODES, generator=torch.Generator().manual_seed(0))
    layout, key_B = ScaleLayout(SCALES), torch.arange(3)
    assert [SampleRule(cfg=3).at(k, layout).guidance for k in (1, 2, 3, 4)] == [1, 2, 3, 4]
    for rule in (SampleRule(cfg=3).at(1, layout), SampleRule(cfg=0).at(4, layout)):
        plain = draw_scale(logits_BNV, None, rule, key_B)
        assert torch.equal(draw_scale(logits_BNV, null_BNV, rule, key_B), plain)
    guided_BNV = (1 + 3) * logits_BNV - 3 * null_BNV
    expected = draw_scale(guided_BNV, None, StreamRule(), key_B)
    assert torch.equal(draw_scale(logits_BNV, null_BNV, SampleRule(cfg=3).at(4, layout), key_B), expected)
    assert torch.equal(
        scaled(drawn(rule=SampleRule(cfg=9)).s_NL)[0], scaled(drawn(rule=SampleRule()).s_NL)[0]
    )
    assert not torch.equal(drawn(rule=SampleRule(cfg=9)).s_NL, drawn(rule=SampleRule()).s_NL)


def test_without_conditions_guidance_says_nothing():
    """Property 18: all conditions left out, both halves are equal."""
    none = torch.zeros(7, dtype=torch.bool)
    z = torch.full_like(Z, float("nan"))
    plain = drawn(rule=SampleRule(), z=z, given_N=none).s_NL
    assert torch.equal(drawn(rule=SampleRule(cfg=5), z=z, given_N=none).s_NL, plain)
    assert not torch.equal(drawn(rule=SampleRule()).s_NL, plain)


def test_draws_follow_the_filtered_law():
    """Shares of 40,000 draws against the probabilities of the 3 best codes of 4 cells."""
    logits_NV = torch.randn(4, 6, generator=torch.Generator().manual_seed(3))
    rule = StreamRule(top_k=3)
    s_BN = draw_scale(logits_NV.expand(40_000, 4, 6), None, rule, torch.arange(40_000))
    for cell in range(4):
        best = logits_NV[cell].topk(3)
        share = torch.bincount(s_BN[:, cell], minlength=6) / 40_000
        assert torch.allclose(share[best.indices], best.values.softmax(0), atol=0.012)
        assert float(share[best.indices].sum()) == pytest.approx(1)
    # Cells are independent: the joint share is the product.
    both = ((s_BN[:, 0] == logits_NV[0].argmax()) & (s_BN[:, 1] == logits_NV[1].argmax())).float().mean()
    alone = [float(logits_NV[cell].topk(3).values.softmax(0)[0]) for cell in (0, 1)]
    assert float(both) == pytest.approx(alone[0] * alone[1], abs=0.01)


def test_scales_and_uses_have_noise_of_their_own():
    keys = torch.stack(
        [scale_keys(noise_keys(KEYS), use, k) for use in (TOKENS, INJECTION) for k in range(1, 5)]
    )
    assert len(keys.unique()) == 2 * 4 * 7
    logits_BNV = torch.zeros(7, 4, N_CODES)
    first, second = (draw_scale(logits_BNV, None, StreamRule(), key_B) for key_B in keys[:2])
    assert not torch.equal(first, second)


@pytest.mark.parametrize(("wrong", "said"), [
    ({"z": Z[:, :3]}, r"conditions of shape .*got \(7, 3\)"), ({"keys": KEYS[:3]}, "of 7 rows; got 3, 7 and 7"),
    ({"given_N": torch.ones(2, dtype=torch.bool)}, "of 7 rows; got 7, 2 and 7"), ({"batch_size": 0}, "batch_size"),
])  # fmt: skip
def test_shapes_have_to_fit(wrong, said):
    with pytest.raises(UsageError, match=said):
        drawn(**wrong)


@pytest.mark.parametrize("wrong", [{"cfg": -1}, {"top_k": -1}, {"top_p": 0}, {"temperature": -1}])
def test_rules_have_to_make_sense(wrong):
    with pytest.raises(UsageError, match=f"^Expected {next(iter(wrong))} "):
        SampleRule(**wrong)


def test_rules_by_name():
    assert sample_rule("paper") == SampleRule(1.5, 1.0, 900, 0.96)
    with pytest.raises(UsageError, match="mini"):
        sample_rule("nothing")


def test_less_noise_in_the_last_scale_leaves_the_coarser_scales_as_they_are():
    plain, calm = SampleRule(), SampleRule(last_temperature=0.0)
    first, second = drawn(rule=plain).s_NL, drawn(rule=calm).s_NL
    layout = prior().layout
    coarse = layout.n_positions - layout.lengths[-1]
    assert torch.equal(first[:, :coarse], second[:, :coarse])
    assert not torch.equal(first[:, coarse:], second[:, coarse:])
    assert plain.at(layout.n_scales, layout).temperature == 1.0
    assert [calm.at(k, layout).temperature for k in (1, layout.n_scales)] == [1.0, 0.0]
    assert SampleRule(temperature=0.5).at(layout.n_scales, layout).temperature == 0.5
    with pytest.raises(UsageError):
        SampleRule(last_temperature=-1.0)
