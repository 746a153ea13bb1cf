"""A training step of the flow from stored tokens."""

from __future__ import annotations

import pytest
import torch

from genviz._errors import UsageError
from genviz.models.genevar.flow.config import CounterfactualConfig
from genviz.models.genevar.flow.task import FlowTask
from genviz.nn.multiscale_quantiser import MultiScaleQuantiser
from tests.models.genevar.flow.cases import CODES, N_TOKENS, conditions, flow, quantiser, tokens


def _batch(n=6, n_variants=3):
    degraded = torch.randint(CODES, (n, 2, n_variants, N_TOKENS), generator=torch.Generator().manual_seed(4))
    return tokens(n).to(torch.int16), conditions(n), torch.arange(n) % 3, degraded.to(torch.int16)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"enabled": False},
        {"variants": ("a", "s")},
        {"variants": ("l",)},
        {"extreme": "other_wsi"},
        {"extreme": "up_rk", "source": "same_tile"},
        {"extreme": "none", "eps": "independent"},
    ],
)
def test_a_step(options):
    torch.manual_seed(0)
    config = CounterfactualConfig(**options)
    task = FlowTask(flow(), quantiser(), config).train()
    s, z, slide, degraded = _batch(n_variants=len(config.degraded))
    loss, parts = task.loss(s, z, slide, degraded)
    loss.backward()
    assert loss.isfinite()
    assert ("flow_negative" in parts) is bool(config.active)
    assert all(p.grad is None for p in task.quantiser.parameters())
    assert not task.quantiser.training
    assert task.flow.training
    trained = {id(p) for group in task.parameter_groups(1e-3, 0.0) for p in group["params"]}
    assert trained == {id(p) for p in task.flow.parameters()}


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("source", ["same_tile", "other_wsi"])
def test_whose_degraded_tiles_and_up_to_where(k, source):
    """Sums of the scale that is trained, of the tile itself or of one of another slide."""
    config = CounterfactualConfig(variants=("l", "c"), source=source)
    task = FlowTask(flow(), quantiser(), config)
    s, _, slide, degraded = _batch(n_variants=1)
    before = task.quantiser.embed_sum(s, k - 1)
    r = task.quantiser.next_input(before, k)
    found = task._against(k, before, r, slide, degraded[:, :1])
    assert found.found_BN.all() and torch.equal(found.f_BNDGG[:, 0], before)
    own = task.quantiser.embed_sum(degraded[:, 0, 0], k)
    same = (found.f_BNDGG[:, 1][:, None] == own[None]).flatten(2).all(dim=2)
    assert (same.sum(dim=1) == 1).all()
    partner = same.int().argmax(dim=1)
    assert (
        torch.equal(partner, torch.arange(6))
        if source == "same_tile"
        else bool((slide[partner] != slide).all())
    )


def test_scales_that_are_trained():
    def trained(first_scale=2, **options):
        return FlowTask(
            flow(**options), quantiser(), CounterfactualConfig(), first_scale=first_scale
        ).train_scales

    assert trained() == (2, 3)
    assert trained(1) == (2, 3)
    assert trained(3) == (3,)
    assert trained(3, train_scales=(2,)) == (2,)


def test_what_is_missing():
    task = FlowTask(flow(), quantiser(), CounterfactualConfig())
    s, z, slide, degraded = _batch()
    with pytest.raises(UsageError, match="slide"):
        task.loss(s, z, None, degraded)
    with pytest.raises(UsageError, match="degraded variants"):
        task.loss(s, z, slide)
    with pytest.raises(UsageError, match="same scales"):
        FlowTask(flow(), MultiScaleQuantiser((1, 4), CODES, 6), CounterfactualConfig())
