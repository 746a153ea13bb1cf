"""io.spots.st: legacy ST sections, joined by name, and every way they arrive broken."""

from __future__ import annotations

import gzip
import json
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from genviz._errors import DataError, FileFormatError, UsageError
from genviz.io import read_st


def read(files, **overrides):
    arguments = {"counts": files.counts, "spots": files.spots, "section": "A1", **overrides}
    return read_st(**arguments)


def test_rows_are_joined_by_name(st_files):
    adata = read(st_files)
    assert list(adata.obs_names) == [f"{x}x{y}" for x, y in st_files.spots_frame[["x", "y"]].to_numpy()]
    expected = st_files.counts_frame.loc[adata.obs_names, adata.var_names].to_numpy()
    assert sparse.isspmatrix_csr(adata.X)
    assert adata.X.dtype == np.float32
    np.testing.assert_array_equal(adata.X.toarray(), expected)


def test_positions_are_measured_pixels_column_first(st_files):
    adata = read(st_files)
    np.testing.assert_array_equal(adata.obsm["spatial"], st_files.spots_frame[["pixel_x", "pixel_y"]])
    np.testing.assert_array_equal(adata.obs[["array_x", "array_y"]], st_files.spots_frame[["x", "y"]])
    assert set(adata.obs["library_id"]) == {"A1"}


def test_mpp_comes_from_the_pitch(st_files):
    entry = read(st_files).uns["spatial"]["A1"]
    assert entry["mpp"] == pytest.approx(4.0, rel=0.01)
    assert entry["scalefactors"]["spot_diameter_fullres"] == pytest.approx(100 / entry["mpp"])
    assert read(st_files, pitch_um=400.0).uns["spatial"]["A1"]["mpp"] == pytest.approx(2 * entry["mpp"])


def test_a_stated_mpp_is_kept_and_a_wrong_one_is_said(st_files):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(st_files, mpp=4.1).uns["spatial"]["A1"]["mpp"] == 4.1
    with pytest.warns(UserWarning, match=r"Stated resolution of 0.5 um/px.* says 4"):
        assert read(st_files, mpp=0.5).uns["spatial"]["A1"]["mpp"] == 0.5
    with pytest.raises(UsageError, match="mpp"):
        read(st_files, mpp=-1.0)


