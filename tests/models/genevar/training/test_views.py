"""Stored tokens, mixed batches, and what a step of the prior sees."""

from __future__ import annotations

import pytest
import torch

from genviz._errors import DataError
from genviz.io.weights import keyed_tensors
from genviz.models.genevar.fitted import new_flow, new_prior
from genviz.models.genevar.flow.injector import FlowInjector
from genviz.models.genevar.tile_windows import view_tiles
from genviz.models.genevar.tokenizer.network import Tokenizer
from genviz.models.genevar.training import token_views as views
from genviz.models.genevar.training.condition import train_condition
from genviz.models.genevar.training.data import TrainingData
from genviz.models.genevar.training.prior_task import MixedBatches, PriorTask, share_of
from genviz.models.pixels import to_tensor
from tests.models.genevar.training.cases import GENES, data, nano, options, profiles, windows

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def tokenizer():
    torch.manual_seed(0)
    found = Tokenizer(nano().tokenizer)
    x = to_tensor(view_tiles(windows(), range(16), 0, 32, 0))
    found.start_patches(x)
    found.start_codes(x)
    return found.eval()


def task(tokenizer, **changes):
    config = nano(**changes)
    conditioner = train_condition(config.condition, data(), options())
    torch.manual_seed(1)
    flow, prior = new_flow(config, conditioner), new_prior(config, conditioner)
    for network in (flow, prior):
        for weight in network.parameters():
            weight.data.add_(0.02 * torch.randn_like(weight))
    injector = FlowInjector(flow, config.mask, config.prior.masked_input)
    return PriorTask(prior, conditioner.head(), tokenizer.quantiser, injector), conditioner


def test_tokens_are_those_of_the_views(tokenizer):
    found = views.token_views(tokenizer, windows(), 2, seed=0, device=CPU)["tokens"]
    assert found.shape == (32, 21)
    tiles = view_tiles(windows(), range(16), 1, 32, 0)
    assert torch.equal(found[16:], views.encoded(tokenizer, tiles))
    alone = views.token_views(tokenizer, windows(4), 1, seed=0, device=CPU)["tokens"]
    assert torch.equal(alone, found[:4])


def test_degraded_versions_differ_in_tokens(tokenizer):
    against = nano(counterfactuals={"n_draws": 2}).counterfactuals
    found = views.token_views(tokenizer, windows(), 1, seed=0, device=CPU, against=against)
    assert found["degraded"].shape == (16, 2, 3, 21)
    share = (found["degraded"] != found["tokens"][:, None, None]).float().mean((0, 1, 3))
    assert (share > 0.05).all()
    assert not torch.equal(found["degraded"][:, 0], found["degraded"][:, 1])


def test_the_file_serves_who_made_it(tokenizer, tmp_path, monkeypatch):
    file = tmp_path / "tokens.safetensors"

    def made(seed=0, n=2):
        return views.token_views(tokenizer, windows(), n, seed=seed, device=CPU, file=file)["tokens"]

    first = made()
    with monkeypatch.context() as patch:
        patch.setattr(views, "encoded", None)  # nothing is encoded
        assert torch.equal(made(), first)
    assert not torch.equal(made(seed=1), first)
    file.write_bytes(b"damaged")
    assert torch.equal(made(), first)
    assert keyed_tensors.read_keyed(file, "other") is None


def test_code_views_follow_the_order_of_tokens():
    conditioner = train_condition(nano().condition, data(), options())
    codes = views.code_views(conditioner, profiles(), 3, 0)
    assert codes.shape == (48, 5)
    assert torch.equal(codes[32:], torch.from_numpy(conditioner.view(profiles(), seed=0, view=2)))


def test_batches_hold_their_share():
    s, x = torch.arange(40)[:, None], torch.ones(40, 3)
    mixed = MixedBatches(s, x, s + 100, batch_size=8, n_unpaired=2, seed=0, per_epoch=32)
    seen = list(mixed)
    assert len(seen) == len(mixed) == 4
    for s_BL, x_BI, paired_B in seen:
        assert paired_B.tolist() == [True] * 6 + [False] * 2
        assert ((s_BL[:, 0] >= 100) == ~paired_B).all()
        assert (x_BI[paired_B] == 1).all()
        assert (x_BI[~paired_B] == 0).all()
    assert len({int(i) for s_BL, _, paired in seen for i in s_BL[paired, 0]}) == 24
    again = list(mixed)
    assert all(torch.equal(a[0], b[0]) for a, b in zip(seen, again, strict=True))
    mixed.set_epoch(1)
    assert not torch.equal(next(iter(mixed))[0], seen[0][0])


def test_batches_of_few_rows():
    s, x = torch.arange(3)[:, None], torch.ones(3, 2)
    mixed = MixedBatches(s, x, None, batch_size=8, n_unpaired=2, seed=0, per_epoch=32)
    assert [len(batch[0]) for batch in mixed] == [3]
    assert (share_of(8, 0.25), share_of(2, 0.9), share_of(1, 0.5)) == (2, 1, 0)


@pytest.mark.parametrize("masked_input", ["rk", "fhat", "both"])
def test_rows_without_a_profile_are_told_nothing(tokenizer, masked_input):
    step, _ = task(tokenizer, prior={"masked_input": masked_input})
    step.eval()
    s_BL = views.encoded(tokenizer, view_tiles(windows(), range(8), 0, 32, 0))
    paired_B = torch.arange(8) < 4
    x_BI = torch.randn(8, 5)
    other_BI = x_BI.clone()
    other_BI[4:] = 9.0
    first_B, second_B = (step.log_prob(s_BL, x, paired_B) for x in (x_BI, other_BI))
    assert torch.equal(first_B, second_B)
    other_BI[:4] = 9.0
    assert not torch.allclose(step.log_prob(s_BL, other_BI, paired_B)[:4], first_B[:4])


def test_only_prior_and_head_learn(tokenizer):
    step, _ = task(tokenizer)
    step.train()
    assert not step.flow.training
    assert not step.quantiser.training
    assert step.prior.training
    s_BL = views.encoded(tokenizer, view_tiles(windows(), range(8), 0, 32, 0))
    loss, parts = step.loss(s_BL, torch.randn(8, 5), torch.ones(8, dtype=torch.bool))
    loss.backward()
    assert {"nll", "nll_masked", "nll_shown"} <= set(parts)
    assert all(weight.grad is None for weight in [*step.flow.parameters(), *step.quantiser.parameters()])
    learned = {id(weight) for group in step.parameter_groups(1e-3, 0.1) for weight in group["params"]}
    assert learned == {id(weight) for weight in step.prior.parameters()}


def test_profiles_and_windows_are_of_the_same_rows():
    with pytest.raises(DataError, match="same rows"):
        TrainingData(GENES, profiles(16), windows(16, prefix="x"))
    assert data().digest() != data(12).digest()
    assert data().digest() != data(unpaired=False).digest()
