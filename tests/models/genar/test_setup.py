"""The declaration: plain JSON in the object, checked when it is made."""

from __future__ import annotations

import json

import anndata as ad
import pytest

from genviz._errors import DataError, MissingKeyError
from genviz.io import write_h5ad
from genviz.models.genar.setup import read_setup, setup_anndata
from tests.models.genar.cases import GENES, tissue


def test_it_survives_the_file(tmp_path):
    adata = tissue(8)
    setup_anndata(adata, genes=["G3", "G1"], split_key="fold")
    assert json.loads(adata.uns["genviz"]["setup"]["genar"])["genes"] == ["G3", "G1"]
    write_h5ad(adata, tmp_path / "a.h5ad")
    assert read_setup(ad.read_h5ad(tmp_path / "a.h5ad")) == read_setup(adata)
    assert read_setup(adata).genes == ("G3", "G1") and read_setup(adata).split_key == "fold"


def test_the_panel_is_what_is_marked_else_everything():
    adata = tissue(8)
    setup_anndata(adata)
    assert read_setup(adata).genes == tuple(GENES)
    adata.var["panel"] = [i in (2, 5) for i in range(12)]
    setup_anndata(adata)
    assert read_setup(adata).genes == ("G2", "G5")


@pytest.mark.parametrize(
    ("genes", "words"),
    [
        (["G1", "X1", "X2"], r"2 are missing: X1, X2"),
        (["G1"], r"2 to 5000 genes, got 1.*gv.pp.select_genes"),
        (["G1", "G1"], "G1"),
    ],
)
def test_panels_that_cannot_be_modelled(genes, words):
    adata = tissue(8)
    with pytest.raises(DataError, match=words):
        setup_anndata(adata, genes=genes)
    assert "genviz" not in adata.uns


def test_what_is_missing_is_named():
    with pytest.raises(
        MissingKeyError, match=r"obsm\['X_uni'\], found \['X_morphology', 'spatial'\]. Run gv.pp.embed"
    ):
        setup_anndata(tissue(8), features="X_uni")
    with pytest.raises(MissingKeyError, match=r"GenAR.setup_anndata\(adata\) first"):
        read_setup(tissue(8))
