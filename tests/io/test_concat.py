"""io.concat: sections joined by gene names, rows and libraries renamed."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from genviz._errors import DataError, UsageError
from genviz.io import concat_sections, contract_report, read_h5ad, read_st, write_h5ad
from genviz.io.library import make_entry, write_record


def section(genes, n=3, seed=0, library="ST", whole=True) -> AnnData:
    rng = np.random.default_rng(seed)
    adata = AnnData(
        sparse.csr_matrix(rng.poisson(2.0, (n, len(genes))).astype(np.float32)),
        obs=pd.DataFrame({"library_id": pd.Categorical([library] * n)}, index=[f"{i}x{i}" for i in range(n)]),
        var=pd.DataFrame(index=list(genes)),
    )
    adata.obsm["spatial"] = rng.uniform(0, 99, (n, 2))
    adata.layers["counts"] = adata.X.copy()
    adata.uns["spatial"] = {library: make_entry(mpp=0.5 + seed, spot_diameter_um=100.0)}
    write_record(adata, library, {"reader": "x", "whole_transcriptome": whole})
    return adata


def test_common_genes_are_joined_by_name():
    a, b = section("ABCD"), section("DXBA", 2, seed=1)
    joined = concat_sections({"a": a, "b": b})
    assert list(joined.var_names) == ["A", "B", "D"]
    assert list(joined.obs_names) == ["a_0x0", "a_1x1", "a_2x2", "b_0x0", "b_1x1"]
    for matrix in (joined.X, joined.layers["counts"]):
        assert sparse.isspmatrix_csr(matrix)
        expected = np.vstack([a[:, ["A", "B", "D"]].X.toarray(), b[:, ["A", "B", "D"]].X.toarray()])
        np.testing.assert_array_equal(matrix.toarray(), expected)
    np.testing.assert_array_equal(joined.obsm["spatial"], np.vstack([a.obsm["spatial"], b.obsm["spatial"]]))


def test_libraries_take_the_sections_names():
    joined = concat_sections({"a": section("AB"), "b": section("AB", seed=1)})
    assert list(joined.obs["library_id"]) == ["a"] * 3 + ["b"] * 3
    assert {name: entry["mpp"] for name, entry in joined.uns["spatial"].items()} == {"a": 0.5, "b": 1.5}
    assert set(json.loads(joined.uns["genviz"]["reader"])) == {"a", "b"}


def test_sections_of_sections_keep_both_names():
    inner = concat_sections({"a": section("AB"), "b": section("AB", seed=1)})
    joined = concat_sections({"p": inner, "q": section("AB")})
    assert list(joined.uns["spatial"]) == ["p_a", "p_b", "q"]
    assert set(joined.obs["library_id"]) == {"p_a", "p_b", "q"}


def test_asked_genes_are_filled_with_zeros_where_absence_means_unseen():
    a, b = section("ABC"), section("CD", 2, seed=1)
    joined = concat_sections({"a": a, "b": b}, genes=["D", "C", "A"])
    assert list(joined.var_names) == ["D", "C", "A"]
    dense = joined.X.toarray()
    np.testing.assert_array_equal(dense[:3, 0], 0)
    np.testing.assert_array_equal(dense[3:, 2], 0)
    np.testing.assert_array_equal(dense[:3, 1], a[:, "C"].X.toarray().ravel())
    np.testing.assert_array_equal(joined.layers["counts"].toarray(), dense)
    assert joined.X.dtype == np.float32


def test_targeted_panels_are_not_filled():
    with pytest.raises(DataError, match="section 'b'; 1 are absent: 'A'"):
        concat_sections({"a": section("ABC"), "b": section("CD", whole=False)}, genes=["C", "A"])


def test_labels_of_some_sections_stay():
    a, b = section("AB"), section("AB", 2)
    a.obs["label"] = pd.Categorical(["x", "y", "x"])
    joined = concat_sections({"b": b, "a": a})
    assert joined.obs["label"].tolist()[2:] == ["x", "y", "x"]
    assert joined.obs["label"].isna().sum() == 2
    assert isinstance(joined.obs["label"].dtype, pd.CategoricalDtype)


def test_features_made_alike_stay_and_others_go():
    a, b = section("AB"), section("AB", seed=1)
    for part in (a, b):
        part.obsm["X_one"], part.obsm["X_two"] = np.ones((3, 4), np.float32), np.ones((3, 4), np.float32)
        part.uns["genviz"]["features"] = {"one": "same", "two": f"{part.uns['spatial']['ST']['mpp']}"}
        part.uns["genviz"]["tiles"] = f'{{"size_px": {8 if part is a else 16}}}'
    with pytest.warns(UserWarning, match="left out") as caught:
        joined = concat_sections({"a": a, "b": b})
    assert any("'two' were not made alike" in str(w.message) for w in caught)
    assert any("Tile recipes differ" in str(w.message) for w in caught)
    assert set(joined.obsm) == {"spatial", "X_one"}
    assert joined.uns["genviz"]["features"] == {"one": "same"}
    assert "tiles" not in joined.uns["genviz"]


def test_inputs_are_not_changed(same):
    a = section("ABC")
    before = a.copy()
    concat_sections({"a": a, "b": section("CBA")}, genes=["B", "Z"])
    same(a, before)


def test_prediction_rows_without_genes(st_files):
    spots = read_st(None, st_files.spots, section="A1")
    joined = concat_sections({"a": spots, "b": spots})
    assert joined.shape == (120, 0)


def test_round_trip_through_h5ad(st_files, tmp_path, same):
    one = read_st(st_files.counts, st_files.spots, st_files.image, section="A1", labels=st_files.labels)
    joined = concat_sections({"a": one, "b": one[:30]})
    assert contract_report(joined) == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same(read_h5ad(write_h5ad(joined, tmp_path / "j.h5ad")), joined)


def test_what_cannot_be_joined():
    with pytest.raises(UsageError, match="at least one"):
        concat_sections({})
    with pytest.raises(DataError, match=r"common genes.*a: 'A', 'B'; b: 'C'"):
        concat_sections({"a": section("AB"), "b": section("C")})
    twice = section("AB")
    twice.var_names = ["A", "A"]
    with pytest.raises(DataError, match="genes of section 'a'"):
        concat_sections({"a": twice})
    with pytest.raises(DataError, match="requested genes"):
        concat_sections({"a": section("AB")}, genes=["A", "A"])


def test_her2st(her2st_dir, her2st_rows):
    parts = her2st_rows
    assert concat_sections(parts).n_obs == 732
    panel = (her2st_dir / "genes_genar200.txt").read_text().split()[:200]
    joined = concat_sections(parts, genes=panel)
    assert list(joined.var_names) == panel
    for name, part in parts.items():
        shared = [gene for gene in panel if gene in part.var_names]
        rows = joined[joined.obs["library_id"] == name]
        np.testing.assert_array_equal(rows[:, shared].X.toarray(), part[:, shared].X.toarray())
