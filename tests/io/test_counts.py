"""io.counts: the raw counts of an object, wherever they are, or an error that names what is wrong."""

from __future__ import annotations

import anndata
import dask.array as da
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from genviz._errors import DataError, MissingKeyError
from genviz.io import counts_of

GENES = ["A", "B", "C"]


def rows(matrix=None) -> AnnData:
    matrix = np.array([[1, 0, 2], [0, 5, 0]], np.float32) if matrix is None else matrix
    return AnnData(matrix, obs=pd.DataFrame(index=["r0", "r1"]), var=pd.DataFrame(index=GENES))


def test_x_is_taken_without_a_layer():
    counts = counts_of(rows())
    assert sparse.isspmatrix_csr(counts)
    np.testing.assert_array_equal(counts.toarray(), [[1, 0, 2], [0, 5, 0]])


def test_the_layer_goes_before_x():
    adata = rows(np.full((2, 3), 0.5, np.float32))
    adata.layers["counts"] = sparse.csr_matrix(np.array([[7, 0, 0], [0, 0, 9]]))
    np.testing.assert_array_equal(counts_of(adata).toarray(), [[7, 0, 0], [0, 0, 9]])


def test_genes_come_in_the_asked_order():
    np.testing.assert_array_equal(counts_of(rows(), ["C", "A"]).toarray(), [[2, 1], [0, 0]])


def test_missing_and_repeated_genes_are_named():
    with pytest.raises(DataError, match="1 are absent from the data: 'XYZ'"):
        counts_of(rows(), ["A", "XYZ"])
    with pytest.raises(DataError, match="'A'"):
        counts_of(rows(), ["A", "A"])
    adata = rows()
    adata.var_names = ["A", "B", "A"]
    with pytest.raises(DataError, match="genes; 1 occur more than once: 'A'"):
        counts_of(adata)


@pytest.mark.parametrize(
    ("there", "asked", "told"),
    [
        (
            ["ENSG00000141736", "ENSG00000107796", "ENSG00000148773"],
            ["ERBB2"],
            "set adata.var_names to its symbols",
        ),
        (["ERBB2", "ACTA2", "MKI67"], ["ENSG00000141736"], "the data has symbols"),
        (
            ["ENSG00000141736.14", "ENSG00000107796.9", "ENSG00000148773.11"],
            ["ENSG00000141736"],
            "drop the versions",
        ),
        (["ERBB2", "ACTA2", "MKI67"], ["SEPW1"], "old symbols"),
    ],
)
def test_absent_genes_say_how_either_side_is_named(there, asked, told):
    adata = rows()
    adata.var_names = there
    with pytest.raises(DataError, match=told):
        counts_of(adata, asked)


def test_only_the_asked_genes_are_judged():
    adata = rows(np.array([[1, 0, 0.5], [0, 5, 0]], np.float32))
    assert counts_of(adata, ["A", "B"]).sum() == 6
    with pytest.raises(DataError, match=r"gene 'C' in row 'r0' = 0.5"):
        counts_of(adata)


def test_no_matrix():
    adata = AnnData(obs=pd.DataFrame(index=["r0"]), var=pd.DataFrame(index=GENES))
    with pytest.raises(MissingKeyError, match="X; both are absent"):
        counts_of(adata)


def test_dask_and_backed_matrices(tmp_path):
    lazy = rows()
    lazy.X = da.from_array(np.asarray(lazy.X))
    np.testing.assert_array_equal(counts_of(lazy, ["B"]).toarray(), [[0], [5]])
    rows(sparse.csr_matrix(rows().X)).write_h5ad(tmp_path / "a.h5ad")
    backed = anndata.read_h5ad(tmp_path / "a.h5ad", backed="r")
    np.testing.assert_array_equal(counts_of(backed).toarray(), rows().X)
    np.testing.assert_array_equal(counts_of(backed, ["C", "B"]).toarray(), [[2, 0], [0, 5]])
