"""recipes.pathar's experiments: each measures a row, says what is shared, and counts its cost without data."""

import numpy as np
import pytest

from genviz._errors import DataError, UsageError
from genviz.recipes.catalogue import recipes
from genviz.recipes.experiment import KINDS, Setting, experiment
from genviz.recipes.leakage import reports_heard
from genviz.recipes.pathar.options import ModelOptions
from genviz.recipes.pathar.pathar_cost import forward_of, model_cost, net_cost
from tests.recipes.pathar.recipe_cases import setting

OURS = {name: recipe for name, recipe in recipes().items() if recipe.paper == "PathAR"}
DISTANCES = {"fd": "statistics:fd"}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


def test_every_table_and_figure_is_there():
    tables = {recipe.table for recipe in OURS.values()}
    assert tables == {f"Table {n}" for n in ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X"]} | {
        "Figure 6",
        "Figure 7",
    }
    assert {recipe.kind for recipe in OURS.values()} == {kind for kind in KINDS if kind.startswith("pathar.")}


@pytest.mark.parametrize("name", OURS)
def test_options_of_all_rows_are_known(name, tmp_path):
    recipe = OURS[name]
    for size in recipe.sizes.values():
        told = Setting(recipe, size, tmp_path)
        for row in recipe.measured(size):
            cost = experiment(recipe.kind).cost(told, row)
            assert cost.flops > 0 and cost.parameters >= 0
            if recipe.kind != "pathar.speed":
                assert cost.steps > 0
    assert not list(tmp_path.iterdir())


def test_cost_agrees_with_the_paper_and_is_shared():
    paper = forward_of(ModelOptions(preset="paper").config())
    assert paper.n_tokenizer + paper.n_prior == pytest.approx(170.73e6, rel=2e-3)
    one = ModelOptions(preset="nano")
    alone, half = (model_cost(one, n=0, shared=shared) for shared in (1, 2))
    assert half.steps < alone.steps and half.flops < alone.flops
    assert model_cost(ModelOptions(preset="nano", model="box"), n=4).steps == 0
    assert net_cost(2, steps=10, width=16, size_px=64).steps == 20


def test_generation_scores_rows_with_and_without_masks(store):
    rows = {"full": {}, "single": {"tokenizer": {"streams": "single"}, "prior": {"order": "a_only"}}}
    told = setting(store, rows, distances=DISTANCES, masks=False, likelihood=True, usage=True)
    asked = experiment("pathar.generation")
    assert asked.shared(told, told.recipe.rows) == []  # two tokenizers for two rows
    for row in told.recipe.rows:
        (scores,) = asked.measure(told, row, 0).values()
        assert {"fd_fluorescence", "fd_histology", "fd_mean", "nats_mean", "usage_appearance"} <= set(scores)
        assert ("usage_structure" in scores) == ("empty_mean" in scores) == (row.name == "full")
        assert np.isfinite(scores["fd_mean"].value) and scores["nats_mean"].value > 0


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"distances": {"fd": "statistics:fdd"}}, "got 'fdd'"),
        ({"distances": {"fd": "statistic:fd"}}, "Expected an extractor"),
        ({"gap": "dinov3"}, "Expected an extractor"),
        ({"rule": "papier"}, "Expected a sample rule"),
        ({"other_rules": ["papier"]}, "Expected a sample rule"),
        ({"prior": {"widht": 3}}, "widht"),
        ({"n_pairs": 3}, "in the row x; got n_pairs"),
    ],
)
def test_what_would_fail_in_the_end_is_refused_at_once(tmp_path, own, said):
    told = setting(tmp_path, {"x": own})
    with pytest.raises(UsageError, match=said):
        experiment("pathar.generation").check(told, told.recipe.rows[0])


def test_labels_are_looked_for_before_anything_is_trained(tmp_path):
    for kind, more in (("pathar.generation", {}), ("pathar.segmentation", {"n_synthetic": 4})):
        told = setting(tmp_path, {"x": more}, kind=kind, labels=["fluorescence", "cytology"])
        for ask in (experiment(kind).make_shared, experiment(kind).measure):
            part = told.recipe.rows[0] if ask.__name__ == "measure" else "x"
            with pytest.raises(DataError, match="0 and 0 of cytology"):
                ask(told, part, 0)
    assert not list(tmp_path.iterdir())


