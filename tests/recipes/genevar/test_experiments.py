"""GeneVAR's experiments on made-up profiles: what is shared is trained once, and tables hold what columns ask for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from genviz._errors import UsageError
from genviz.metrics import Score
from genviz.models.genevar.checkpoint import load_fitted
from genviz.recipes.catalogue import recipe
from genviz.recipes.experiment import Setting, experiment
from genviz.recipes.genevar import base_models
from genviz.recipes.genevar.ablation_experiment import reference_rows, shown
from genviz.recipes.genevar.ablation_runs import Runs
from genviz.recipes.genevar.base_models import base_fitted, whole_model, with_condition, work_folder
from genviz.recipes.genevar.options import ModelOptions, options_of
from genviz.recipes.genevar.profile_rows import rows_of
from genviz.recipes.genevar.slides_experiment import _beside
from genviz.recipes.genevar.tiles_experiment import named_settings
from genviz.recipes.genevar.velocity_experiment import told_rows


@pytest.fixture(scope="module")
def ablation(tmp_path_factory):
    """The recipe of ablations at nano, its shared part made."""
    told = recipe("genevar-ablations")
    setting = Setting(told, told.size("nano"), tmp_path_factory.mktemp("models"), "cpu")
    experiment(told.kind).make_shared(setting, "condition and tokenizer", 0)
    return setting


def row(setting, name):
    return next(row for row in setting.recipe.rows if row.name == name)


def test_rows_share_tokenizer_and_flow(ablation, monkeypatch):
    asked = experiment("genevar.ablation")
    monkeypatch.setattr(base_models.GeneVAR, "train", None)  # there already
    first = asked.measure(ablation, row(ablation, "a4_rcm"), 0)["a4_rcm"]
    assert {
        "fd",
        "r",
        "nll",
        "nll_bound",
        "nll_null",
        "flow_single",
        "flow_copy",
        "seconds_per_epoch",
    } <= set(first)
    (work,) = ablation.models.glob("genevar-runs-*/")
    flows = sorted(path.name for path in work.glob("flow-*/"))
    second = asked.measure(ablation, row(ablation, "f3_edist"), 0)["f3_edist"]
    assert sorted(path.name for path in work.glob("flow-*/")) == flows and len(flows) == 1
    assert second["flow_single"].value == first["flow_single"].value
    assert not list(work.glob("a4_rcm-*/"))
    own = row(ablation, "a4_rcm")
    fewer = replace(own, options={**own.options, "budget": {"views": {"per_epoch": 16}}})
    third = asked.measure(ablation, fewer, 0)["a4_rcm"]
    assert len(list(work.glob("flow-*/"))) == 2 and third["flow_single"].value != first["flow_single"].value
    found = asked.measure(ablation, row(ablation, "reference"), 0)
    assert set(found) == {"reference", "real"} and found["real"]["fd"].value < found["reference"]["fd"].value
    with pytest.raises(UsageError, match="condition and tokenizer"):
        asked.make_shared(ablation, "flow", 0)


def test_a_prior_that_another_process_trains_is_not_deleted_under_it(tmp_path):
    runs = Runs(None, None, tmp_path)
    folder = tmp_path / "a4_rcm-0"
    folder.mkdir()
    with ThreadPoolExecutor(1) as beside:
        with runs._alone(runs._options("a4_rcm-0", 0)):
            waiting = beside.submit(runs.forget, "a4_rcm", 0)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.5)
            assert folder.is_dir()
        waiting.result()
    assert not folder.exists()


def test_another_condition_stands_on_the_same_tokenizer(ablation):
    options = options_of(ModelOptions, ablation, row(ablation, "b1_class"))
    training, _ = rows_of(ablation.data, 40)
    base = base_fitted(ablation, options, training)
    other = with_condition(ablation, base, options.config(), training)
    assert other.tokenizer is base.tokenizer and other.conditioner.classes == ("X-LYM", "X-STR", "X-TUM")
    assert work_folder(ablation, other, training) != work_folder(ablation, base, training)
    assert with_condition(ablation, base, base.config, training) is base


def test_a_whole_model_is_trained_once_and_says_what_it_saw(ablation, monkeypatch):
    options = options_of(ModelOptions, ablation, row(ablation, "c1_var"))
    training, held = rows_of(ablation.data, 40)
    folder = whole_model(ablation, options, training, 1)
    monkeypatch.setattr(base_models, "_trained", None)
    assert whole_model(ablation, options, training, 1) == folder
    fitted = load_fitted(folder)
    assert fitted.prior is not None and fitted.facts["seed"] == 1
    assert set(fitted.training_rows) == set(training.obs_names) and not set(held.obs_names) & set(
        fitted.training_rows
    )


def test_floors_are_means_of_sections_or_pooled():
    scores = {"fd": Score(1.0, n=20), "r": Score(0.9), "fd_C2": Score(2.0, n=20), "fd_C3": Score(4.0, n=15)}
    found = reference_rows("reference", scores, Score(9.0))
    assert set(found["reference"]) == {"fd", "r"}
    assert (
        found["real"]["fd"].value == 3.0
        and found["real"]["fd"].n == 15
        and "C3 4.00" in found["real"]["fd"].note
    )
    pooled = reference_rows("reference", {"fd": Score(1.0)}, Score(9.0))
    assert pooled["real"]["fd"].value == 9.0 and "real" not in reference_rows("reference", {"fd": Score(1.0)})
    assert shown({"flow_mean": Score(0.6, n=3, baseline=0.5)})["flow_copy"].value == 0.5
    assert "flow_copy" not in shown({"nll": Score(1.0)})


def test_names_of_tile_settings():
    own = {"accuracy": Score(0.5), "f1": Score(0.4), "accuracy_gain": Score(0.1), "f1_gain": Score(0.2)}
    found = named_settings(dict.fromkeys(("real only", "majority", "p=0.25", "q=1", "real twice"), own))
    assert {"p0_acc", "p25_f1", "q100_acc", "q100_acc_gain", "majority_acc", "longer_f1"} <= set(found)
    assert "p0_acc_gain" not in found


def test_networks_stand_beside_themselves_without_pre_training():
    def scores(value):
        return {
            name: Score(value) for name in ("accuracy", "f1_weighted", "accuracy_gain", "f1_weighted_gain")
        }

    found = _beside(
        {"mean": scores(0.5), "mean + pre-training": scores(0.6), "majority": scores(0.4)}, "mean"
    )
    assert (found["acc_without"].value, found["acc_with"].value, found["acc_majority"].value) == (
        0.5,
        0.6,
        0.4,
    )
    assert "auc_with" not in found  # three classes have none


def test_velocities_fill_rows_of_both_flows_and_the_controls():
    one = {"silhouette": 0.1, "knn": 0.5, "knn_null": 0.3, "knn_null_95": 0.4}
    names = ["start", "before", "real"]
    names += [
        f"{kind}:{name}"
        for kind in ("end", "change", "end, others' profiles")
        for name in ("model", "vanilla")
    ]
    found = told_rows("causal", {"groups": {"a": 3, "b": 4}, "numbers": dict.fromkeys(names, one)})
    assert set(found) == {"start", "before", "real", "causal", "vanilla"}
    assert found["causal"]["knn"].baseline == 0.3 and found["causal"]["knn"].n == 7
    assert "silhouette_others" in found["vanilla"] and "silhouette_others" not in found["start"]


def test_distances_shares_and_percentages(tmp_path):
    for name, columns in (
        ("genevar-tcga", {"all", "gbm", "floor", "r"}),
        ("genevar-composition", {"large", "nuclei"}),
    ):
        told = recipe(name)
        setting = Setting(told, told.size("nano"), tmp_path, "cpu")
        for own in told.measured(setting.size)[-1:]:
            table = experiment(told.kind).measure(setting, own, 0)
            assert all(columns <= set(scores) for scores in table.values() if scores)
            assert own.name in table
    kinds = [table["all_real"][kind].value for kind in ("large", "small", "elongated", "medium")]
    assert np.isclose(sum(kinds), 100)
    assert table["all_real"]["energy"].baseline is not None
