"""Rows as a lab with an image has them, and counts put beside a prediction by name."""

from __future__ import annotations

import numpy as np
import pytest

from genviz._errors import DataError
from genviz.recipes.genar.held_out import attach_counts, without_counts
from tests.recipes.cases import rows_with_features


def test_without_counts_nothing_of_expression_is_left():
    adata = rows_with_features(8)
    bare = without_counts(adata)
    assert bare.shape == (8, 0) and not bare.layers
    assert list(bare.obs_names) == list(adata.obs_names)
    np.testing.assert_array_equal(bare.obsm["X_morphology"], adata.obsm["X_morphology"])
    bare.obsm["X_morphology"][:] = 0
    assert adata.n_vars == 12 and adata.obsm["X_morphology"].any()  # a copy


def test_counts_are_joined_by_names_of_rows_and_genes():
    measured = rows_with_features(8)
    predicted = measured[[5, 2, 7], [3, 1, 8]].copy()
    predicted.layers.clear()
    shuffled = measured[::-1, ::-1].copy()
    joined, rows = attach_counts(predicted, shuffled)
    assert list(joined.obs_names) == list(rows.obs_names) == list(predicted.obs_names)
    expected = measured[predicted.obs_names, predicted.var_names].X.toarray()
    np.testing.assert_array_equal(joined.layers["counts"].toarray(), expected)
    assert rows.n_vars == 12 and "counts" not in predicted.layers


def test_rows_without_counts_are_left_out():
    measured = rows_with_features(8)
    joined, rows = attach_counts(measured.copy(), measured[2:5].copy())
    assert list(joined.obs_names) == list(rows.obs_names) == list(measured.obs_names[2:5])


def test_another_section_is_refused_with_both_names():
    predicted, measured = rows_with_features(8), rows_with_features(8)
    measured.obs_names = [f"other_{i}" for i in range(8)]
    with pytest.raises(DataError, match=r"such as 'S0_0x1'.*the table has 'other_0'.*same section"):
        attach_counts(predicted, measured)
