"""core.counts: raw counts pass untouched, anything else is named."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from genviz._errors import DataError
from genviz.core import counts as module
from genviz.core.counts import check_counts, check_names, first_names

ROWS = ["r0", "r1", "r2"]
GENES = ["A", "B", "C", "D"]


def table() -> np.ndarray:
    return np.arange(12, dtype=float).reshape(3, 4)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix, sparse.csc_matrix, sparse.coo_matrix])
@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.uint16])
def test_counts_pass_with_their_values_and_type(kind, dtype):
    checked = check_counts(kind(table().astype(dtype)), ROWS, GENES)
    dense = checked.toarray() if sparse.issparse(checked) else checked
    assert dense.dtype == dtype
    np.testing.assert_array_equal(dense, table())


@pytest.mark.parametrize(
    ("value", "word"), [(np.nan, "NaN"), (np.inf, "infinite"), (-1.0, "negative"), (0.5, "not whole")]
)
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix, sparse.csc_matrix])
def test_faults_name_gene_row_and_value(kind, value, word):
    values = table()
    values[1, 2] = value
    with pytest.raises(DataError, match=word) as caught:
        check_counts(kind(values), ROWS, GENES)
    assert "gene 'C' in row 'r1'" in str(caught.value)
    assert f"{value:g}" in str(caught.value)


def test_negative_integers_are_refused_too():
    with pytest.raises(DataError, match="negative"):
        check_counts(np.full((3, 4), -1), ROWS, GENES)


def test_blocks_of_a_large_dense_matrix_keep_their_places(monkeypatch):
    monkeypatch.setattr(module, "_BLOCK_VALUES", 4)
    values = table()
    values[2, 3] = -7
    with pytest.raises(DataError, match=r"gene 'D' in row 'r2' = -7"):
        check_counts(values, ROWS, GENES)


def test_shape_and_words_are_refused():
    with pytest.raises(DataError, match="transposed"):
        check_counts(table().T, ROWS, GENES)
    with pytest.raises(DataError, match="numeric"):
        check_counts(table().astype(str), ROWS, GENES)


def test_names_must_be_there_and_unique():
    check_names(GENES, "genes")
    with pytest.raises(DataError, match=r"more than once: 'B'"):
        check_names(["A", "B", "B"], "genes")
    with pytest.raises(DataError, match="1 are empty"):
        check_names(["A", " "], "genes")


def test_first_names_counts_the_rest():
    assert first_names(list("abcdefg"), 2) == "'a', 'b' and 5 more"
    assert first_names(["a"]) == "'a'"