def test_spots_without_counts_are_left_out_and_recorded(st_files):
    st_files.write_counts(st_files.counts_frame.drop(index=["2x3", "6x14"]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # 2 of 60 are reported in the record and the log only
        adata = read(st_files)
    assert adata.n_obs == 58
    record = json.loads(adata.uns["genviz"]["reader"])["A1"]
    assert record["spots_without_counts"] == ["2x3", "6x14"]
    assert record["n_listed"] == 60


def test_many_unmatched_rows_are_warned_about(st_files):
    frame = st_files.counts_frame.rename(
        index={name: f"9{name}" for name in st_files.counts_frame.index[:20]}
    )
    st_files.write_counts(frame)
    with (
        pytest.warns(UserWarning, match="20 spots have no counts"),
        pytest.warns(UserWarning, match="20 count rows have no spot"),
    ):
        assert read(st_files).n_obs == 40


def test_without_counts_the_spots_are_read_for_prediction(st_files, tmp_path):
    adata = read(st_files, counts=None, image=st_files.image)
    assert adata.shape == (60, 0)
    assert adata.X.shape == (60, 0)
    assert list(adata.obs_names) == list(read(st_files).obs_names)
    adata.write_h5ad(tmp_path / "spots.h5ad")


def test_labels_join_on_measured_coordinates(st_files):
    labels = pd.read_csv(st_files.labels, sep="\t")
    labels.loc[len(labels)] = {"Row.names": "b", "label": "immune infiltrate"}
    labels = labels[labels["x"] != st_files.spots_frame["new_x"].iloc[5]]
    labels.to_csv(st_files.labels, sep="\t", index=False)
    adata = read(st_files, labels=st_files.labels)
    given = adata.obs["label"]
    expected = np.where(adata.obs["array_x"] < 4, "invasive cancer", "connective tissue")
    assert (
        given.isna().sum() == (st_files.spots_frame["new_x"] == st_files.spots_frame["new_x"].iloc[5]).sum()
    )
    assert (given[given.notna()] == expected[given.notna()]).all()
    assert json.loads(adata.uns["genviz"]["reader"])["A1"]["labels_without_place"] == 1


def test_labels_of_another_section_are_refused(st_files):
    labels = pd.read_csv(st_files.labels, sep="\t")
    labels["x"] += 0.5
    labels.to_csv(st_files.labels, sep="\t", index=False)
    with pytest.raises(DataError, match="none of 60 labels match 60 spots"):
        read(st_files, labels=st_files.labels)


def test_the_image_is_recorded_with_overview_shape_and_checksum(st_files):
    entry = read(st_files, image=st_files.image).uns["spatial"]["A1"]
    np.testing.assert_array_equal(entry["image_shape"], st_files.rgb.shape[:2])
    np.testing.assert_array_equal(entry["images"]["hires"], st_files.rgb)
    assert entry["scalefactors"]["tissue_hires_scalef"] == 1.0
    assert entry["metadata"]["source_image_path"] == str(st_files.image)
    assert len(entry["metadata"]["source_image_sha256"]) == 64


def test_unselected_spots_lie_beside_the_tissue(st_files):
    frame = st_files.spots_frame
    frame.loc[0, "selected"] = 0
    frame.to_csv(st_files.spots, sep="\t", index=False)
    assert "2x3" not in read(st_files, counts=None).obs_names


def test_plain_text_tables_read_alike(st_files):
    text = gzip.decompress(st_files.counts.read_bytes())
    plain = st_files.counts.with_suffix("")
    plain.write_bytes(text)
    np.testing.assert_array_equal(read(st_files, counts=plain).X.toarray(), read(st_files).X.toarray())


# ---- broken input ----


@pytest.mark.parametrize(
    ("value", "word"), [(0.5, "not whole"), (-3, "negative"), (np.nan, "NaN"), ("abc", "'abc'")]
)
def test_values_that_are_not_counts_are_named(st_files, value, word):
    frame = st_files.counts_frame.astype(object)
    frame.loc["4x7", "G3"] = value
    st_files.write_counts(frame)
    with pytest.raises(DataError, match=word) as caught:
        read(st_files)
    assert "'G3'" in str(caught.value)
    assert "'4x7'" in str(caught.value)


def test_duplicated_genes_and_spots_are_named(st_files):
    st_files.write_counts(st_files.counts_frame.rename(columns={"G4": "G3"}))
    with pytest.raises(DataError, match="genes; 1 occur more than once: 'G3'"):
        read(st_files)
    st_files.write_counts(st_files.counts_frame.rename(index={"2x4": "2x3"}))
    with pytest.raises(DataError, match="spots; 1 occur more than once: '2x3'"):
        read(st_files)


def test_no_common_spots(st_files):
    st_files.write_counts(st_files.counts_frame.rename(index=lambda name: f"7{name}"))
    with pytest.raises(DataError, match="none of 60 count rows"):
        read(st_files)


def test_a_transposed_count_table_is_recognised(st_files):
    st_files.write_counts(st_files.counts_frame.T)
    with pytest.raises(DataError, match="transpose"):
        read(st_files)


@pytest.mark.parametrize("which", ["counts", "spots"])
def test_an_empty_section(st_files, which):
    if which == "counts":
        st_files.write_counts(st_files.counts_frame.iloc[:0])
    else:
        st_files.spots_frame.iloc[:0].to_csv(st_files.spots, sep="\t", index=False)
    with pytest.raises(DataError, match="empty section"):
        read(st_files)


@pytest.mark.parametrize("keep", [0.5, 0.98])
def test_a_truncated_gzip(st_files, keep):
    raw = st_files.counts.read_bytes()
    st_files.counts.write_bytes(raw[: int(len(raw) * keep)])
    with pytest.raises(FileFormatError, match="truncated"):
        read(st_files)


def test_a_table_cut_inside_a_line(st_files):
    text = gzip.decompress(st_files.counts.read_bytes())
    cut = st_files.counts.with_suffix("")
    cut.write_bytes(text[:-9])
    with pytest.raises(FileFormatError, match="fields in line 61"):
        read(st_files, counts=cut)


def test_files_of_another_kind(st_files, tmp_path):
    not_packed, not_spots = tmp_path / "other.tsv.gz", tmp_path / "other.tsv"
    not_packed.write_text("hello\n")
    st_files.spots_frame[["x", "y"]].to_csv(not_spots, sep="\t", index=False)
    with pytest.raises(FileFormatError, match="does not begin like a gzip"):
        read(st_files, counts=not_packed)
    with pytest.raises(FileFormatError, match="pixel_x"):
        read(st_files, spots=not_spots)
    with pytest.raises(UsageError, match="nothing is there"):
        read(st_files, counts=tmp_path / "absent.tsv.gz")


def test_positions_that_are_not_numbers(st_files):
    frame = st_files.spots_frame
    frame.loc[4, "pixel_y"] = np.nan
    frame.to_csv(st_files.spots, sep="\t", index=False)
    with pytest.raises(DataError, match="data row 5"):
        read(st_files)


def test_spots_outside_the_image(st_files):
    frame = st_files.spots_frame.copy()
    frame.loc[0, "pixel_x"] = 5000.0
    frame.to_csv(st_files.spots, sep="\t", index=False)
    with pytest.warns(UserWarning, match=r"1 of 60 rows of section 'A1' lie outside.*'2x3'"):
        read(st_files, image=st_files.image)
    frame = st_files.spots_frame.copy()
    frame[["pixel_x", "pixel_y"]] *= 3
    frame.to_csv(st_files.spots, sep="\t", index=False)
    with pytest.raises(DataError, match="lie outside its image of 460 x 820 pixels"):
        read(st_files, image=st_files.image)


@pytest.mark.parametrize("swap", [["x", "y"], ["pixel_x", "pixel_y"]])
def test_swapped_columns_mirror_the_grid(st_files, swap):
    frame = st_files.spots_frame
    frame[swap] = frame[swap[::-1]].to_numpy()
    frame.to_csv(st_files.spots, sep="\t", index=False)
    with pytest.warns(UserWarning, match="look swapped"):
        read(st_files, counts=None)


def test_swapped_pixels_beyond_the_image_name_the_way_out(st_files):
    frame = st_files.spots_frame
    frame[["pixel_x", "pixel_y"]] = frame[["pixel_y", "pixel_x"]].to_numpy()
    frame.to_csv(st_files.spots, sep="\t", index=False)
    with pytest.raises(DataError, match="swap the columns"):
        read(st_files, image=st_files.image)


def test_too_few_spots_need_a_stated_mpp(st_files):
    st_files.spots_frame.iloc[:1].to_csv(st_files.spots, sep="\t", index=False)
    with pytest.raises(DataError, match="mpp="):
        read(st_files, counts=None)
    assert read(st_files, counts=None, mpp=0.7).n_obs == 1


# ---- the real thing ----

LEFT_OUT = {"C2": 0, "C3": 2, "C4": 3, "C5": 2}
SECTIONS = [f"{letter}{n}" for letter in "ADEFGH" for n in (1, 2)] + [f"C{n}" for n in range(1, 6)]


# One of each patient, the sections of the demo and those with odd labels; the others before a release.
OFTEN = {"A1", "D1", "E1", "F1", "G2", "H1", "C2", "C3", "C4", "C5"}


@pytest.mark.parametrize(
    "section", [s if s in OFTEN else pytest.param(s, marks=pytest.mark.slow) for s in SECTIONS]
)
def test_her2st_sections(her2st_dir, section):
    labels = her2st_dir / "ST-pat" / "lbl" / f"{section}_labeled_coordinates.tsv"
    adata = read_st(
        her2st_dir / "ST-cnts" / f"{section}.tsv.gz",
        her2st_dir / "ST-spotfiles" / f"{section}_selection.tsv",
        section=section,
        labels=labels if labels.exists() else None,
    )
    low, high = (0.90, 0.96) if section[0] == "A" else (0.66, 0.70)
    assert low < adata.uns["spatial"][section]["mpp"] < high
    assert 14_800 < adata.n_vars < 15_900
    assert adata.X.max() <= 465
    record = json.loads(adata.uns["genviz"]["reader"])[section]
    if section in LEFT_OUT:
        assert len(record["spots_without_counts"]) == LEFT_OUT[section]
    if labels.exists():
        assert adata.obs["label"].notna().all()
        assert record["labels_without_place"] == {"F1": 1, "G2": 8}.get(section, 0)


def test_her2st_crops_show_tissue_where_pixel_y_is_the_row(her2st_dir):
    image = next((her2st_dir / "ST-imgs" / "C" / "C2").glob("*.jpg"))
    adata = read_st(None, her2st_dir / "ST-spotfiles" / "C2_selection.tsv", image, section="C2")
    from genviz.io import tiles

    chroma = np.ptp(tiles(adata, 64).compute().astype(int).mean((1, 2)), axis=1)
    assert np.median(chroma) > 25
