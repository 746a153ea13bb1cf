"""Scales as one row of positions: parents, sums, and which scales a configuration names."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genviz._errors import UsageError
from genviz.models.genar.config import GenARConfig
from genviz.models.genar.levels import Levels, level_groups
from tests.models.genar.cases import N_GENES, SCALES, counts, tree


@pytest.fixture(scope="module")
def levels():
    fitted = tree()
    return Levels(level_groups(GenARConfig(), fitted), np.arange(N_GENES))


def test_positions_of_all_levels_lie_one_behind_the_other(levels):
    assert levels.scales == SCALES
    assert (levels.n_genes, levels.n_positions, levels.n_parents) == (12, 22, 10)
    assert [part.start for part in levels.slices] == [0, 1, 4, 10]
    assert torch.bincount(levels.level_P).tolist() == list(SCALES)
    assert [float(levels.size_P[part].sum()) for part in levels.slices] == [12.0] * 4


def test_sums_agree_with_the_tree_and_with_each_other(levels):
    measured = counts()
    sums = levels.sums(torch.from_numpy(measured))
    fitted = tree()
    for k, part in enumerate(levels.slices[:-1]):
        np.testing.assert_array_equal(sums[:, part], fitted.aggregate(measured, k))
    np.testing.assert_array_equal(sums[:, levels.slices[-1]], measured)
    for k in range(1, 4):
        children, parents = sums[:, levels.slices[k]], levels.parents(k)
        above = torch.zeros_like(sums[:, levels.slices[k - 1]]).index_add(1, parents, children)
        assert torch.equal(above, sums[:, levels.slices[k - 1]])


def test_indices_are_not_stored():
    made = Levels(level_groups(GenARConfig(), tree()), np.arange(N_GENES))
    assert not made.state_dict()


def groups(**options) -> tuple[int, ...]:
    return tuple(level_groups(GenARConfig(**options), tree()).max(axis=1) + 1)


def test_a_configuration_may_name_fewer_scales():
    assert groups(scales=(1, 6, 12)) == (1, 6, 12)
    assert groups(multi_scale=False) == (1, 12)  # a tree keeps its root
    assert groups(counts="tokens", vocabulary=9, multi_scale=False) == (12,)
    assert groups(scales=(3, 12)) == (1, 3, 12)


@pytest.mark.parametrize("scales", [(1, 5, 12), (1, 6, 3, 12), (1, 3, 6)])
def test_scales_that_the_tree_does_not_have(scales):
    with pytest.raises(UsageError, match=r"out of the gene tree's \(1, 3, 6, 12\).*pp.gene_tree"):
        groups(scales=scales)
