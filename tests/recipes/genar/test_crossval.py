"""Leave one section out: honest folds, complete records, nothing computed twice."""

from __future__ import annotations

import json

import numpy as np
import pytest

from genviz._errors import UsageError
from genviz.metrics import scores_from_json
from genviz.recipes.genar import crossval
from genviz.recipes.genar.crossval import Folds, run_crossval
from genviz.recipes.genar.variants import Variant
from tests.recipes.cases import rows_with_features

# Thirty rows a section: some lie outside what the other sections showed.
pytestmark = pytest.mark.filterwarnings("ignore:.*look unlike any training tissue")

NANO = {"preset": "nano", "max_epochs": 2}
SMALL = {
    "one": Variant(
        "tokens",
        {**NANO, "counts": "tokens"},
        {"": {"n_samples": 16}, "_argmax": {"greedy": True, "n_samples": 1}},
    ),
    "random": Variant(
        "genes at random", NANO, {"": {"n_samples": 16}}, tree={"method": "random", "scales": (1, 3, 12)}
    ),
}


@pytest.fixture(scope="module")
def folds():
    adata = rows_with_features(90, n_sections=3)
    # Deep enough for every baseline.
    adata.X = type(adata.X)(np.random.default_rng(0).poisson(4 * adata.layers["rate"]).astype(np.float32))
    return Folds(adata, ("S0", "S1", "S2"), tuple(adata.var_names))


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(crossval, "VARIANTS", SMALL)


def test_each_section_is_held_out_once_and_never_trained_on(folds):
    held_out = []
    for train, held in folds.parts():
        (section,) = set(held.obs["library_id"])
        held_out.append(section)
        assert section not in set(train.obs["library_id"])
        assert train.n_obs + held.n_obs == folds.adata.n_obs
        train.obs["library_id"] = "changed"  # parts are copies
    assert held_out == ["S0", "S1", "S2"] and set(folds.adata.obs["library_id"]) == set(held_out)


def test_a_record_for_each_read_out_with_every_row_scored(folds, tmp_path):
    run_crossval(folds, tmp_path, names=["one"], seeds=[3])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one-3.json", "one_argmax-3.json"]
    document = json.loads((tmp_path / "one-3.json").read_text())
    assert (document["model"], document["seed"]) == ("one", 3) and document["seconds"] >= 0
    scores = scores_from_json(document)
    assert scores["mse"].n == 90 and {f"pcc_200@S{i}" for i in range(3)} <= set(scores)
    assert np.isfinite(scores["joint_nll"].value)
    # A point read-out has no distribution to score.
    assert "joint_nll" not in json.loads((tmp_path / "one_argmax-3.json").read_text())["metrics"]


def test_what_is_there_is_not_computed_again(folds, tmp_path, monkeypatch):
    run_crossval(folds, tmp_path, names=["random"], seeds=[0])
    first = (tmp_path / "random-0.json").read_bytes()
    seen = []
    monkeypatch.setattr(
        crossval, "score_variant", lambda folds, name, variant, seed: seen.append((name, seed)) or {}
    )
    run_crossval(folds, tmp_path, names=["random"], seeds=[0, 1])
    assert seen == [("random", 1)]
    assert (tmp_path / "random-0.json").read_bytes() == first


def test_baselines_stand_beside_with_both_normalisations(folds, tmp_path):
    run_crossval(folds, tmp_path, names=["baselines"], seeds=[0])
    records = {path.stem.removesuffix("-0") for path in tmp_path.iterdir()}
    assert {"mean", "ridge", "ridge_section"} <= records
    ridge, mean = (
        scores_from_json(json.loads((tmp_path / f"{n}-0.json").read_text())) for n in ("ridge", "mean")
    )
    assert ridge["pcc_200"].value > mean["pcc_200"].value


def test_a_tree_of_another_fold_is_not_reused(folds):
    """The object may carry a tree fitted on all rows; each fold fits its own."""
    from genviz import pp

    adata = folds.adata.copy()
    pp.gene_tree(adata, scales=(1, 2, 12))
    train, _ = next(Folds(adata, folds.sections, folds.genes).parts())
    model = crossval._fit(train, folds, SMALL["random"], 0)
    assert model.tree.scales == (1, 3, 12)


def test_unknown_names_come_with_those_that_exist(folds, tmp_path):
    with pytest.raises(UsageError, match="names of one, random or baselines; got nope"):
        run_crossval(folds, tmp_path, names=["one", "nope"])
    assert not list(tmp_path.iterdir())
