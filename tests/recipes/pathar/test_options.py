"""recipes.pathar.options: typos are refused, rows win over sizes, one model a label costs as many steps."""

import pytest

from genviz._errors import UsageError
from genviz.models.pathar.presets import preset
from genviz.recipes.pathar.options import ModelOptions, options_of
from tests.recipes.pathar.recipe_cases import setting


def read(folder, own, **options):
    told = setting(folder, {"row": own}, **options)
    return options_of(ModelOptions, told, told.recipe.rows[0])


def test_a_row_is_laid_over_its_size(tmp_path):
    found = read(tmp_path, {"n": 3, "prior": {"order": "s_then_a", "visibility": "causal"}}, rule="plain")
    assert found.n == 3 and found.rule == "plain"
    assert found.prior["order"] == "s_then_a" and found.prior["max_epochs"] == 2  # of the size
    assert found.config().prior.visibility == "causal"


@pytest.mark.parametrize("own", [{"tokeniser": {}}, {"seeds": 3}])
def test_unknown_options_are_refused(tmp_path, own):
    with pytest.raises(UsageError, match="Expected options out of"):
        read(tmp_path, own)
    with pytest.raises(UsageError, match=r"PriorConfig; got ordre"):
        read(tmp_path, {"prior": {"ordre": "s_then_a"}}).config()


def test_one_model_a_label_has_its_share_of_the_steps(tmp_path):
    joint, alone = read(tmp_path, {}), read(tmp_path, {"per_label": True})
    assert alone.config().tokenizer.tiles_per_epoch * 2 == joint.config().tokenizer.tiles_per_epoch
    assert alone.config().prior.views_per_epoch * 2 == joint.config().prior.views_per_epoch
    assert alone.config().prior.width == preset("nano").prior.width


def test_rules_are_named_or_told(tmp_path):
    rule = read(tmp_path, {"rule": {"temperature": 0.7, "guidance": 2.0}}).sample_rule()
    assert rule.structure.temperature == rule.appearance.temperature == 0.7
    assert read(tmp_path, {"rule": "mini"}).sample_rule() == "mini"
    assert read(tmp_path, {}).sample_rule() is None
    with pytest.raises(UsageError, match="Expected a rule of temperature"):
        read(tmp_path, {"rule": {"heat": 1.0}}).sample_rule()
