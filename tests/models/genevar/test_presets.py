"""Presets and ablations: all build, go to JSON and back, and say no to what does not go together."""

from __future__ import annotations

import json
from itertools import combinations
from types import SimpleNamespace

import pytest
import torch

from genviz._errors import UsageError
from genviz.models.genevar.ablations import ABLATIONS, ablation, complete
from genviz.models.genevar.condition.gene_vae import GeneVAE
from genviz.models.genevar.config import GeneVARConfig
from genviz.models.genevar.fitted import new_flow
from genviz.models.genevar.flow.network import Flow
from genviz.models.genevar.presets import PRESETS, preset
from genviz.models.genevar.prior.network import ScalePrior
from genviz.models.genevar.tokenizer.network import Tokenizer

# Every row of the specification's section 3, but for the two of ImageFolder, which are optional and not built.
ROWS = {
    "a1_mf", "a2_mf_rna", "a3_mf_ci", "a4_rcm", "b1_class", "b2_linear", "b3_vae", "c1_var", "c2_vit", "c3_fm",
    "c4_rcm", "e3_var", "e4_var_rcm", "f1_none", "f2_random", "f3_edist", "f4_grad", "km7", "km8", "km9", "km10",
    "x_input_rk", "x_input_fhat", "x_input_both", "x_train_oracle", "x_train_self", "x_eps_shared", "x_eps_indep",
    "x_alpha_0", "x_alpha_0.03", "x_alpha_0.1", "x_alpha_0.3", "x_norm_none", "x_norm_zscore_log",
    *(f"d_{''.join(some)}" for n in range(1, 4) for some in combinations("acs", n)),
    *(f"d_l{''.join(some)}" for n in range(4) for some in combinations("acs", n)),
}  # fmt: skip


def networks(name):
    """Tokenizer, flow and prior of a preset, without memory."""
    config = preset(name)
    t, n_cond = config.tokenizer, config.condition.n_latent + config.condition.depth
    with torch.device("meta"):
        return (
            Tokenizer(t),
            Flow(config.flow, n_cond, t.code_dim, t.scales),
            ScalePrior(config.prior, n_cond, t.code_dim, t.n_codes, t.scales),
        )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nano", (131_850, 30_093, 23_404)),
        ("mini", (1_500_346, 1_189_025, 2_969_944)),
        ("paper", (108_948_355, 81_135_592, 309_466_768)),
    ],
)
def test_sizes_of_the_presets(name, expected):
    """Of the networks that a preset itself asks for; specification: 108.9 M, about 81 M, about 309 M at paper size."""
    found = tuple(sum(p.numel() for p in network.parameters()) for network in networks(name))
    assert found == expected
    if name == "paper":
        with torch.device("meta"):
            vae = GeneVAE(preset(name).condition, 17_655)
        assert sum(p.numel() for p in vae.parameters()) == pytest.approx(36.9e6, rel=0.005)


def test_every_row_of_the_specification_has_a_name():
    """Property 20; ours beyond them are the mask's other source and nothing else."""
    assert {f"abl/{row}" for row in ROWS} <= set(ABLATIONS)
    assert set(ABLATIONS) - {f"abl/{row}" for row in ROWS} == {
        "abl/x_source_other_wsi",
        "abl/x_source_same_tile",
    }


@pytest.mark.parametrize("base", ["mini", "paper"])
def test_rows_change_what_they_are_named_after(base):
    """Each name of its own differs from the base; those of the base itself do not."""
    whole = complete(preset(base))
    kept = {"a4_rcm", "c4_rcm", "d_lacs", "e4_var_rcm", "f4_grad", "x_input_rk", "x_train_self", "x_eps_shared",
            "x_alpha_0.1", "x_norm_zscore_log"}  # fmt: skip
    kept |= {"b3_vae", "km9"} if base == "paper" else {"km10"}
    for row in ROWS:
        assert (ablation(f"abl/{row}", preset(base)) == whole) is (row in kept), row
    assert ablation("abl/km7", preset(base)).prior.n_inject == 4
    assert ablation("abl/a1_mf", preset(base)).flow.use_z is False
    assert ablation("abl/x_alpha_0", preset(base)).counterfactuals.active == ()


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


@pytest.mark.parametrize(
    ("changes", "expected"), [({}, 1.0), ({"eps": "independent", "debias": "scale"}, 0.9)]
)
def test_a_flow_takes_back_what_its_counterfactuals_add(changes, expected):
    config = preset("nano", {"counterfactuals": changes})
    assert new_flow(config, SimpleNamespace(cond_dim=5)).velocity_scale == pytest.approx(expected)
