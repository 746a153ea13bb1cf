"""Pseudobulk, tiles of the slides of bulk profiles, and both in one row."""

from __future__ import annotations

import numpy as np
import pytest

from genviz import datasets, io, pp, tiles
from genviz._errors import DataError, MissingKeyError, UsageError
from genviz._settings import settings
from genviz.io.library import is_synthetic
from tests.io.gdc_folder import small_cohort
from tests.pp.test_slide_tiling import slide

TUMOUR = "TCGA-05-4244-01A"


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    monkeypatch.setattr(settings, "progress", False)


@pytest.fixture(scope="module")
def spots(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom")
    return datasets.phantom("spatial", n_sections=2, grid=(4, 4), n_genes=8, mpp=4.0, image_folder=folder)


def test_pseudobulk_adds_the_rows_of_a_group(spots):
    bulk = pp.pseudobulk(spots)
    assert list(bulk.obs_names) == ["P1", "P2"] and list(bulk.var_names) == list(spots.var_names)
    for name in bulk.obs_names:
        rows = spots[spots.obs["library_id"] == name]
        np.testing.assert_array_equal(bulk[name].layers["counts"].toarray()[0], rows.X.toarray().sum(0))
        assert bulk.obs.loc[name, "n_rows"] == rows.n_obs and bulk.obs.loc[name, "patient"] == name
    assert "array_x" not in bulk.obs and is_synthetic(bulk)
    assert io.counts_of(bulk).shape == (2, 8)
    assert list(pp.pseudobulk(spots[::-1], "patient").obs_names) == ["P2", "P1"]


def test_pseudobulk_of_real_sections(her2st_rows):
    bulk = pp.pseudobulk(io.concat_sections({name: her2st_rows[name] for name in ("C2", "C5")}))
    assert bulk.shape[0] == 2 and bulk.X.sum() > 2e6


def test_spots_are_paired_with_their_section(spots):
    pp.tile(spots, 16, check=False)
    pairs = pp.pair_profiles(spots, pp.pseudobulk(spots), key="library_id")
    assert list(pairs.obs_names) == list(spots.obs_names) and list(pairs.obs["source"]) == list(
        spots.obs["library_id"]
    )
    np.testing.assert_array_equal(
        pairs.X[0].toarray()[0], spots[spots.obs["library_id"] == "P1"].X.toarray().sum(0)
    )
    assert tiles(pairs).shape == (spots.n_obs, 16, 16, 3) and is_synthetic(pairs)


def test_slides_of_profiles_are_parted_and_paired(tmp_path):
    cohort = small_cohort(tmp_path / "luad")
    for line, mark in ((3, "1-slide"), (4, "2-slide")):
        file_id, name = cohort.lines[line].split("\t")[:2]
        assert file_id.endswith(mark)
        (cohort.path / file_id).mkdir(exist_ok=True)
        slide(cohort.path / file_id, name=name)
    profiles = io.read_gdc(cohort.path)
    found = pp.profile_tiles(profiles, 64, 1.0, n_tiles=5)
    assert (
        found.n_obs == 5 and set(found.obs["source"]) == {TUMOUR} and set(found.obs["case"]) == {TUMOUR[:12]}
    )
    assert found.obs_names[0].startswith("TCGA-05-4244-01Z-00-DX1_")
    assert set(found.obs["project"]) == {"TCGA-LUAD"} and set(found.obs["patient"]) == {TUMOUR[:12]}
    both = pp.profile_tiles(profiles, 64, 1.0, slide_type=None, n_tiles=3, min_tissue=0.9)
    assert list(both.obs["library_id"].unique()) == ["TCGA-05-4244-01Z-00-DX1", "TCGA-05-4244-01A-00-TS1"]
    pairs = pp.pair_profiles(both, profiles)
    assert pairs.shape == (6, 6) and set(pairs.layers) == {"counts", "tpm"}
    np.testing.assert_array_equal(
        pairs.layers["counts"][4].toarray(), profiles[TUMOUR].layers["counts"].toarray()
    )
    assert list(pairs.obs["file_id"].unique()) == [profiles.obs["file_id"].iloc[0]]
    assert tiles(pairs).shape == (6, 64, 64, 3)
    again = io.read_h5ad(io.write_h5ad(pairs, tmp_path / "p.h5ad"))
    np.testing.assert_array_equal(np.asarray(tiles(again)), np.asarray(tiles(pairs)))


def test_what_is_missing_is_said(tmp_path, spots):
    profiles = io.read_gdc(small_cohort(tmp_path / "luad").path)
    with pytest.raises(DataError, match="1 are listed and none was in their folder"):
        pp.profile_tiles(profiles)
    with pytest.raises(UsageError, match="slide_type"):
        pp.profile_tiles(profiles, slide_type="cytology")
    with pytest.raises(MissingKeyError, match=r"obs\['source'\]"):
        pp.pair_profiles(spots, pp.pseudobulk(spots))
    with pytest.raises(DataError, match="have none: 'P2'"):
        pp.pair_profiles(spots, pp.pseudobulk(spots)[:1].copy(), key="library_id")
    with pytest.raises(MissingKeyError, match=r"obs\['organ'\]"):
        pp.pseudobulk(spots, "organ")
