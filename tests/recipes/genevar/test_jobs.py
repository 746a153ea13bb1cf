"""From files to a trained GeneVAR: what is held out stays out."""

from __future__ import annotations

import pytest

from genviz._errors import UsageError
from genviz.models import GeneVAR
from genviz.recipes.genevar import jobs
from tests.models.genevar.model_cases import rows


def test_a_section_becomes_validation_and_test_rows_stay_test_rows():
    adata = rows(6)
    jobs.mark_validation(adata, "A")
    assert adata.obs["split"].tolist() == ["train", "val"] * 3
    adata.obs["split"] = ["train", "train", "test", "test", "val", "train"]
    jobs.mark_validation(adata, "A")
    assert adata.obs["split"].tolist() == ["train", "val", "test", "test", "val", "val"]
    with pytest.raises(UsageError, match="several sections"):
        jobs.mark_validation(adata, "C")
    with pytest.raises(UsageError, match="Name more sections"):
        jobs.mark_validation(adata[adata.obs["library_id"] == "A"].copy(), "A")


def test_tiles_without_profiles_are_of_training_slides_only(monkeypatch):
    adata = rows(6)
    jobs.mark_validation(adata, "A")
    GeneVAR.setup_anndata(adata, mpp=1.4)
    asked = []

    class Found(Exception):
        pass

    def cut(path, size_px, mpp, **how):
        asked.append((path, size_px, mpp, how["library"]))
        raise Found

    class Slide:
        path = "slide.tif"

    monkeypatch.setattr(jobs, "slide_of", lambda *_: Slide)
    monkeypatch.setattr(jobs.pp, "slide_tiles", cut)
    with pytest.raises(Found):
        jobs.tiles_of_slides(adata, GeneVAR(adata, preset="nano"), n_tiles=5, seed=0)
    assert asked == [("slide.tif", 32, 1.4, "B")]


def test_a_declared_resolution_is_kept():
    adata = rows(6)
    jobs.declare_tiles(adata, 1.0)
    assert "genviz" not in adata.uns  # the pixels are data
