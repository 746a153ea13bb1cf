"""Clamps: children follow, nothing else moves; sums along another tree."""

from __future__ import annotations

import json

import numpy as np
import pytest

import genviz as gv
from genviz._errors import DataError, UsageError
from genviz.core.gene_tree import GeneTree
from genviz.models import GenAR
from genviz.models.genar.clamp import cover
from genviz.models.genar.urn import Subtree, refill
from tests.models.genar.cases import GENES, generators, inputs, network, tissue


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    monkeypatch.setattr(gv.settings, "progress", False)


def trained(**options):
    adata = tissue()
    GenAR.setup_anndata(adata)
    return GenAR(adata, preset="nano", **options).train(3, seed=0)


@pytest.fixture(scope="module")
def model():
    gv.settings.progress = False
    return trained(n_members=2)


@pytest.fixture(scope="module")
def rows():
    return tissue(24, seed=1)


def genes_of(model, scale, group):
    return np.flatnonzero(model.tree.groups[:, model.tree.scales.index(scale)] == group)


def test_factor_one_and_no_clamp_change_nothing(model, rows):
    """To the bit: the samples are those of predict."""
    plain = model.predict(rows, seed=0)
    for clamp in ((), {"scale": 4, "group": 1, "factor": 1.0}):
        again = model.regenerate(rows, clamp, seed=0)
        for layer in ("genar", "genar_log2", "genar_lower", "genar_upper", "genar_median"):
            assert np.array_equal(plain.layers[layer], again.layers[layer]), layer
        for n in model.tree.scales[:-1]:
            assert np.array_equal(plain.obsm[f"genar_scale_{n}"], again.obsm[f"genar_scale_{n}"])


def test_a_doubled_group_moves_its_genes_and_sums_only(model, rows):
    """Expectation exact, samples of everything else untouched, coarser sums agree."""
    inside = genes_of(model, 4, 2)
    outside = np.setdiff1d(np.arange(12), inside)
    before = model.regenerate(rows, seed=0)
    after = model.regenerate(rows, {"scale": 4, "group": 2, "factor": 2.0}, seed=0)
    assert np.allclose(after.layers["genar"][:, inside], 2 * before.layers["genar"][:, inside], rtol=1e-5)
    for layer in ("genar", "genar_log2", "genar_lower", "genar_upper"):
        assert np.array_equal(after.layers[layer][:, outside], before.layers[layer][:, outside])
    change = after.layers["genar"].sum(axis=1) - before.layers["genar"].sum(axis=1)
    assert np.allclose(change, before.obsm["genar_scale_4"][:, 2], rtol=1e-4)
    assert np.allclose(after.obsm["genar_scale_1"][:, 0], after.layers["genar"].sum(axis=1), rtol=1e-5)
    assert np.allclose(
        after.layers["genar"], model.expected(rows, {"scale": 4, "group": 2, "factor": 2.0}), rtol=1e-5
    )
    # What the samples say is what the closed form says.
    median = after.layers["genar_median"][:, inside].mean() / before.layers["genar_median"][:, inside].mean()
    assert median == pytest.approx(2.0, rel=0.1)


def test_a_value_is_met_by_every_sample_and_children_add_up_to_it(model, rows):
    """The group's interval closes on the value; its genes sum to it in expectation."""
    inside = genes_of(model, 4, 0)
    after = model.regenerate(rows, {"scale": 4, "group": 0, "value": 30}, seed=0)
    for bound in ("", "_lower", "_upper"):
        assert np.allclose(after.obsm[f"genar_scale_4{bound}"][:, 0], 30)
    assert np.allclose(after.layers["genar"][:, inside].sum(axis=1), 30, rtol=1e-5)
    gone = model.regenerate(rows, {"scale": 4, "group": 0, "value": 0}, seed=0)
    assert not gone.layers["genar_upper"][:, inside].any()


def test_only_the_rows_asked_for(model, rows):
    """Mask, indices and names mean the same; other rows stay to the bit."""
    clamp, chosen = {"gene": "G3", "factor": 3.0}, np.arange(24) % 5 == 0
    before = model.predict(rows, seed=0)
    results = [
        model.regenerate(rows, clamp, rows=given, seed=0)
        for given in (chosen, np.flatnonzero(chosen), list(rows.obs_names[chosen]))
    ]
    for after in results:
        assert np.array_equal(after.layers["genar"][~chosen], before.layers["genar"][~chosen])
        assert np.allclose(after.layers["genar"][chosen, 3], 3 * before.layers["genar"][chosen, 3], rtol=1e-5)
    record = json.loads(results[0].uns["genviz"]["genar"])["parameters"]
    assert record["clamp"] == [{"genes": ["G3"], "factor": 3.0, "value": None}]
    assert record["clamped_rows"] == sorted(rows.obs_names[chosen])
    with pytest.raises(UsageError, match="rows"):
        model.regenerate(rows, clamp, rows=["nobody"])


def test_genes_that_are_no_group(model, rows):
    """Held through the groups that make them up; a value is met in sum."""
    tree = model.tree
    mixed = [*tree.members(1, 0), tree.members(1, 1)[0]]
    at = [tree.genes.index(gene) for gene in mixed]
    after = model.regenerate(rows, {"genes": mixed, "value": 25}, seed=0)
    assert np.allclose(after.layers["genar"][:, at].sum(axis=1), 25, rtol=1e-5)
    double = model.expected(rows, {"genes": mixed, "factor": 2})
    assert np.allclose(double[:, at], 2 * model.expected(rows)[:, at])


