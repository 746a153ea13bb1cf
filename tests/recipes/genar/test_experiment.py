"""recipes.genar.experiment: options are read before anything is trained, and costs count what is done."""

from dataclasses import replace

import pytest

from genviz._errors import UsageError
from genviz.models.genar.presets import preset
from genviz.recipes.catalogue import recipe
from genviz.recipes.experiment import Setting, experiment
from genviz.recipes.genar.experiment import _passes, _sizes, _variant


def setting(name="genar-her2st", size="nano", **options):
    told = recipe(name)
    own = told.size(size)
    return Setting(told, replace(own, options={**own.options, **options}), None)


def row(told, **options):
    return replace(told.recipe.rows[4], options=options)


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"variant": "tree_mpl"}, "Expected a variant"),
        ({"varaint": "tree_mlp"}, "in the row tree_mlp; got varaint"),
        ({"model": {"widht": 3}}, "widht"),
        ({"embed": {"stian": None}}, "in embed of the row tree_mlp; got stian"),
        ({"tree": {"scale": [1, 4]}}, "in gene_tree of the row tree_mlp; got scale"),
        ({"readouts": {"": {"samples": 3}}}, "in predict of the row tree_mlp; got samples"),
        ({"encoder": "unii"}, "Expected an extractor"),
        ({"baseline": "rigde"}, "Expected a baseline"),
    ],
)
def test_a_typo_in_a_row_is_one_clear_line(own, said):
    told = setting()
    with pytest.raises(UsageError, match=said):
        experiment("genar.crossval").check(told, row(told, **own))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"held": []}, "list of names for held"),
        ({"phantom": {"n_section": 3}}, "phantom of the size nano; got n_section"),
        ({"held": "P1"}, "got 'P1'"),
        ({"n_row": 3}, "the size nano; got n_row"),
        ({"panel": "x"}, "panel"),
    ],
)
def test_a_typo_in_a_size_is_one_clear_line(options, said):
    told = setting(**options)
    with pytest.raises(UsageError, match=said):
        experiment("genar.crossval").check(told, row(told))


def test_rows_are_parted_as_the_folds_part_them():
    assert _sizes(setting()) == (1, 72, 36)
    assert _sizes(setting(size="mini")) == (4, 549, 183)
    assert _sizes(setting("genar-mouse-brain", "paper")) == (1, 40692, 3131)
    told = setting()
    options = {name: value for name, value in told.options.items() if name != "n_rows"}
    with pytest.raises(UsageError, match="Expected n_rows"):
        experiment("genar.crossval").cost(replace(told, size=replace(told.size, options=options)), row(told))


def test_samples_are_shared_out_among_members():
    told = setting(size="mini")
    asked = experiment("genar.crossval")
    tokens = {"counts": "tokens", "n_members": 3}
    one = asked.cost(told, row(told, model={**tokens, "max_epochs": 1}, readouts={"": {"n_samples": 64}}))
    more = asked.cost(told, row(told, model={**tokens, "max_epochs": 1}, readouts={"": {"n_samples": 128}}))
    alone = asked.cost(
        told, row(told, model={**tokens, "n_members": 1, "max_epochs": 1}, readouts={"": {"n_samples": 64}})
    )
    assert one.steps == 3 * alone.steps
    # Sampling 64 chains and as many for the PIT costs the same whatever the members.
    per_row = (more.flops - one.flops) / (4 * 183 * 128)
    training = (one.flops - 4 * 183 * (2 * 64 + 3) * per_row) / one.steps
    assert alone.flops == pytest.approx(alone.steps * training + 4 * 183 * (2 * 64 + 1) * per_row, rel=1e-6)


def test_a_closed_form_needs_one_pass_of_each_member():
    told = setting()
    variant = _variant(told, row(told, model={"n_members": 2}))
    assert _passes(variant, preset("nano", n_members=2)) == 2 + 2 * 2
    assert _passes(variant, preset("nano", n_members=2, autoregressive=True)) == 2 + 16 + 16
