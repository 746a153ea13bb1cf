"""The gene tree view without a front end."""

from __future__ import annotations

import json

import numpy as np
import pytest

import genviz as gv
from genviz._errors import DataError, MissingKeyError, UsageError
from genviz.controllers.gene_tree.controller import GeneTreeController
from genviz.controllers.lanes import Cancelled
from genviz.models import GenAR
from genviz.pp.tree import tree_of, tree_recipe
from tests.models.genar.cases import GENES, tissue

SETS = {"first programme": ["G0", "G1", "G2", "G3"], "others": ["G8", "G9", "ELSEWHERE"]}


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    monkeypatch.setattr(gv.settings, "progress", False)


@pytest.fixture(scope="module")
def model():
    gv.settings.progress = False
    adata = tissue()
    GenAR.setup_anndata(adata)
    return GenAR(adata, preset="nano", scales=None).train(3, seed=0)


@pytest.fixture
def control(model):
    return GeneTreeController(tissue(30, seed=1), model, gene_sets=SETS)


def test_maps_are_sums_of_genes(control):
    for k, n in enumerate(control.tree.scales):
        sums = [control.values(k, group) for group in range(n)]
        assert np.allclose(sum(s[0] for s in sums), control.rows.mean_NG.sum(axis=1))
        assert np.allclose(sum(s[1] for s in sums), control.adata.X.toarray().sum(axis=1))
        assert sums[0][2] is None
    for gene in GENES:
        assert all(gene in control.tree.members(k, g) for k, g in enumerate(control.chain(gene)))
    with pytest.raises(UsageError, match="Did you mean"):
        control.chain("G10x")


def test_tables_of_genes_are_means_and_correlations_over_rows(control):
    control.clamp(1, 0, factor=3)
    rows, measured = control.rows, control.adata.X.toarray()
    table = rows.gene_table(control.tree, 1, 0, control.clamped_G)
    assert sorted(line[0] for line in table) == sorted(control.tree.members(1, 0))
    assert [line[1] for line in table] == sorted((line[1] for line in table), reverse=True)
    for gene, mean, counted, r, held in table:
        i = rows.genes.index(gene)
        expected = (rows.mean_NG[:, i].mean(), measured[:, i].mean(), control.clamped_NG[:, i].mean())
        assert np.allclose((mean, counted, held), expected, rtol=1e-3)
        logs = np.log2(1 + np.column_stack([rows.mean_NG[:, i], measured[:, i]]))
        assert np.isclose(r, np.corrcoef(logs.T)[0, 1], atol=1e-3)


def test_what_changes_is_told_of_the_rows_that_are_held(control):
    control.select([1, 4, 5])
    control.clamp(0, 0, factor=2, selected=True)
    table = control.changes()
    means = control.rows.mean_NG[[1, 4, 5]].mean(axis=0)
    assert np.allclose(table["after"], 2 * table["before"])
    assert np.allclose(sorted(table["before"]), sorted(means))
    control.release()
    assert control.changes().empty and control.clamped_G is None


def test_a_prediction_without_a_model(model):
    """Looks at layers and the tree in varm; what needs a model says so."""
    predicted = model.predict(tissue(10, seed=2))
    control = GeneTreeController(predicted)
    assert np.allclose(control.values(0, 0)[0], predicted.layers["genar"].sum(axis=1))
    assert control.values(0, 0)[1] is not None
    with pytest.raises(UsageError, match="model"):
        control.clamp(1, 0, factor=2)
    with pytest.raises(MissingKeyError, match="gene_tree"):
        GeneTreeController(tissue(10))
    del predicted.obsm["spatial"]
    with pytest.raises(MissingKeyError, match="read"):
        GeneTreeController(predicted)


def test_enrichment_is_against_the_panel(control, model):
    k = 1
    table = control.enrichment(k, control.chain("G0")[k])
    assert (table.n_background == 12).all()
    assert "first programme" in set(table.set)
    assert GeneTreeController(tissue(5), model).enrichment(0, 0) is None
    with pytest.raises(DataError, match="same kind of name"):
        GeneTreeController(tissue(5), model, gene_sets={"a": ["ENSG1"]})


def test_edits_branch_and_are_written(control, model):
    """Undo, another edit, the first branch is still there; the tree in the object is read back and trained on."""
    start = control.tree
    control.split(1, 0)
    first = control.tree
    control.history.undo()
    assert control.tree == start
    control.move_gene("G0", 1, (control.chain("G0")[1] + 1) % control.tree.scales[1])
    control.rename(1, 0, "mine")
    assert len(control.history.steps) == 4
    control.write()
    recipe = tree_recipe(control.adata)
    assert recipe["method"] == "user" and recipe["source"] == "edited"
    assert len(recipe["edits"]) == 2 and recipe["edited_from"] == start.digest()
    assert tree_of(control.adata).reindex(control.tree.genes) == control.tree
    again = GeneTreeController(control.adata, model)
    assert again.tree == control.tree and again.label(1, 0) == "mine"
    GenAR.setup_anndata(control.adata)
    trained = GenAR(control.adata, preset="nano").train(1, seed=0)
    assert trained.tree == control.tree.reindex(trained.genes)
    control.history.go(1)
    assert control.tree == first


