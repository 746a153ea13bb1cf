"""Edits of a tree: nested and complete after any sequence, names follow their groups."""

from __future__ import annotations

import numpy as np
import pytest

from genviz._errors import UsageError
from genviz.controllers.gene_tree.tree_edits import EditedTree, merge, move_gene, rename, split
from genviz.core.gene_tree_fit import fit_gene_tree

GENES = [f"G{i:02d}" for i in range(24)]


@pytest.fixture
def edited():
    counts = np.random.default_rng(0).poisson(3, (30, 24))
    return EditedTree.of(fit_gene_tree(counts, GENES, scales=(1, 3, 8, 24), method="user", order=GENES))


def test_a_gene_moves_and_its_ancestors_with_it(edited):
    moved = move_gene(edited, "G00", 2, 7)
    assert "G00" in moved.tree.members(2, 7) and "G00" in moved.tree.members(1, 2)
    assert "G00" not in moved.tree.members(1, 0)
    assert moved.tree.scales == (1, 3, 8, 24)
    assert sorted(moved.tree.genes) == GENES
    coarse = move_gene(edited, "G00", 1, 2)
    assert "G00" in coarse.tree.members(1, 2)
    assert sum("G00" in coarse.tree.members(2, g) for g in range(8)) == 1


def test_the_last_gene_of_a_group_takes_it_away(edited):
    alone = edited
    for gene in edited.tree.members(2, 0):
        alone = move_gene(alone, gene, 2, alone.tree.scales[2] - 1)
    assert alone.tree.scales == (1, 3, 7, 24)


def test_merge_and_split(edited):
    """Across parents: the merged group stands under the first one's parent; splitting parts at a finer border."""
    both = edited.tree.members(2, 0) + edited.tree.members(2, 7)
    merged = merge(edited, 2, [0, 7])
    assert merged.tree.members(2, 0) == both
    assert merged.tree.scales == (1, 3, 7, 24)
    parted = split(merged, 2, 0)
    assert parted.tree.scales == (1, 3, 8, 24)
    chosen = [edited.tree.members(1, 0)[0], edited.tree.members(1, 0)[-1]]
    taken = split(edited, 1, 0, chosen)
    assert taken.tree.scales[1] == 4
    assert sorted(taken.tree.members(1, 1)) == sorted(chosen) or sorted(taken.tree.members(1, 0)) == sorted(
        chosen
    )
    border = split(edited, 1, 0).tree
    finer = {tuple(border.members(2, g)) for g in range(border.scales[2])}
    assert finer == {tuple(edited.tree.members(2, g)) for g in range(8)}


def test_names_follow_their_group(edited):
    named = rename(edited, 1, 2, "  the   last ")
    assert named.name(1, 2) == "the last" and named.named() == {"3/2": "the last"}
    after = split(named, 1, 0)
    assert after.named() == {"4/3": "the last"}
    assert EditedTree.of(after.tree, after.named()).named() == after.named()
    assert rename(named, 1, 2, "").named() == {}
    assert merge(named, 1, [0, 2]).named() == {}


def test_any_sequence_keeps_a_tree(edited):
    """A hundred random edits: each either refused or a checked tree of the same genes."""
    rng = np.random.default_rng(1)
    done = 0
    for _ in range(150):
        k = int(rng.integers(0, 3))
        n = edited.tree.scales[k]
        try:
            match rng.integers(3):
                case 0:
                    edited = move_gene(edited, str(rng.choice(GENES)), k, int(rng.integers(n)))
                case 1:
                    edited = merge(edited, k, rng.integers(0, n, 2).tolist())
                case _:
                    edited = split(edited, k, int(rng.integers(n)))
            done += 1
        except UsageError:
            continue
        assert edited.tree.is_nested and sorted(edited.tree.genes) == GENES
    assert done > 30


@pytest.mark.parametrize(
    "edit",
    [
        lambda t: move_gene(t, "NOPE", 1, 0), lambda t: move_gene(t, "G00", 3, 0), lambda t: move_gene(t, "G00", 1, 9),
        lambda t: move_gene(t, "G00", 1, 0), lambda t: merge(t, 1, [1]), lambda t: merge(t, 3, [0, 1]),
        lambda t: merge(t, 1, [0, 1, 2]), lambda t: split(t, 0, 0), lambda t: split(t, 1, 0, ["G23"]),
        lambda t: split(t, 1, 0, t.tree.members(1, 0)), lambda t: rename(t, 1, 0, "x" * 99),
        lambda t: rename(t, 1, 7, "x"),
    ],
)  # fmt: skip
def test_edits_that_cannot_be(edited, edit):
    with pytest.raises(UsageError, match="Expected"):
        edit(edited)
