"""What is declared of an AnnData, and what is refused."""

from __future__ import annotations

import pytest

from genviz import pp
from genviz._errors import DataError, MissingKeyError, UsageError
from genviz.models import GeneVAR
from genviz.models.genevar.setup import read_setup
from tests.models.genevar.model_cases import rows


def test_it_is_read_back_and_survives_subsets():
    adata = rows()
    GeneVAR.setup_anndata(adata, genes=["G03", "G01"], mpp=1.4, slide_key="library_id")
    setup = read_setup(adata[:3])
    assert setup.genes == ("G03", "G01") and setup.mpp == 1.4 and setup.slide_key == "library_id"
    GeneVAR.setup_anndata(adata)
    assert read_setup(adata).genes == tuple(adata.var_names) and read_setup(adata).mpp is None


def test_the_resolution_is_that_of_the_tiles_or_of_the_slides():
    adata = rows()
    del adata.obsm["tiles"]
    GeneVAR.setup_anndata(adata)
    assert read_setup(adata).mpp == 0.7
    pp.tile(adata, 32, 1.4, check=False)
    GeneVAR.setup_anndata(adata)
    assert read_setup(adata).mpp == 1.4
    adata.uns["spatial"]["A"]["mpp"] = 0.5
    del adata.uns["genviz"]["tiles"]
    with pytest.raises(DataError, match=r"A 0\.5"):
        GeneVAR.setup_anndata(adata)


def test_what_is_missing_is_said():
    adata = rows()
    with pytest.raises(MissingKeyError, match="setup_anndata"):
        GeneVAR(adata)
    with pytest.raises(MissingKeyError, match="wsi"):
        GeneVAR.setup_anndata(adata, slide_key="wsi")
    with pytest.raises(DataError, match="NOPE"):
        GeneVAR.setup_anndata(adata, genes=["G01", "NOPE"])
    adata.obs["split"] = "test"
    with pytest.raises(DataError, match="train"):
        GeneVAR.setup_anndata(adata)
    del adata.obs["split"], adata.obsm["tiles"], adata.obsm["spatial"]
    with pytest.raises(MissingKeyError, match="places"):
        GeneVAR.setup_anndata(adata)
    adata = rows()
    adata.X = None
    with pytest.raises(MissingKeyError, match="profiles"):
        GeneVAR.setup_anndata(adata)


def test_changes_of_parts_are_checked():
    adata = rows()
    GeneVAR.setup_anndata(adata)
    assert GeneVAR(adata, preset="nano", prior={"width": 64}).config.prior.width == 64
    with pytest.raises(UsageError, match="widht"):
        GeneVAR(adata, preset="nano", prior={"widht": 64})
    with pytest.raises(UsageError, match="priro"):
        GeneVAR(adata, preset="nano", priro={"width": 64})
