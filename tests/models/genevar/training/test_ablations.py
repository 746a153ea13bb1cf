"""Every ablation by name: one step of flow and prior at a tiny size of five scales, with gradients that are finite."""

from __future__ import annotations

from functools import cache

import pytest
import torch

from genviz.models.genevar.ablations import ABLATIONS, ablation, complete
from genviz.models.genevar.condition.kinds import fit_conditioner
from genviz.models.genevar.fitted import new_flow, new_prior
from genviz.models.genevar.flow.injector import FlowInjector
from genviz.models.genevar.flow.task import FlowTask
from genviz.models.genevar.presets import preset
from genviz.models.genevar.tokenizer.network import Tokenizer
from genviz.models.genevar.training import token_views as views
from genviz.models.genevar.training.flow import first_scale
from genviz.models.genevar.training.prior_task import PriorTask
from genviz.models.pixels import to_tensor
from tests.models.genevar.training.cases import nano, profiles, windows

BASE = nano(
    tokenizer={"size_px": 40, "scales": (1, 2, 3, 4, 5)},
    condition={"max_epochs": 1, "n_latent": 3},
    views={"margin_px": 0},
)


# The sizes that are shipped, masked as published.
MINI = complete(preset("mini", {"condition": {"max_epochs": 1, "n_latent": 8}, "views": {"margin_px": 0}}))


@cache
def tokenizer(config):
    torch.manual_seed(0)
    found = Tokenizer(config)
    x_B3HW = to_tensor(windows(side=config.size_px).images_NSS3)
    found.start_patches(x_B3HW)
    found.start_codes(x_B3HW)
    return found.eval()


@cache
def tokens(config, against):
    own = windows(8, side=config.size_px)
    return views.token_views(tokenizer(config), own, 1, seed=0, device=torch.device("cpu"), against=against)


@cache
def conditioner(config):
    return fit_conditioner(config, profiles())


def finite(network):
    found = [weight.grad for weight in network.parameters() if weight.grad is not None]
    return bool(found) and all(torch.isfinite(gradient).all() for gradient in found)


@pytest.mark.parametrize("name", ABLATIONS)
def test_one_step(name):
    one_step(name, BASE)


@pytest.mark.slow
@pytest.mark.parametrize("name", ABLATIONS)
def test_one_step_at_the_shipped_size(name):
    one_step(name, MINI)


def one_step(name, base):
    """A step of the flow, where there is one, and of the prior."""
    config = ablation(name, base)
    coder = tokenizer(base.tokenizer)
    told = conditioner(config.condition)
    x_BI = torch.from_numpy(told.view(profiles(), seed=0, view=0)[:8])
    stored = tokens(base.tokenizer, config.counterfactuals if config.refine else None)
    s_BL, paired_B = stored["tokens"], torch.arange(8) < 6
    torch.manual_seed(2)
    flow, injector = None, None
    if config.refine:
        flow = new_flow(config, told)
        flow.start(coder.quantiser.embed_sum(s_BL))
        with torch.no_grad():
            flow.out.weight.normal_(std=0.1)
        task = FlowTask(flow, coder.quantiser, config.counterfactuals, first_scale=first_scale(config))
        slide_B = torch.from_numpy(windows(8).slide_numbers())
        loss, _ = task.loss(s_BL, x_BI, slide_B, stored.get("degraded"))
        loss.backward()
        assert finite(flow)
        injector = FlowInjector(flow, config.mask, config.prior.masked_input)
    prior = new_prior(config, told)
    loss, _ = PriorTask(prior, told.head(), coder.quantiser, injector).loss(s_BL, x_BI, paired_B)
    loss.backward()
    assert finite(prior)
