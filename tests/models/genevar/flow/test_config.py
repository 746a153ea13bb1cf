"""Options of the flow, the counterfactuals and the mask: what they refuse, and JSON."""

from __future__ import annotations

import json

import pytest

from genviz._errors import UsageError
from genviz.models.genevar.flow.config import CounterfactualConfig, FlowConfig
from genviz.models.genevar.flow.mask_config import MaskConfig


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        (CounterfactualConfig, {"alpha": 1.0}, "alpha < 1"),
        (CounterfactualConfig, {"alpha": 1.5}, "guard='clamp'"),
        (CounterfactualConfig, {"alpha": -0.1}, "alpha from 0"),
        (CounterfactualConfig, {"variants": ("l", "x")}, "variants"),
        (CounterfactualConfig, {"variants": ("a", "a")}, "each once"),
        (CounterfactualConfig, {"debias": "scale"}, "independent"),
        (CounterfactualConfig, {"contrast_low": (0.8, 0.5)}, "contrast_low"),
        (CounterfactualConfig, {"color": "lab"}, "color"),
        (FlowConfig, {"predictor": "flow"}, "p_neq=0"),
        (FlowConfig, {"predictor": "regress", "steps": 2}, "steps=1"),
        (FlowConfig, {"rk_mod": False, "cross_attn": False}, "never sees r_k"),
        (FlowConfig, {"attn_impl": "sdpa"}, "forward derivative"),
        (FlowConfig, {"train_scales": (1, 2)}, "from 2"),
        (FlowConfig, {"width": 30}, "multiple"),
        (FlowConfig, {"p_neq": 1.1}, "p_neq"),
        (MaskConfig, {"infer_target": "oracle"}, "infer_target"),
        (MaskConfig, {"norm": "quantile"}, "keep_rate"),
        (MaskConfig, {"p_unmasked": 1.5}, "p_unmasked"),
        (MaskConfig, {"infer_target": "ones", "p_unmasked": 0.05}, "p_unmasked of at least"),
    ],
)
def test_what_is_refused(kind, options, said):
    with pytest.raises(UsageError, match=said):
        kind(**options)


def test_a_guard_allows_any_alpha():
    """Property 13; without counterfactuals alpha does not matter."""
    assert CounterfactualConfig(alpha=1.5, guard="clamp").active == ("l", "a", "c", "s")
    assert CounterfactualConfig(alpha=1.5, enabled=False).active == ()


def test_active_variants():
    assert CounterfactualConfig(variants=("s", "l")).active == ("l", "s")
    assert CounterfactualConfig(extreme="none").active == ("a", "c", "s")
    assert CounterfactualConfig(alpha=0.0).active == ()
    assert CounterfactualConfig(variants=("l",)).degraded == ()
    literal = CounterfactualConfig(eps="independent", debias="scale")
    assert literal.velocity_scale == pytest.approx(0.9)
    assert CounterfactualConfig().velocity_scale == 1


def test_a_regression_needs_another_target():
    flow = FlowConfig(predictor="regress")
    with pytest.raises(UsageError, match="'prev'"):
        MaskConfig().check_flow(flow)
    MaskConfig(train_target="prev", infer_target="prev").check_flow(flow)
    MaskConfig(strategy="random").check_flow(flow)


@pytest.mark.parametrize(
    "config", [FlowConfig(train_scales=(9, 10)), CounterfactualConfig(variants=("l", "c")), MaskConfig()]
)
def test_json_there_and_back(config):
    assert type(config).from_dict(json.loads(json.dumps(config.to_dict()))) == config
