"""The tree as data: structure, sums, names, round trips (T5, T10)."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import sparse

from genviz._errors import DataError, UsageError
from genviz.core.gene_tree import GeneTree

GENES = ("a", "b", "c", "d", "e")
ORDER = [2, 0, 4, 1, 3]  # c a e b d
SIZES = [[5], [2, 3], [1, 1, 2, 1], [1, 1, 1, 1, 1]]


@pytest.fixture
def tree() -> GeneTree:
    return GeneTree.from_dict({"genes": GENES, "order": ORDER, "sizes": SIZES, "layout": "nested"})


def test_groups_follow_the_order(tree: GeneTree) -> None:
    assert tree.scales == (1, 2, 4, 5)
    assert tree.members(1, 0) == ["c", "a"]
    assert tree.members(2, 2) == ["e", "b"]
    assert [tree.members(3, g) for g in range(5)] == [["c"], ["a"], ["e"], ["b"], ["d"]]
    assert tree.parents(1).tolist() == [0, 0]
    assert tree.parents(2).tolist() == [0, 0, 1, 1]
    assert tree.parents(3).tolist() == [0, 1, 2, 2, 3]
    with pytest.raises(UsageError, match="from 1 to 3"):
        tree.parents(0)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix, lambda x: np.asarray(x, np.uint8)])
def test_sums_agree_at_every_scale(tree: GeneTree, make) -> None:
    counts = np.random.default_rng(0).integers(0, 200, (7, 5))
    finest = tree.aggregate(make(counts), -1)
    np.testing.assert_array_equal(finest, counts[:, ORDER])
    for k in range(1, 4):
        fine, coarse = tree.aggregate(make(counts), k), tree.aggregate(make(counts), k - 1)
        onto_parent = np.stack([fine[:, tree.parents(k) == g].sum(1) for g in range(tree.scales[k - 1])], 1)
        np.testing.assert_array_equal(onto_parent, coarse)
    np.testing.assert_array_equal(tree.aggregate(make(counts), 0)[:, 0], counts.sum(1))


def test_reordered_genes_mean_the_same_tree(tree: GeneTree) -> None:
    other = tree.reindex(["e", "d", "c", "b", "a"])
    assert other != tree
    assert other.digest() == tree.digest()
    for k, n in enumerate(tree.scales):
        assert [other.members(k, g) for g in range(n)] == [tree.members(k, g) for g in range(n)]
    assert other.reindex(GENES) == tree
    with pytest.raises(DataError, match=r"1 are missing \('e'\), 1 unknown \('z'\)"):
        tree.reindex(["a", "b", "c", "d", "z"])


def test_json_round_trip(tree: GeneTree) -> None:
    assert GeneTree.from_dict(json.loads(json.dumps(tree.to_dict()))) == tree
    moved = tree.to_dict() | {"sizes": [[5], [3, 2], [1, 2, 1, 1], [1] * 5]}
    assert GeneTree.from_dict(moved).digest() != tree.digest()
    with pytest.raises(DataError, match="cannot be read"):
        GeneTree.from_dict({"genes": ["a"]})


@pytest.mark.parametrize(
    ("sizes", "order", "message"),
    [
        ([[2, 3], [1, 2, 2], [1] * 5], ORDER, "straddle"),
        ([[5], [2, 3]], ORDER, "one gene each"),
        ([[2, 3], [5], [1] * 5], ORDER, "grow"),
        ([[5], [1] * 5], [0, 0, 1, 2, 3], "permutation"),
    ],
)
def test_what_is_not_a_tree_is_refused(sizes: list[list[int]], order: list[int], message: str) -> None:
    along = [np.repeat(np.arange(len(s)), s) for s in sizes]
    groups = np.zeros((5, len(sizes)), int)
    groups[ORDER] = np.stack(along, 1)
    with pytest.raises(DataError, match=message):
        GeneTree(GENES, groups, np.asarray(order))


def test_windows_may_straddle_and_say_so() -> None:
    sizes = [[2, 3], [1, 2, 2], [1] * 5]
    tree = GeneTree.from_dict({"genes": GENES, "order": ORDER, "sizes": sizes, "layout": "windows"})
    assert not tree.is_nested
    assert tree.parents(1).tolist() == [0, 0, 1]  # the straddling group follows its first gene
    with pytest.raises(DataError, match="1 of 3 groups straddle two of the 2"):
        tree.require_nested()


def test_groups_cannot_be_changed(tree: GeneTree) -> None:
    with pytest.raises(ValueError, match="read-only"):
        tree.groups[0, 0] = 1
