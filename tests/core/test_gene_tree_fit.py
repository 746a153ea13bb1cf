"""Fitting the tree: it always nests, is balanced, deterministic, and sees only the rows given (T5, T10)."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import sparse

from genviz._errors import DataError, UsageError
from genviz.core.gene_order import log_correlation
from genviz.core.gene_tree import GeneTree
from genviz.core.gene_tree_fit import METHODS, apportion, default_scales, fit_gene_tree

PAPER = (1, 4, 8, 40, 100, 200)


def names(n: int) -> list[str]:
    return [f"G{i:04d}" for i in range(n)]


def programmes(n_rows: int, n_genes: int, seed: int = 0, n_programmes: int = 4) -> np.ndarray:
    """Counts of genes that follow one of a few programmes; gene i follows programme i mod n."""
    rng = np.random.default_rng(seed)
    activity = rng.normal(size=(n_rows, n_programmes))
    return rng.poisson(np.exp(1.5 + activity[:, np.arange(n_genes) % n_programmes]))


def random_scales(rng: np.random.Generator, n_genes: int) -> tuple[int, ...]:
    k = int(rng.integers(1, 7))
    inner = rng.choice(np.arange(1, n_genes), size=min(k, n_genes - 1), replace=False)
    return (*sorted(int(i) for i in inner), n_genes)


@pytest.mark.parametrize("seed", range(40))
def test_any_scales_of_any_panel_nest_and_are_balanced(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(20, 5001)) if seed % 4 == 0 else int(rng.integers(20, 400))
    scales = random_scales(rng, n)
    tree = fit_gene_tree(np.zeros((1, n), int), names(n), scales=scales, method="random", seed=seed)
    assert tree.scales == scales  # the constructor has checked that it nests
    assert sorted(tree.order.tolist()) == list(range(n))
    counts = rng.poisson(2.0, (3, n))
    for k in range(1, len(scales)):
        folded = np.zeros((3, scales[k - 1]), int)
        np.add.at(folded, (slice(None), tree.parents(k)), tree.aggregate(counts, k))
        np.testing.assert_array_equal(folded, tree.aggregate(counts, k - 1))
        quota = tree.sizes(k - 1) * scales[k] / n
        children = np.bincount(tree.parents(k), minlength=scales[k - 1])
        assert (children >= 1).all()
        assert (children <= np.ceil(quota - 1e-9)).all()  # nobody has more than a proportional share
        within = np.split(tree.sizes(k), np.cumsum(children)[:-1])
        assert all(np.ptp(sizes) <= 1 for sizes in within)


def test_children_are_shared_out_in_proportion() -> None:
    assert apportion(np.array([50, 50, 50, 50]), 8).tolist() == [2, 2, 2, 2]
    assert apportion(np.array([60, 30, 10]), 10).tolist() == [6, 3, 1]
    assert apportion(np.array([97, 1, 1, 1]), 5).tolist() == [2, 1, 1, 1]
    assert apportion(np.array([3, 2]), 5).tolist() == [3, 2]


def test_paper_scales_nest_by_pairing_inside_groups() -> None:
    tree = fit_gene_tree(programmes(50, 200), names(200), scales=PAPER)
    assert tree.scales == PAPER
    assert tree.is_nested
    assert set(tree.sizes(3)) == {5}
    assert set(np.bincount(tree.parents(4))) == {2, 3}
    assert set(tree.sizes(4)) <= {1, 2, 3}


def test_windows_are_the_published_ones_and_warn_where_they_straddle() -> None:
    with pytest.warns(UserWarning, match="do not nest"):
        tree = fit_gene_tree(programmes(30, 200), names(200), scales=PAPER, layout="windows")
    for k, n in enumerate(PAPER):
        np.testing.assert_array_equal(tree.groups[tree.order, k], np.arange(200) * n // 200)
    np.testing.assert_array_equal(tree.parents(4), np.arange(100) * 40 // 100)  # the published copy rule
    with pytest.raises(DataError, match="20 of 100 groups straddle"):
        tree.require_nested()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fit_gene_tree(
            programmes(30, 200), names(200), scales=(1, 4, 8, 40, 200), layout="windows"
        ).is_nested
    with pytest.raises(UsageError, match=r"\[3\] do not"):
        fit_gene_tree(programmes(30, 20), names(20), scales=(1, 3, 20), layout="windows")


@pytest.mark.parametrize("method", ["linkage", "kmeans"])
def test_genes_of_one_programme_stand_together(method: str) -> None:
    tree = fit_gene_tree(programmes(300, 40), names(40), scales=(1, 4, 40), method=method)
    for g in range(4):
        assert len({int(name[1:]) % 4 for name in tree.members(1, g)}) == 1


@pytest.mark.parametrize("method", ["linkage", "kmeans", "random"])
def test_tree_depends_on_names_and_counts_alone(method: str) -> None:
    counts, genes = programmes(60, 50), names(50)
    shuffle = np.random.default_rng(5).permutation(50)
    tree = fit_gene_tree(counts, genes, method=method, seed=3)
    assert fit_gene_tree(sparse.csr_matrix(counts), genes, method=method, seed=3) == tree
    other = fit_gene_tree(counts[:, shuffle], [genes[i] for i in shuffle], method=method, seed=3)
    assert other.reindex(genes) == tree


def test_only_counts_given_can_change_the_order() -> None:
    counts = programmes(60, 30)
    changed = counts.copy()
    changed[40:] = programmes(20, 30, seed=9)[:, ::-1]
    assert fit_gene_tree(changed[:40], names(30)) == fit_gene_tree(counts[:40], names(30))
    assert fit_gene_tree(changed, names(30)) != fit_gene_tree(counts, names(30))


def test_seed_moves_only_what_is_random() -> None:
    counts = programmes(60, 50)
    assert fit_gene_tree(counts, names(50), seed=1) == fit_gene_tree(counts, names(50), seed=2)
    first, second = (fit_gene_tree(counts, names(50), method="random", seed=s) for s in (1, 2))
    assert first != second


def test_constant_genes_keep_together_and_break_nothing() -> None:
    counts = programmes(40, 24)
    counts[:, [1, 7, 20]] = 0
    for method in ("linkage", "kmeans"):
        tree = fit_gene_tree(counts, names(24), method=method)
        at = sorted(np.flatnonzero(np.isin(tree.order, [1, 7, 20])).tolist())
        assert at[-1] - at[0] <= (2 if method == "linkage" else 23)
    flat = fit_gene_tree(np.full((5, 20), 3), names(20))
    assert flat.n_genes == 20


def test_correlation_in_blocks_equals_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = programmes(37, 12)
    monkeypatch.setattr("genviz.core.gene_order._BLOCK_VALUES", 5 * 12)
    expected = np.corrcoef(np.log1p(counts), rowvar=False)
    np.testing.assert_allclose(log_correlation(sparse.csr_matrix(counts)), expected, atol=1e-8)


def test_user_order() -> None:
    counts = programmes(10, 20)
    genes = names(20)
    by_name = fit_gene_tree(counts, genes, method="user", order=genes[::-1])
    assert by_name.order.tolist() == list(range(19, -1, -1))
    assert fit_gene_tree(counts, genes, method="user", order=list(range(19, -1, -1))) == by_name
    with pytest.raises(UsageError, match="unknown: 'nope'"):
        fit_gene_tree(counts, genes, method="user", order=["nope", *genes[1:]])
    with pytest.raises(UsageError, match="each of the 20 genes once"):
        fit_gene_tree(counts, genes, method="user", order=[0] * 20)
    with pytest.raises(UsageError, match="only there"):
        fit_gene_tree(counts, genes, order=genes)


def test_what_cannot_be_meant_is_refused() -> None:
    counts, genes = programmes(10, 20), names(20)
    for scales in [(1, 4, 4, 20), (1, 4, 10), (0, 20), (20, 4, 1), (1.5, 20), (), "abc"]:
        with pytest.raises(UsageError, match="Expected scales that grow"):
            fit_gene_tree(counts, genes, scales=scales)
    with pytest.raises(UsageError, match="Expected method"):
        fit_gene_tree(counts, genes, method="ward")
    with pytest.raises(UsageError, match="Expected layout"):
        fit_gene_tree(counts, genes, layout="tree")
    with pytest.raises(DataError, match="occur more than once"):
        fit_gene_tree(counts, ["same"] * 20)
    with pytest.raises(DataError, match="at least 2 training rows"):
        fit_gene_tree(counts[:1], genes)
    with pytest.raises(DataError):
        fit_gene_tree(counts - 100, genes)


def test_default_scales() -> None:
    assert default_scales(200) == (1, 4, 8, 40, 200)
    assert default_scales(5000) == (1, 4, 8, 40, 200, 1000, 5000)
    assert default_scales(1) == (1,)
    for n in range(1, 600):
        scales = default_scales(n)
        assert scales[0] == 1
        assert scales[-1] == n
        assert list(scales) == sorted(set(scales))


@pytest.mark.parametrize("method", [m for m in METHODS if m != "user"])
def test_a_tree_survives_json(method: str) -> None:
    tree = fit_gene_tree(programmes(20, 33), names(33), method=method)
    assert GeneTree.from_dict(tree.to_dict()) == tree