def test_rows_of_one_model_share_it(store):
    told = setting(store, {"a": {"rule": "plain"}, "b": {"rule": "mini"}}, distances=DISTANCES)
    asked = experiment("pathar.generation")
    assert asked.shared(told, told.recipe.rows) == ["a"]
    asked.make_shared(told, "a", 0)
    before = {path.name for path in store.iterdir()}
    asked.measure(told, told.recipe.rows[1], 0)
    assert {path.name for path in store.iterdir()} == before


def test_segmentation_trains_on_what_the_row_names(store):
    rows = {
        "few": {"n_real": 3},
        "both": {"n_real": 3, "n_synthetic": 4},
        "made": {"n_synthetic": 6},
        "all": {"n_real": -1},
    }
    told = setting(store, rows, kind="pathar.segmentation", steps=3, width=4)
    asked = experiment("pathar.segmentation")
    assert asked.shared(told, told.recipe.rows) == ("pairs",)
    assert asked.shared(told, told.recipe.rows[:1]) == ()
    asked.make_shared(told, "pairs", 0)
    notes = {}
    for row in told.recipe.rows:
        with reports_heard() as reports:
            (scores,) = asked.measure(told, row, 0).values()
        assert len(reports) == (
            2 if "n_synthetic" in row.options else 1
        )  # a net of real images is looked at too
        assert set(scores) == {"dice_fluorescence", "dice_histology", "dice_mean"}
        notes[row.name] = int(scores["dice_histology"].note.split()[0])
    assert notes["made"] == 6 and notes["both"] == notes["few"] + 4 and notes["all"] > notes["few"]
    with pytest.raises(UsageError, match="n_synthetic in the row none"):
        told = setting(store, {"none": {}}, kind="pathar.segmentation")
        asked.measure(told, told.recipe.rows[0], 0)


def test_tokens_fill_rows_of_labels_and_of_pairs(store):
    told = setting(store, {"mean": {}, "swapped": {"what": "swaps", "n_crops": 4}}, kind="pathar.tokens")
    asked = experiment("pathar.tokens")
    pairs = asked.measure(told, told.recipe.rows[0], 0)
    assert set(pairs) == {"mean", "fluorescence-histology"}
    assert set(pairs["mean"]) == {"structure", "appearance", "structure_sd", "appearance_sd"}
    swaps = asked.measure(told, told.recipe.rows[1], 0)
    assert set(swaps) == {"swapped", "swapped_fluorescence", "swapped_histology"}
    assert {"structure", "appearance", "contrast", "leak_structure", "leak_appearance"} <= set(
        swaps["swapped"]
    )
    with pytest.raises(UsageError, match="Expected what"):
        told = setting(store, {"x": {"what": "swap"}}, kind="pathar.tokens")
        asked.measure(told, told.recipe.rows[0], 0)


def test_speed_needs_no_training(tmp_path):
    told = setting(tmp_path, {"one": {"repeats": 1}, "two": {"repeats": 1, "batch": 2}}, kind="pathar.speed")
    asked = experiment("pathar.speed")
    found = [asked.measure(told, row, 0)[row.name] for row in told.recipe.rows]
    assert found[0]["parameters"].value == found[1]["parameters"].value > found[0]["used"].value
    assert all(one["seconds"].value > 0 for one in found) and not list(tmp_path.iterdir())
    with pytest.raises(UsageError, match="Expected a sampler"):
        told = setting(tmp_path, {"x": {"sampler": "fast"}}, kind="pathar.speed")
        asked.cost(told, told.recipe.rows[0])


def test_rows_may_be_drawn_by_further_rules(store):
    told = setting(store, {"full": {}}, distances=DISTANCES, rule="paper", other_rules=["plain"])
    asked = experiment("pathar.generation")
    (scores,) = asked.measure(told, told.recipe.rows[0], 0).values()
    assert {"fd_mean", "fd_mean_plain", "empty_mean_plain"} <= set(scores)
    assert not [name for name in scores if "floor" in name and name.endswith("plain")]
    assert scores["fd_mean"].value != scores["fd_mean_plain"].value
    alone = setting(store, {"full": {}}, distances=DISTANCES, rule="plain")
    (plain,) = asked.measure(alone, alone.recipe.rows[0], 0).values()
    assert plain["fd_mean"].value == scores["fd_mean_plain"].value