def test_another_tree_adds_the_same_samples_up(model, rows):
    """An edited tree: gene layers as before, sums along its own groups."""
    groups = model.tree.groups.copy()
    order = np.argsort([int(gene[1:]) for gene in model.tree.genes])  # G0, G1, ...: not the fitted order
    groups[order, 0] = 0
    groups[order, 1] = np.repeat([0, 1], [5, 7])
    groups[order, 2] = np.arange(12)
    other = GeneTree(model.tree.genes, groups[:, :3], order, "nested")
    plain = model.predict(rows, seed=0)
    along = model.regenerate(rows, tree=other, seed=0)
    assert np.array_equal(along.layers["genar_lower"], plain.layers["genar_lower"])
    assert np.allclose(
        along.obsm["genar_scale_2"][:, 0], plain.layers["genar"][:, order[:5]].sum(axis=1), rtol=1e-5
    )
    assert (along.obsm["genar_scale_2_lower"] <= along.obsm["genar_scale_2_upper"]).all()
    assert gv.pp.tree.tree_of(along) == other.reindex(along.var_names)
    clamped = model.expected(rows, {"scale": 2, "group": 0, "factor": 0.5}, tree=other)
    assert np.allclose(clamped[:, order[:5]], 0.5 * plain.layers["genar"][:, order[:5]], rtol=1e-5)
    with pytest.raises(DataError):
        model.regenerate(rows, tree=GeneTree(("a", "b"), np.array([[0], [1]]), np.array([0, 1])))


def test_autoregressive_takes_factors_and_refuses_values(rows):
    """Its finer splits look at the clamped counts: drawn anew; the group's own sum doubles."""
    model = trained(autoregressive=True)
    before = model.regenerate(rows, seed=0)
    after = model.regenerate(rows, {"scale": 4, "group": 1, "factor": 2.0}, seed=0)
    ratio = after.obsm["genar_scale_4"].mean(axis=0) / before.obsm["genar_scale_4"].mean(axis=0)
    assert ratio[1] == pytest.approx(2.0, rel=0.05)
    assert np.delete(ratio, 1) == pytest.approx(1.0, rel=0.05)
    assert np.array_equal(
        model.regenerate(rows, {"gene": "G1", "factor": 1}, seed=0).layers["genar"], before.layers["genar"]
    )
    with pytest.raises(UsageError, match="autoregressive"):
        model.regenerate(rows, {"gene": "G1", "value": 3})


def test_tokens_are_refused(rows):
    with pytest.raises(UsageError, match="tokens"):
        trained(counts="tokens").regenerate(rows, {"gene": "G1", "factor": 2})


@pytest.mark.parametrize(
    "clamp",
    [
        {"gene": "NOPE", "factor": 2}, {"scale": 5, "group": 0, "factor": 2}, {"scale": 4, "group": 4, "factor": 2},
        {"gene": "G1"}, {"gene": "G1", "factor": 2, "value": 3}, {"gene": "G1", "factor": -1},
        {"gene": "G1", "value": float("nan")}, {"group": 1, "factor": 2}, "G1", [3], {"genes": [], "factor": 2},
        [{"gene": "G1", "factor": 2}, {"scale": 1, "group": 0, "factor": 2}],
    ],
)  # fmt: skip
def test_impossible_clamps(model, rows, clamp):
    """Each is refused before anything is drawn."""
    with pytest.raises(UsageError, match="Expected"):
        model.regenerate(rows, clamp)


def test_totals_of_rows_and_clamps_do_not_go_together(model, rows):
    with pytest.raises(UsageError, match="total"):
        model.regenerate(rows, {"gene": "G1", "factor": 2}, depth=np.full(24, 90.0))


def test_the_urn_has_the_right_distribution():
    """Refilled samples of N counts to N' are distributed as samples of N' counts: mean and variance of each gene."""
    net = network()
    body = net.body
    x, xy = inputs(1)
    alpha_M = body.alpha(body.splits(body.condition(x, xy))).detach().numpy()[0]
    below = Subtree.of(body.levels, 0, 0)
    generator = generators(1)[0]
    n = 20_000

    def drawn(total):
        start = np.zeros((n, 12), np.int64)
        return refill(generator, start, np.full(n, total), alpha_M, below)

    fresh = drawn(20)
    for other in (drawn(8), drawn(45)):
        moved = refill(generator, other, np.full(n, 20), alpha_M, below)
        assert (moved.sum(axis=1) == 20).all()
        assert np.allclose(moved.mean(axis=0), fresh.mean(axis=0), atol=0.06)
        assert np.allclose(moved.var(axis=0), fresh.var(axis=0), rtol=0.08, atol=0.02)


def test_cover_takes_the_coarsest_groups(model):
    groups = model.tree.groups.T
    assert cover(range(len(GENES)), groups) == ((0, 0),)
    some = genes_of(model, 4, 1)
    assert cover(some, groups) == ((model.tree.scales.index(4), 1),)
