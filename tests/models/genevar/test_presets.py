"""Presets and ablations: all build, go to JSON and back, and say no to what does not go together."""

from __future__ import annotations

import json

import pytest

from genviz._errors import UsageError
from genviz.models.genevar.ablations import ABLATIONS, ablation, complete
from genviz.models.genevar.config import GeneVARConfig
from genviz.models.genevar.flow.network import Flow
from genviz.models.genevar.presets import PRESETS, preset
from genviz.models.genevar.prior.network import ScalePrior
from genviz.models.genevar.tokenizer.network import Tokenizer


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_json(name):
    config = preset(name)
    assert GeneVARConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_mini_is_small_enough_to_ship():
    config = preset("mini")
    t, n_cond = config.tokenizer, config.condition.n_latent + 1
    networks = (
        Tokenizer(t),
        Flow(config.flow, n_cond, t.code_dim, t.scales),
        ScalePrior(config.prior, n_cond, t.code_dim, t.n_codes, t.scales),
    )
    n_bytes = 2 * sum(p.numel() for network in networks for p in network.parameters())
    assert n_bytes < 14e6
    assert config.refine and not config.injects


def test_the_paper_masks_from_its_ninth_scale():
    config = preset("paper")
    assert config.tokenizer.n_tokens == 680
    assert len(config.tokenizer.scales) + 1 - config.prior.n_inject == 9


def test_changes_reach_their_part():
    config = preset("nano", {"prior": {"width": 64}, "mask": {"strategy": "edist"}})
    assert (config.prior.width, config.mask.strategy) == (64, "edist")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokeniser": {}}, "Expected changes of"),
        ({"prior": {"widht": 3}}, "Expected options of PriorConfig"),
        ({"refine": False}, "n_inject=0"),
        ({"mask": {"strategy": "none"}}, "exactly where"),
        ({"prior": {"n_inject": 0}}, "exactly where"),
        ({"prior": {"n_inject": 3}}, "below the number of scales"),
        ({"flow": {"train_scales": (4,)}}, "up to 3"),
        ({"condition": {"kind": "linear"}}, "use_z=False"),
        ({"flow": {"predictor": "regress"}}, "prev"),
        ({"views": {"paired": 0}}, "paired > 0"),
    ],
)
def test_what_does_not_go_together_is_refused(changes, message):
    with pytest.raises(UsageError, match=message):
        preset("nano", changes)


@pytest.mark.parametrize("name", ABLATIONS)
def test_every_ablation_of_the_paper_s_size_builds(name):
    config = ablation(name, preset("paper"))
    assert GeneVARConfig.from_dict(config.to_dict()) == config


def test_ablations_of_one_thing_are_one_thing():
    for base in PRESETS.values():
        assert ablation("abl/f1_none", base) == ablation("abl/c1_var", base) == ablation("abl/e3_var", base)
        for name in ("abl/a4_rcm", "abl/c4_rcm", "abl/e4_var_rcm", "abl/f4_grad", "abl/d_lacs"):
            assert ablation(name, base) == complete(base)
    assert ablation("abl/km8", preset("paper")).prior.n_inject == 3


def test_unknown_names_and_too_few_scales_are_refused():
    with pytest.raises(UsageError, match="preset out of"):
        preset("micro")
    with pytest.raises(UsageError, match="ablation out of"):
        ablation("abl/e1_imagefolder", preset("mini"))
    with pytest.raises(UsageError, match="below the number of scales"):
        ablation("abl/km7", preset("nano"))
