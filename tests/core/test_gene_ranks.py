"""Ranks of genes by section: depth and shifts between sections do not decide."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from genviz.core.gene_ranks import detection_by_section, variability_rank


def sections_with_variable_genes(seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Two sections, the second 10 times shallower; genes 0-4 vary between spots, the others do not."""
    rng = np.random.default_rng(seed)
    mean = np.exp(rng.uniform(1, 4, 60))
    pattern = np.ones((200, 60))
    pattern[:, :5] = np.exp(rng.normal(0, 1, (200, 5)))
    depth = np.r_[rng.uniform(0.5, 2, 100), rng.uniform(0.05, 0.2, 100)][:, None]
    counts = rng.poisson(mean * pattern * depth)
    return counts, ["deep"] * 100 + ["shallow"] * 100


def test_variable_genes_rank_first_despite_depth() -> None:
    counts, sections = sections_with_variable_genes()
    rank = variability_rank(sparse.csr_matrix(counts), sections, np.ones(60, bool))
    assert set(np.argsort(rank)[:5]) == set(range(5))


def test_a_shift_between_sections_is_not_variability() -> None:
    counts, sections = sections_with_variable_genes()
    counts[:100, 30] = counts[:100, 31]
    counts[100:, 30] = np.random.default_rng(1).permutation(counts[100:, 31]) * 0 + 1
    rank = variability_rank(counts, sections, np.ones(60, bool))
    assert rank[30] > 5


def test_genes_not_eligible_are_last() -> None:
    counts, sections = sections_with_variable_genes()
    eligible = np.ones(60, bool)
    eligible[0] = False
    assert variability_rank(counts, sections, eligible)[0] == np.inf


def test_detection_by_section() -> None:
    counts = np.array([[1, 0], [0, 0], [2, 5]])
    np.testing.assert_allclose(detection_by_section(counts, ["x", "x", "y"]), [[0.5, 0.0], [1.0, 1.0]])


def test_a_section_of_zeros_breaks_nothing() -> None:
    rank = variability_rank(np.zeros((4, 3), int), ["x"] * 4, np.ones(3, bool))
    assert np.isfinite(rank).all()
