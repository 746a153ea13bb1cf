"""RNA to tile to RNA: the controls are what they are called, and a GenAR of another field of view is refused."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import genviz as gv
from genviz._errors import UsageError
from genviz.io.tile_access import tiles
from genviz.models import GenAR, GeneVAR
from genviz.tl.round_trips.tile_features import TileFeatures, _Canvas
from tests.models.genevar.model_cases import NANO, fitted

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
FEW = {"n_samples": 16, "n_bootstrap": 20, "n_shuffles": 40, "seed": 0}


@pytest.fixture(scope="module")
def adata():
    found = gv.datasets.phantom("spatial", n_sections=2, grid=(4, 4), n_genes=24, mpp=1.0)
    gv.pp.tile(found, size_px=32, mpp=1.4)
    return found


@pytest.fixture(scope="module")
def genevar(adata):
    GeneVAR.setup_anndata(adata)
    made = GeneVAR(adata, preset="nano", **NANO)
    made._fitted, made._device = fitted(adata), "cpu"
    made._fitted.facts["sections"] = ["P1"]
    made._fitted.training_rows = adata.obs_names[adata.obs["library_id"] == "P1"].tolist()
    return made


@pytest.fixture(scope="module")
def genar(adata):
    """Trained on features of the first section's loose tiles."""
    loose = adata.copy()
    loose.obsm["tiles"] = np.asarray(tiles(adata).compute())
    gv.pp.embed(loose, stain=None)
    loose = loose[loose.obs["library_id"] == "P1"].copy()
    GenAR.setup_anndata(loose, features="X_morphology_tile")
    return GenAR(loose, preset="nano").train(2, seed=0)


@pytest.fixture(scope="module")
def unseen(adata):
    return adata[adata.obs["library_id"] == "P2"].copy()


def test_what_comes_back(genevar, genar, unseen, adata):
    found = gv.tl.roundtrip(genevar, genar, unseen, n=2, training=adata, **FEW)
    assert set(found.scores) == {"generated", "decoded", "real", "mean"}
    assert {"pearson", "dn_pcc_200", "mse", "mae"} <= set(found.scores["real"])
    assert found.scores["mean"]["pearson"].value == 0 and found.scores["real"]["pearson"].ci is not None
    assert list(found.predicted.obs_names) == list(unseen.obs_names)
    assert found.pearson_G["real"].mean() == pytest.approx(found.scores["real"]["pearson"].value)
    assert 0 < found.shuffled["p"] <= 1 and found.shuffled["n"] == 40
    assert found.record["rows_seen_by_genar"] == found.record["rows_seen_by_genevar"] == 0
    assert found.record["field_um"] == pytest.approx(44.8) and "loose tiles" in found.record["features"]
    assert set(found.to_frame().columns) == {"tiles", "score", "value", "low", "high", "n"}


def test_a_perfect_generator_does_as_well_as_the_real_tiles(genevar, genar, unseen, monkeypatch):
    real = np.asarray(tiles(unseen).compute())

    def perfect(rows, n, seed, *, rule=None):
        made = genevar.reconstruct(rows)
        made.obsm["genevar"] = real
        return made

    monkeypatch.setattr(genevar, "generate", perfect)
    found = gv.tl.roundtrip(genevar, genar, unseen, **FEW)
    assert found.scores["generated"] == found.scores["real"]


def test_a_genar_that_saw_the_rows_is_refused(genevar, genar, adata):
    seen = adata[adata.obs["library_id"] == "P1"].copy()
    with pytest.raises(UsageError, match=r"GenAR was not trained on.*allow_seen=True"):
        gv.tl.roundtrip(genevar, genar, seen)


def test_a_genevar_that_saw_the_rows_is_refused_or_stamped(genevar, genar, unseen, monkeypatch):
    monkeypatch.setattr(genevar, "_fitted", copy.copy(genevar._fitted))
    genevar._fitted.facts = genevar._fitted.facts | {"sections": ["P1", "P2"], "patients_of_training": ["P2"]}
    genevar._fitted.training_rows = unseen.obs_names.tolist()
    alone = unseen.copy()  # as one section alone has them
    alone.obs_names = [name.removeprefix("P2_") for name in alone.obs_names]
    assert alone.obs_names[0] != unseen.obs_names[0]
    with pytest.raises(UsageError, match=r"GeneVAR was not trained on; it was on 11 of 11.*allow_seen=True"):
        gv.tl.roundtrip(genevar, genar, alone)
    found = gv.tl.roundtrip(genevar, genar, alone[:6].copy(), allow_seen=True, **FEW)
    assert found.record["rows_seen_by_genevar"] == 6 and found.record["rows_seen_by_genar"] == 0
    assert found.record["seen_patients"] == ["P2"]


def test_another_field_of_view_is_refused(genevar, genar, unseen):
    with pytest.raises(UsageError, match="about 200 um a side"):
        gv.tl.roundtrip(genevar, genar, unseen, genar_tile_um=200.0)
    with pytest.raises(UsageError, match="surroundings None or 'mirror'"):
        gv.tl.roundtrip(genevar, genar, unseen, surroundings="white")
    shipped = GenAR.load("genar-her2st-mini")
    with pytest.raises(UsageError, match=r"on slides look as far as 720 um.*surroundings='mirror'"):
        gv.tl.roundtrip(genevar, shipped, unseen)


def test_a_canvas_reflects_each_tile_in_its_own_cell():
    rng = np.random.default_rng(0)
    tiles_NHW3 = rng.integers(0, 250, (3, 8, 8, 3), dtype=np.uint8)
    canvas = _Canvas(tiles_NHW3, 40)
    for i, (x, y) in enumerate(canvas.centres.astype(int)):
        assert np.array_equal(canvas.read(x - 4, y - 4, 8, 8), tiles_NHW3[i])
        wide = canvas.read(x - 12, y - 4, 24, 8)
        assert np.array_equal(wide[:, :8], tiles_NHW3[i][:, ::-1])
        assert np.array_equal(wide[:, 16:], tiles_NHW3[i][:, ::-1])
        below = canvas.read(x - 4, y + 4, 8, 8)
        assert np.array_equal(below, tiles_NHW3[i][::-1])
    assert (canvas.read(-9, 3, 9, 5) == 255).all()
    assert (canvas.read(40, 40, 40, 40) == 255).all()  # the fourth cell is empty


@pytest.mark.slow
def test_mirrored_tiles_are_told_as_slides_are(genevar, adata, unseen):
    """Features of a mirrored tile have the record of those of slides, so that the GenAR of slides takes them."""
    slides = adata.copy()
    gv.pp.embed(slides, stain=None)
    slides = slides[slides.obs["library_id"] == "P1"].copy()
    GenAR.setup_anndata(slides)
    trained = GenAR(slides, preset="nano").train(2, seed=0)
    few = unseen[:3].copy()
    found = gv.tl.roundtrip(genevar, trained, few, surroundings="mirror", **FEW)
    assert "mirrored" in found.record["features"]
    put = TileFeatures(trained, 32, 1.4, "mirror", None).put(few, np.asarray(tiles(few).compute()))
    assert put.obsm["X_morphology"].shape == slides.obsm["X_morphology"][:3].shape
    assert np.isfinite(put.obsm["X_morphology"]).all()
