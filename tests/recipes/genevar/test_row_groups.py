"""Classes and groups of rows: thirds by RNA, strips of held-out sections, squares in place of slides."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

from genviz._errors import DataError, UsageError
from genviz.recipes.genevar.row_groups import classes_of, patients_of, regions_of, tissue_contrast


def sections(n=6):
    """Two sections of n x n places; epithelium on the right."""
    x, y = (part.ravel() for part in np.mgrid[:n, :n])
    counts = np.stack([1 + 10 * x, 100 - 10 * x, np.full(x.size, 500)], axis=1).astype(np.float32)
    adata = ad.AnnData(np.concatenate([counts, counts]))
    adata.var_names = ["EPCAM", "COL1A1", "ACTB"]
    adata.obs["library_id"] = np.repeat(["A", "B"], n * n)
    adata.obs["array_x"], adata.obs["array_y"] = np.tile(x, 2), np.tile(y, 2)
    return adata


def test_thirds_by_rna_follow_the_contrast():
    adata = sections()
    kinds = classes_of(adata, "rna")
    contrast = tissue_contrast(adata)
    assert set(kinds) == {"stromal", "between", "epithelial"}
    assert contrast[kinds == "epithelial"].min() > contrast[kinds == "stromal"].max()
    assert adata.obs["array_x"][kinds == "epithelial"].min() > adata.obs["array_x"][kinds == "stromal"].max()
    with pytest.raises(UsageError, match="by project or rna"):
        classes_of(adata, "age")
    with pytest.raises(DataError, match="EPCAM"):
        tissue_contrast(adata[:, ["COL1A1"]])


def test_cohorts_may_be_joined():
    adata = sections(2)
    adata.obs["project"] = ["X", "Y", "Z", "X"] * 2
    assert classes_of(adata, "project").tolist() == ["X", "Y", "Z", "X"] * 2
    assert classes_of(adata, "project", {"X": "x"}).tolist() == ["x", "other", "other", "x"] * 2


def test_held_out_sections_of_one_patient_are_parted_into_strips():
    adata = sections()
    held = (adata.obs["library_id"] == "B").to_numpy()
    patients = patients_of(adata, 3, held)
    assert set(patients[~held]) == {"A"} and len(set(patients[held])) == 3
    x = adata.obs["array_x"].to_numpy()
    assert x[patients == "B, strip 1"].max() < x[patients == "B, strip 3"].min()
    regions = regions_of(adata, 3, patients)
    assert len(set(regions[~held])) == 4
    for region in set(regions):
        assert len(set(patients[regions == region])) == 1
    assert regions_of(adata, 0, patients).tolist() == adata.obs["library_id"].tolist()


def test_patients_are_taken_where_they_are_known():
    adata = sections(2)
    adata.obs["patient"] = ["a", "b"] * 4
    assert patients_of(adata, 3, np.ones(8, bool)).tolist() == ["a", "b"] * 4