def test_a_clamp_moves_what_is_finer(control):
    """Expectations of the group's genes; nothing else; release forgets it; an edit does not."""
    group = control.chain("G0")[1]
    members = control.tree.members(1, group)
    control.clamp(1, group, factor=3.0)
    table = control.changes().set_index("gene")
    assert sorted(table.index) == sorted(members)
    assert np.allclose(table["after"], 3 * table["before"])
    predicted, _, clamped = control.values(0, 0)
    assert np.allclose(clamped - predicted, 2 * control.values(1, group)[0])
    control.split(1, 0)
    assert control.clamped_NG is not None
    control.release()
    assert control.changes().empty and control.values(0, 0)[2] is None


def test_chosen_spots_only(control):
    with pytest.raises(UsageError, match="chosen"):
        control.clamp(1, 0, factor=2, selected=True)
    control.select([1, 3, 3])
    control.clamp(1, 0, value=50, selected=True)
    predicted, _, clamped = control.values(1, 0)
    assert np.allclose(clamped[[1, 3]], 50)
    assert np.array_equal(np.delete(clamped, [1, 3]), np.delete(predicted, [1, 3]))
    control.select([])
    assert control.selection is None


def test_rows_under_an_edited_tree_and_a_clamp(control):
    """Sums along the edited tree, intervals from the same samples, the clamp in the record, the tree in varm."""
    control.split(1, 0)
    control.clamp(1, 1, value=20)
    made = control.regenerate(n_samples=64, seed=0)
    n = control.tree.scales[1]
    assert np.allclose(made.obsm[f"genar_scale_{n}"][:, 1], 20)
    assert np.allclose(made.layers["genar"], control.clamped_NG, rtol=1e-5)
    assert tree_of(made) == control.tree.reindex(made.var_names)
    assert json.loads(made.uns["genviz"]["genar"])["parameters"]["clamp"][0]["value"] == 20
    assert made is control.result


def test_retraining_follows_the_edited_tree(control):
    control.split(1, 0)
    before = control.rows.mean_NG.copy()
    model = control.retrain(max_epochs=2, seed=0)
    assert model.tree == control.tree.reindex(model.genes)
    assert control.model is model and not np.allclose(before, control.rows.mean_NG)
    bare = tissue(5)
    bare.X = bare.X * 0.5
    with pytest.raises(DataError, match="raw counts"):
        GeneTreeController(bare, model).retrain()


def test_edits_in_the_data_are_not_forgotten(control, model):
    """Written, opened again, edited, written: all edits and the first tree are on record."""
    origin = control.tree.digest()
    control.split(1, 0)
    control.rename(1, 0, "mine")
    control.write()
    first = tree_recipe(control.adata)["edits"]
    again = GeneTreeController(control.adata, model)
    again.write()
    assert tree_recipe(again.adata)["edits"] == first
    again.rename(1, 1, "yours")
    again.write()
    third = GeneTreeController(control.adata, model)
    third.write()
    recipe = tree_recipe(third.adata)
    assert recipe["edits"][:-1] == first and recipe["edits"][-1].endswith("to yours")
    assert recipe["edited_from"] == origin
    third.history.go(0)
    third.write()
    assert tree_recipe(third.adata)["edits"] == []


class Stop:
    """A check that raises from its n-th call on."""

    def __init__(self, n):
        self.n, self.calls = n, 0

    def __call__(self):
        self.calls += 1
        if self.calls >= self.n:
            raise Cancelled("stopped")


def test_stopped_work_changes_nothing(control):
    """A clamp, rows, and a training that nobody waits for leave everything as it was; the training ends early."""
    control.clamp(1, 0, factor=2)
    held, clamped, mean = control.clamps, control.clamped_NG, control.rows.mean_NG
    model = control.model
    with pytest.raises(Cancelled):
        control.clamp(1, 1, factor=3, check=Stop(1))
    with pytest.raises(Cancelled):
        control.regenerate(n_samples=8, check=Stop(1))
    stop = Stop(4)
    with pytest.raises(Cancelled):
        control.retrain(max_epochs=500, seed=0, check=stop)
    assert stop.calls < 10  # the batches after it were not trained
    last = Stop(10**9)
    control.retrain(max_epochs=1, seed=0, check=last)
    assert control.model is not model and control.clamps == []
    control.model, control.clamps, control.clamped_NG, control.rows.mean_NG = model, held, clamped, mean
    with pytest.raises(Cancelled):
        control.retrain(max_epochs=1, seed=0, check=Stop(last.calls))  # trained, then dropped
    assert control.model is model and control.rows.mean_NG is mean and control.result is None
    assert control.clamps is held and control.clamped_NG is clamped


def test_a_training_that_fails_leaves_the_old_model(control, monkeypatch):
    def fails(self, *args, **options):
        raise DataError("no")

    model, mean = control.model, control.rows.mean_NG
    with monkeypatch.context() as patched:
        patched.setattr(GenAR, "expected", fails)
        with pytest.raises(DataError):
            control.retrain(max_epochs=1, seed=0)
    assert control.model is model and control.rows.mean_NG is mean
    control.retrain(max_epochs=1, seed=0)  # the next one may run
